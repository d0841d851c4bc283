//! The release history of Windows: which update brought which revision of a build.
//!
//! Microsoft publishes it as pages, one a Windows version. Here it is a table of five columns: the
//! product (`Windows 10`), the release (a build such as `17763`, or `SP1`), the series (`rollup` or
//! `securityOnly`), the revision of the build (UBR, empty before Windows 10) and the KB; in order of
//! publication. It closes what documents leave open: they state no builds before 2021, and never
//! describe previews, which prove a build all the same.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Kb, Release, WindowsFamily, WindowsProduct, release_of_build};

/// A release history, as read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseHistory {
    /// The lines, in order of product and series.
    pub lines: Vec<HistoryLine>,
    /// The rows that were left out, each with its reason.
    pub left_out: Vec<RowLeftOut>,
}

/// The updates of one Windows release on one servicing line, earliest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// The Windows release, whatever its architecture.
    pub windows: HistoryProduct,
    /// The series.
    pub series: Series,
    /// The updates, in order of publication.
    pub entries: Vec<HistoryEntry>,
}

/// A Windows release as a release history tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HistoryProduct {
    /// The family.
    pub family: WindowsFamily,
    /// The release, for families that have several.
    pub release: Option<Release>,
    /// The service pack.
    pub service_pack: u8,
}

/// A series of updates in a release history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Series {
    /// Cumulative updates, or the monthly rollups before them, with their previews.
    Rollup,
    /// Security only updates.
    SecurityOnly,
}

/// An update in a release history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// The update.
    pub kb: Kb,
    /// The revision of the build it brings (UBR); `None` before Windows 10.
    pub revision: Option<u32>,
}

/// A row that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowLeftOut {
    /// The line of the file, from 1.
    pub line: u64,
    /// What is wrong, naming the column.
    pub reason: Box<str>,
}

