//! Assesses machine states against a catalog.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use kbgap_catalog::{Catalog, Kb, ProductIx, UpdateIx, WindowsProduct};
use rustc_hash::FxHashMap;

use crate::application::{
    ApplicationFindings, ApplicationFix, ApplicationGroup, Applications, FixFinding,
    InstalledApplications,
};
use crate::evidence::{Absence, Explanation, Verdict};
use crate::findings::{
    ExposureRef, Findings, Missing, Pending, ProductFindings, Status, Unknown, UnknownReason,
};
use crate::host::{Host, HostExposure, MemberIx};
use crate::line::Line;
use crate::scope::InScope;
use crate::situation::Situation;
use crate::slip::Slip;
use crate::state::{InstalledUpdates, MachineState};

/// Assesses machines against one catalog.
///
/// The servicing lines of a Windows product are worked out when a machine first needs them, and kept.
pub struct Assessor {
    catalog: Arc<Catalog>,
    hosts: FxHashMap<WindowsProduct, OnceLock<Host>>,
    applications: OnceLock<Applications>,
}

impl Assessor {
    /// An assessor for a catalog.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        let windows = catalog
            .products()
            .iter()
            .filter_map(|product| product.identity.windows());
        let hosts = windows
            .map(|windows| (windows.clone(), OnceLock::new()))
            .collect();
        Self {
            catalog,
            hosts,
            applications: OnceLock::new(),
        }
    }

    /// The catalog assessed against.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// What a machine in this state lacks.
    pub fn assess(&self, state: &MachineState) -> Findings {
        let mut findings = self.assess_windows(state);
        findings.applications =
            self.assess_applications(&state.applications, state.installed.as_ref());
        findings
    }

    /// What Windows and its components lack on a machine in this state; its applications are not looked at.
    pub fn assess_windows(&self, state: &MachineState) -> Findings {
        self.situation(state)
            .map_or_else(Findings::no_data, |situation| findings(&situation))
    }

    /// What applications lack on a machine that lists these updates as installed.
    ///
    /// Of the updates only those matter that are of consequence for the applications' groups:
    /// [`Assessor::application_groups`].
    pub fn assess_applications(
        &self,
        installed: &InstalledApplications,
        updates: Option<&InstalledUpdates>,
    ) -> ApplicationFindings {
        if installed.is_empty() {
            return ApplicationFindings::default();
        }
        self.applications().assess(installed, updates)
    }

    /// The groups of applications that an update is of consequence for; few are for any.
    pub fn application_groups(&self, kb: Kb) -> Vec<ApplicationGroup> {
        self.applications().groups(kb)
    }

    /// The products of Windows and its components in scope of a machine in this state.
    pub(crate) fn scope(&self, state: &MachineState) -> Vec<InScope> {
        let host = self.host(&state.windows);
        host.map_or_else(Vec::new, |host| host.scope.of_machine(state))
    }

    /// What is found of an update for the applications of a machine in this state: of each servicing line that
    /// it is a fix of, by its place in [`crate::ApplicationFindings::scope`].
    pub fn explain_applications(&self, state: &MachineState, kb: Kb) -> Vec<FixFinding> {
        let update = self.catalog.find_update(kb);
        let Some(update) = update.filter(|_| !state.applications.is_empty()) else {
            return Vec::new();
        };
        let found = self
            .applications()
            .explain(&state.applications, state.installed.as_ref());
        let of_update = |finding: &FixFinding| finding.fix == ApplicationFix::Update(update);
        found.into_iter().filter(of_update).collect()
    }

    /// Why an update is present or missing on a machine's Windows in this state; `None` where the update
    /// fixes no product in scope there.
    pub fn explain(&self, state: &MachineState, kb: Kb) -> Option<Explanation> {
        explain(&self.situation(state)?, kb)
    }

    /// The Windows products of the catalog, each with what contradicts itself in the sources about it.
    pub fn slips(&self) -> impl Iterator<Item = (&WindowsProduct, &[Slip])> {
        self.hosts.keys().filter_map(|windows| {
            let host = self.host(windows)?;
            Some((windows, &*host.slips))
        })
    }

    fn applications(&self) -> &Applications {
        self.applications
            .get_or_init(|| Applications::new(&self.catalog))
    }

    fn host(&self, windows: &WindowsProduct) -> Option<&Host> {
        if self.catalog.find_windows(windows).is_empty() {
            return None;
        }
        let host = self.hosts.get(windows)?;
        Some(host.get_or_init(|| Host::new(&self.catalog, windows)))
    }

    fn situation<'a>(&'a self, state: &'a MachineState) -> Option<Situation<'a>> {
        let host = self.host(&state.windows)?;
        Some(Situation::new(&self.catalog, host, state))
    }
}

