//! Assessment exports: written as files and linked to, or paged.
//!
//! An [`Exporter`] streams lines that its caller produces into gzip files of an [`ExportStore`], and gives the files
//! of an export that is fresh without writing again. [`Links`] lead to them and expire; a [`Refusal`] tells why one does
//! not count. A [`SkipToken`] is the place where a paged export goes on. The forms are those of Defender's exports (API
//! specification, sections 1h, 4, 5 and 8); the lines are the caller's.

mod bucket;
mod exporter;
mod gzip;
mod hours;
mod key;
mod kind;
mod link;
mod manifest;
mod path;
mod refusal;
mod run;
mod seal;
mod skip_token;
mod store;
mod sweep;

pub use exporter::{Export, ExportError, ExportFile, Exporter, Request, Settings};
pub use hours::{HoursError, HoursRule, ValidHours};
pub use key::{BadTenant, ExportKey};
pub use kind::ExportKind;
pub use link::{Granted, LinkError, Links};
pub use path::{ExportPath, NotAnExportPath, time_path};
pub use refusal::Refusal;
pub use run::{Producer, ProducerError, Step};
pub use seal::{BadVersion, SealKey, SealKeys};
pub use skip_token::{SkipToken, SkipTokenError};
pub use store::{Download, ExportStore, StoreError};
pub use sweep::{Retention, Swept};
