//! Several inputs about one machine.

use std::collections::BTreeMap;

use crate::report::{InstalledSoftware, InstalledUpdate, MachineReport, OsReport};

/// Two inputs about one machine contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is '{one}' in one input and '{other}' in another: they are of different machines")]
pub struct Conflict {
    /// The field.
    pub field: &'static str,
    /// One value.
    pub one: String,
    /// The other.
    pub other: String,
}

/// Merges what several inputs say of one machine; the result does not depend on their order.
///
/// Lists unite; the more exact version counts; a whole list of updates makes up for a cut one, and a whole report for
/// partial ones.
///
/// # Errors
/// Where two inputs state different machines.
pub fn merge(reports: &[MachineReport]) -> Result<MachineReport, Conflict> {
    let mut merged = MachineReport::new();
    // In a fixed order, so that which of two equally good values stays does not depend on the caller's.
    let mut in_order: Vec<&MachineReport> = reports.iter().collect();
    in_order.sort_by_cached_key(|report| serde_json::to_string(report).unwrap_or_default());
    let lists = reports.iter().filter(|report| report.updates.is_some());
    let (whole, cut): (Vec<_>, Vec<_>) = lists.partition(|report| report.updates_complete);
    merged.updates_complete = !whole.is_empty() || cut.is_empty();
    merged.partial = !reports.is_empty() && reports.iter().all(|report| report.partial);
    for report in in_order {
        merged.id = agree("id", merged.id, report.id.clone())?;
        merged.name = names(merged.name, report.name.clone())?;
        merged.reported_at = merged.reported_at.max(report.reported_at);
        merged.reboot_pending = merged.reboot_pending.max(report.reboot_pending);
        merged.os = os(merged.os, &report.os)?;
        merged.updates = updates(merged.updates, report.updates.as_deref());
        merged.software = software(merged.software, report.software.as_deref());
    }
    Ok(merged)
}

fn agree<T: PartialEq + ToString>(
    field: &'static str,
    one: Option<T>,
    other: Option<T>,
) -> Result<Option<T>, Conflict> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(Conflict {
            field,
            one: one.to_string(),
            other: other.to_string(),
        }),
        (one, other) => Ok(one.or(other)),
    }
}

/// Host names agree where one is the other's first label; the longer tells more.
fn names(one: Option<Box<str>>, other: Option<Box<str>>) -> Result<Option<Box<str>>, Conflict> {
    let (Some(one), Some(other)) = (&one, &other) else {
        return Ok(one.or(other));
    };
    let (short, long) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    let begins = long
        .get(..short.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(short));
    let ends = long[..]
        .get(short.len()..)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if begins && ends {
        return Ok(Some(long.clone()));
    }
    Err(Conflict {
        field: "name",
        one: one.to_string(),
        other: other.to_string(),
    })
}

fn os(one: OsReport, other: &OsReport) -> Result<OsReport, Conflict> {
    let version = match (one.version, other.version) {
        (Some(a), Some(b)) if !a.same_line(&b) => {
            return Err(Conflict {
                field: "os.version",
                one: a.to_string(),
                other: b.to_string(),
            });
        }
        // The larger revision is the later look at the machine.
        (a, b) => a.max(b),
    };
    let label = |release: kbgap_catalog::Release| release.to_string();
    Ok(OsReport {
        version,
        name: os_names(one.name, other.name.clone())?,
        display_version: agree(
            "os.displayVersion",
            one.display_version.map(label),
            other.display_version.clone().map(label),
        )?
        .map(|label| kbgap_catalog::Release::new(&label)),
        architecture: agree("os.architecture", one.architecture, other.architecture)?,
        installation_type: one.installation_type.or(other.installation_type),
        service_pack: one.service_pack.max(other.service_pack),
    })
}

/// Names of the operating system agree but for the maker's name before them.
fn os_names(one: Option<Box<str>>, other: Option<Box<str>>) -> Result<Option<Box<str>>, Conflict> {
    let bare = |name: &str| {
        let name = name.trim().to_lowercase();
        name.strip_prefix("microsoft ")
            .map_or(name.clone(), str::to_owned)
    };
    match (one, other) {
        (Some(one), Some(other)) if bare(&one) != bare(&other) => Err(Conflict {
            field: "os.name",
            one: one.into(),
            other: other.into(),
        }),
        (one, other) => Ok(one.max(other)),
    }
}

impl MachineReport {
    /// The updates in the order of their numbers, each once; `None` where none are known.
    pub fn updates_in_order(&self) -> Option<Vec<InstalledUpdate>> {
        updates(None, self.updates.as_deref())
    }
}

/// Unites lists of updates, in the order of their numbers, each once.
pub(crate) fn updates(
    one: Option<Vec<InstalledUpdate>>,
    other: Option<&[InstalledUpdate]>,
) -> Option<Vec<InstalledUpdate>> {
    let Some(other) = other else { return one };
    let mut merged: BTreeMap<_, InstalledUpdate> = BTreeMap::new();
    for update in one.into_iter().flatten().chain(other.iter().cloned()) {
        let known = merged.entry(update.kb).or_insert_with(|| update.clone());
        known.installed_on = match (known.installed_on, update.installed_on) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        known.reboot_pending |= update.reboot_pending;
    }
    Some(merged.into_values().collect())
}

/// Unites lists of software, sorted, each entry once.
pub(crate) fn software(
    one: Option<Vec<InstalledSoftware>>,
    other: Option<&[InstalledSoftware]>,
) -> Option<Vec<InstalledSoftware>> {
    let Some(other) = other else { return one };
    let mut merged: Vec<InstalledSoftware> = one
        .into_iter()
        .flatten()
        .chain(other.iter().cloned())
        .collect();
    merged.sort_by(|a, b| (&a.vendor, &a.name, &a.version).cmp(&(&b.vendor, &b.name, &b.version)));
    merged.dedup();
    Some(merged)
}

