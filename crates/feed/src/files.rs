//! Documents in files, folders and archives.
//!
//! Read are `.xml`, `.json` and `.csv`, each also compressed as `.zst`, and those inside `.zip`, `.tar` and
//! `.tar.zst`. Archives are read as streams: a document is in memory at a time, never an archive.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How much is read at most; far above Microsoft's documents, far below what harms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest document, unpacked, in bytes.
    pub document: u64,
    /// The most entries of an archive.
    pub entries: usize,
    /// How deep folders are nested.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document: 256 << 20,
            entries: 100_000,
            depth: 32,
        }
    }
}

/// Something found at a path.
#[derive(Debug)]
pub struct Found {
    /// Where: the file, or `archive.zip: entry.xml`.
    pub origin: String,
    /// What.
    pub content: Content,
}

/// What was found.
#[derive(Debug)]
pub enum Content {
    /// The bytes of a document.
    Document(Vec<u8>),
    /// A file that is no document by its name, inside a folder or archive.
    NotADocument,
    /// A file that cannot be read.
    Failed(FileError),
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system says no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Its name ends in nothing that is read.
    #[error("neither .xml, .json, .csv (or one of them as .zst), .zip, .tar nor .tar.zst")]
    UnknownKind,
    /// Larger than the limit, perhaps only when unpacked.
    #[error("larger than {} MiB when read; not taken", limit >> 20)]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// An archive with more entries than the limit.
    #[error("more than {limit} entries; the rest is not read")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// Folders nested deeper than the limit.
    #[error("folders nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The zip archive is damaged.
    #[error("the zip archive cannot be read: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// The compressed data is damaged.
    #[error("the compressed data cannot be read: {0}")]
    Damaged(io::Error),
}

/// The kind of a file, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Document,
    CompressedDocument,
    Zip,
    Tar,
    CompressedTar,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (inner, compressed) = match name.strip_suffix(".zst") {
            Some(inner) => (inner, true),
            None => (name.as_str(), false),
        };
        let extension = inner.rsplit_once('.').map(|(_, extension)| extension);
        match (extension?, compressed) {
            ("xml" | "json" | "csv", false) => Some(Self::Document),
            ("xml" | "json" | "csv", true) => Some(Self::CompressedDocument),
            ("tar", false) => Some(Self::Tar),
            ("tar", true) => Some(Self::CompressedTar),
            ("zip", false) => Some(Self::Zip),
            _ => None,
        }
    }
}

/// The files at some paths, folders opened, in order of name: to know how much there is to do.
pub fn list(paths: &[PathBuf], limits: &Limits) -> Vec<Result<PathBuf, Found>> {
    let mut files = Vec::new();
    for path in paths {
        list_into(path, limits, 0, &mut files);
    }
    files
}

fn list_into(path: &Path, limits: &Limits, depth: usize, files: &mut Vec<Result<PathBuf, Found>>) {
    let failed = |error: FileError| Err(found(path.display(), Content::Failed(error)));
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return files.push(failed(error.into())),
    };
    if !metadata.is_dir() {
        return files.push(Ok(path.to_owned()));
    }
    if depth >= limits.depth {
        return files.push(failed(FileError::TooDeep {
            limit: limits.depth,
        }));
    }
    let entries = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect());
    let mut entries: Vec<PathBuf> = match entries {
        Ok(entries) => entries,
        Err(error) => return files.push(failed(error.into())),
    };
    entries.sort();
    for entry in entries {
        let is_file = !entry.is_dir();
        if is_file && Kind::of(&entry.to_string_lossy()).is_none() {
            files.push(Err(found(entry.display(), Content::NotADocument)));
        } else {
            list_into(&entry, limits, depth + 1, files);
        }
    }
}

/// Reads the documents of one file, each handed to `take`; `false` from there ends the reading.
pub fn read(path: &Path, limits: &Limits, take: &mut dyn FnMut(Found) -> bool) {
    let origin = path.display().to_string();
    if let Err(error) = read_file(path, &origin, limits, take) {
        take(Found {
            origin,
            content: Content::Failed(error),
        });
    }
}

