//! The manifest of an export, written last: an export without one is none.
//!
//! It is at `manifests/{digest of the key}/{time}-{run}.json`, so that the newest export of a key is found by a
//! listing, and the runs that are complete by another, without reading any.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::exporter::{Export, ExportFile};
use crate::key::ExportKey;

/// The folder of manifests.
const FOLDER: &str = "manifests";

const TIME: &str = "%Y%m%dT%H%M%SZ";

/// The form of the manifest that is written.
const VERSION: u32 = 1;

/// A manifest as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    version: u32,
    run: Uuid,
    key: ExportKey,
    generated: Timestamp,
    lines: u64,
    files: Vec<ExportFile>,
}

/// What the name of a manifest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) generated: Timestamp,
    pub(crate) run: Uuid,
}

impl Manifest {
    pub(crate) fn new(key: &ExportKey, export: &Export) -> Self {
        Self {
            version: VERSION,
            run: export.run,
            key: key.clone(),
            generated: export.generated,
            lines: export.lines,
            files: export.files.clone(),
        }
    }

    /// The export, if the manifest is one of this version and of the key.
    pub(crate) fn export(self, key: &ExportKey) -> Option<Export> {
        (self.version == VERSION && self.key == *key).then_some(Export {
            run: self.run,
            generated: self.generated,
            lines: self.lines,
            files: self.files,
        })
    }
}

impl Name {
    pub(crate) fn of(export: &Export) -> Self {
        Self {
            generated: export.generated,
            run: export.run,
        }
    }

    /// Where the manifest is.
    pub(crate) fn location(self, key: &ExportKey) -> Path {
        let name = format!("{}-{}.json", self.generated.strftime(TIME), self.run);
        folder_of(key).join(name)
    }

    /// What a path says, if it is one of a manifest.
    pub(crate) fn read(location: &Path) -> Option<Self> {
        let name = location.filename()?.strip_suffix(".json")?;
        let (time, run) = name.split_once('-')?;
        let time = DateTime::strptime(TIME, time).ok()?;
        Some(Self {
            generated: TimeZone::UTC.to_timestamp(time).ok()?,
            run: Uuid::try_parse(run).ok()?,
        })
    }
}

/// Where all manifests are.
pub(crate) fn folder() -> Path {
    Path::from(FOLDER)
}

/// Where the manifests of a key are.
pub(crate) fn folder_of(key: &ExportKey) -> Path {
    folder().join(key.digest())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::ExportKind;

    #[test]
    fn names_are_read_back() {
        let key = ExportKey::new("t", ExportKind::Baselines, "1", "").unwrap();
        let name = Name {
            generated: "2021-01-25T02:00:59Z".parse().unwrap(),
            run: Uuid::from_u128(5),
        };
        let location = name.location(&key);
        assert!(location.as_ref().starts_with("manifests/"));
        assert!(
            location
                .as_ref()
                .ends_with("/20210125T020059Z-00000000-0000-0000-0000-000000000005.json")
        );
        assert_eq!(Name::read(&location), Some(name));
        assert_eq!(Name::read(&Path::from("manifests/x/y.json")), None);
    }
}
