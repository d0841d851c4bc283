//! Rows of tables, read into the parts of a report.

use kbgap_catalog::{Architecture, Release, WindowsBuild};

use super::form::{self, MAX_NAME, Row};
use super::host::name_of;
use super::query::Query;
use super::{AnswerError, OsqueryTally};
use crate::hotfix;
use crate::identify::architecture_of;
use crate::report::{
    InstallationType, InstalledSoftware, InstalledUpdate, MachineReport, OsReport,
};

/// How long a text of the software list may be, in characters.
const MAX_TEXT: usize = 1_000;
/// How long a release's label may be: `22H2`.
const MAX_LABEL: usize = 16;

/// Reads the whole answer to a query into a report; an empty one states nothing.
pub(crate) fn take(
    query: Query,
    rows: &[Row],
    report: &mut MachineReport,
    tally: &mut OsqueryTally,
) -> Result<(), AnswerError> {
    let Some(first) = rows.first() else {
        tally.empty += 1;
        return Ok(());
    };
    match query {
        Query::Os => take_os(first, report)?,
        Query::Updates => report.updates = filled(updates(rows, tally), tally),
        Query::Software => report.software = filled(software(rows, tally), tally),
    }
    Ok(())
}

fn filled<T>(list: Vec<T>, tally: &mut OsqueryTally) -> Option<Vec<T>> {
    if list.is_empty() {
        tally.empty += 1;
        return None;
    }
    Some(list)
}

/// Whether a report has a part.
pub(crate) fn states_something(report: &MachineReport) -> bool {
    report.os != OsReport::default()
        || report.updates.is_some()
        || report.software.is_some()
        || report.reboot_pending.is_some()
}

/// Reads the row of the query for the operating system.
fn take_os(row: &Row, report: &mut MachineReport) -> Result<(), AnswerError> {
    let platform = row.text("platform");
    if !platform.is_empty() && platform != "windows" {
        return Err(AnswerError::Platform(form::clipped(platform, MAX_NAME)));
    }
    report.os = OsReport {
        name: row
            .filled(&["name"])
            .map(|name| form::clipped(name, MAX_NAME)),
        version: Some(version(row)?),
        display_version: row
            .filled(&["display_version", "release_id"])
            .filter(|label| label.len() <= MAX_LABEL)
            .map(Release::new),
        architecture: architecture(row),
        installation_type: match row.text("installation_type") {
            "Client" => Some(InstallationType::Client),
            "Server" => Some(InstallationType::Server),
            "Server Core" => Some(InstallationType::ServerCore),
            _ => None,
        },
        service_pack: row
            .text("csd_version")
            .strip_prefix("Service Pack ")
            .and_then(|number| number.parse().ok()),
    };
    report.reboot_pending = match row.text("reboot_pending") {
        "" => None,
        count => Some(count != "0"),
    };
    if let Some(name) = name_of(row) {
        report.name = Some(name);
    }
    Ok(())
}

fn version(row: &Row) -> Result<WindowsBuild, AnswerError> {
    let stated = row.text("version");
    let mut build: WindowsBuild = stated
        .parse()
        .map_err(|_| AnswerError::Version(form::clipped(stated, MAX_NAME)))?;
    if build.major >= 10 {
        // The registry's value is the newest; osquery 5.12 and later have a column of their own.
        let revision = row.filled(&["ubr", "revision"]);
        build.ubr = revision.and_then(|ubr| ubr.parse().ok()).or(build.ubr);
    } else {
        // Before Windows 10 a security only update raises the revision without bringing what came before it, so that
        // the revision proves nothing.
        build.ubr = None;
    }
    Ok(build)
}

/// The architecture: the environment's is the same word everywhere, WMI's is in the language of the machine
/// (`64-bit`, `64 bits`).
fn architecture(row: &Row) -> Option<Architecture> {
    let environment = architecture_of(row.text("processor_architecture"));
    let wmi = row.text("arch");
    environment.or_else(|| architecture_of(wmi)).or_else(|| {
        let bits = wmi.split(|c: char| !c.is_ascii_digit()).next();
        match bits {
            Some("64") => Some(Architecture::X64),
            Some("32") => Some(Architecture::X86),
            _ => None,
        }
    })
}

/// The updates of rows of `patches`.
pub(crate) fn updates(rows: &[Row], tally: &mut OsqueryTally) -> Vec<InstalledUpdate> {
    let texts = rows.iter().map(|row| hotfix::Row {
        id: row.text("hotfix_id").to_owned(),
        computer: String::new(),
        installed_on: row.text("installed_on").to_owned(),
    });
    let (updates, without_kb) = hotfix::updates(&texts.collect::<Vec<_>>());
    tally.rows_left_out += without_kb;
    updates
}

/// The software of rows of `programs`; keys of the uninstall list without a name are of no program.
pub(crate) fn software(rows: &[Row], tally: &mut OsqueryTally) -> Vec<InstalledSoftware> {
    let fits = |text: &str| text.chars().count() <= MAX_TEXT;
    let mut software = Vec::with_capacity(rows.len());
    for row in rows {
        let (vendor, name, version) =
            (row.text("publisher"), row.text("name"), row.text("version"));
        if name.is_empty() || ![vendor, name, version].into_iter().all(fits) {
            tally.rows_left_out += 1;
            continue;
        }
        software.push(InstalledSoftware {
            vendor: vendor.into(),
            name: name.into(),
            version: version.into(),
        });
    }
    software
}
