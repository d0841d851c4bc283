//! The compiled catalog as a file: compact, versioned, checksummed.
//!
//! ```text
//! magic "KBGAPCAT" | format u32 | facts length u64 | texts length u64
//! | BLAKE3 of the header above, facts and texts, 32 bytes each | facts | texts
//! ```
//!
//! Numbers are little-endian. Facts and texts are postcard, compressed with Zstandard. The facts stand
//! first, so that a reader who wants only them reads no further.

use crate::{Catalog, Texts};

/// What a snapshot begins with.
const MAGIC: &[u8; 8] = b"KBGAPCAT";
/// The format this version writes and reads.
const FORMAT: u32 = 2;
/// The length of the fixed part before the checksums.
const FIXED: usize = 28;
const CHECKSUM: usize = 32;
/// How far a part may unpack: far above any catalog, far below a bomb.
const MAX_UNPACKED: usize = 1 << 30;
/// The compression level: slow to write once, quick to read often.
const LEVEL: i32 = 9;

/// The header of a snapshot: read first, it tells how much to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    facts_length: usize,
    texts_length: usize,
    facts_checksum: [u8; CHECKSUM],
    texts_checksum: [u8; CHECKSUM],
}

/// Why a snapshot could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Too short, or another kind of file.
    #[error("not a kbgap catalog")]
    NotASnapshot,
    /// Written in another format.
    #[error(
        "the catalog has format {found}, this kbgap reads format {FORMAT}: run 'kbgap catalog compile'"
    )]
    OtherFormat {
        /// The format it has.
        found: u32,
    },
    /// Cut off or altered.
    #[error("the catalog is damaged ({part}): run 'kbgap catalog compile' to write it anew")]
    Damaged {
        /// The part that is.
        part: &'static str,
    },
    /// The parts cannot be packed.
    #[error("the catalog cannot be packed")]
    Pack(#[source] postcard::Error),
    /// The parts cannot be compressed.
    #[error("the catalog cannot be compressed")]
    Compress(#[source] std::io::Error),
}

/// Writes a catalog with its texts.
pub fn write(catalog: &Catalog, texts: &Texts) -> Result<Vec<u8>, SnapshotError> {
    let facts = pack(catalog)?;
    let texts = pack(texts)?;
    let mut file = Vec::with_capacity(Header::LENGTH + facts.len() + texts.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&FORMAT.to_le_bytes());
    file.extend_from_slice(&(facts.len() as u64).to_le_bytes());
    file.extend_from_slice(&(texts.len() as u64).to_le_bytes());
    let header = blake3::hash(&file);
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(blake3::hash(&facts).as_bytes());
    file.extend_from_slice(blake3::hash(&texts).as_bytes());
    file.extend_from_slice(&facts);
    file.extend_from_slice(&texts);
    Ok(file)
}

/// Reads the facts and the texts of a whole snapshot.
pub fn read(file: &[u8]) -> Result<(Catalog, Texts), SnapshotError> {
    let header = Header::read(file)?;
    let rest = &file[Header::LENGTH..];
    let facts = rest.get(..header.facts_length);
    let facts = facts.ok_or(SnapshotError::Damaged { part: "cut off" })?;
    Ok((
        header.facts(facts)?,
        header.texts(&rest[header.facts_length..])?,
    ))
}

impl Header {
    /// How many bytes the header takes.
    pub const LENGTH: usize = FIXED + 3 * CHECKSUM;

    /// Reads the header from the first bytes of a snapshot.
    pub fn read(file: &[u8]) -> Result<Self, SnapshotError> {
        let head = file
            .get(..Self::LENGTH)
            .ok_or(SnapshotError::NotASnapshot)?;
        let (fixed, checksums) = head.split_at(FIXED);
        let (magic, numbers) = fixed.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(SnapshotError::NotASnapshot);
        }
        let found = u32::from_le_bytes(array(&numbers[..4]));
        if found != FORMAT {
            return Err(SnapshotError::OtherFormat { found });
        }
        if blake3::hash(fixed).as_bytes() != &checksums[..CHECKSUM] {
            return Err(SnapshotError::Damaged { part: "header" });
        }
        let length = |bytes: &[u8]| {
            usize::try_from(u64::from_le_bytes(array(bytes)))
                .map_err(|_| SnapshotError::Damaged { part: "header" })
        };
        Ok(Self {
            facts_length: length(&numbers[4..12])?,
            texts_length: length(&numbers[12..20])?,
            facts_checksum: array(&checksums[CHECKSUM..2 * CHECKSUM]),
            texts_checksum: array(&checksums[2 * CHECKSUM..]),
        })
    }

    /// How many bytes of facts follow the header.
    pub fn facts_length(&self) -> usize {
        self.facts_length
    }

    /// How many bytes of texts follow the facts.
    pub fn texts_length(&self) -> usize {
        self.texts_length
    }

    /// Reads the facts from the bytes that follow the header.
    pub fn facts(&self, bytes: &[u8]) -> Result<Catalog, SnapshotError> {
        let damaged = SnapshotError::Damaged { part: "facts" };
        let mut catalog: Catalog =
            unpack(bytes, self.facts_length, &self.facts_checksum).ok_or(damaged)?;
        catalog.build_index();
        Ok(catalog)
    }

    /// Reads the texts from the bytes that follow the facts.
    pub fn texts(&self, bytes: &[u8]) -> Result<Texts, SnapshotError> {
        unpack(bytes, self.texts_length, &self.texts_checksum)
            .ok_or(SnapshotError::Damaged { part: "texts" })
    }
}

fn pack<T: serde::Serialize>(part: &T) -> Result<Vec<u8>, SnapshotError> {
    let packed = postcard::to_stdvec(part).map_err(SnapshotError::Pack)?;
    zstd::bulk::compress(&packed, LEVEL).map_err(SnapshotError::Compress)
}

fn unpack<T: serde::de::DeserializeOwned>(
    bytes: &[u8],
    length: usize,
    checksum: &[u8; CHECKSUM],
) -> Option<T> {
    let bytes = bytes.get(..length)?;
    if blake3::hash(bytes).as_bytes() != checksum {
        return None;
    }
    let unpacked = zstd::bulk::Decompressor::upper_bound(bytes).unwrap_or(MAX_UNPACKED);
    let packed = zstd::bulk::decompress(bytes, unpacked.min(MAX_UNPACKED)).ok()?;
    postcard::from_bytes(&packed).ok()
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}
