//! A document between its bytes and the store.

use jiff::Timestamp;
use kbgap_catalog::document::{self, Document, DocumentError, Oddities};
use kbgap_store::CatalogDocument;

/// The name of CVRF documents among the store's sources.
pub(crate) const SOURCE: &str = "cvrf";

/// A document, read and packed.
pub(crate) struct Record {
    pub(crate) row: CatalogDocument,
    pub(crate) entries: usize,
    pub(crate) fixes: usize,
    pub(crate) oddities: Oddities,
}

/// Why bytes do not become a record.
#[derive(Debug)]
pub(crate) enum Unread {
    /// They are no document.
    Document(DocumentError),
    /// The document cannot be packed.
    Pack(String),
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Document(error) => {
                write!(f, "{error}")?;
                match std::error::Error::source(error) {
                    Some(source) => write!(f, ": {source}"),
                    None => Ok(()),
                }
            }
            Self::Pack(reason) => f.write_str(reason),
        }
    }
}

impl Record {
    /// Reads a document from XML or JSON.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Unread> {
        let document = document::read(bytes).map_err(Unread::Document)?;
        Self::of(&document)
    }

    /// Packs a document.
    pub(crate) fn of(document: &Document) -> Result<Self, Unread> {
        let body = document
            .pack()
            .map_err(|error| Unread::Pack(error.to_string()))?;
        Ok(Self {
            entries: document.vulnerabilities.len(),
            fixes: document.vulnerabilities.iter().map(|v| v.fixes.len()).sum(),
            oddities: document.oddities.clone(),
            row: CatalogDocument {
                source: SOURCE.to_owned(),
                id: document.id.to_string(),
                current_release: document.current_release,
                title: document.title.to_string(),
                digest: blake3::hash(&body).to_hex().to_string(),
                imported_at: Timestamp::now(),
                body,
            },
        })
    }
}
