//! The pack of queries, the same file that is handed out for other deployments.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Why the pack cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the pack of osquery's queries cannot be read")]
pub struct PackError(#[from] serde_json::Error);

const PACK: &str = include_str!("../../../../collectors/osquery/kbgap.pack.json");

/// What stands in the configuration besides the pack: which name and UUID each answer bears, that answers are snapshots
/// in one piece, and that hosts do not all ask at the same second.
const BESIDES: &str = r#""options": {
    "disable_distributed": false,
    "logger_snapshot_event_type": false,
    "pack_delimiter": "_",
    "schedule_splay_percent": 10
},
"decorators": {
    "load": ["SELECT uuid AS host_uuid, hostname AS hostname FROM system_info;"]
}"#;

/// The pack, ready to be served.
pub(crate) struct Pack {
    config: String,
    queries: String,
}

#[derive(Deserialize)]
struct File {
    queries: BTreeMap<String, Query>,
}

#[derive(Deserialize)]
struct Query {
    query: String,
}

impl Pack {
    /// The pack that is built in.
    pub(crate) fn built_in() -> Result<Self, PackError> {
        let file: File = serde_json::from_str(PACK)?;
        let queries: BTreeMap<String, String> = file
            .queries
            .into_iter()
            .map(|(name, query)| (format!("kbgap_{name}"), query.query))
            .collect();
        let config =
            format!("{{{BESIDES}, \"packs\": {{\"kbgap\": {PACK}}}, \"node_invalid\": false}}");
        // Well-formed, whatever the file is.
        let config: Box<RawValue> = serde_json::from_str(&config)?;
        Ok(Self {
            config: config.get().to_owned(),
            queries: serde_json::to_string(&queries)?,
        })
    }

    /// The configuration of a host: what osquery's configuration file has, and that the key is valid.
    pub(crate) fn config(&self) -> String {
        self.config.clone()
    }

    /// The answer that asks a host all queries at once.
    pub(crate) fn ask(&self) -> String {
        format!("{{\"queries\": {}, \"node_invalid\": false}}", self.queries)
    }
}
