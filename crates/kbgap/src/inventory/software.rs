//! `kbgap inventory software`: how the software of reports is understood.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};
use kbgap_inventory::{Decision, EntryKind, Reported, SoftwareIdentity, SoftwareRules};
use serde::Serialize;

use crate::cli::{FAILED, InventorySoftwareArgs};
use crate::output;
use crate::scan::read_inputs;

/// An entry of software lists, and what it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Understood {
    /// As listed.
    reported: Listed,
    /// On how many machines it is listed.
    machines: usize,
    /// The software id.
    software: String,
    vendor: Box<str>,
    name: Box<str>,
    version: Box<str>,
    kind: EntryKind,
    /// What decided: `id`, `catalog`, `rule` or `cleaned`.
    decided_by: &'static str,
    /// The rule, where one decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    vendor: Box<str>,
    name: Box<str>,
    version: Box<str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    /// Machines whose software was read.
    machines: usize,
    /// Machines that list none: their software is unknown.
    without_software: usize,
    entries: Vec<Understood>,
}

pub(super) fn run(args: &InventorySoftwareArgs, rules: &SoftwareRules) -> anyhow::Result<ExitCode> {
    let inputs = read_inputs(&args.files);
    let mut listed: BTreeMap<Listed, usize> = BTreeMap::new();
    let (mut machines, mut without_software) = (0, 0);
    for machine in inputs.machines {
        let Some(software) = machine.report.software else {
            without_software += 1;
            continue;
        };
        machines += 1;
        for entry in software {
            let entry = Listed {
                vendor: entry.vendor,
                name: entry.name,
                version: entry.version,
            };
            *listed.entry(entry).or_default() += 1;
        }
    }
    let entries = listed.into_iter();
    let answer = Answer {
        machines,
        without_software,
        entries: entries
            .map(|(reported, machines)| understood(rules, reported, machines))
            .collect(),
    };
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &answer)?;
        writeln!(out)?;
    } else {
        write(&mut out, &answer)?;
    }
    for failure in &inputs.failures {
        output::note(&format!("error: {failure}"));
    }
    Ok(if inputs.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

fn understood(rules: &SoftwareRules, reported: Listed, machines: usize) -> Understood {
    let SoftwareIdentity {
        software,
        vendor,
        name,
        version,
        kind,
        decided_by,
    } = rules.identify(Reported {
        vendor: &reported.vendor,
        name: &reported.name,
        version: &reported.version,
    });
    let (decided_by, rule) = match decided_by {
        Decision::Id => ("id", None),
        Decision::Catalog => ("catalog", None),
        Decision::Rule(rule) => ("rule", rules.rule(rule).map(|rule| rule.to_string())),
        Decision::Cleaned => ("cleaned", None),
    };
    Understood {
        reported,
        machines,
        software: software.to_string(),
        vendor,
        name,
        version,
        kind,
        decided_by,
        rule,
    }
}

fn write(out: &mut impl Write, answer: &Answer) -> io::Result<()> {
    if !answer.entries.is_empty() {
        let mut table = Table::new();
        table
            .load_style(UTF8_HORIZONTAL_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(["Listed as", "Software id", "Version", "Decided by"]);
        for entry in &answer.entries {
            let id = match entry.kind {
                EntryKind::Software => entry.software.clone(),
                EntryKind::Update => format!("(an update of {})", entry.software),
                EntryKind::Part => format!("(a part of {})", entry.software),
            };
            let decided = entry.rule.as_deref().unwrap_or(match entry.decided_by {
                "id" => "its id",
                "catalog" => "the catalog",
                _ => "no rule",
            });
            table.add_row([&*entry.reported.name, &id, &entry.version, decided]);
        }
        writeln!(out, "{table}")?;
    }
    let count = |kind| {
        answer
            .entries
            .iter()
            .filter(|entry| entry.kind == kind)
            .count()
    };
    writeln!(
        out,
        "{} entries of {} machines: {} software, {} updates, {} parts",
        answer.entries.len(),
        answer.machines,
        count(EntryKind::Software),
        count(EntryKind::Update),
        count(EntryKind::Part)
    )?;
    if answer.without_software > 0 {
        writeln!(out, "{} machines list no software", answer.without_software)?;
    }
    let mut untouched: Vec<&str> = answer
        .entries
        .iter()
        .filter(|entry| entry.decided_by == "cleaned")
        .map(|entry| &*entry.software)
        .collect();
    untouched.dedup();
    if !untouched.is_empty() {
        writeln!(out, "no rule is for {} of them:", untouched.len())?;
        for software in untouched {
            writeln!(out, "  {software}")?;
        }
    }
    Ok(())
}
