//! A machine of Defender as a machine report.

use jiff::Timestamp;
use kbgap_catalog::{Architecture, Release, WindowsBuild};

use super::export::DefenderMachine;
use super::row::{Row, filled};
use crate::identify::architecture_of;
use crate::report::{MachineReport, OsReport};

/// What is wrong with a field that is left out.
pub(super) struct Wrong {
    pub(super) field: &'static str,
    pub(super) reason: String,
}

/// What Defender calls the group of machines that are in none.
const NO_GROUP: [&str; 3] = ["UnassignedGroup", "Unassigned", "None"];
/// How long a machine's name may be.
const MAX_NAME: usize = 255;

/// The machine of a record, and what of the record was left out.
pub(super) fn machine(id: &str, row: &Row<'_>) -> (DefenderMachine, Vec<Wrong>) {
    let mut wrong = Vec::new();
    let mut time = |field, text: Option<&str>| {
        let text = text?;
        let time = text.parse::<Timestamp>();
        time.map_err(|_| {
            let reason = format!("'{text}' is not a time, such as 2024-05-01T08:00:00Z");
            wrong.push(Wrong { field, reason });
        })
        .ok()
    };
    let first_seen = time("firstSeen", filled(row.first_seen.as_ref()));
    let last_seen = time("lastSeen", filled(row.last_seen.as_ref()));
    let mut tags = row.machine_tags.clone().unwrap_or_default();
    tags.sort_unstable();
    tags.dedup();
    let mut name = filled(row.computer_dns_name.as_ref());
    if name.is_some_and(|name| name.chars().count() > MAX_NAME) {
        let reason = format!("the name is longer than {MAX_NAME} characters");
        wrong.push(Wrong {
            field: "computerDnsName",
            reason,
        });
        name = None;
    }
    let machine = DefenderMachine {
        report: MachineReport {
            id: Some(id.into()),
            name: name.map(Box::from),
            reported_at: last_seen,
            os: os(row, &mut wrong),
            ..MachineReport::new()
        },
        group: group(row),
        tags,
        first_seen,
        last_seen,
    };
    (machine, wrong)
}

/// A machine that only a record of its software names.
pub(super) fn of_software(id: &str, row: &Row<'_>) -> DefenderMachine {
    DefenderMachine {
        report: MachineReport {
            id: Some(id.into()),
            name: filled(row.device_name.as_ref())
                .filter(|name| name.chars().count() <= MAX_NAME)
                .map(Box::from),
            os: OsReport {
                name: filled(row.os_platform.as_ref()).map(platform_name),
                ..OsReport::default()
            },
            ..MachineReport::new()
        },
        group: group(row),
        tags: Vec::new(),
        first_seen: None,
        last_seen: None,
    }
}

fn group(row: &Row<'_>) -> Option<Box<str>> {
    filled(row.rbac_group_name.as_ref())
        .filter(|name| !NO_GROUP.contains(name))
        .map(Box::from)
}

fn os(row: &Row<'_>, wrong: &mut Vec<Wrong>) -> OsReport {
    let platform = filled(row.os_platform.as_ref());
    let windows = platform.is_none_or(|platform| platform.starts_with("Windows"));
    // `version` and builds of other systems are not of the kind that reports have.
    let version = filled(row.version.as_ref()).filter(|_| windows);
    OsReport {
        name: platform.map(platform_name),
        version: build(row, wrong).filter(|_| windows),
        display_version: version.map(Release::new),
        architecture: architecture(row, wrong),
        installation_type: None,
        service_pack: None,
    }
}

/// The build, with its revision where the record has it.
fn build(row: &Row<'_>, wrong: &mut Vec<Wrong>) -> Option<WindowsBuild> {
    let whole = filled(row.os_version.as_ref()).and_then(|text| text.parse::<WindowsBuild>().ok());
    let number = row.os_build.unwrap_or_default();
    let alone = u32::try_from(number).ok().and_then(of_number);
    match (whole, alone) {
        (Some(whole), Some(alone)) if !whole.same_line(&alone) => {
            let reason =
                format!("the build {number} contradicts osVersion {whole}, which is left out");
            wrong.push(Wrong {
                field: "osBuild",
                reason,
            });
            Some(alone)
        }
        (Some(whole), _) => Some(whole),
        (None, alone) => alone,
    }
}

/// A build by its number alone: the versions of Windows it is of are all different.
fn of_number(number: u32) -> Option<WindowsBuild> {
    let (major, minor) = match number {
        2600 => (5, 1),
        3790 => (5, 2),
        6000..=6003 => (6, 0),
        7600..=7601 => (6, 1),
        9200 => (6, 2),
        9600 => (6, 3),
        10240.. => (10, 0),
        _ => return None,
    };
    Some(WindowsBuild {
        major,
        minor,
        build: number,
        ubr: None,
    })
}

/// `osProcessor` tells x64 from ARM64; `osArchitecture` says how many bits.
fn architecture(row: &Row<'_>, wrong: &mut Vec<Wrong>) -> Option<Architecture> {
    let processor = filled(row.os_processor.as_ref()).and_then(architecture_of);
    let bits = filled(row.os_architecture.as_ref());
    let of_bits = bits.and_then(architecture_of);
    if let (None, None, Some(bits)) = (processor, of_bits, bits) {
        wrong.push(Wrong {
            field: "osArchitecture",
            reason: format!("'{bits}' is not an architecture"),
        });
    }
    match (processor, of_bits) {
        // A 32-bit Windows on a processor that could do more.
        (Some(Architecture::X64), Some(Architecture::X86)) => of_bits,
        (Some(processor), _) => Some(processor),
        (None, of_bits) => of_bits,
    }
}

/// Defender's name of an operating system in words: `WindowsServer2012R2` is Windows Server 2012 R2.
fn platform_name(platform: &str) -> Box<str> {
    let mut name = String::with_capacity(platform.len() + 4);
    let mut before = ' ';
    for c in platform.chars() {
        let word = c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit());
        let number = c.is_ascii_digit() && before.is_lowercase();
        if word || number {
            name.push(' ');
        }
        name.push(c);
        before = c;
    }
    if platform.starts_with("Windows") {
        name.into()
    } else {
        // macOS, iOS and names of distributions stay as they are.
        platform.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_named_in_words() {
        for (platform, name) in [
            ("Windows10", "Windows 10"),
            ("Windows8.1", "Windows 8.1"),
            ("WindowsServer2012R2", "Windows Server 2012 R2"),
            ("WindowsServer2025", "Windows Server 2025"),
            ("Windows10WVD", "Windows 10 WVD"),
            ("macOS", "macOS"),
            ("RedHatEnterpriseLinux", "RedHatEnterpriseLinux"),
        ] {
            assert_eq!(&*platform_name(platform), name);
        }
    }
}
