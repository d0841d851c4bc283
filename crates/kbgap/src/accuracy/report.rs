//! A measurement, for people: on a terminal, and as Markdown.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};

use super::figures::{Figures, Percent};
use super::result::Accuracy;

/// A table with its title.
struct Section {
    title: &'static str,
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

pub(super) fn write(out: &mut impl Write, accuracy: &Accuracy) -> io::Result<()> {
    for section in sections(accuracy) {
        let mut table = Table::new();
        table
            .load_style(UTF8_HORIZONTAL_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(section.header);
        if table.width().is_none() {
            table.set_width(120);
        }
        for row in section.rows {
            table.add_row(row);
        }
        writeln!(out, "{}\n{table}\n", section.title)?;
    }
    for line in remarks(accuracy) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Columns are not padded: a longer cell must not change every line of a file that is kept.
pub(super) fn write_markdown(out: &mut impl Write, accuracy: &Accuracy) -> io::Result<()> {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |", cells.join(" | "))
    };
    for (at, section) in sections(accuracy).iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "### {}\n", section.title)?;
        let header: Vec<String> = section.header.iter().map(|&name| name.to_owned()).collect();
        writeln!(out, "{}", line(&header))?;
        writeln!(out, "|{}", "---|".repeat(header.len()))?;
        for row in &section.rows {
            writeln!(out, "{}", line(row))?;
        }
    }
    for remark in remarks(accuracy) {
        writeln!(out, "\n{remark}.")?;
    }
    Ok(())
}

/// The tables; those without a row are left out.
fn sections(accuracy: &Accuracy) -> Vec<Section> {
    let mut sections = vec![
        updates(accuracy),
        cves(accuracy),
        reasons(accuracy),
        differences(accuracy),
        not_described(accuracy),
    ];
    sections.retain(|section| !section.rows.is_empty());
    sections
}

/// Each machine's name with its figures, then the total.
fn figures(accuracy: &Accuracy) -> impl Iterator<Item = (String, &Figures)> {
    let machines = accuracy.machines.iter();
    machines
        .map(|machine| (machine.machine.clone(), &machine.figures))
        .chain([("total".to_owned(), &accuracy.total)])
}

fn updates(accuracy: &Accuracy) -> Section {
    let rows = figures(accuracy).map(|(name, figures)| {
        let score = &figures.updates;
        vec![
            name,
            figures.offered.to_string(),
            figures.described.to_string(),
            figures.named.to_string(),
            score.right.to_string(),
            score.wrong.to_string(),
            score.missed.to_string(),
            percent(score.precision()),
            percent(score.recall()),
        ]
    });
    Section {
        title: "Updates",
        header: vec![
            "Machine",
            "Offered",
            "Described",
            "Named",
            "Right",
            "Wrong",
            "Missed",
            "Precision",
            "Recall",
        ],
        rows: rows.collect(),
    }
}

fn cves(accuracy: &Accuracy) -> Section {
    let rows = figures(accuracy).map(|(name, figures)| {
        let score = &figures.cves;
        vec![
            name,
            score.right.to_string(),
            score.wrong.to_string(),
            score.missed.to_string(),
            percent(score.precision()),
            percent(score.recall()),
        ]
    });
    Section {
        title: "CVEs",
        header: vec!["Machine", "Right", "Wrong", "Missed", "Precision", "Recall"],
        rows: rows.collect(),
    }
}

fn reasons(accuracy: &Accuracy) -> Section {
    let reasons = &accuracy.reasons;
    let rows = worded("wrong", &reasons.wrong)
        .chain(worded("missed", &reasons.missed))
        .chain(worded("not described", &reasons.not_described));
    Section {
        title: "Reasons",
        header: vec!["Row", "Reason", "Number"],
        rows: rows.collect(),
    }
}

fn worded<'a, R: Display>(
    row: &'a str,
    reasons: &'a BTreeMap<R, u32>,
) -> impl Iterator<Item = Vec<String>> + 'a {
    let reasons = reasons.iter();
    reasons
        .map(move |(reason, number)| vec![row.to_owned(), reason.to_string(), number.to_string()])
}

fn differences(accuracy: &Accuracy) -> Section {
    let mut rows = Vec::new();
    for machine in &accuracy.machines {
        let wrong = machine.wrong.iter();
        let wrong = wrong.map(|row| {
            (
                "wrong",
                &row.kb,
                &row.title,
                row.reason.to_string(),
                &row.why,
            )
        });
        let missed = machine.missed.iter();
        let missed = missed.map(|row| {
            (
                "missed",
                &row.kb,
                &row.title,
                row.reason.to_string(),
                &row.why,
            )
        });
        rows.extend(wrong.chain(missed).map(|(row, kb, title, reason, why)| {
            vec![
                machine.machine.clone(),
                row.to_owned(),
                format!("KB{kb}"),
                title.clone(),
                reason,
                why.clone(),
            ]
        }));
    }
    Section {
        title: "Wrong and missed",
        header: vec!["Machine", "Row", "KB", "Title", "Reason", "Evidence"],
        rows,
    }
}

fn not_described(accuracy: &Accuracy) -> Section {
    let mut rows = Vec::new();
    for machine in &accuracy.machines {
        rows.extend(machine.not_described.iter().map(|row| {
            let kb = row
                .kb
                .as_ref()
                .map_or("-".to_owned(), |kb| format!("KB{kb}"));
            vec![
                machine.machine.clone(),
                kb,
                row.title.clone(),
                row.reason.to_string(),
            ]
        }));
    }
    Section {
        title: "Offered, but not described",
        header: vec!["Machine", "KB", "Title", "Reason"],
        rows,
    }
}

/// What else there is to say, a sentence each.
fn remarks(accuracy: &Accuracy) -> Vec<String> {
    let machines = accuracy.machines.iter();
    let mut remarks: Vec<String> = machines
        .filter_map(|machine| {
            let reason = machine.not_assessed.as_ref()?;
            Some(format!("{} was not assessed: {reason}", machine.machine))
        })
        .collect();
    let total = &accuracy.total;
    if total.named == 0 {
        remarks.push("Nothing was named: there is no precision to measure".to_owned());
    }
    if total.described == 0 {
        remarks.push("No offered update is described: there is no recall to measure".to_owned());
    }
    let machines = accuracy.machines.iter();
    let skipped: usize = machines.map(|machine| machine.skipped_lines).sum();
    if skipped > 0 {
        remarks.push(format!(
            "Lines of the truth that are no update, skipped: {skipped}"
        ));
    }
    if accuracy.without_truth > 0 {
        let number = accuracy.without_truth;
        remarks.push(format!("Machines without a truth, left out: {number}"));
    }
    remarks
}

fn percent(share: Option<Percent>) -> String {
    share.map_or("-".to_owned(), |share| share.to_string())
}