fn read_file(
    path: &Path,
    origin: &str,
    limits: &Limits,
    take: &mut dyn FnMut(Found) -> bool,
) -> Result<(), FileError> {
    let kind = Kind::of(origin).ok_or(FileError::UnknownKind)?;
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    match kind {
        Kind::Document => {
            let bytes = read_limited(file, size, limits)?;
            take(found(origin, Content::Document(bytes)));
        }
        Kind::CompressedDocument => {
            let decoder = zstd::Decoder::new(file)?;
            let bytes = read_limited(decoder, 0, limits).map_err(damaged)?;
            take(found(origin, Content::Document(bytes)));
        }
        Kind::Zip => read_zip(file, origin, limits, take)?,
        Kind::Tar => read_tar(file, origin, limits, take)?,
        Kind::CompressedTar => {
            read_tar(zstd::Decoder::new(file)?, origin, limits, take).map_err(damaged)?;
        }
    }
    Ok(())
}

fn read_zip(
    file: File,
    origin: &str,
    limits: &Limits,
    take: &mut dyn FnMut(Found) -> bool,
) -> Result<(), FileError> {
    let mut archive = zip::ZipArchive::new(file)?;
    if archive.len() > limits.entries {
        return Err(FileError::TooManyEntries {
            limit: limits.entries,
        });
    }
    for at in 0..archive.len() {
        let entry = archive.by_index(at)?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.name()?.into_owned();
        if !take(read_entry(entry, &name, origin, limits)) {
            break;
        }
    }
    Ok(())
}

fn read_tar(
    reader: impl Read,
    origin: &str,
    limits: &Limits,
    take: &mut dyn FnMut(Found) -> bool,
) -> Result<(), FileError> {
    let mut archive = tar::Archive::new(reader);
    for (at, entry) in archive.entries()?.enumerate() {
        if at >= limits.entries {
            return Err(FileError::TooManyEntries {
                limit: limits.entries,
            });
        }
        let entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path()?.display().to_string();
        if !take(read_entry(entry, &name, origin, limits)) {
            break;
        }
    }
    Ok(())
}

/// One entry of an archive; its failure leaves the others.
fn read_entry(entry: impl Read, name: &str, origin: &str, limits: &Limits) -> Found {
    let bytes = match Kind::of(name) {
        Some(Kind::Document) => read_limited(entry, 0, limits),
        Some(Kind::CompressedDocument) => zstd::Decoder::new(entry)
            .map_err(FileError::Damaged)
            .and_then(|decoder| read_limited(decoder, 0, limits)),
        // Archives inside archives are how bombs are built.
        _ => return found(format_args!("{origin}: {name}"), Content::NotADocument),
    };
    found(
        format_args!("{origin}: {name}"),
        bytes.map_or_else(Content::Failed, Content::Document),
    )
}

/// Reads to the end, but never more than the limit, whatever the sizes stated.
fn read_limited(reader: impl Read, stated: u64, limits: &Limits) -> Result<Vec<u8>, FileError> {
    let too_large = FileError::TooLarge {
        limit: limits.document,
    };
    if stated > limits.document {
        return Err(too_large);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(stated).unwrap_or(0));
    reader
        .take(limits.document + 1)
        .read_to_end(&mut bytes)
        .map_err(FileError::Io)?;
    if bytes.len() as u64 > limits.document {
        return Err(too_large);
    }
    Ok(bytes)
}

/// What goes wrong while unpacking is the data's fault, not the system's.
fn damaged(error: FileError) -> FileError {
    match error {
        FileError::Io(error) => FileError::Damaged(error),
        other => other,
    }
}

