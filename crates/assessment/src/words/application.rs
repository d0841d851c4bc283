//! The evidence of an application's updates, in words.

use kbgap_catalog::{Catalog, Kb};

use super::{Evidence, Fact, ProductEvidence, VerdictName, cite_document, plain, stated};
use crate::application::{
    ApplicationAbsence, ApplicationInScope, ApplicationPresence, ApplicationVerdict, FixFinding,
};
use crate::assess::Assessor;
use crate::evidence::FactSource;
use crate::state::MachineState;

/// Why a fix counts as missing from an application.
pub fn application_absence(catalog: &Catalog, absence: &ApplicationAbsence) -> Fact {
    match absence {
        ApplicationAbsence::VersionBelow {
            installed,
            fixed,
            document,
        } => stated(
            catalog,
            format!("version {installed} is below {fixed}, from which it is fixed"),
            [FactSource::Document(*document)],
        ),
        ApplicationAbsence::EarlierNotReached {
            installed,
            earlier,
            document,
        } => stated(
            catalog,
            format!(
                "version {installed} is below {earlier}, which an earlier fix of the same line brings"
            ),
            [FactSource::Document(*document)],
        ),
        ApplicationAbsence::NotListed { document } => stated(
            catalog,
            "the lists show updates of the application, but neither this nor one that brings it"
                .to_owned(),
            [FactSource::Document(*document)],
        ),
    }
}

/// What is found of an update for the applications of a machine; of several lines the one that says most.
pub(super) fn evidence(assessor: &Assessor, state: &MachineState, kb: Kb) -> Option<Evidence> {
    let found = assessor.explain_applications(state, kb);
    let finding = found.iter().min_by_key(|finding| match finding.verdict {
        ApplicationVerdict::Missing(_) => 0,
        ApplicationVerdict::Unknown(_) => 1,
        ApplicationVerdict::Present(_) => 2,
    })?;
    let catalog = &**assessor.catalog();
    let findings = assessor.assess(state).applications;
    let line = findings.scope.get(finding.line)?;
    let named = findings
        .missing
        .iter()
        .any(|missing| missing.line == finding.line && missing.fix == finding.fix);
    let update = catalog.find_update(kb)?;
    Some(Evidence {
        kb: catalog.update(update).kb.number().to_string(),
        listed_as: None,
        verdict: verdict(finding, named),
        windows: state.windows.to_string(),
        build: state.build.map(|build| build.to_string()),
        line: format!("updates of {}", line.application),
        products: products(catalog, line),
        documents: vec![cite_document(catalog, catalog.update(update).home)],
        because: because(catalog, finding, named),
    })
}

fn verdict(finding: &FixFinding, named: bool) -> VerdictName {
    match finding.verdict {
        ApplicationVerdict::Present(_) => VerdictName::Present,
        ApplicationVerdict::Unknown(_) => VerdictName::Unknown,
        ApplicationVerdict::Missing(_) if named => VerdictName::Missing,
        ApplicationVerdict::Missing(_) => VerdictName::NotNeeded,
    }
}

fn products(catalog: &Catalog, line: &ApplicationInScope) -> Vec<ProductEvidence> {
    let shown_by = match line.version {
        Some(version) => format!("software list, version {version}"),
        None => "software list".to_owned(),
    };
    let products = line.products.iter().map(|&product| ProductEvidence {
        name: catalog.product(product).name.trim().to_owned(),
        shown_by: shown_by.clone(),
    });
    products.collect()
}

fn because(catalog: &Catalog, finding: &FixFinding, named: bool) -> Vec<Fact> {
    match &finding.verdict {
        ApplicationVerdict::Missing(absence) => {
            let mut facts = vec![application_absence(catalog, absence)];
            if !named {
                facts.push(plain(
                    "what it closes is closed by a newer one that is missing too, or by another that is present"
                        .to_owned(),
                ));
            }
            facts
        }
        ApplicationVerdict::Unknown(cause) => vec![plain(cause.to_string())],
        ApplicationVerdict::Present(presence) => vec![match presence {
            ApplicationPresence::Listed => plain("the machine lists it as installed".to_owned()),
            ApplicationPresence::Version {
                installed,
                fixed,
                document,
            } => stated(
                catalog,
                format!("version {installed} is not below {fixed}, from which it is fixed"),
                [FactSource::Document(*document)],
            ),
            ApplicationPresence::LaterReached { installed, later } => plain(format!(
                "version {installed} is not below {later}, which a later fix of the same line brings"
            )),
            ApplicationPresence::BroughtBy(kb) => plain(format!("the listed {kb} brings it")),
        }],
    }
}