/// An exposure that no present update closes.
struct Open<'a> {
    at: ExposureRef,
    exposure: &'a HostExposure,
}

fn findings(situation: &Situation<'_>) -> Findings {
    let scope = &situation.scope;
    let mut pending: BTreeMap<Kb, Vec<ExposureRef>> = BTreeMap::new();
    let mut unknown: Vec<(MemberIx, UnknownReason)> = Vec::new();
    let mut products = vec![ProductFindings::default(); scope.len()];
    let mut wanted: Vec<Vec<MemberIx>> = vec![Vec::new(); scope.len()];
    let mut still_open = Vec::new();
    for (product, in_scope) in scope.iter().enumerate() {
        for exposure in situation.host.exposures(in_scope.product) {
            if situation.is_closed(exposure) {
                continue;
            }
            let at = ExposureRef::new(product, exposure.exposure);
            if let Some(kb) = situation.closed_after_restart(exposure) {
                pending.entry(kb).or_default().push(at);
                continue;
            }
            products[product].open.push(at);
            if let Some(member) = situation.alternative_not_stated(exposure) {
                unknown.push((member, UnknownReason::AlternativeNotStated));
                continue;
            }
            let Some(member) = situation.choose(exposure) else {
                continue;
            };
            match situation.absence(member) {
                Ok(_) => wanted[product].push(member),
                Err(reason) => unknown.push((member, reason)),
            }
            still_open.push(Open { at, exposure });
        }
    }
    let mut all: Vec<MemberIx> = Vec::new();
    for (product, wanted) in products.iter_mut().zip(&mut wanted) {
        drop_replaced(situation.host, wanted);
        product.missing = updates(situation.host, wanted);
        all.extend(wanted.iter());
    }
    let asked_for = updates(situation.host, &all);
    drop_replaced(situation.host, &mut all);
    unknown.retain(|(at, _)| {
        !all.iter()
            .any(|&newer| situation.host.covers[newer].contains(*at))
    });
    Findings {
        status: Status::Assessed,
        missing: missing(situation, &all, &asked_for, &still_open),
        pending: pending_updates(situation, &pending),
        unknown: unknown_updates(situation.host, &unknown),
        products,
        applications: ApplicationFindings::default(),
        cut_list: situation
            .state
            .installed
            .as_ref()
            .is_some_and(|list| list.cut),
        scope: situation.scope.clone(),
    }
}

/// Leaves only those that no other of them covers, in order.
fn drop_replaced(host: &Host, wanted: &mut Vec<MemberIx>) {
    wanted.sort_unstable();
    wanted.dedup();
    let all = wanted.clone();
    let replaced = |at: MemberIx| {
        all.iter().any(|&newer| {
            let back = host.covers[at].contains(newer);
            newer != at && host.covers[newer].contains(at) && !(back && newer > at)
        })
    };
    wanted.retain(|&at| !replaced(at));
}

/// The updates of members, each once, in order of KB.
fn updates(host: &Host, members: &[MemberIx]) -> Vec<UpdateIx> {
    let updates = members.iter().filter_map(|&at| host.members[at].update);
    let mut updates: Vec<UpdateIx> = updates.collect();
    updates.sort_unstable();
    updates.dedup();
    updates
}

