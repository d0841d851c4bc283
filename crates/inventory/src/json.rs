//! Machine reports as JSON: one, an array of them, or one a line.

use serde::Deserialize;

use crate::report::MachineReport;

/// How many updates or software one report may list.
pub(crate) const MAX_LIST: usize = 100_000;
/// How long an id may be.
const MAX_ID: usize = 128;
/// How long a name may be.
const MAX_NAME: usize = 255;

/// Why a report is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// The JSON is not well-formed, or a field has a wrong type or value.
    #[error("line {line}, field {path}: {reason}")]
    Json {
        /// The line within the input, from 1.
        line: usize,
        /// The field's path.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// It is neither an object nor an array of objects.
    #[error("line {line}: a machine report is a JSON object; found {found}")]
    NotAnObject {
        /// The line within the input, from 1.
        line: usize,
        /// What stands there.
        found: &'static str,
    },
    /// A text or list is longer than the limit.
    #[error("{field} is longer than {limit}")]
    TooLong {
        /// The field.
        field: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Neither id nor name, so the machine cannot be told from others.
    #[error("the report has neither id nor name")]
    Nameless,
}

/// One report of a batch, in the batch's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItem {
    /// The report, or why it is rejected. The others of the batch are not touched by that.
    pub report: Result<MachineReport, ReportError>,
    /// Fields of the report that have no meaning here and were passed over.
    pub ignored: Vec<String>,
}

/// Reads reports from JSON text: one object, an array of objects, or one object a line.
///
/// # Errors
/// Only where the text as a whole is not JSON; a bad report in a batch is an item of its own.
pub fn parse_batch(text: &str) -> Result<Vec<BatchItem>, ReportError> {
    let mut items = Vec::new();
    let mut line = 1;
    let mut rest = text;
    // Values may follow each other with any white space between, so that a pretty-printed
    // object, a batch in an array and a report a line are one case.
    loop {
        let trimmed = rest.trim_start();
        line += rest[..rest.len() - trimmed.len()].matches('\n').count();
        if trimmed.is_empty() {
            return Ok(items);
        }
        if let Some((item, end)) = first_whole(trimmed) {
            items.push(item);
            line += trimmed[..end].matches('\n').count();
            rest = &trimmed[end..];
            continue;
        }
        let mut values = serde_json::Deserializer::from_str(trimmed).into_iter();
        let value: &serde_json::value::RawValue = match values.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(json_error(&error, line, ".")),
            None => return Ok(items),
        };
        let end = values.byte_offset();
        add(value.get(), line, &mut items)?;
        line += trimmed[..end].matches('\n').count();
        rest = &trimmed[end..];
    }
}

/// The report a text begins with and where it ends, where it is right: nearly all are, and are read once only.
fn first_whole(text: &str) -> Option<(BatchItem, usize)> {
    if !text.starts_with('{') {
        return None;
    }
    let mut ignored = Vec::new();
    let mut plain = serde_json::Deserializer::from_str(text);
    let mut note = |path: serde_ignored::Path<'_>| ignored.push(path.to_string());
    let read = MachineReport::deserialize(serde_ignored::Deserializer::new(&mut plain, &mut note));
    let report = read.ok().filter(|report| check(report).is_ok())?;
    let end = plain.into_iter::<serde::de::IgnoredAny>().byte_offset();
    let report = Ok(report);
    Some((BatchItem { report, ignored }, end))
}

fn add(value: &str, line: usize, items: &mut Vec<BatchItem>) -> Result<(), ReportError> {
    match value.as_bytes().first() {
        Some(b'{') => items.push(item(value, line)),
        Some(b'[') => {
            let inner: Vec<&serde_json::value::RawValue> =
                serde_json::from_str(value).map_err(|error| json_error(&error, line, "."))?;
            for one in inner {
                let offset = one.get().as_ptr() as usize - value.as_ptr() as usize;
                let line = line + value[..offset].matches('\n').count();
                match one.get().as_bytes().first() {
                    Some(b'{') => items.push(item(one.get(), line)),
                    first => items.push(BatchItem {
                        report: Err(ReportError::NotAnObject {
                            line,
                            found: kind(first),
                        }),
                        ignored: Vec::new(),
                    }),
                }
            }
        }
        first => {
            return Err(ReportError::NotAnObject {
                line,
                found: kind(first),
            });
        }
    }
    Ok(())
}

fn item(value: &str, line: usize) -> BatchItem {
    let mut ignored = Vec::new();
    let report = parse_one(value, line, &mut ignored);
    BatchItem { report, ignored }
}

fn parse_one(
    value: &str,
    line: usize,
    ignored: &mut Vec<String>,
) -> Result<MachineReport, ReportError> {
    if let Some((item, _)) = first_whole(value) {
        *ignored = item.ignored;
        return item.report;
    }
    // Where each field stands is only worked out for those that are wrong.
    let mut deserializer = serde_json::Deserializer::from_str(value);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let mut note = |path: serde_ignored::Path<'_>| ignored.push(path.to_string());
    let report = MachineReport::deserialize(serde_ignored::Deserializer::new(tracked, &mut note));
    let report = report.map_err(|error| json_error(&error, line, &track.path().to_string()))?;
    check(&report)?;
    Ok(report)
}

