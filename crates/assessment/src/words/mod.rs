//! Evidence in words: an explanation as a chain a person can follow, each fact with where it is stated.

mod application;

use kbgap_catalog::{Catalog, DocumentIx, Kb, WindowsProduct};
use serde::Serialize;

pub use application::application_absence;

use crate::assess::Assessor;
use crate::evidence::{
    Absence, BuildFact, Explanation, FactSource, OrderedBy, Presence, Step, Verdict,
};
use crate::findings::UnknownReason;
use crate::state::MachineState;

/// What is found of one update on a machine, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The KB of the update, bare: `4540673`.
    pub kb: String,
    /// The number it is listed under once installed, where that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed_as: Option<String>,
    /// What is found.
    pub verdict: VerdictName,
    /// The machine's Windows.
    pub windows: String,
    /// The machine's build, where it is reported.
    pub build: Option<String>,
    /// The servicing line the update is on for this Windows.
    pub line: String,
    /// The products in scope it fixes, each with how it is known to be on the machine.
    pub products: Vec<ProductEvidence>,
    /// The documents that state it as a fix for them.
    pub documents: Vec<Citation>,
    /// The chain, in order.
    pub because: Vec<Fact>,
}

/// What is found of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum VerdictName {
    /// It is present.
    Present,
    /// It waits for a restart.
    Pending,
    /// It is missing.
    Missing,
    /// It is missing, but a newer one that is named brings it.
    Replaced,
    /// It is not installed, and another update closes the same vulnerabilities.
    NotNeeded,
    /// It cannot be told.
    Unknown,
}

/// A product an update fixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductEvidence {
    /// Its name in Microsoft's documents.
    pub name: String,
    /// How it is known to be on the machine.
    pub shown_by: String,
}

/// One fact of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// The fact, in words.
    pub text: String,
    /// Where it is stated; empty for what the machine itself reports, or what follows from other facts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Citation>,
}

/// Where a fact is stated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase", tag = "source")]
pub enum Citation {
    /// A document of the MSRC.
    Document {
        /// Its id: `2020-Mar`.
        id: String,
        /// The number of the revision the fact is from.
        revision: String,
        /// The day of that revision.
        revised: String,
    },
    /// The release history of Windows.
    ReleaseHistory,
}

impl std::fmt::Display for Citation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Document {
                id,
                revision,
                revised,
            } => write!(f, "document {id}, revision {revision} of {revised}"),
            Self::ReleaseHistory => f.write_str("release history"),
        }
    }
}

impl std::fmt::Display for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)?;
        for (at, source) in self.sources.iter().enumerate() {
            write!(f, "{}{source}", if at == 0 { " (" } else { "; " })?;
        }
        if self.sources.is_empty() {
            Ok(())
        } else {
            f.write_str(")")
        }
    }
}

impl VerdictName {
    /// The verdict as the end of a sentence: `KB… is …`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Pending => "pending: it waits for a restart",
            Self::Missing => "missing",
            Self::Replaced => "missing, but a newer one brings it",
            Self::NotNeeded => "not installed, and not needed",
            Self::Unknown => "neither known to be present nor to be missing",
        }
    }
}

impl UnknownReason {
    /// What is lacking to tell, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoUpdateList => {
                "the machine reports no list of updates, and its build does not tell"
            }
            Self::NoEvidence => {
                "the machine reports neither a list of updates nor the revision of its build"
            }
            Self::OtherImage => {
                "it is for another image than the running Windows (the recovery image, say), and no report tells of that"
            }
            Self::OtherRelease => {
                "it states no build of this Windows, whose release history does not have it: another release's update, most likely"
            }
            Self::NumbersUnknown => {
                "it installs under numbers that no document states, and the machine lists one that may be it"
            }
            Self::AlternativeNotStated => {
                "the machine is serviced by hotpatches or security only updates, and no document says whether the month's fixes this too"
            }
        }
    }
}

impl Assessor {
    /// Why an update is present or missing on a machine in this state, in words; `None` where the
    /// update fixes no product in scope there.
    pub fn evidence(&self, state: &MachineState, kb: Kb) -> Option<Evidence> {
        let Some(explanation) = self.explain(state, kb) else {
            return application::evidence(self, state, kb);
        };
        let catalog = &**self.catalog();
        let scope = self.scope(state);
        let products = explanation.products.iter().map(|&product| {
            let reason = scope.iter().find(|in_scope| in_scope.product == product);
            ProductEvidence {
                name: catalog.product(product).name.trim().to_owned(),
                shown_by: reason
                    .map(|found| found.reason.to_string())
                    .unwrap_or_default(),
            }
        });
        let listed_as = explanation.listed_as;
        let listed_as = (listed_as != explanation.kb).then(|| listed_as.number().to_string());
        Some(Evidence {
            kb: explanation.kb.number().to_string(),
            listed_as,
            verdict: name(&explanation.verdict),
            windows: state.windows.to_string(),
            build: state.build.map(|build| build.to_string()),
            line: explanation.line.to_string(),
            products: products.collect(),
            documents: explanation
                .documents
                .iter()
                .map(|&document| cite(catalog, FactSource::Document(document)))
                .collect(),
            because: facts(catalog, &explanation),
        })
    }
}