/// One row for each update: a rollup that several packages of are missing is one.
fn missing(
    situation: &Situation<'_>,
    named: &[MemberIx],
    asked_for: &[UpdateIx],
    open: &[Open<'_>],
) -> Vec<Missing> {
    let host = situation.host;
    let rows = updates(host, named);
    rows.iter()
        .filter_map(|&update| {
            let parts: Vec<MemberIx> = named
                .iter()
                .copied()
                .filter(|&at| host.members[at].update == Some(update))
                .collect();
            let kb = situation.catalog.update(update).kb;
            let covers = |at: &MemberIx| parts.iter().any(|&part| host.covers[part].contains(*at));
            let mut products: Vec<ProductIx> = parts
                .iter()
                .flat_map(|&part| host.members[part].products.iter().copied())
                .collect();
            products.sort_unstable();
            let mut packages: Vec<Kb> = parts
                .iter()
                .map(|&part| host.members[part].kb)
                .filter(|&package| package != kb)
                .collect();
            packages.dedup();
            let brings = |older: &UpdateIx| {
                *older != update
                    && !rows.contains(older)
                    && host
                        .members
                        .iter()
                        .enumerate()
                        .any(|(at, member)| member.update == Some(*older) && covers(&at))
            };
            Some(Missing {
                update,
                packages,
                products: situation.in_scope(&products),
                closes: open
                    .iter()
                    .filter(|open| open.exposure.closed_by.iter().any(covers))
                    .map(|open| open.at)
                    .collect(),
                absence: situation.absence(*parts.first()?).ok()?,
                replaces: asked_for.iter().copied().filter(brings).collect(),
            })
        })
        .collect()
}

fn pending_updates(
    situation: &Situation<'_>,
    found: &BTreeMap<Kb, Vec<ExposureRef>>,
) -> Vec<Pending> {
    let mut pending: Vec<Pending> = situation
        .state
        .pending
        .iter()
        .map(|&kb| Pending {
            kb,
            update: situation.catalog.find_update(kb),
            closes: found.get(&kb).cloned().unwrap_or_default(),
        })
        .collect();
    pending.sort_by_key(|pending| pending.kb);
    pending
}

fn unknown_updates(host: &Host, found: &[(MemberIx, UnknownReason)]) -> Vec<Unknown> {
    let mut newest: Vec<MemberIx> = found.iter().map(|(at, _)| *at).collect();
    drop_replaced(host, &mut newest);
    let mut unknown: Vec<Unknown> = newest
        .into_iter()
        .filter_map(|at| {
            let (_, reason) = found.iter().find(|(known, _)| *known == at)?;
            Some(Unknown {
                update: host.members[at].update?,
                reason: *reason,
            })
        })
        .collect();
    unknown.sort_by_key(|unknown| unknown.update);
    unknown.dedup_by_key(|unknown| unknown.update);
    unknown
}

fn explain(situation: &Situation<'_>, kb: Kb) -> Option<Explanation> {
    let host = situation.host;
    let findings = findings(situation);
    let explained = host.find(kb).filter_map(|at| {
        let member = &host.members[at];
        let products = situation.in_scope(&member.products);
        // What only the release history knows fixes nothing, but may be what the machine has.
        if products.is_empty() && !(member.update.is_none() && situation.is_present(at)) {
            return None;
        }
        let update = member
            .update
            .map(|update| situation.catalog.update(update).kb);
        Some(Explanation {
            kb: update.unwrap_or(member.kb),
            listed_as: member.kb,
            line: member.line,
            products,
            documents: member.documents.clone(),
            verdict: verdict(situation, &findings, at),
        })
    });
    // Of several packages, one that is missing says most.
    explained.max_by_key(|explanation| match explanation.verdict {
        Verdict::Missing(_) => 5,
        Verdict::Unknown(_) => 4,
        Verdict::Pending(_) => 3,
        Verdict::Replaced { .. } => 2,
        Verdict::NotNeeded { .. } => 1,
        Verdict::Present(_) => 0,
    })
}

fn verdict(situation: &Situation<'_>, findings: &Findings, at: MemberIx) -> Verdict {
    if let Some(presence) = situation.presence(at) {
        return Verdict::Present(presence);
    }
    if let Some(pending) = situation.pending_that_covers(at) {
        return Verdict::Pending(pending);
    }
    let host = situation.host;
    let member = &host.members[at];
    if let Some(found) = findings
        .unknown
        .iter()
        .find(|unknown| Some(unknown.update) == member.update)
    {
        return Verdict::Unknown(found.reason);
    }
    let absence: Absence = match situation.absence(at) {
        Ok(absence) => absence,
        Err(reason) => return Verdict::Unknown(reason),
    };
    let named = |update: Option<UpdateIx>| {
        findings
            .missing
            .iter()
            .any(|missing| Some(missing.update) == update)
    };
    if named(member.update) {
        return Verdict::Missing(absence);
    }
    let by = host
        .members
        .iter()
        .enumerate()
        .filter(|(_, other)| named(other.update))
        .find(|(newer, _)| host.covers[*newer].contains(at));
    match by.and_then(|(_, newer)| newer.update) {
        Some(newer) => Verdict::Replaced {
            by: situation.catalog.update(newer).kb,
            absence,
        },
        None => Verdict::NotNeeded {
            line: if member.update.is_some() {
                member.line
            } else {
                Line::Optional
            },
        },
    }
}