fn check(report: &MachineReport) -> Result<(), ReportError> {
    let long = |text: &Option<Box<str>>, limit| {
        text.as_ref()
            .is_some_and(|text| text.chars().count() > limit)
    };
    let too_long = |field, limit| Err(ReportError::TooLong { field, limit });
    if long(&report.id, MAX_ID) {
        return too_long("id", MAX_ID);
    }
    if long(&report.name, MAX_NAME) {
        return too_long("name", MAX_NAME);
    }
    if report
        .updates
        .as_ref()
        .is_some_and(|list| list.len() > MAX_LIST)
    {
        return too_long("updates", MAX_LIST);
    }
    if report
        .software
        .as_ref()
        .is_some_and(|list| list.len() > MAX_LIST)
    {
        return too_long("software", MAX_LIST);
    }
    if report.id.is_none() && report.name.is_none() {
        return Err(ReportError::Nameless);
    }
    Ok(())
}

fn json_error(error: &serde_json::Error, first_line: usize, path: &str) -> ReportError {
    let reason = error.to_string();
    // The position is given apart.
    let reason = reason
        .split(" at line ")
        .next()
        .unwrap_or(&reason)
        .to_owned();
    ReportError::Json {
        line: first_line + error.line().saturating_sub(1),
        path: path.to_owned(),
        reason,
    }
}

fn kind(first: Option<&u8>) -> &'static str {
    match first {
        Some(b'"') => "a text",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The JSON Schema (2020-12) of a machine report.
pub fn report_schema() -> serde_json::Value {
    schemars::schema_for!(MachineReport).into()
}

/// The forms in which values are written.
pub(crate) mod form {
    use schemars::JsonSchema;
    use serde::{Deserialize, Deserializer};

    /// A KB as a report may write it.
    #[derive(JsonSchema)]
    #[schemars(untagged)]
    #[expect(dead_code, reason = "only its schema is used")]
    pub(crate) enum KbSchema {
        /// `KB4540673` or `4540673`.
        Text(#[schemars(regex(pattern = "^(?i:KB)?[0-9]{5,8}$"))] String),
        /// 4540673.
        Number(u32),
    }

    /// A text without blanks around it; blank text is none.
    pub(crate) fn text<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Box<str>>, D::Error> {
        let text = Option::<String>::deserialize(d)?;
        let text = text.as_deref().map(str::trim);
        Ok(text.filter(|text| !text.is_empty()).map(Box::from))
    }

    pub(crate) mod kb {
        use kbgap_catalog::Kb;
        use serde::{Deserialize, Deserializer, Serializer, de::Error};

        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u32),
            Text(String),
        }

        #[expect(
            clippy::trivially_copy_pass_by_ref,
            reason = "serde passes fields by reference"
        )]
        pub(crate) fn serialize<S: Serializer>(kb: &Kb, s: S) -> Result<S::Ok, S::Error> {
            s.collect_str(kb)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Kb, D::Error> {
            let wrong = "a KB is a number of five to eight digits, or a text like \"KB4540673\"";
            match Written::deserialize(d).map_err(|_| D::Error::custom(wrong))? {
                Written::Number(number) => Kb::new(number).ok_or_else(|| D::Error::custom(wrong)),
                Written::Text(text) => text.parse().map_err(D::Error::custom),
            }
        }
    }

    pub(crate) mod build {
        use kbgap_catalog::WindowsBuild;
        use serde::{Deserialize, Deserializer, Serializer, de::Error};

        #[expect(clippy::ref_option, reason = "serde passes fields by reference")]
        pub(crate) fn serialize<S: Serializer>(
            b: &Option<WindowsBuild>,
            s: S,
        ) -> Result<S::Ok, S::Error> {
            match b {
                Some(build) => s.collect_str(build),
                None => s.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            d: D,
        ) -> Result<Option<WindowsBuild>, D::Error> {
            let text = Option::<String>::deserialize(d)?;
            text.map(|text| text.parse().map_err(D::Error::custom))
                .transpose()
        }
    }

    pub(crate) mod release {
        use kbgap_catalog::Release;
        use serde::{Deserialize, Deserializer, Serializer};

        #[expect(clippy::ref_option, reason = "serde passes fields by reference")]
        pub(crate) fn serialize<S: Serializer>(
            r: &Option<Release>,
            s: S,
        ) -> Result<S::Ok, S::Error> {
            match r {
                Some(release) => s.serialize_str(release.label()),
                None => s.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            d: D,
        ) -> Result<Option<Release>, D::Error> {
            let text = Option::<String>::deserialize(d)?;
            Ok(text
                .filter(|text| !text.trim().is_empty())
                .map(|text| Release::new(&text)))
        }
    }

    pub(crate) mod architecture {
        use kbgap_catalog::Architecture;
        use serde::{Deserialize, Deserializer, Serializer, de::Error};

        #[expect(
            clippy::ref_option,
            clippy::trivially_copy_pass_by_ref,
            reason = "serde passes fields by reference"
        )]
        pub(crate) fn serialize<S: Serializer>(
            a: &Option<Architecture>,
            s: S,
        ) -> Result<S::Ok, S::Error> {
            match a {
                Some(architecture) => s.serialize_str(&architecture.to_string().to_lowercase()),
                None => s.serialize_none(),
            }
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            d: D,
        ) -> Result<Option<Architecture>, D::Error> {
            let text = Option::<String>::deserialize(d)?;
            text.map(|text| {
                crate::identify::architecture_of(&text).ok_or_else(|| {
                    D::Error::custom(format!(
                        "'{text}' is not an architecture; use x64, x86, arm64 or itanium"
                    ))
                })
            })
            .transpose()
        }
    }
}
