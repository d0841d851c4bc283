//! The answer of a scan, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};

use super::answer::{Answer, MachineAnswer, Status};

pub(crate) fn write(out: &mut impl Write, answer: &Answer) -> io::Result<()> {
    for (at, machine) in answer.machines.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        write_machine(out, machine)?;
    }
    Ok(())
}

fn write_machine(out: &mut impl Write, machine: &MachineAnswer) -> io::Result<()> {
    let name = machine.name.as_deref().unwrap_or("(no name)");
    let product = machine
        .product
        .as_deref()
        .unwrap_or("product not identified");
    let build = machine.build.as_deref().unwrap_or("not reported");
    writeln!(out, "{name}: {product}, build {build}")?;
    writeln!(out, "  from {}", machine.source.join(", "))?;
    if let Some(reason) = &machine.reason {
        writeln!(out, "  not assessed: {reason}")?;
    }
    if machine.incomplete {
        writeln!(
            out,
            "  its list of updates is cut off: give a whole one (Get-HotFix) to be sure of what follows"
        )?;
    }
    if machine.status == Status::Assessed
        && machine.missing.is_empty()
        && machine.outdated.is_empty()
    {
        writeln!(out, "  nothing is missing")?;
    }
    if !machine.missing.is_empty() {
        writeln!(out, "{}", missing(machine))?;
    }
    for outdated in &machine.outdated {
        let fixed = outdated.fixed.as_deref().unwrap_or("a later version");
        writeln!(
            out,
            "  outdated: {}, to be brought to {fixed}: {} CVEs; {}",
            outdated.application,
            outdated.cves.len(),
            outdated.why
        )?;
    }
    for update in &machine.pending {
        let title = update.title.as_deref().unwrap_or("not in the catalogue");
        writeln!(out, "  waits for a restart: KB{} ({title})", update.kb)?;
    }
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for unknown in &machine.unknown {
        let kbs = by_reason.entry(unknown.reason).or_default();
        kbs.push(format!("KB{}", unknown.kb));
    }
    for (reason, kbs) in by_reason {
        writeln!(out, "  cannot tell: {} ({reason})", kbs.join(", "))?;
    }
    for unknown in &machine.unknown_applications {
        writeln!(
            out,
            "  cannot tell: {} ({})",
            unknown.application, unknown.reason
        )?;
    }
    Ok(())
}

fn missing(machine: &MachineAnswer) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header([
            "KB",
            "Title",
            "Products",
            "CVEs",
            "Severity",
            "Exploited",
            "Why",
        ]);
    if table.width().is_none() {
        table.set_width(120);
    }
    for update in &machine.missing {
        table.add_row([
            format!("KB{}", update.kb),
            update.title.clone(),
            update.products.join(", "),
            update.cves.len().to_string(),
            update.severity.unwrap_or("-").to_owned(),
            if update.exploited { "yes" } else { "no" }.to_owned(),
            update.why.clone(),
        ]);
    }
    table
}
