//! The data directory: the compiled catalogue, and the database unless another one is named.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use kbgap_catalog::{Catalog, Texts, snapshot};
use kbgap_store::{Location, Store};

use crate::settings::{STORE, Settings};

/// The folder that holds all state, but for a database elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    folder: PathBuf,
    database: Location,
}

impl DataDir {
    /// The directory with its own database; it need not exist yet.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            database: Location::Sqlite(folder.join(STORE)),
        }
    }

    /// The directory and the database of the settings.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            folder: settings.data_dir.clone(),
            database: settings.database.clone(),
        }
    }

    /// Where the compiled catalogue is.
    pub(crate) fn catalog(&self) -> PathBuf {
        self.folder.join("catalog.kbgap")
    }

    /// Whether there is a compiled catalogue that this version reads.
    pub(crate) fn has_catalog(&self) -> bool {
        open_catalog(&self.catalog()).is_ok()
    }

    /// Whether there may be a store: a database on a server tells itself, when it is opened.
    pub(crate) fn has_store(&self) -> bool {
        match &self.database {
            Location::Sqlite(path) => path.exists(),
            Location::Postgres(_) => true,
        }
    }

    /// Opens the store.
    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        self.create()?;
        Ok(Store::open(&self.database).await?)
    }

    /// Creates the folder, where it is not there yet, so that only its owner may enter.
    pub(crate) fn create(&self) -> anyhow::Result<()> {
        let mut folder = std::fs::DirBuilder::new();
        folder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder
            .create(&self.folder)
            .with_context(|| format!("cannot create the data directory {}", self.folder.display()))
    }

    /// Replaces the compiled catalogue: whole, or not at all. `sequence` is the number of the last change among the
    /// documents it was compiled of.
    pub(crate) fn write_catalog(
        &self,
        catalog: &Catalog,
        texts: &Texts,
        sequence: i64,
    ) -> anyhow::Result<()> {
        self.replace(&self.catalog(), &snapshot::write(catalog, texts)?)?;
        // Behind: were it not written, the catalogue would only be compiled once more.
        self.replace(&self.compiled_of(), self.origin(sequence).as_bytes())
    }

    /// Whether the compiled catalogue is of the documents that the database has with this number.
    pub(crate) fn is_compiled_of(&self, sequence: i64) -> bool {
        let origin = std::fs::read_to_string(self.compiled_of());
        origin.is_ok_and(|origin| origin == self.origin(sequence))
    }

    fn compiled_of(&self) -> PathBuf {
        self.folder.join("catalog.origin")
    }

    fn origin(&self, sequence: i64) -> String {
        format!("{sequence} {}\n", self.database)
    }

    /// Replaces a file: whole, or not at all.
    fn replace(&self, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Reads the facts of a compiled catalogue, and nothing more.
pub(crate) fn read_facts(path: &Path) -> anyhow::Result<Catalog> {
    let (mut file, header) = open_catalog(path)?;
    let facts = read_part(&mut file, header.facts_length(), path)?;
    header
        .facts(&facts)
        .with_context(|| path.display().to_string())
}

/// Reads a compiled catalogue with its texts.
pub(crate) fn read_whole(path: &Path) -> anyhow::Result<(Catalog, Texts)> {
    let (mut file, header) = open_catalog(path)?;
    let facts = read_part(&mut file, header.facts_length(), path)?;
    let texts = read_part(&mut file, header.texts_length(), path)?;
    let part = || path.display().to_string();
    Ok((
        header.facts(&facts).with_context(part)?,
        header.texts(&texts).with_context(part)?,
    ))
}

fn open_catalog(path: &Path) -> anyhow::Result<(File, snapshot::Header)> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => anyhow::bail!(
            "there is no catalogue at {}: run 'kbgap catalog import PATH…' with Microsoft's documents, or 'kbgap catalog sync'",
            path.display()
        ),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let head = read_part(&mut file, snapshot::Header::LENGTH, path)?;
    let header = snapshot::Header::read(&head).with_context(|| path.display().to_string())?;
    Ok((file, header))
}

/// Reads some bytes, or all there are: what is cut off, the checksum tells.
fn read_part(file: &mut File, length: usize, path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(length as u64)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}
