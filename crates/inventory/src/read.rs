//! Any input: its encoding, its format, its reports.

use crate::json::ReportError;
use crate::report::MachineReport;
use crate::{decode, hotfix, json, systeminfo};

/// The largest input read, in bytes.
pub const MAX_INPUT: usize = 256 << 20;

/// The format of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `systeminfo`, in any language.
    SystemInfo,
    /// A list of installed updates: `wmic qfe`, `Get-HotFix`.
    UpdateList,
    /// Machine reports as JSON.
    Json,
}

/// A report as read from an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadReport {
    /// The report.
    pub report: MachineReport,
    /// The format it came in.
    pub format: Format,
    /// The encoding it was in.
    pub encoding: &'static str,
    /// What was left out or looks wrong, in words.
    pub warnings: Vec<String>,
}

/// Why an input cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Larger than [`MAX_INPUT`].
    #[error("the input is larger than {} MiB", MAX_INPUT >> 20)]
    TooLarge,
    /// Nothing but blanks.
    #[error("the input is empty")]
    Empty,
    /// None of the formats.
    #[error(
        "neither systeminfo output, nor a list of updates (wmic qfe, Get-HotFix), nor a machine report in JSON"
    )]
    UnknownFormat,
    /// One of the formats, but not as it should be.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A machine report is wrong.
    #[error("{}{error}", index.map(|index| format!("report {index}: ")).unwrap_or_default())]
    Report {
        /// Its place in the batch, from 0; `None` where the input as a whole is wrong.
        index: Option<usize>,
        /// What is wrong.
        error: ReportError,
    },
}

/// Why an input of a known format cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// `systeminfo` without the operating system's name and version.
    #[error(
        "no operating system is stated: the line with its version (such as '10.0.19045 N/A Build 19045') or its name is missing"
    )]
    NoOperatingSystem,
    /// One list of updates names two computers.
    #[error("the list is of two machines, {one} and {other}; give one file per machine")]
    TwoMachines {
        /// The first.
        one: Box<str>,
        /// The second.
        other: Box<str>,
    },
    /// The JSON of a list of updates is not well-formed.
    #[error("line {line}: {reason}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// What a parser gives.
pub(crate) struct Parsed {
    pub(crate) report: MachineReport,
    pub(crate) warnings: Vec<String>,
}

impl Parsed {
    pub(crate) fn new() -> Self {
        Self {
            report: MachineReport::new(),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }
}

/// Reads an input of any format and encoding; each report or the reason why it is rejected, in
/// the input's order.
///
/// # Errors
/// Where the input as a whole cannot be read.
pub fn read(bytes: &[u8]) -> Result<Vec<Result<ReadReport, ReadError>>, ReadError> {
    if bytes.len() > MAX_INPUT {
        return Err(ReadError::TooLarge);
    }
    let decoded = decode(bytes);
    let text = decoded.text.as_str();
    let start = text.trim_start();
    if start.trim_matches('\u{0}').is_empty() {
        return Err(ReadError::Empty);
    }
    let one = |parsed: Parsed, format| {
        vec![Ok(ReadReport {
            report: parsed.report,
            format,
            encoding: decoded.encoding,
            warnings: parsed.warnings,
        })]
    };
    if start.starts_with(['{', '[']) && !text.contains("\"HotFixID\"") {
        return reports(text, decoded.encoding);
    }
    if systeminfo::is(text) {
        return Ok(one(systeminfo::parse(text)?, Format::SystemInfo));
    }
    if hotfix::is(text) {
        return Ok(one(hotfix::parse(text)?, Format::UpdateList));
    }
    let numbered = |line: &str| line.trim_start().starts_with("[01]:");
    if text.lines().any(numbered) {
        // The lists of systeminfo, but not its head.
        return Err(ParseError::NoOperatingSystem.into());
    }
    Err(ReadError::UnknownFormat)
}

fn reports(
    text: &str,
    encoding: &'static str,
) -> Result<Vec<Result<ReadReport, ReadError>>, ReadError> {
    let items =
        json::parse_batch(text).map_err(|error| ReadError::Report { index: None, error })?;
    let items = items.into_iter().enumerate().map(|(index, item)| {
        let report = item.report.map_err(|error| ReadError::Report {
            index: Some(index),
            error,
        })?;
        let ignored = item.ignored.into_iter();
        Ok(ReadReport {
            report,
            format: Format::Json,
            encoding,
            warnings: ignored
                .map(|field| format!("field {field} is not known and left out"))
                .collect(),
        })
    });
    Ok(items.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_is_an_error() {
        for (bytes, error) in [
            (&b""[..], ReadError::Empty),
            (b" \r\n\t ", ReadError::Empty),
            (b"hello world", ReadError::UnknownFormat),
            (
                b"Hotfix(s): 1 Hotfix(s) Installed.\n  [01]: KB4465477\n",
                ParseError::NoOperatingSystem.into(),
            ),
        ] {
            assert_eq!(read(bytes), Err(error));
        }
    }

    #[test]
    fn a_bad_report_in_a_batch_leaves_the_others() {
        let batch = br#"[{"name": "a"}, {"name": 7}, 5, {"name": "b", "colour": "red"}]"#;
        let read = read(batch).unwrap();
        let reasons: Vec<String> = read
            .iter()
            .map(|item| match item {
                Ok(read) => format!("{:?} {:?}", read.report.name, read.warnings),
                Err(error) => error.to_string(),
            })
            .collect();
        assert_eq!(
            reasons,
            [
                "Some(\"a\") []",
                "report 1: line 1, field name: invalid type: integer `7`, expected a string",
                "report 2: line 1: a machine report is a JSON object; found a number",
                "Some(\"b\") [\"field colour is not known and left out\"]",
            ]
        );
    }

    #[test]
    fn truncated_json_names_its_line() {
        let error = read(b"{\"name\": \"a\",\n \"os\": {").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2, field .: EOF while parsing an object"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_text_panics(text in "(Host|OS|:|\\[01\\]:|KB[0-9]{5,7}|10\\.0\\.1904[0-9]|HotFixID| |,|\"|\n){0,60}") {
            let _ = read(text.as_bytes());
        }
    }
}
