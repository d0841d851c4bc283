//! `kbgap catalog check`: what in Microsoft's documents contradicts itself, and what is taken instead.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use kbgap_assessment::{Assessor, Slip, SlipKind};
use kbgap_catalog::Catalog;
use serde::Serialize;

use super::in_force::facts_in_force;
use crate::cli::CheckArgs;
use crate::settings::Settings;

/// A slip, with the Windows products it is found on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SlipAnswer {
    kind: SlipKind,
    /// The update it is about, bare.
    kb: String,
    /// What is stated, and what is taken instead.
    text: String,
    /// The document that states it.
    document: Option<String>,
    /// The revision of that document.
    revision: Option<String>,
    /// The Windows products.
    products: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckAnswer {
    /// How many Windows products were looked at.
    products: usize,
    /// How many slips there are of each kind; of those shown.
    counts: BTreeMap<SlipKind, usize>,
    slips: Vec<SlipAnswer>,
}

pub(crate) fn run(args: &CheckArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let catalog = Arc::new(facts_in_force(args.catalog.as_deref(), settings)?);
    let answer = check(&Assessor::new(catalog), args);
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &answer)?;
        writeln!(out)?;
    } else {
        write(&mut out, &answer, args.kind.is_some())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check(assessor: &Assessor, args: &CheckArgs) -> CheckAnswer {
    let wanted = args.product.as_deref().map(str::to_lowercase);
    let mut products = 0;
    let mut found: BTreeMap<Slip, Vec<String>> = BTreeMap::new();
    for (windows, slips) in assessor.slips() {
        let name = windows.to_string();
        if wanted
            .as_ref()
            .is_some_and(|wanted| !name.to_lowercase().contains(wanted))
        {
            continue;
        }
        products += 1;
        let kept = slips
            .iter()
            .filter(|slip| args.kind.is_none_or(|kind| kind == slip.kind));
        for slip in kept {
            found.entry(slip.clone()).or_default().push(name.clone());
        }
    }
    let mut counts = BTreeMap::new();
    let slips = found.into_iter().map(|(slip, mut products)| {
        *counts.entry(slip.kind).or_default() += 1;
        products.sort_unstable();
        answer(assessor.catalog(), &slip, products)
    });
    let slips = slips.collect();
    CheckAnswer {
        products,
        counts,
        slips,
    }
}

fn answer(catalog: &Catalog, slip: &Slip, products: Vec<String>) -> SlipAnswer {
    let document = slip.document.map(|document| catalog.document(document));
    SlipAnswer {
        kind: slip.kind,
        kb: slip.kb.number().to_string(),
        text: slip.to_string(),
        document: document.map(|document| document.id.to_string()),
        revision: document.map(|document| document.revision.to_string()),
        products,
    }
}

/// How many slips of a kind are listed where no kind is asked for.
const EXAMPLES: usize = 3;

fn write(out: &mut impl Write, answer: &CheckAnswer, whole: bool) -> io::Result<()> {
    writeln!(
        out,
        "{} Windows products, {} slips; none of them bends a servicing line",
        answer.products,
        answer.slips.len()
    )?;
    for kind in SlipKind::ALL {
        let Some(count) = answer.counts.get(&kind) else {
            continue;
        };
        writeln!(out, "{count:>6}  {}", kind.meaning())?;
        let of_kind = answer.slips.iter().filter(|slip| slip.kind == kind);
        let shown = if whole { usize::MAX } else { EXAMPLES };
        for slip in of_kind.take(shown) {
            let document = slip.document.as_deref().unwrap_or("release history");
            let first = slip.products.first().map_or("", String::as_str);
            let more = match slip.products.len() {
                0 | 1 => String::new(),
                count => format!(" and {} more", count - 1),
            };
            writeln!(out, "          {} ({document}; {first}{more})", slip.text)?;
        }
    }
    if !whole && answer.slips.len() > EXAMPLES {
        writeln!(out, "all of one kind: --kind KIND; everything: --json")?;
    }
    Ok(())
}
