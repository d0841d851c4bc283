//! `--explain`: why an update is missing, present or neither on a machine.

use std::io::{self, Write};

use kbgap_assessment::words::{Evidence, of_no_concern};
use kbgap_assessment::{Assessor, MachineState};
use kbgap_catalog::Kb;
use kbgap_inventory::identify;

use super::input::MachineInput;

/// What there is to say of one update on one machine.
pub(crate) fn explain(
    assessor: &Assessor,
    machine: &MachineInput,
    kb: Kb,
) -> Result<Evidence, String> {
    let identity =
        identify(&machine.report).map_err(|reason| format!("cannot tell about {kb}: {reason}"))?;
    let state = MachineState::of_report(&machine.report, &identity);
    assessor
        .evidence(&state, kb)
        .ok_or_else(|| of_no_concern(assessor.catalog(), kb, &identity.product))
}

/// Explains one update on one machine.
pub(crate) fn write(
    out: &mut impl Write,
    assessor: &Assessor,
    machine: &MachineInput,
    kb: Kb,
) -> io::Result<()> {
    let name = machine.report.name.as_deref().unwrap_or("(no name)");
    let evidence = match explain(assessor, machine, kb) {
        Ok(evidence) => evidence,
        Err(reason) => return writeln!(out, "{name}: {reason}"),
    };
    writeln!(
        out,
        "{name}: KB{} is {}",
        evidence.kb,
        evidence.verdict.words()
    )?;
    let build = evidence.build.as_deref().unwrap_or("not reported");
    writeln!(out, "  machine:  {}, build {build}", evidence.windows)?;
    if let Some(listed_as) = &evidence.listed_as {
        writeln!(out, "  listed:   as KB{listed_as} once installed")?;
    }
    writeln!(out, "  line:     {}", evidence.line)?;
    for product in &evidence.products {
        writeln!(out, "  product:  {} ({})", product.name, product.shown_by)?;
    }
    for document in &evidence.documents {
        writeln!(out, "  fix per:  {document}")?;
    }
    for fact in &evidence.because {
        writeln!(out, "  because:  {fact}")?;
    }
    Ok(())
}
