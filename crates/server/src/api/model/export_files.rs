//! Exports as files (API specification, sections 2.18 and 8).

use jiff::Timestamp;
use kbgap_odata::Items;
use kbgap_odata::edm::Entity;

/// Where the files of an export are.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExportFiles {
    pub(crate) urls: Vec<String>,
    pub(crate) generated: Option<Timestamp>,
}

/// `ExportFilesResponse`.
pub(crate) fn export_files() -> Entity<ExportFiles> {
    Entity::complex("ExportFilesResponse")
        .about("where the files of an export can be had for a while")
        .strings("exportFiles", |e: &ExportFiles| Items::of(&e.urls))
        .doc("the files: gzip, one JSON object a line, names in PascalCase")
        .time_or_null("generatedTime", |e| e.generated)
        .doc("the time that the files tell of")
        .build()
}
