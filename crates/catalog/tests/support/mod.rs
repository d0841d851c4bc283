//! Microsoft's real documents, for tests.

use std::path::PathBuf;

/// The folder of real data: `KBGAP_CORPUS`, else `../shared/corpus` beside the workspace.
pub(crate) fn corpus() -> PathBuf {
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

/// Every document of `cvrf`, by name, unpacked, in order of name.
pub(crate) fn documents() -> impl Iterator<Item = (String, Vec<u8>)> {
    let folder = corpus().join("cvrf");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}; set KBGAP_CORPUS", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.into_iter().map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = zstd::decode_all(std::fs::File::open(&path).unwrap()).unwrap();
        (name, bytes)
    })
}
