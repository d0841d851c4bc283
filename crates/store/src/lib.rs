//! The durable truth: catalogue documents, machines, their history, remediation tasks, scores,
//! tenants, applications, people and keys.
//!
//! One interface on two databases: a file of SQLite with a write-ahead log, and PostgreSQL 15 or later. What a method
//! returned from is on disk: commits are synchronous, so a report that was acknowledged survives a power failure.
//! Every write is one transaction.
//!
//! Servers keep no state of their own: each follows the changes of a tenant ([`Store::changes_after`]). Tenant and
//! machine are in every key but those of what all tenants share (documents, findings, signing keys).

mod applications;
mod audit;
mod backend;
mod backup;
mod changes;
mod credentials;
mod documents;
mod enroll_secrets;
mod error;
mod findings;
mod former;
mod location;
mod machines;
mod migrations;
mod numbered;
mod people;
mod scores;
mod software;
mod tasks;
mod text;
mod time;

use std::path::Path;

use backend::{Backend, PostgresBackend, SqliteBackend};

pub use applications::{Application, ApplicationChange, SigningKeyRow, Tenant};
pub use audit::{AuditActor, AuditOutcome, AuditQuery, AuditRecord};
pub use changes::Changes;
pub use credentials::{ApplicationCertificate, ApplicationSecret, Credentials};
pub use documents::{CatalogDocument, DocumentRevision};
pub use enroll_secrets::EnrollSecret;
pub use error::StoreError;
pub use findings::StateFindings;
pub use former::FormerReport;
pub use location::{Location, LocationError, PostgresUrl};
pub use machines::{
    DeviceValue, Digest, ExclusionReason, Labels, MachineReader, MachineRow, MachineState,
    MachineWrite, Outcome, Written,
};
pub use migrations::{PendingMigration, Status};
pub use people::{
    AuthorizationCode, BrowserSession, DeviceCode, Group, HandleDigest, PersonGrant, Poll,
    Redeemed, RefreshToken, Rotated, Rotation, User, UserChange,
};
pub use scores::{Score, ScoreKind};
pub use software::SoftwareEntry;
pub use tasks::{
    Completion, CompletionMethod, Person, ProductivityImpact, RemediationTask, StatusUpdate,
    TaskCategory, TaskPriority, TaskStatus, TaskType,
};

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was not known.
    New,
    /// It was known otherwise.
    Changed,
    /// It was known just so.
    Unchanged,
}

/// The store. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
}

impl Store {
    /// Opens the store and brings its schema up to date. A file is created where it is not there yet, with rights for
    /// its owner only; a PostgreSQL database must be there.
    ///
    /// Connections lost later are made anew by themselves.
    ///
    /// # Errors
    /// Where the database cannot be opened, or was written by a newer kbgap.
    pub async fn open(location: &Location) -> Result<Self, StoreError> {
        Ok(Self {
            backend: match location {
                Location::Sqlite(path) => Backend::Sqlite(SqliteBackend::open(path).await?),
                Location::Postgres(url) => Backend::Postgres(PostgresBackend::open(url).await?),
            },
        })
    }

    /// Opens the store in a file of SQLite, as [`Store::open`] does.
    ///
    /// # Errors
    /// Where the file cannot be opened, or was written by a newer kbgap.
    pub async fn open_file(path: &Path) -> Result<Self, StoreError> {
        Self::open(&Location::Sqlite(path.to_owned())).await
    }

    /// Where the store is.
    pub fn location(&self) -> Location {
        match &self.backend {
            Backend::Sqlite(own) => Location::Sqlite(own.path().to_owned()),
            Backend::Postgres(own) => Location::Postgres(own.url().clone()),
        }
    }

    /// Finishes what is being written and closes the store.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(own) => own.close().await,
            Backend::Postgres(own) => own.close().await,
        }
    }
}
