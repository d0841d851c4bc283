//! Evidence in words: why an update is missing, present or neither.

use std::io::{self, Write};

use kbgap_assessment::{Absence, Assessor, MachineState, Presence, Step, Verdict};
use kbgap_catalog::{Catalog, DocumentIx, Kb};
use kbgap_inventory::identify;

use super::answer::lacking;
use super::input::MachineInput;

/// Why an update counts as missing, in one sentence.
pub(crate) fn absence(catalog: &Catalog, absence: &Absence) -> String {
    match absence {
        Absence::BuildBelow {
            machine,
            fixed,
            document,
        } => format!(
            "build {machine} is below {fixed}, from which it is fixed ({})",
            cite(catalog, *document)
        ),
        Absence::NotListed { listed, document } => format!(
            "not among the {listed} updates the machine reports, nor covered by them ({})",
            cite(catalog, *document)
        ),
    }
}

/// Explains one update on one machine.
pub(crate) fn write(
    out: &mut impl Write,
    assessor: &Assessor,
    machine: &MachineInput,
    kb: Kb,
) -> io::Result<()> {
    let report = &machine.report;
    let name = report.name.as_deref().unwrap_or("(no name)");
    let identity = match identify(report) {
        Ok(identity) => identity,
        Err(reason) => return writeln!(out, "{name}: cannot tell about {kb}: {reason}"),
    };
    let catalog = assessor.catalog();
    let state = MachineState::of_report(report, &identity);
    let Some(explanation) = assessor.explain(&state, kb) else {
        return writeln!(
            out,
            "{name}: {}",
            of_no_concern(catalog, kb, &identity.product)
        );
    };
    writeln!(out, "{name}: {kb} is {}", verdict(&explanation.verdict))?;
    writeln!(
        out,
        "  machine:  {}, build {}",
        identity.product,
        state
            .build
            .map_or("not reported".to_owned(), |b| b.to_string())
    )?;
    writeln!(out, "  line:     {}", explanation.line)?;
    for &product in &explanation.products {
        let scope = assessor.assess(&state).scope;
        let reason = scope.iter().find(|in_scope| in_scope.product == product);
        let reason = reason
            .map(|in_scope| in_scope.reason.to_string())
            .unwrap_or_default();
        writeln!(
            out,
            "  product:  {} ({reason})",
            catalog.product(product).name
        )?;
    }
    for &document in &explanation.documents {
        writeln!(out, "  fix per:  {}", cite(catalog, document))?;
    }
    for line in evidence(catalog, &explanation.verdict) {
        writeln!(out, "  because:  {line}")?;
    }
    Ok(())
}

/// Why there is nothing to tell of an update on a machine of this product.
pub(crate) fn of_no_concern(
    catalog: &Catalog,
    kb: Kb,
    product: &kbgap_catalog::WindowsProduct,
) -> String {
    if catalog.find_update(kb).is_some() {
        format!("{kb} fixes nothing on {product} or on the components it is known to have")
    } else {
        format!("{kb} is not in the catalogue")
    }
}

fn verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Present(_) => "present",
        Verdict::Pending(_) => "pending: it waits for a restart",
        Verdict::Missing(_) => "missing",
        Verdict::Replaced { .. } => "missing, but a newer one brings it",
        Verdict::NotNeeded { .. } => "not installed, and not needed",
        Verdict::Unknown(_) => "neither known to be present nor to be missing",
    }
}

/// The evidence of a verdict, a sentence each.
pub(crate) fn evidence(catalog: &Catalog, verdict: &Verdict) -> Vec<String> {
    match verdict {
        Verdict::Present(presence) => presence_lines(catalog, presence),
        Verdict::Pending(kb) => vec![format!(
            "{kb} is installed and takes effect after a restart"
        )],
        Verdict::Missing(reason) => vec![absence(catalog, reason)],
        Verdict::Replaced {
            by,
            absence: reason,
        } => {
            vec![
                absence(catalog, reason),
                format!("{by} is missing too, and replaces it"),
            ]
        }
        Verdict::NotNeeded { line } => {
            vec![format!(
                "what it closes is closed by another update; it is one of the {line}"
            )]
        }
        Verdict::Unknown(reason) => vec![lacking(*reason).to_owned()],
    }
}

fn presence_lines(catalog: &Catalog, presence: &Presence) -> Vec<String> {
    match presence {
        Presence::Installed => vec!["the machine reports it as installed".to_owned()],
        Presence::Build {
            machine,
            fixed,
            document,
        } => vec![format!(
            "build {machine} is not below {fixed}, from which it is fixed ({})",
            cite(catalog, *document)
        )],
        Presence::Covered {
            by,
            installed,
            steps,
        } => {
            let how = if *installed {
                "is installed"
            } else {
                "is shown by the build"
            };
            let mut lines = vec![format!("{by} {how}")];
            let mut newer = *by;
            for step in steps {
                lines.push(match step {
                    Step::Supersedes { older, document } => {
                        format!("{newer} replaces {older} ({})", cite(catalog, *document))
                    }
                    Step::EarlierOnLine { older, line } => {
                        format!("{newer} is later than {older} among the {line}")
                    }
                });
                newer = step.older();
            }
            lines
        }
    }
}

/// A document with the revision the facts are from.
fn cite(catalog: &Catalog, document: DocumentIx) -> String {
    let document = catalog.document(document);
    format!(
        "document {}, revision {} of {}",
        document.id, document.revision, document.revised
    )
}