impl fmt::Display for RowLeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// Why a file is no release history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// It is not CSV with the five columns.
    #[error("not a release history: the first line must be 'product,release,series,revision,kb'")]
    Columns,
    /// It is not CSV.
    #[error("not CSV: {0}")]
    Csv(#[from] csv::Error),
    /// Not one row could be read.
    #[error("no row could be read; the first: {0}")]
    NoRow(RowLeftOut),
    /// A stored release history was written by another version, or is damaged.
    #[error("the stored release history cannot be unpacked; import it again")]
    Unpack(#[source] postcard::Error),
}

/// The columns, in order.
const COLUMNS: [&str; 5] = ["product", "release", "series", "revision", "kb"];

impl ReleaseHistory {
    /// Whether a file looks like a release history: its first line names the columns.
    pub fn is_one(bytes: &[u8]) -> bool {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let first = &bytes[..end.unwrap_or(bytes.len())];
        std::str::from_utf8(first).is_ok_and(|line| line.trim().split(',').eq(COLUMNS))
    }

    /// Reads a release history from CSV.
    ///
    /// A row that cannot be read is left out and listed; the others count.
    ///
    /// # Errors
    /// Where the file has other columns, or no row can be read.
    pub fn read(bytes: &[u8]) -> Result<Self, HistoryError> {
        if !Self::is_one(bytes) {
            return Err(HistoryError::Columns);
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
        let mut lines: BTreeMap<(HistoryProduct, Series), Vec<HistoryEntry>> = BTreeMap::new();
        let mut left_out = Vec::new();
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            match row(&record) {
                Ok((product, series, entry)) => {
                    lines.entry((product, series)).or_default().push(entry);
                }
                Err(reason) => left_out.push(RowLeftOut {
                    line,
                    reason: reason.into(),
                }),
            }
        }
        if lines.is_empty()
            && let Some(first) = left_out.first()
        {
            return Err(HistoryError::NoRow(first.clone()));
        }
        let lines = lines
            .into_iter()
            .map(|((windows, series), entries)| HistoryLine {
                windows,
                series,
                entries,
            })
            .collect();
        Ok(Self { lines, left_out })
    }

    /// Packs the release history for storage.
    ///
    /// # Errors
    /// None that its own parts give cause for.
    pub fn pack(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_stdvec(self)
    }

    /// Unpacks a stored release history.
    ///
    /// # Errors
    /// Where another version wrote it, or it is damaged.
    pub fn unpack(bytes: &[u8]) -> Result<Self, HistoryError> {
        postcard::from_bytes(bytes).map_err(HistoryError::Unpack)
    }

    /// How many updates it lists.
    pub fn entries(&self) -> usize {
        self.lines.iter().map(|line| line.entries.len()).sum()
    }
}

impl HistoryProduct {
    /// The release a Windows product is of.
    pub fn of(windows: &WindowsProduct) -> Self {
        Self {
            family: windows.family,
            release: windows.release.clone(),
            service_pack: windows.service_pack,
        }
    }
}

fn row(record: &csv::StringRecord) -> Result<(HistoryProduct, Series, HistoryEntry), String> {
    let field = |at: usize| record.get(at).unwrap_or_default().trim();
    let product = product(field(0), field(1))?;
    let series = match field(2) {
        "rollup" => Series::Rollup,
        "securityOnly" => Series::SecurityOnly,
        other => {
            return Err(format!(
                "series: '{other}' is neither rollup nor securityOnly"
            ));
        }
    };
    let revision = match field(3) {
        "" => None,
        text => Some(
            text.parse()
                .map_err(|_| format!("revision: '{text}' is no number"))?,
        ),
    };
    let kb = match field(4) {
        "" => return Err("kb: empty; a revision that no update brought".to_owned()),
        text => text.parse::<Kb>().map_err(|error| format!("kb: {error}"))?,
    };
    Ok((product, series, HistoryEntry { kb, revision }))
}

/// Reads `Windows 10` with `17763`, `Windows Server, Version 1903` with `18362`, `Windows 7` with
/// `SP1`, `Windows 8.1` with nothing.
fn product(name: &str, release: &str) -> Result<HistoryProduct, String> {
    let (base, stated) = name
        .split_once(", ")
        .map_or((name, None), |(base, rest)| (base, Some(rest)));
    let family = WindowsFamily::of_name(base)
        .ok_or_else(|| format!("product: '{name}' is no Windows known here"))?;
    if let Ok(build) = release.parse::<u32>() {
        let server = family.is_server();
        let (known, known_release) = release_of_build(build, server)
            .ok_or_else(|| format!("release: build {build} is of no release known"))?;
        // Build 17763 is Server 2019's and the semi-annual version 1809's.
        let known_release = match (family, stated) {
            (WindowsFamily::ServerSemiAnnual, Some(version)) => {
                version.rsplit(' ').next().map(Release::new)
            }
            _ => known_release,
        };
        if known != family
            && (family, known) != (WindowsFamily::ServerSemiAnnual, WindowsFamily::Server2019)
        {
            return Err(format!("release: build {build} is not of {name}"));
        }
        return Ok(HistoryProduct {
            family,
            release: known_release,
            service_pack: 0,
        });
    }
    let service_pack = match release.strip_prefix("SP") {
        Some(number) => number
            .parse()
            .map_err(|_| format!("release: '{release}' is no service pack"))?,
        None if release.is_empty() => 0,
        None => {
            return Err(format!(
                "release: '{release}' is neither a build nor a service pack"
            ));
        }
    };
    Ok(HistoryProduct {
        family,
        release: None,
        service_pack,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "product,release,series,revision,kb\n";

    fn read(rows: &str) -> ReleaseHistory {
        ReleaseHistory::read(format!("{HEAD}{rows}").as_bytes()).unwrap()
    }

    #[test]
    fn rows_become_lines_in_order() {
        let history = read(
            "Windows 10,17763,rollup,292,4476976\nWindows 10,17763,rollup,316,4487044\n\
             Windows 7,SP1,securityOnly,,4486564\n",
        );
        assert_eq!(history.left_out, []);
        let [seven, ten] = &history.lines[..] else {
            panic!("{history:?}");
        };
        assert_eq!(seven.windows.family, WindowsFamily::Windows7);
        assert_eq!(
            (seven.windows.service_pack, seven.series),
            (1, Series::SecurityOnly)
        );
        assert_eq!(ten.windows.release, Some(Release::new("1809")));
        let revisions: Vec<_> = ten.entries.iter().map(|entry| entry.revision).collect();
        assert_eq!(revisions, [Some(292), Some(316)]);
    }

    #[test]
    fn servers_that_share_a_build_stay_apart() {
        let history = read(
            "Windows Server 2019,17763,rollup,316,4487044\n\
             \"Windows Server, Version 1809\",17763,rollup,316,4487044\n\
             \"Windows Server 2022, 23H2 Edition\",25398,rollup,531,5031364\n\
             Windows Server 2022,20348,rollup,230,5005575\n",
        );
        let products: Vec<String> = history
            .lines
            .iter()
            .map(|line| format!("{:?} {:?}", line.windows.family, line.windows.release))
            .collect();
        assert_eq!(
            products,
            [
                "Server2019 None",
                "Server2022 None",
                "Server2022 Some(23H2)",
                "ServerSemiAnnual Some(1809)"
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_named() {
        let history = read(
            "Windows 10,17763,rollup,316,4487044\nWindows 10,17763,rollup,x,4487044\n\
             Windows 95,,rollup,,4487044\nWindows 10,17763,hotpatch,1,4487044\n\
             Windows 11,17763,rollup,1,4487044\nWindows 10,17763,rollup,1,\n",
        );
        let reasons: Vec<String> = history.left_out.iter().map(ToString::to_string).collect();
        assert_eq!(
            reasons,
            [
                "line 3: revision: 'x' is no number",
                "line 4: product: 'Windows 95' is no Windows known here",
                "line 5: series: 'hotpatch' is neither rollup nor securityOnly",
                "line 6: release: build 17763 is not of Windows 11",
                "line 7: kb: empty; a revision that no update brought",
            ]
        );
        assert_eq!(history.entries(), 1);
        assert!(matches!(
            ReleaseHistory::read(b"a,b\n1,2\n"),
            Err(HistoryError::Columns)
        ));
    }

    proptest! {
        #[test]
        fn never_panics(rows in "\\PC{0,200}") {
            let _ = ReleaseHistory::read(format!("{HEAD}{rows}").as_bytes());
        }
    }
}