/// Which inputs are about one machine: positions of `inputs`, machine by machine, in order.
///
/// Files with one stem belong together (`PC1_systeminfo.txt`, `PC1_qfe.txt`). Beyond that, an input that states no
/// operating system joins the one machine of its name. Two that each state an operating system stay apart,
/// whatever their names: computers of one name exist.
pub fn group(inputs: &[(&str, &MachineReport)]) -> Vec<Vec<usize>> {
    let states_os = |at: usize| {
        let os = &inputs[at].1.os;
        os.name.is_some() || os.version.is_some()
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut by_stem: BTreeMap<String, usize> = BTreeMap::new();
    for (at, (file, _)) in inputs.iter().enumerate() {
        match stem(file).map(|stem| by_stem.entry(stem).or_insert(groups.len())) {
            Some(group) if *group < groups.len() => groups[*group].push(at),
            _ => groups.push(vec![at]),
        }
    }
    let name_of = |group: &[usize]| group.iter().find_map(|&at| inputs[at].1.machine_id());
    let mut homes: BTreeMap<Box<str>, Vec<usize>> = BTreeMap::new();
    for (position, group) in groups.iter().enumerate() {
        if let Some(name) = name_of(group).filter(|_| group.iter().any(|&at| states_os(at))) {
            homes.entry(name).or_default().push(position);
        }
    }
    for position in 0..groups.len() {
        if groups[position].iter().any(|&at| states_os(at)) {
            continue;
        }
        let home = name_of(&groups[position]).and_then(|name| homes.get(&name));
        if let Some([home]) = home.map(Vec::as_slice) {
            let joining = std::mem::take(&mut groups[position]);
            groups[*home].extend(joining);
            groups[*home].sort_unstable();
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// What a file's name says before the kind of its content, in lower case, with its folder: files of one machine
/// share it. `None` where the name tells no kind.
pub fn stem(file: &str) -> Option<String> {
    stem_and_kind(file).map(|(stem, _)| stem)
}

/// The kind of a list of updates; beside a report of the same stem, of those the machine is offered.
pub(crate) const UPDATES: &str = "updates";

/// A file name's stem, and the kind that follows it.
pub(crate) fn stem_and_kind(file: &str) -> Option<(String, &'static str)> {
    const KINDS: [&str; 6] = [
        "systeminfo",
        "qfe",
        "hotfixes",
        "hotfix",
        "get-hotfix",
        UPDATES,
    ];
    let lower = file.to_lowercase();
    let name_at = lower.rfind(['/', '\\']).map_or(0, |at| at + 1);
    KINDS.iter().find_map(|kind| {
        let at = name_at + lower[name_at..].rfind(kind)?;
        let before = lower[..at].strip_suffix(['_', '-', '.', ' '])?;
        (before.len() > name_at).then(|| (before.to_owned(), *kind))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(name: &str, version: &str) -> MachineReport {
        MachineReport {
            name: (!name.is_empty()).then(|| name.into()),
            os: OsReport {
                version: version.parse().ok(),
                ..OsReport::default()
            },
            ..MachineReport::new()
        }
    }

    #[test]
    fn files_of_one_stem_are_one_machine() {
        let (info, list, other) = (
            named("PC1", "10.0.17763"),
            named("", ""),
            named("PC1", "10.0.17134"),
        );
        let inputs = [
            ("d/pc1_systeminfo.txt", &info),
            ("d/PC1_qfe.txt", &list),
            ("d/pc2_systeminfo.txt", &other),
        ];
        assert_eq!(group(&inputs), [vec![0, 1], vec![2]]);
        let (list, info) = (named("pc1", ""), named("PC1", "10.0.17763"));
        assert_eq!(group(&[("a.txt", &list), ("b.txt", &info)]), [vec![0, 1]]);
    }

    #[test]
    fn different_machines_do_not_merge() {
        let conflict = merge(&[named("PC1", ""), named("PC2", "")]).unwrap_err();
        assert_eq!(conflict.field, "name");
        let conflict =
            merge(&[named("PC1", "10.0.17763"), named("PC1", "10.0.17134")]).unwrap_err();
        assert_eq!(conflict.field, "os.version");
    }

    fn reports() -> impl Strategy<Value = Vec<MachineReport>> {
        let kbs = prop::option::of(prop::collection::vec(4_000_000u32..4_000_010, 0..6));
        let report = (kbs, prop::option::of(1u32..5), any::<bool>(), any::<bool>());
        prop::collection::vec(report, 1..5).prop_map(|reports| {
            let report =
                |(kbs, ubr, whole, dotted): (Option<Vec<u32>>, Option<u32>, bool, bool)| {
                    MachineReport {
                        updates: kbs.map(|kbs| {
                            let kbs = kbs.into_iter().filter_map(kbgap_catalog::Kb::new);
                            kbs.map(|kb| InstalledUpdate {
                                kb,
                                installed_on: None,
                                reboot_pending: dotted,
                            })
                            .collect()
                        }),
                        updates_complete: whole,
                        os: OsReport {
                            version: Some(kbgap_catalog::WindowsBuild::windows10(17763, ubr)),
                            ..OsReport::default()
                        },
                        ..named(if dotted { "pc1.example.org" } else { "PC1" }, "")
                    }
                };
            reports.into_iter().map(report).collect()
        })
    }

    proptest! {
        #[test]
        fn order_does_not_matter(reports in reports()) {
            let mut reversed = reports.clone();
            reversed.reverse();
            prop_assert_eq!(merge(&reports), merge(&reversed));
        }
    }
}
