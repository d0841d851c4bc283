//! `kbgap catalog show`: what is known of an update, a vulnerability or a product.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use kbgap_catalog::{
    Catalog, Day, FixTarget, Kb, ProductIx, SoftwareId, Texts, UpdateIx, VulnerabilityId,
    VulnerabilityIx,
};
use serde_json::{Value, json};

use super::in_force::whole_in_force;
use crate::cli::ShowArgs;
use crate::settings::Settings;

pub(crate) fn run(args: &ShowArgs, settings: &Settings) -> anyhow::Result<ExitCode> {
    let (catalog, texts) = whole_in_force(args.catalog.as_deref(), settings)?;
    let found = look_up(&catalog, &texts, args.what.trim())?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &found)?;
        writeln!(out)?;
    } else {
        write_fields(&mut out, &found, 0)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn look_up(catalog: &Catalog, texts: &Texts, what: &str) -> anyhow::Result<Value> {
    if let Ok(kb) = what.parse::<Kb>()
        && let Some(at) = catalog.find_update(kb)
    {
        return Ok(update(catalog, at));
    }
    if let Ok(id) = what.parse::<VulnerabilityId>()
        && let Some(at) = catalog.find_vulnerability(&id)
    {
        return Ok(vulnerability(catalog, texts, at));
    }
    let software = SoftwareId::from_client(what);
    let products: Vec<ProductIx> = catalog
        .all_products()
        .filter(|&at| {
            let product = catalog.product(at);
            product.name.eq_ignore_ascii_case(what)
                || *product.id == *what
                || product.software == software
        })
        .collect();
    if products.is_empty() {
        anyhow::bail!(
            "'{what}' is not in the catalogue: give a KB number (KB4540673), a CVE (CVE-2020-0796), a product's full name or id, or a software id (microsoft-_-edge)"
        );
    }
    let shown: Vec<Value> = products.iter().map(|&at| product(catalog, at)).collect();
    Ok(json!({ "products": shown }))
}

fn update(catalog: &Catalog, at: UpdateIx) -> Value {
    let update = catalog.update(at);
    let mut products: BTreeMap<&str, Value> = BTreeMap::new();
    for product_at in catalog.all_products() {
        let product = catalog.product(product_at);
        let fixes = product
            .exposures
            .iter()
            .flat_map(|exposure| &exposure.fixes);
        let own = fixes
            .map(|&fix| catalog.fix(fix))
            .find(|fix| fix.update() == Some(at));
        if let Some(fix) = own {
            let stated = fix.fixed_build.as_ref();
            let versions = stated.map(|fixed| {
                fixed
                    .versions
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
            });
            let supersedes: Vec<String> = fix.supersedes.iter().map(Kb::to_string).collect();
            products.insert(
                &product.name,
                json!({
                    "kind": format!("{:?}", fix.sub_type),
                    "fixedBuild": versions,
                    "supersedes": supersedes,
                    "cves": catalog.cves_addressed(at, [product_at]),
                    "document": catalog.document(fix.document).id,
                }),
            );
        }
    }
    json!({
        "kb": update.kb.to_string(),
        "title": catalog.update_name(at),
        "released": update.released.to_string(),
        "document": catalog.document(update.home).id,
        "cves": catalog.cves_addressed(at, catalog.all_products()),
        "url": format!("https://catalog.update.microsoft.com/v7/site/Search.aspx?q={}", update.kb),
        "products": products,
    })
}

fn vulnerability(catalog: &Catalog, texts: &Texts, at: VulnerabilityIx) -> Value {
    let known = catalog.vulnerability(at);
    let text = texts.of(at);
    let mut fixes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for product_at in catalog.all_products() {
        let product = catalog.product(product_at);
        let has = |exposure: &&kbgap_catalog::Exposure| {
            exposure.vulnerabilities.iter().any(|(v, _)| *v == at)
        };
        for exposure in product.exposures.iter().filter(has) {
            let names = exposure
                .fixes
                .iter()
                .map(|&fix| match &catalog.fix(fix).target {
                    FixTarget::Update(update) => catalog.update(*update).kb.to_string(),
                    FixTarget::Named(words) => words.to_string(),
                });
            fixes.entry(&product.name).or_default().extend(names);
        }
    }
    json!({
        "id": known.id.to_string(),
        "title": text.map(|text| &text.title),
        "component": text.and_then(|text| text.component.as_deref()),
        "severity": known.severity.map(|severity| format!("{severity:?}")),
        "cvss": known.cvss.as_ref().map(kbgap_catalog::Score::base),
        "vector": known.cvss.as_ref().map(|cvss| &cvss.vector),
        "exploited": known.exploit.map(|exploit| exploit.exploited),
        "publiclyDisclosed": known.exploit.map(|exploit| exploit.publicly_disclosed),
        "published": known.published.to_string(),
        "updated": known.updated.to_string(),
        "document": catalog.document(known.document).id,
        "fixes": fixes,
    })
}

fn product(catalog: &Catalog, at: ProductIx) -> Value {
    let product = catalog.product(at);
    let mut updates: BTreeMap<(Day, Kb), &str> = BTreeMap::new();
    let fixes = product
        .exposures
        .iter()
        .flat_map(|exposure| &exposure.fixes);
    for update_at in fixes.filter_map(|&fix| catalog.fix(fix).update()) {
        let update = catalog.update(update_at);
        updates.insert((update.released, update.kb), catalog.update_name(update_at));
    }
    let updates: Vec<String> = updates
        .iter()
        .rev()
        .map(|((released, kb), title)| format!("{released} {kb} {title}"))
        .collect();
    let vulnerabilities = product.exposures.iter();
    json!({
        "id": product.id,
        "name": product.name,
        "software": product.software.as_str(),
        "vulnerabilities": vulnerabilities.map(|e| e.vulnerabilities.len()).sum::<usize>(),
        "updates": updates,
    })
}

/// Writes a JSON value as indented lines, without its punctuation.
fn write_fields(out: &mut impl Write, value: &Value, depth: usize) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::Null => {}
                    Value::Object(_) | Value::Array(_) => {
                        writeln!(out, "{indent}{name}:")?;
                        write_fields(out, value, depth + 1)?;
                    }
                    _ => writeln!(out, "{indent}{name}: {}", plain(value))?,
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                if matches!(item, Value::Object(_)) {
                    write_fields(out, item, depth)?;
                    writeln!(out)?;
                } else {
                    writeln!(out, "{indent}{}", plain(item))?;
                }
            }
        }
        other => writeln!(out, "{indent}{}", plain(other))?,
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
