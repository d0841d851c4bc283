//! The machines of the demonstration: a thousand of six kinds, whose counts are documented, or a generated fleet.

use jiff::Timestamp;
use kbgap_catalog::{Architecture, Kb, WindowsBuild};
use kbgap_inventory::{InstallationType, InstalledUpdate, MachineReport, OsReport};
use kbgap_synthetic::{Era, SyntheticFleet};

/// The documented machine that lacks an update.
const EXAMPLE: &str = "desk-0001.demo.example";

/// The machines of a demonstration.
pub(super) enum Machines {
    /// Those whose counts are documented.
    Documented(Vec<MachineReport>),
    /// Generated ones, of the season that the demonstration's facts are of.
    Generated(Box<SyntheticFleet>),
}

impl Machines {
    /// The documented ones, or so many generated from a seed.
    pub(super) fn new(generated: Option<u32>, seed: u64) -> anyhow::Result<Self> {
        Ok(match generated {
            None => Self::Documented(machines()),
            Some(count) => {
                Self::Generated(Box::new(SyntheticFleet::new(Era::Spring2020, seed, count)?))
            }
        })
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Documented(machines) => machines.len(),
            Self::Generated(fleet) => fleet.reports().len(),
        }
    }

    /// The reports as if the season's last day were today: machines that were silent then are silent now.
    pub(super) fn reports_of_today(&self) -> Box<dyn Iterator<Item = MachineReport> + Send + '_> {
        let Self::Generated(fleet) = self else {
            return self.reports();
        };
        let later = Timestamp::now().duration_since(fleet.today());
        Box::new(fleet.reports().map(move |report| MachineReport {
            reported_at: report.reported_at.map(|at| at + later),
            ..report
        }))
    }

    /// All reports; generated ones are made on the way.
    pub(super) fn reports(&self) -> Box<dyn Iterator<Item = MachineReport> + Send + '_> {
        match self {
            Self::Documented(machines) => Box::new(machines.iter().cloned()),
            Self::Generated(fleet) => Box::new(fleet.reports()),
        }
    }

    /// The name of a machine that lacks an update; of any where none does.
    pub(super) fn example(&self) -> Option<Box<str>> {
        match self {
            Self::Documented(_) => Some(EXAMPLE.into()),
            Self::Generated(fleet) => {
                let behind = |report: &MachineReport| {
                    let build = report.os.version;
                    build.is_some_and(|b| b.build == 18363 && b.ubr.is_some_and(|ubr| ubr < 719))
                };
                let machine = fleet.reports().take(SEARCHED).find(behind);
                machine.or_else(|| fleet.reports().next())?.name
            }
        }
    }
}

/// Among how many generated machines an example is looked for; one in ten is one.
const SEARCHED: usize = 1000;

/// Machines of one kind, at one level of updates.
struct Group {
    count: u32,
    prefix: &'static str,
    os: &'static str,
    installation: InstallationType,
    build: u32,
    revision: u32,
    installed: u32,
}

const WINDOWS_10: &str = "Microsoft Windows 10 Enterprise";
const SERVER_2019: &str = "Microsoft Windows Server 2019 Standard";

const fn group(
    count: u32,
    (prefix, os, installation): (&'static str, &'static str, InstallationType),
    (build, revision): (u32, u32),
    installed: u32,
) -> Group {
    Group {
        count,
        prefix,
        os,
        installation,
        build,
        revision,
        installed,
    }
}

const DESK: (&str, &str, InstallationType) = ("desk", WINDOWS_10, InstallationType::Client);
const KIOSK: (&str, &str, InstallationType) = ("kiosk", WINDOWS_10, InstallationType::Client);
const SERVER: (&str, &str, InstallationType) = ("server", SERVER_2019, InstallationType::Server);

/// Builds and the updates that lead to them are those of Windows' release history.
const FLEET: [Group; 6] = [
    // Windows 10 1909, as of February: they lack March's KB4540673.
    group(240, DESK, (18363, 657), 4_532_693),
    group(360, DESK, (18363, 719), 4_540_673),
    group(100, KIOSK, (17763, 1039), 4_532_691),
    group(150, KIOSK, (17763, 1098), 4_538_461),
    group(50, SERVER, (17763, 973), 4_534_273),
    group(100, SERVER, (17763, 1098), 4_538_461),
];

/// The machines' reports.
fn machines() -> Vec<MachineReport> {
    let mut number = 0;
    let mut machines = Vec::new();
    for group in &FLEET {
        for _ in 0..group.count {
            number += 1;
            machines.push(report(group, number));
        }
    }
    machines
}

fn report(group: &Group, number: u32) -> MachineReport {
    let installed = Kb::new(group.installed).map(|kb| InstalledUpdate {
        kb,
        installed_on: None,
        reboot_pending: false,
    });
    MachineReport {
        name: Some(format!("{}-{number:04}.demo.example", group.prefix).into()),
        os: OsReport {
            name: Some(group.os.into()),
            version: Some(WindowsBuild::windows10(group.build, Some(group.revision))),
            architecture: Some(Architecture::X64),
            installation_type: Some(group.installation),
            ..OsReport::default()
        },
        updates: Some(installed.into_iter().collect()),
        ..MachineReport::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_machines_among_them_the_example() {
        let machines = machines();
        assert_eq!(machines.len(), 1000);
        assert_eq!(machines[0].name.as_deref(), Some(EXAMPLE));
    }
}
