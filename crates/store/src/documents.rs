//! Catalogue documents, with all their revisions.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::{Put, Store, StoreError, raise_sequence, time};

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

impl Store {
    /// Stores a revision of a document, in one transaction. Other revisions stay.
    pub async fn put_document(&self, document: &CatalogDocument) -> Result<Put, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let known: Vec<(i64, String)> = sqlx::query_as(
            "SELECT current_release, digest FROM documents WHERE source = $1 AND id = $2",
        )
        .bind(&document.source)
        .bind(&document.id)
        .fetch_all(&mut *transaction)
        .await?;
        let release = time::of(document.current_release);
        let same =
            |(known, digest): &(i64, String)| *known == release && *digest == document.digest;
        if known.iter().any(same) {
            return Ok(Put::Unchanged);
        }
        sqlx::query(
            "INSERT INTO documents (source, id, current_release, title, digest, imported_at, body)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (source, id, current_release) DO UPDATE SET
                 title = excluded.title, digest = excluded.digest,
                 imported_at = excluded.imported_at, body = excluded.body",
        )
        .bind(&document.source)
        .bind(&document.id)
        .bind(release)
        .bind(&document.title)
        .bind(&document.digest)
        .bind(time::of(document.imported_at))
        .bind(&document.body)
        .execute(&mut *transaction)
        .await?;
        raise_sequence(&mut transaction).await?;
        transaction.commit().await?;
        Ok(if known.is_empty() {
            Put::New
        } else {
            Put::Changed
        })
    }

    /// The documents of a source in order of id: of each the newest revision, or with a day given the newest
    /// published by then. Where all known revisions are newer, the oldest of them.
    pub async fn documents(
        &self,
        source: &str,
        as_of: Option<Timestamp>,
    ) -> Result<Vec<CatalogDocument>, StoreError> {
        let rows = sqlx::query(
            "SELECT source, id, current_release, title, digest, imported_at, body
             FROM documents AS d
             WHERE source = $1 AND current_release = coalesce(
                 (SELECT max(current_release) FROM documents
                  WHERE source = d.source AND id = d.id AND current_release <= $2),
                 (SELECT min(current_release) FROM documents
                  WHERE source = d.source AND id = d.id))
             ORDER BY id",
        )
        .bind(source)
        .bind(as_of.map_or(i64::MAX, time::of))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(document).collect()
    }

    /// Every revision of every document of a source, without bodies.
    pub async fn document_revisions(
        &self,
        source: &str,
    ) -> Result<Vec<DocumentRevision>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, current_release, digest FROM documents
             WHERE source = $1 ORDER BY id, current_release",
        )
        .bind(source)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(DocumentRevision {
                    id: row.try_get("id")?,
                    current_release: time::to(row.try_get("current_release")?)?,
                    digest: row.try_get("digest")?,
                })
            })
            .collect()
    }
}

fn document(row: &SqliteRow) -> Result<CatalogDocument, StoreError> {
    Ok(CatalogDocument {
        source: row.try_get("source")?,
        id: row.try_get("id")?,
        current_release: time::to(row.try_get("current_release")?)?,
        title: row.try_get("title")?,
        digest: row.try_get("digest")?,
        imported_at: time::to(row.try_get("imported_at")?)?,
        body: row.try_get("body")?,
    })
}