/// Why there is nothing to say about an update on a Windows.
pub fn of_no_concern(catalog: &Catalog, kb: Kb, windows: &WindowsProduct) -> String {
    if catalog.find_update(kb).is_some() {
        format!("{kb} fixes nothing on {windows} or on the components it is known to have")
    } else {
        format!("{kb} is not in the catalogue")
    }
}

/// Why an update counts as missing.
pub fn absence(catalog: &Catalog, absence: &Absence) -> Fact {
    match absence {
        Absence::BuildBelow(fact) => {
            let BuildFact { machine, fixed, .. } = fact;
            let text = format!("build {machine} is below {fixed}, from which it is fixed");
            stated(catalog, text, [fact.source])
        }
        Absence::NotListed { listed, source } => {
            let text =
                format!("not among the {listed} updates the machine reports, nor covered by them");
            stated(catalog, text, [*source])
        }
    }
}

fn name(verdict: &Verdict) -> VerdictName {
    match verdict {
        Verdict::Present(_) => VerdictName::Present,
        Verdict::Pending(_) => VerdictName::Pending,
        Verdict::Missing(_) => VerdictName::Missing,
        Verdict::Replaced { .. } => VerdictName::Replaced,
        Verdict::NotNeeded { .. } => VerdictName::NotNeeded,
        Verdict::Unknown(_) => VerdictName::Unknown,
    }
}

fn facts(catalog: &Catalog, explanation: &Explanation) -> Vec<Fact> {
    match &explanation.verdict {
        Verdict::Present(presence) => of_presence(catalog, presence),
        Verdict::Pending(kb) => vec![plain(format!(
            "{kb} is installed and takes effect after a restart"
        ))],
        Verdict::Missing(reason) => vec![absence(catalog, reason)],
        Verdict::Replaced {
            by,
            absence: reason,
        } => vec![
            absence(catalog, reason),
            plain(format!("{by} is missing too, and replaces it")),
        ],
        Verdict::NotNeeded { line } => vec![plain(format!(
            "what it closes is closed by another update; it is one of the {line}"
        ))],
        Verdict::Unknown(reason) => vec![plain(reason.words().to_owned())],
    }
}

fn of_presence(catalog: &Catalog, presence: &Presence) -> Vec<Fact> {
    match presence {
        Presence::Installed => vec![plain("the machine reports it as installed".to_owned())],
        Presence::Build(fact) => vec![reached(catalog, fact)],
        Presence::Covered {
            by,
            by_build,
            steps,
        } => {
            let mut facts = vec![match by_build {
                None => plain(format!("{by} is installed")),
                Some(fact) => Fact {
                    text: format!(
                        "{by} is present: build {} is not below {}",
                        fact.machine, fact.fixed
                    ),
                    ..reached(catalog, fact)
                },
            }];
            let mut newer = *by;
            for step in steps {
                facts.push(of_step(catalog, newer, step));
                newer = step.older();
            }
            facts
        }
    }
}

fn reached(catalog: &Catalog, fact: &BuildFact) -> Fact {
    let BuildFact { machine, fixed, .. } = fact;
    let text = format!("build {machine} is not below {fixed}, from which it is fixed");
    stated(catalog, text, [fact.source])
}

fn of_step(catalog: &Catalog, newer: Kb, step: &Step) -> Fact {
    match step {
        Step::Supersedes { older, document } => stated(
            catalog,
            format!("{newer} replaces {older}"),
            [FactSource::Document(*document)],
        ),
        Step::Baseline { older } => plain(format!(
            "the hotpatch {newer} is applied to {older}, its baseline"
        )),
        Step::EarlierOnLine { older, line, by } => {
            let begin = format!("{newer} is later than {older} among the {line}");
            match by {
                OrderedBy::Revisions {
                    newer: after,
                    older: before,
                } => stated(
                    catalog,
                    format!("{begin}: revision {} after {}", after.0, before.0),
                    [after.1, before.1],
                ),
                OrderedBy::Days {
                    newer: after,
                    older: before,
                } => plain(format!("{begin}: published {after}, after {before}")),
                OrderedBy::ReleaseHistory => stated(catalog, begin, [FactSource::ReleaseHistory]),
            }
        }
    }
}

fn plain(text: String) -> Fact {
    Fact {
        text,
        sources: Vec::new(),
    }
}

fn stated(catalog: &Catalog, text: String, sources: impl IntoIterator<Item = FactSource>) -> Fact {
    let mut sources: Vec<Citation> = sources
        .into_iter()
        .map(|source| cite(catalog, source))
        .collect();
    sources.dedup();
    Fact { text, sources }
}

fn cite(catalog: &Catalog, source: FactSource) -> Citation {
    match source {
        FactSource::Document(document) => cite_document(catalog, document),
        FactSource::ReleaseHistory => Citation::ReleaseHistory,
    }
}

fn cite_document(catalog: &Catalog, document: DocumentIx) -> Citation {
    let document = catalog.document(document);
    Citation::Document {
        id: document.id.to_string(),
        revision: document.revision.to_string(),
        revised: document.revised.to_string(),
    }
}
