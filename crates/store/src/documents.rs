//! Catalogue documents, with all their revisions.

use jiff::Timestamp;

use crate::backend::{reading, writing};
use crate::{Put, Store, StoreError, text, time};

/// A document as stored: its body is the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogDocument {
    /// The kind of source: `cvrf`.
    pub source: String,
    /// The document's id there: `2020-Mar`.
    pub id: String,
    /// When this revision was published.
    pub current_release: Timestamp,
    /// Its title.
    pub title: String,
    /// A digest of the body, by which change is told.
    pub digest: String,
    /// When it was imported.
    pub imported_at: Timestamp,
    /// The packed document.
    pub body: Vec<u8>,
}

/// A revision of a document, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRevision {
    /// The document's id.
    pub id: String,
    /// When the revision was published.
    pub current_release: Timestamp,
    /// The digest of its body.
    pub digest: String,
}

/// The columns of a document, as they are read.
#[derive(sqlx::FromRow)]
struct Row {
    source: String,
    id: String,
    current_release: i64,
    title: String,
    digest: String,
    imported_at: i64,
    body: Vec<u8>,
}

const RAISE: &str = "UPDATE catalog_sequence SET value = value + 1";

const KNOWN: &str = "SELECT current_release, digest FROM documents WHERE source = $1 AND id = $2";

const PUT: &str =
    "INSERT INTO documents (source, id, current_release, title, digest, imported_at, body)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (source, id, current_release) DO UPDATE SET
        title = excluded.title, digest = excluded.digest,
        imported_at = excluded.imported_at, body = excluded.body";

const IN_FORCE: &str = "SELECT source, id, current_release, title, digest, imported_at, body
    FROM documents AS d
    WHERE source = $1 AND current_release = coalesce(
        (SELECT max(current_release) FROM documents
         WHERE source = d.source AND id = d.id AND current_release <= $2),
        (SELECT min(current_release) FROM documents
         WHERE source = d.source AND id = d.id))
    ORDER BY id";

const REVISIONS: &str = "SELECT id, current_release, digest FROM documents
    WHERE source = $1 ORDER BY id, current_release";

impl Store {
    /// The number that every change to documents raises.
    pub async fn catalog_sequence(&self) -> Result<i64, StoreError> {
        Ok(reading!(self, |pool| sqlx::query_scalar(
            "SELECT value FROM catalog_sequence"
        )
        .fetch_one(pool)
        .await?))
    }

    /// Stores a revision of a document, in one transaction. Other revisions stay.
    pub async fn put_document(&self, document: &CatalogDocument) -> Result<Put, StoreError> {
        text::key("the source of a document", &document.source)?;
        text::key("the id of a document", &document.id)?;
        text::plain("the title of a document", &document.title)?;
        let release = time::of(document.current_release);
        writing!(self, |transaction| {
            // First: whoever else writes documents waits here, so that the number is raised in the order of commits.
            sqlx::query(RAISE).execute(&mut *transaction).await?;
            let known: Vec<(i64, String)> = sqlx::query_as(KNOWN)
                .bind(&document.source)
                .bind(&document.id)
                .fetch_all(&mut *transaction)
                .await?;
            if known
                .iter()
                .any(|(known, digest)| *known == release && *digest == document.digest)
            {
                transaction.rollback().await?;
                return Ok(Put::Unchanged);
            }
            sqlx::query(PUT)
                .bind(&document.source)
                .bind(&document.id)
                .bind(release)
                .bind(&document.title)
                .bind(&document.digest)
                .bind(time::of(document.imported_at))
                .bind(&document.body)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(if known.is_empty() {
                Put::New
            } else {
                Put::Changed
            })
        })
    }

    /// The documents of a source in order of id: of each the newest revision, or with a day given the newest
    /// published by then. Where all known revisions are newer, the oldest of them.
    pub async fn documents(
        &self,
        source: &str,
        as_of: Option<Timestamp>,
    ) -> Result<Vec<CatalogDocument>, StoreError> {
        let rows: Vec<Row> = reading!(self, |pool| sqlx::query_as(IN_FORCE)
            .bind(source)
            .bind(as_of.map_or(i64::MAX, time::of))
            .fetch_all(pool)
            .await?);
        rows.into_iter().map(document).collect()
    }

    /// Every revision of every document of a source, without bodies.
    pub async fn document_revisions(
        &self,
        source: &str,
    ) -> Result<Vec<DocumentRevision>, StoreError> {
        let rows: Vec<(String, i64, String)> = reading!(self, |pool| sqlx::query_as(REVISIONS)
            .bind(source)
            .fetch_all(pool)
            .await?);
        rows.into_iter()
            .map(|(id, release, digest)| {
                Ok(DocumentRevision {
                    id,
                    current_release: time::to(release)?,
                    digest,
                })
            })
            .collect()
    }
}

fn document(row: Row) -> Result<CatalogDocument, StoreError> {
    Ok(CatalogDocument {
        source: row.source,
        id: row.id,
        current_release: time::to(row.current_release)?,
        title: row.title,
        digest: row.digest,
        imported_at: time::to(row.imported_at)?,
        body: row.body,
    })
}
