//! One machine's answer against what the agent offered it.

use std::collections::BTreeSet;

use kbgap_assessment::words::{self, Evidence};
use kbgap_assessment::{
    Absence, Assessor, Explanation, Findings, InstalledUpdates, MachineState, Missing, Presence,
    Status, Verdict,
};
use kbgap_catalog::{Catalog, Kb, ProductIx, UpdateIx, VulnerabilityIx};
use kbgap_inventory::{OfferedUpdate, Unidentified, identify};

use super::figures::{Figures, Score, count};
use super::numbers::Described;
use super::reason::{MissedReason, UncountedReason, WrongReason, is_never_offered};
use super::result::{MachineAccuracy, MissedRow, RightRow, UncountedRow, WrongRow};
use super::truth::Machine;

/// Compares the answer for a machine with what it was offered.
pub(super) fn compare(
    assessor: &Assessor,
    numbers: &Described<'_>,
    name: &str,
    machine: &Machine,
) -> MachineAccuracy {
    let report = &machine.input.report;
    let subject = identify(report).map(|identity| {
        let state = MachineState::of_report(report, &identity);
        let findings = assessor.assess(&state);
        Subject { state, findings }
    });
    let (counted, not_described) = sort(numbers, &machine.offered.updates);
    let comparison = Comparison {
        assessor,
        catalog: assessor.catalog(),
        numbers,
        subject: subject.as_ref(),
        counted: &counted,
    };
    let (right, missed) = comparison.right_and_missed();
    let wrong = comparison.wrong();
    let updates = Score::new(count(right.len()), count(wrong.len()), count(missed.len()));
    MachineAccuracy {
        machine: name.to_owned(),
        product: comparison.state().map(|state| state.windows.to_string()),
        build: report.os.version.map(|build| build.to_string()),
        not_assessed: comparison.assessed().err().map(|(_, why)| why),
        figures: Figures::new(
            count(machine.offered.updates.len()),
            updates,
            comparison.cves(),
        ),
        right,
        wrong,
        missed,
        not_described,
        skipped_lines: machine.offered.skipped,
    }
}

/// An offered update that counts.
struct Counted<'a> {
    kb: Kb,
    title: &'a str,
    /// The numbers under which the catalog describes it.
    described_as: Vec<Kb>,
}

/// Sorts the offered updates into those that count and those that do not.
fn sort<'a>(
    numbers: &Described<'_>,
    offered: &'a [OfferedUpdate],
) -> (Vec<Counted<'a>>, Vec<UncountedRow>) {
    let mut counted: Vec<Counted> = Vec::new();
    let mut uncounted = Vec::new();
    for update in offered {
        let described_as = update
            .kb
            .map(|kb| numbers.in_catalog(kb))
            .unwrap_or_default();
        match UncountedReason::unless_counted(update.kb, !described_as.is_empty()) {
            Ok(kb) => counted.push(Counted {
                kb,
                title: &update.title,
                described_as,
            }),
            Err(reason) => uncounted.push(UncountedRow {
                kb: update.kb.map(bare),
                title: update.title.to_string(),
                reason,
            }),
        }
    }
    (counted, uncounted)
}

/// A machine whose product was identified.
struct Subject {
    state: MachineState,
    findings: Findings,
}

/// What a comparison is between.
struct Comparison<'a> {
    assessor: &'a Assessor,
    catalog: &'a Catalog,
    numbers: &'a Described<'a>,
    subject: Result<&'a Subject, &'a Unidentified>,
    counted: &'a [Counted<'a>],
}

