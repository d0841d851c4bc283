//! Where the files of an export are, in the layout of Defender's URLs (API specification, section 8):
//! `{yyyy-MM-dd}/{HHmm}/{Kind}/json/OrgId={tenant}/[_RbacGroupId={n}/]part-{5 digits}-{guid}.c{3 digits}.json.gz`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::key::{ExportKey, is_tenant};
use crate::kind::ExportKind;

/// The path of a file of an export. Only paths of the layout can be made, so none leads anywhere else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExportPath(String);

/// What is no path of a file of an export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no file of an export is named so")]
pub struct NotAnExportPath;

/// The time in a path: `2021-01-25/0200/`, the `TimePath` of paging tokens too.
pub fn time_path(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d/%H%M/").to_string()
}

impl ExportPath {
    /// The path of a part of a run.
    pub(crate) fn of_part(
        key: &ExportKey,
        generated: Timestamp,
        group: Option<i64>,
        part: u32,
        run: Uuid,
    ) -> Self {
        let time = time_path(generated);
        let (kind, tenant) = (key.kind(), key.tenant());
        let group = group.map_or_else(String::new, |group| format!("_RbacGroupId={group}/"));
        Self(format!(
            "{time}{kind}/json/OrgId={tenant}/{group}part-{part:05}-{run}.c000.json.gz"
        ))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tenant whose machines the file tells of.
    pub fn tenant(&self) -> &str {
        let after = self.0.split_once("/OrgId=").map_or("", |(_, after)| after);
        after.split('/').next().unwrap_or_default()
    }

    /// The run that wrote the file.
    pub(crate) fn run(&self) -> Option<Uuid> {
        let name = self.0.rsplit('/').next()?;
        run_of(name)
    }

    pub(crate) fn location(&self) -> Path {
        Path::from(self.0.as_str())
    }
}

impl FromStr for ExportPath {
    type Err = NotAnExportPath;

    fn from_str(text: &str) -> Result<Self, NotAnExportPath> {
        if is_path(text).is_some() {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnExportPath)
        }
    }
}

impl TryFrom<String> for ExportPath {
    type Error = NotAnExportPath;

    fn try_from(text: String) -> Result<Self, NotAnExportPath> {
        text.parse()
    }
}

impl From<ExportPath> for String {
    fn from(path: ExportPath) -> Self {
        path.0
    }
}

impl fmt::Display for ExportPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text is a path of the layout, to the letter.
fn is_path(text: &str) -> Option<()> {
    let segments: Vec<&str> = text.split('/').collect();
    let (head, name) = match segments.as_slice() {
        [head @ .., group, name] if head.len() == 5 => {
            let group = group.strip_prefix("_RbacGroupId=")?;
            // As it is written: no '+', no zeros before.
            let number: i64 = group.parse().ok()?;
            (number.to_string() == group).then_some(())?;
            (head, name)
        }
        [head @ .., name] if head.len() == 5 => (head, name),
        _ => return None,
    };
    let [date, time, kind, "json", tenant] = head else {
        return None;
    };
    let date: Vec<&str> = date.split('-').collect();
    let [year, month, day] = date.as_slice() else {
        return None;
    };
    (digits(year, 4) && digits(month, 2) && digits(day, 2) && digits(time, 4)).then_some(())?;
    ExportKind::of_segment(kind)?;
    is_tenant(tenant.strip_prefix("OrgId=")?).then_some(())?;
    run_of(name).map(|_| ())
}

/// The run in the name of a part.
fn run_of(name: &str) -> Option<Uuid> {
    let (rest, counter) = name
        .strip_prefix("part-")?
        .strip_suffix(".json.gz")?
        .rsplit_once(".c")?;
    let (number, run) = rest.split_once('-')?;
    let at_least = |text: &str, least| text.len() >= least && digits(text, text.len());
    (digits(counter, 3) && at_least(number, 5) && number.len() <= 10).then_some(())?;
    let uuid = Uuid::try_parse(run).ok()?;
    (uuid.to_string() == run).then_some(uuid)
}

fn digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(group: Option<i64>) -> ExportPath {
        let tenant = "12345678-0000-4000-8000-000000000001";
        let key = ExportKey::new(tenant, ExportKind::SoftwareVulnerabilities, "1", "").unwrap();
        let time = "2021-01-25T02:00:59Z".parse().unwrap();
        ExportPath::of_part(&key, time, group, 7, Uuid::from_u128(1))
    }

    #[test]
    fn paths_are_as_in_defenders_urls_and_read_back() {
        assert_eq!(
            part(None).as_str(),
            "2021-01-25/0200/VaExport/json/OrgId=12345678-0000-4000-8000-000000000001/\
             part-00007-00000000-0000-0000-0000-000000000001.c000.json.gz"
        );
        assert!(part(Some(-3)).as_str().contains("/_RbacGroupId=-3/part-"));
        for path in [part(None), part(Some(12))] {
            assert_eq!(path.as_str().parse(), Ok(path.clone()));
            assert_eq!(path.run(), Some(Uuid::from_u128(1)));
            assert_eq!(path.tenant(), "12345678-0000-4000-8000-000000000001");
            assert_eq!(
                path.location().as_ref(),
                path.as_str(),
                "nothing is encoded"
            );
        }
    }

    #[test]
    fn what_is_not_of_the_layout_is_no_path() {
        let good = part(Some(3));
        let good = good.as_str();
        for bad in [
            String::new(),
            "..".to_owned(),
            format!("/{good}"),
            format!("{good}/"),
            format!("../{good}"),
            good.replace("VaExport", ".."),
            good.replace("VaExport", "VaExport/.."),
            good.replace("json/", "json//"),
            good.replace("OrgId=", "OrgId=.."),
            good.replace("=3", "=03"),
            good.replace("=3", "=+3"),
            good.replace("part-00007", "part-7"),
            good.replace(".json.gz", ".json"),
            good.replace("0200", "02\0\0"),
            good.replace('/', "\\"),
            "manifests/x.json".to_owned(),
        ] {
            assert_eq!(bad.parse::<ExportPath>(), Err(NotAnExportPath), "{bad}");
        }
    }
}
