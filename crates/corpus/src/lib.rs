//! Microsoft's real documents and reports of real machines, for tests and benches.
//!
//! They lie outside the project: in the folder `KBGAP_CORPUS`, by default `../shared/corpus` beside the workspace.
#![allow(
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test without its data cannot go on"
)]

use std::path::{Path, PathBuf};

use kbgap_catalog::document::{self, Document};
use kbgap_catalog::{Catalog, Compiler, ReleaseHistory, Texts};

/// The folder of all of it.
pub fn folder() -> PathBuf {
    std::env::var_os("KBGAP_CORPUS").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../../shared/corpus"
            ))
        },
        PathBuf::from,
    )
}

/// Today's documents: the folder of all of them.
pub fn cvrf() -> PathBuf {
    folder().join("cvrf")
}

/// The documents as they were on 2019-03-05, the day of the machines whose truth is known.
pub fn cvrf_of_march_2019() -> PathBuf {
    folder().join("cvrf-as-of-2019-03-05")
}

/// The bytes of the release history of Windows.
pub fn release_history() -> Vec<u8> {
    let path = folder().join("windows-release-history.csv");
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; set KBGAP_CORPUS", path.display()))
}

/// Today's documents with the release history, compiled: without the last month, and whole.
pub fn before_and_after_the_last_month() -> [(Catalog, Texts); 2] {
    let read = |(name, bytes): (String, Vec<u8>)| {
        document::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let documents: Vec<Document> = documents(&cvrf()).map(read).collect();
    let last = documents.iter().map(|document| document.initial_release);
    let last = last.max();
    [false, true].map(|whole| {
        let mut compiler = Compiler::new();
        let wanted = documents.iter();
        for document in wanted.filter(|document| whole || Some(document.initial_release) != last) {
            compiler.add(document.clone());
        }
        let history = ReleaseHistory::read(&release_history());
        compiler
            .add_history(history.unwrap_or_else(|error| panic!("the release history: {error}")));
        compiler.finish()
    })
}

/// The folder of the machines' reports.
pub fn machines() -> PathBuf {
    folder().join("machines")
}

/// The files of a folder, in order of name.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect());
    let mut files: Vec<PathBuf> =
        entries.unwrap_or_else(|error| panic!("{}: {error}; set KBGAP_CORPUS", folder.display()));
    files.sort();
    files
}

/// The documents of a folder by file name, unpacked, in order of name; one at a time.
pub fn documents(folder: &Path) -> impl Iterator<Item = (String, Vec<u8>)> {
    files(folder).into_iter().map(|path| {
        let bytes = std::fs::read(&path)
            .and_then(|bytes| match path.extension() {
                Some(extension) if extension == "zst" => zstd::decode_all(&bytes[..]),
                _ => Ok(bytes),
            })
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (name(&path), bytes)
    })
}

/// A file's name.
pub fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