fn found(origin: impl std::fmt::Display, content: Content) -> Found {
    Found {
        origin: origin.to_string(),
        content,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const SMALL: Limits = Limits {
        document: 1 << 20,
        entries: 3,
        depth: 2,
    };

    fn read_all(path: &Path) -> Vec<String> {
        let mut all = Vec::new();
        for file in list(&[path.to_owned()], &SMALL) {
            let mut take = |found: Found| {
                let origin = found.origin.rsplit(['/', ' ']).next().unwrap().to_owned();
                all.push(match found.content {
                    Content::Document(bytes) => format!("{origin}: {} bytes", bytes.len()),
                    Content::NotADocument => format!("{origin}: no document"),
                    Content::Failed(error) => format!("{origin}: {error}"),
                });
                true
            };
            match file {
                Ok(file) => read(&file, &SMALL, &mut take),
                Err(found) => {
                    take(found);
                }
            }
        }
        all
    }

    fn zip(path: &Path, entries: &[(&str, &[u8])]) {
        let mut writer = zip::ZipWriter::new(File::create(path).unwrap());
        for (name, bytes) in entries {
            let options = zip::write::SimpleFileOptions::default();
            writer.start_file(*name, options).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap();
    }

    fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn folders_and_archives_give_their_documents() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("a")).unwrap();
        std::fs::write(at("a/one.xml"), "<a/>").unwrap();
        std::fs::write(at("b.xml.zst"), zstd::encode_all(&b"<ab/>"[..], 3).unwrap()).unwrap();
        let entries: [(&str, &[u8]); 2] = [("two.json", b"{}"), ("readme.txt", b"hello")];
        std::fs::write(at("c.tar"), tar(&entries)).unwrap();
        let compressed = zstd::encode_all(&tar(&entries)[..], 3).unwrap();
        std::fs::write(at("d.tar.zst"), compressed).unwrap();
        zip(&at("e.zip"), &entries);
        std::fs::write(at("f.txt"), "hello").unwrap();
        assert_eq!(
            read_all(folder.path()),
            [
                "one.xml: 4 bytes",
                "b.xml.zst: 5 bytes",
                "two.json: 2 bytes",
                "readme.txt: no document",
                "two.json: 2 bytes",
                "readme.txt: no document",
                "two.json: 2 bytes",
                "readme.txt: no document",
                "f.txt: no document",
            ]
        );
    }

    #[test]
    fn bombs_are_not_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let blanks = vec![b' '; 3 << 20];
        zip(&at("bomb.zip"), &[("a.xml", &blanks), ("b.xml", b"<b/>")]);
        let compressed = zstd::encode_all(&blanks[..], 3).unwrap();
        std::fs::write(at("bomb.xml.zst"), compressed).unwrap();
        std::fs::write(at("large.xml"), &blanks).unwrap();
        zip(
            &at("many.zip"),
            &[
                ("a.xml", b"1"),
                ("b.xml", b"2"),
                ("c.xml", b"3"),
                ("d.xml", b"4"),
            ],
        );
        assert_eq!(
            read_all(folder.path()),
            [
                "bomb.xml.zst: larger than 1 MiB when read; not taken",
                "a.xml: larger than 1 MiB when read; not taken",
                "b.xml: 4 bytes",
                "large.xml: larger than 1 MiB when read; not taken",
                "many.zip: more than 3 entries; the rest is not read",
            ]
        );
    }

    #[test]
    fn damaged_files_say_so() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let compressed = zstd::encode_all(&[b'x'; 10_000][..], 3).unwrap();
        std::fs::write(at("cut.xml.zst"), &compressed[..compressed.len() / 2]).unwrap();
        std::fs::write(at("none.zip"), "no archive").unwrap();
        let said = read_all(folder.path());
        assert!(
            said[0].starts_with("cut.xml.zst: the compressed data cannot be read"),
            "{said:?}"
        );
        assert!(
            said[1].starts_with("none.zip: the zip archive cannot be read"),
            "{said:?}"
        );
        let said = read_all(&at("missing.xml"));
        assert!(said[0].contains("No such file"), "{said:?}");
    }
}
