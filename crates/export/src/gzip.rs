//! One gzip member (RFC 1952) whose parts are compressed apart from each other, as `pigz` does: every chunk becomes
//! blocks of deflate that end at a byte, and these one after the other are one stream. A reader sees a plain gzip
//! file; several threads can write it.
//!
//! The `gzp` crate does the same over `Write`, but finishes with `unwrap` when it is dropped, so that a failed upload
//! would panic; what is needed of it is small.

use std::sync::Mutex;

use flate2::{Compress, CompressError, Compression, Crc, FlushCompress};

use crate::exporter::lock;

/// Magic, deflate, no flags, no time, nothing of the system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The last block, empty (RFC 1951, section 3.2.6).
const LAST_BLOCK: [u8; 2] = [3, 0];

/// A chunk, compressed.
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    /// How many lines it has.
    pub(crate) lines: u64,
    crc: Crc,
}

/// Compresses chunks. What it takes for that is used again: large buffers that come and go beside small ones that stay
/// would leave holes in memory, many times what is held.
pub(crate) struct Packer {
    level: Compression,
    chunk: usize,
    chunks: Mutex<Vec<Vec<u8>>>,
    tools: Mutex<Vec<Tools>>,
}

/// What one thread compresses with.
struct Tools {
    deflate: Compress,
    scratch: Vec<u8>,
}

impl Packer {
    /// A packer of chunks of about a size.
    pub(crate) fn new(level: Compression, chunk: usize) -> Self {
        Self {
            level,
            // Room for what the last call appends beyond the size.
            chunk: chunk + chunk / 8,
            chunks: Mutex::default(),
            tools: Mutex::default(),
        }
    }

    /// An empty chunk.
    pub(crate) fn chunk(&self) -> Vec<u8> {
        let used = lock(&self.chunks).pop();
        used.unwrap_or_else(|| Vec::with_capacity(self.chunk))
    }

    /// Compresses a chunk.
    pub(crate) fn pack(&self, mut chunk: Vec<u8>) -> Result<Packed, CompressError> {
        let used = lock(&self.tools).pop();
        let mut tools = used.unwrap_or_else(|| Tools {
            deflate: Compress::new(self.level, false),
            // Rows repeat much: a sixth is seldom needed, and more is made room for.
            scratch: Vec::with_capacity(self.chunk / 6 + 1024),
        });
        let packed = tools.pack(&chunk)?;
        lock(&self.tools).push(tools);
        chunk.clear();
        lock(&self.chunks).push(chunk);
        Ok(packed)
    }
}

impl Tools {
    fn pack(&mut self, chunk: &[u8]) -> Result<Packed, CompressError> {
        let Self { deflate, scratch } = self;
        deflate.reset();
        scratch.clear();
        loop {
            // Less than the chunk's length: a count of its bytes.
            let read = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
            let rest = chunk.get(read..).unwrap_or_default();
            deflate.compress_vec(rest, scratch, FlushCompress::Sync)?;
            // All is out when there is room left.
            if scratch.len() < scratch.capacity() {
                break;
            }
            scratch.reserve(chunk.len() / 4 + 1024);
        }
        let mut crc = Crc::new();
        crc.update(chunk);
        Ok(Packed {
            // Without the room that was not needed: many wait for their upload.
            bytes: scratch.as_slice().into(),
            lines: memchr::memchr_iter(b'\n', chunk).count() as u64,
            crc,
        })
    }
}

/// What a gzip member says of all its chunks.
#[derive(Default)]
pub(crate) struct Member {
    crc: Crc,
}

impl Member {
    /// What comes before the chunks.
    pub(crate) fn header() -> &'static [u8] {
        &HEADER
    }

    /// Takes note of the next chunk.
    pub(crate) fn add(&mut self, packed: &Packed) {
        self.crc.combine(&packed.crc);
    }

    /// What comes after the chunks: the last block, checksum, length.
    pub(crate) fn footer(&self) -> [u8; 10] {
        let mut footer = [0; 10];
        footer[..2].copy_from_slice(&LAST_BLOCK);
        footer[2..6].copy_from_slice(&self.crc.sum().to_le_bytes());
        // Modulo 2³², as the format has it.
        footer[6..].copy_from_slice(&self.crc.amount().to_le_bytes());
        footer
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::bufread::GzDecoder;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn member(chunks: &[Vec<u8>], level: u32) -> Vec<u8> {
        let mut out = Member::header().to_vec();
        let mut member = Member::default();
        let press = Packer::new(Compression::new(level), 100_000);
        for chunk in chunks {
            let packed = press.pack(chunk.clone()).unwrap();
            member.add(&packed);
            out.extend_from_slice(&packed.bytes);
        }
        out.extend_from_slice(&member.footer());
        out
    }

    #[test]
    fn chunks_make_one_member_that_any_reader_reads() {
        let mut random = rand_pcg::Pcg64::seed_from_u64(1);
        let mut noise = vec![0; 300_000];
        random.fill_bytes(&mut noise);
        let cases: [Vec<Vec<u8>>; 5] = [
            vec![],
            vec![vec![]],
            vec![b"one\n".to_vec()],
            vec![b"a\nb\n".to_vec(), vec![], b"c\n".repeat(100_000)],
            // Grows when it is compressed.
            vec![noise.clone(), noise],
        ];
        for chunks in cases {
            for level in [0, 1, 3, 6, 9] {
                let file = member(&chunks, level);
                // Reads one member only, and the checksum is verified.
                let mut decoder = GzDecoder::new(file.as_slice());
                let mut read = Vec::new();
                decoder.read_to_end(&mut read).unwrap();
                assert_eq!(read, chunks.concat());
                assert!(decoder.into_inner().is_empty(), "nothing after it");
            }
        }
    }

    #[test]
    fn lines_are_counted() {
        let packed = Packer::new(Compression::fast(), 10).pack(b"a\nb\n\n".to_vec());
        let packed = packed.unwrap();
        assert_eq!(packed.lines, 3);
    }
}
