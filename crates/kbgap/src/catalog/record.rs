//! A document or release history between its bytes and the store.

use jiff::Timestamp;
use kbgap_catalog::document::{self, Document, DocumentError, Oddities};
use kbgap_catalog::{HistoryError, ReleaseHistory};
use kbgap_store::{CatalogDocument, Put, Store, StoreError};

/// The name of CVRF documents among the store's sources.
pub(crate) const DOCUMENTS: &str = "cvrf";
/// The name of release histories among the store's sources.
pub(crate) const HISTORIES: &str = "releaseHistory";
/// Windows has one release history; a newer one replaces it.
const HISTORY_ID: &str = "windows";
const HISTORY_TITLE: &str = "Windows release history";

/// Something of the catalogue, read and packed.
pub(crate) struct Record {
    pub(crate) row: CatalogDocument,
    pub(crate) facts: Facts,
}

/// What a record holds, counted.
pub(crate) enum Facts {
    Document {
        entries: usize,
        fixes: usize,
        oddities: Oddities,
    },
    History {
        updates: usize,
        left_out: Vec<String>,
    },
}

/// Why bytes do not become a record.
#[derive(Debug)]
pub(crate) enum Unread {
    /// They are no document.
    Document(DocumentError),
    /// They are no release history.
    History(HistoryError),
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
            Self::History(error) => write!(f, "{error}"),
            Self::Pack(reason) => f.write_str(reason),
        }
    }
}

impl Record {
    /// Reads a document from XML or JSON, or a release history from CSV; a file of that name that is none
    /// is an error.
    pub(crate) fn read(origin: &str, bytes: &[u8]) -> Result<Self, Unread> {
        if ReleaseHistory::is_one(bytes) || names_csv(origin) {
            let history = ReleaseHistory::read(bytes).map_err(Unread::History)?;
            return Self::of_history(&history);
        }
        let document = document::read(bytes).map_err(Unread::Document)?;
        Self::of_document(&document)
    }

    /// Packs a document.
    pub(crate) fn of_document(document: &Document) -> Result<Self, Unread> {
        let body = document
            .pack()
            .map_err(|error| Unread::Pack(error.to_string()))?;
        Ok(Self {
            facts: Facts::Document {
                entries: document.vulnerabilities.len(),
                fixes: document.vulnerabilities.iter().map(|v| v.fixes.len()).sum(),
                oddities: document.oddities.clone(),
            },
            row: CatalogDocument {
                source: DOCUMENTS.to_owned(),
                id: document.id.to_string(),
                current_release: document.current_release,
                title: document.title.to_string(),
                digest: digest(&body),
                imported_at: Timestamp::now(),
                body,
            },
        })
    }

    fn of_history(history: &ReleaseHistory) -> Result<Self, Unread> {
        let body = history
            .pack()
            .map_err(|error| Unread::Pack(error.to_string()))?;
        // A release history states no day of its own: it is as of when it was imported.
        let now = Timestamp::now();
        Ok(Self {
            facts: Facts::History {
                updates: history.entries(),
                left_out: history.left_out.iter().map(ToString::to_string).collect(),
            },
            row: CatalogDocument {
                source: HISTORIES.to_owned(),
                id: HISTORY_ID.to_owned(),
                current_release: now,
                title: HISTORY_TITLE.to_owned(),
                digest: digest(&body),
                imported_at: now,
                body,
            },
        })
    }

    /// Stores it, in one transaction; a release history equal to the newest known changes nothing.
    pub(crate) async fn put(&self, store: &Store) -> Result<Put, StoreError> {
        if let Facts::History { .. } = self.facts {
            let known = store.document_revisions(HISTORIES).await?;
            let newest = known.iter().max_by_key(|known| known.current_release);
            if newest.is_some_and(|newest| newest.digest == self.row.digest) {
                return Ok(Put::Unchanged);
            }
        }
        store.put_document(&self.row).await
    }
}

fn names_csv(origin: &str) -> bool {
    let origin = origin.to_ascii_lowercase();
    let name = origin.strip_suffix(".zst").unwrap_or(&origin);
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| extension == "csv")
}

fn digest(body: &[u8]) -> String {
    blake3::hash(body).to_hex().to_string()
}