impl Comparison<'_> {
    /// The machine, if it was assessed; else why nothing was named.
    fn assessed(&self) -> Result<&Subject, (MissedReason, String)> {
        let subject = self
            .subject
            .map_err(|reason| (MissedReason::ProductNotIdentified, reason.to_string()))?;
        match subject.findings.status {
            Status::Assessed => Ok(subject),
            Status::NoData => Err((
                MissedReason::NoData,
                format!("no data for {} in the catalogue", subject.state.windows),
            )),
        }
    }

    fn state(&self) -> Option<&MachineState> {
        self.subject.ok().map(|subject| &subject.state)
    }

    fn named(&self) -> &[Missing] {
        self.subject
            .map_or(&[], |subject| &subject.findings.missing)
    }

    fn kb(&self, missing: &Missing) -> Kb {
        self.catalog.update(missing.update).kb
    }

    /// The named updates that are this offered one.
    fn answers<'b>(&'b self, offered: &'b Counted<'_>) -> impl Iterator<Item = &'b Missing> {
        let named = self.named().iter();
        named.filter(|missing| self.numbers.same_update(offered.kb, self.kb(missing)))
    }

    fn right_and_missed(&self) -> (Vec<RightRow>, Vec<MissedRow>) {
        let (mut right, mut missed) = (Vec::new(), Vec::new());
        for offered in self.counted {
            let named: Vec<String> = self.answers(offered).map(|m| bare(self.kb(m))).collect();
            if named.is_empty() {
                missed.push(self.missed(offered));
            } else {
                right.push(RightRow {
                    kb: bare(offered.kb),
                    title: offered.title.to_owned(),
                    named,
                });
            }
        }
        (right, missed)
    }

    fn missed(&self, offered: &Counted<'_>) -> MissedRow {
        let row = |reason, why| MissedRow {
            kb: bare(offered.kb),
            title: offered.title.to_owned(),
            reason,
            why,
        };
        let Subject { state, findings } = match self.assessed() {
            Ok(subject) => subject,
            Err((reason, why)) => return row(reason, why),
        };
        let reasons = offered.described_as.iter().map(|&kb| {
            let explanation = self.assessor.explain(state, kb);
            match explanation.zip(self.assessor.evidence(state, kb)) {
                Some((explanation, evidence)) => self.unnamed(findings, &explanation, &evidence),
                None => self.out_of_scope(state, kb),
            }
        });
        let reasons: Vec<(MissedReason, String)> = reasons.collect();
        let class = reasons.iter().map(|(class, _)| *class).min();
        let several = reasons.len() > 1 || offered.described_as.first() != Some(&offered.kb);
        let why: Vec<String> = offered
            .described_as
            .iter()
            .zip(reasons)
            .map(|(kb, (_, why))| if several { format!("{kb}: {why}") } else { why })
            .collect();
        row(class.unwrap_or(MissedReason::OtherProduct), why.join("; "))
    }

    /// Why an update of a product in scope was not named.
    fn unnamed(
        &self,
        findings: &Findings,
        explanation: &Explanation,
        evidence: &Evidence,
    ) -> (MissedReason, String) {
        let fixed = self.catalog.find_update(explanation.kb).map(|update| {
            self.catalog
                .fixed_by(update, explanation.products.iter().copied())
        });
        let open: Vec<VulnerabilityIx> = findings
            .products
            .iter()
            .flat_map(|product| findings.vulnerabilities(self.catalog, &product.open))
            .collect();
        let open = fixed.into_iter().flatten().any(|at| open.contains(&at));
        let class = MissedReason::of(&explanation.verdict, explanation.line, open);
        let because: Vec<String> = evidence.because.iter().map(ToString::to_string).collect();
        (class, because.join("; "))
    }

    /// Why an update that fixes no product in scope was not named.
    fn out_of_scope(&self, state: &MachineState, kb: Kb) -> (MissedReason, String) {
        let on_this_windows = self.on_windows(state).into_iter();
        let fixed = self
            .catalog
            .find_update(kb)
            .map(|update| self.catalog.fixed_by(update, on_this_windows))
            .unwrap_or_default();
        let class = if fixed.is_empty() {
            MissedReason::OtherProduct
        } else {
            MissedReason::NotInScope
        };
        (
            class,
            words::of_no_concern(self.catalog, kb, &state.windows),
        )
    }

    /// The machine's Windows and every component there is for it.
    fn on_windows(&self, state: &MachineState) -> Vec<ProductIx> {
        let windows = self.catalog.find_windows(&state.windows).iter();
        let components = self.catalog.find_components(&state.windows);
        windows.chain(components).copied().collect()
    }

    fn wrong(&self) -> Vec<WrongRow> {
        let is_offered = |kb: Kb| {
            let mut offered = self.counted.iter();
            offered.any(|offered| self.numbers.same_update(offered.kb, kb))
        };
        let wrong = self
            .named()
            .iter()
            .filter(|named| !is_offered(self.kb(named)));
        wrong
            .map(|missing| WrongRow {
                kb: bare(self.kb(missing)),
                title: self.catalog.update_name(missing.update).to_owned(),
                reason: self.wrong_reason(missing),
                why: words::absence(self.catalog, &missing.absence).to_string(),
            })
            .collect()
    }

    fn wrong_reason(&self, missing: &Missing) -> WrongReason {
        let by_evidence = WrongReason::of_evidence(&missing.absence);
        let Ok(Subject { state, findings }) = self.subject else {
            return by_evidence;
        };
        let kb = self.kb(missing);
        let line = self.assessor.explain(state, kb).map(|found| found.line);
        let is_component =
            |&at: &ProductIx| !self.catalog.find_windows(&state.windows).contains(&at);
        let is_cve = |&at: &VulnerabilityIx| self.catalog.vulnerability(at).id.is_cve();
        if self.is_covered_by_offered(state, kb) {
            WrongReason::ReplacedByOffered
        } else if self.brings_offered(state, kb) {
            WrongReason::BringsOffered
        } else if line.is_some_and(is_never_offered) {
            WrongReason::NeverOffered
        } else if !findings
            .vulnerabilities(self.catalog, &missing.closes)
            .iter()
            .any(is_cve)
        {
            WrongReason::AdvisoriesOnly
        } else if findings.cut_list && matches!(missing.absence, Absence::NotListed { .. }) {
            WrongReason::CutList
        } else if missing.products.iter().all(is_component) {
            WrongReason::ComponentsOnly
        } else {
            by_evidence
        }
    }

    /// Whether the machine would have an update, had it installed what it was offered.
    fn is_covered_by_offered(&self, state: &MachineState, kb: Kb) -> bool {
        let offered = self
            .counted
            .iter()
            .flat_map(|offered| &offered.described_as);
        let installed = state.installed.iter().flat_map(InstalledUpdates::kbs);
        let with_offered = MachineState {
            installed: Some(InstalledUpdates::new(
                installed.chain(offered).copied(),
                false,
            )),
            ..state.clone()
        };
        let explanation = self.assessor.explain(&with_offered, kb);
        explanation.is_some_and(|found| {
            matches!(found.verdict, Verdict::Present(Presence::Covered { .. }))
        })
    }

    /// Whether an update was named in the place of an offered one.
    fn brings_offered(&self, state: &MachineState, kb: Kb) -> bool {
        let mut offered = self
            .counted
            .iter()
            .flat_map(|offered| &offered.described_as);
        offered.any(|&offered| {
            let explanation = self.assessor.explain(state, offered);
            explanation.is_some_and(
                |found| matches!(found.verdict, Verdict::Replaced { by, .. } if by == kb),
            )
        })
    }

    fn cves(&self) -> Score {
        let named = self
            .named()
            .iter()
            .flat_map(|missing| self.closed_by(missing));
        let named = self.only_cves(named);
        let truth = self
            .counted
            .iter()
            .flat_map(|offered| self.open_by(offered));
        let truth = self.only_cves(truth);
        Score::new(
            count(named.intersection(&truth).count()),
            count(named.difference(&truth).count()),
            count(truth.difference(&named).count()),
        )
    }

    /// What a named update closes on the machine.
    fn closed_by(&self, missing: &Missing) -> Vec<VulnerabilityIx> {
        self.subject.map_or_else(
            |_| Vec::new(),
            |subject| {
                subject
                    .findings
                    .vulnerabilities(self.catalog, &missing.closes)
            },
        )
    }

    fn only_cves(&self, all: impl Iterator<Item = VulnerabilityIx>) -> BTreeSet<VulnerabilityIx> {
        all.filter(|&at| self.catalog.vulnerability(at).id.is_cve())
            .collect()
    }

    /// What is open by an offered update. Where it was named, what the answer says: older updates that come with it
    /// are missing too, and the agent does not tell them. Else what the documents say that it fixes itself.
    fn open_by(&self, offered: &Counted<'_>) -> Vec<VulnerabilityIx> {
        let answers: Vec<&Missing> = self.answers(offered).collect();
        if !answers.is_empty() {
            return answers
                .iter()
                .flat_map(|missing| self.closed_by(missing))
                .collect();
        }
        let updates: Vec<UpdateIx> = offered
            .described_as
            .iter()
            .filter_map(|&kb| self.catalog.find_update(kb))
            .collect();
        let in_scope: Vec<ProductIx> = self
            .subject
            .map(|subject| subject.findings.products_in_scope().collect())
            .unwrap_or_default();
        let on_windows = self
            .state()
            .map(|state| self.on_windows(state))
            .unwrap_or_default();
        let all: Vec<ProductIx> = self.catalog.all_products().collect();
        // The narrowest that the update fixes at all: the machine's products, else its Windows, else any.
        [in_scope, on_windows, all]
            .iter()
            .map(|products| self.left_open(&updates, products))
            .find(|(fixes, _)| *fixes)
            .map(|(_, open)| open)
            .unwrap_or_default()
    }

    /// Whether any of the updates fixes any of the products; and what of that no update closes which the machine
    /// reports as installed.
    fn left_open(
        &self,
        updates: &[UpdateIx],
        products: &[ProductIx],
    ) -> (bool, Vec<VulnerabilityIx>) {
        let listed = self.state().and_then(|state| state.installed.as_ref());
        let mut fixes = false;
        let mut open = Vec::new();
        for &product in products {
            for exposure in &self.catalog.product(product).exposures {
                let by: Vec<UpdateIx> = exposure
                    .fixes
                    .iter()
                    .filter_map(|&fix| self.catalog.fix(fix).update())
                    .collect();
                if !by.iter().any(|update| updates.contains(update)) {
                    continue;
                }
                fixes = true;
                let installed = |&update: &UpdateIx| {
                    listed.is_some_and(|list| list.contains(self.catalog.update(update).kb))
                };
                if !by.iter().any(installed) {
                    open.extend(exposure.vulnerabilities.iter().map(|(at, _)| *at));
                }
            }
        }
        (fixes, open)
    }
}

/// A number as the API prints it.
fn bare(kb: Kb) -> String {
    kb.number().to_string()
}
