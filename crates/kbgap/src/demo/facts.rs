//! The facts of the demonstration as documents.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::Timestamp;
use jiff::civil::Date;
use kbgap_catalog::document::{
    Cvss, Document, ExploitStatus, Fix, FixId, Oddities, ProductEntry, Rating, Restart, Severity,
    SubType, Supersedence, Vulnerability,
};
use kbgap_catalog::{Day, Kb, ReleaseHistory};
use serde::Deserialize;

const FACTS: &str = include_str!("spring-2020.toml");
/// The updates up to then, in the order and at the revisions of Windows' release history.
const HISTORY: &str = include_str!("spring-2020.csv");

#[derive(Deserialize)]
struct Facts {
    products: BTreeMap<String, ProductFact>,
    updates: BTreeMap<String, UpdateFact>,
    documents: Vec<DocumentFact>,
}

#[derive(Deserialize)]
struct ProductFact {
    id: Box<str>,
    name: Box<str>,
}

#[derive(Deserialize)]
struct UpdateFact {
    supersedes: u32,
}

#[derive(Deserialize)]
struct DocumentFact {
    id: Box<str>,
    title: Box<str>,
    released: Date,
    groups: Vec<Group>,
}

/// Vulnerabilities that the same updates close on the same products.
#[derive(Deserialize)]
struct Group {
    fixes: BTreeMap<String, Vec<String>>,
    vulnerabilities: Vec<VulnerabilityFact>,
}

#[derive(Deserialize)]
struct VulnerabilityFact {
    id: String,
    severity: Option<SeverityFact>,
    impact: Option<Box<str>>,
    #[serde(default)]
    exploited: bool,
    #[serde(default)]
    disclosed: bool,
    cvss: Option<f64>,
}

#[derive(Clone, Copy, Deserialize)]
enum SeverityFact {
    Low,
    Moderate,
    Important,
    Critical,
}

impl From<SeverityFact> for Severity {
    fn from(fact: SeverityFact) -> Self {
        match fact {
            SeverityFact::Low => Self::Low,
            SeverityFact::Moderate => Self::Moderate,
            SeverityFact::Important => Self::Important,
            SeverityFact::Critical => Self::Critical,
        }
    }
}

/// The documents of the demonstration.
pub(super) fn documents() -> anyhow::Result<Vec<Document>> {
    let facts: Facts = toml::from_str(FACTS)?;
    facts
        .documents
        .iter()
        .map(|document| facts.document(document))
        .collect()
}

/// The release history of the demonstration: what builds and updates prove that the documents do not name.
pub(super) fn history() -> anyhow::Result<ReleaseHistory> {
    Ok(ReleaseHistory::read(HISTORY.as_bytes())?)
}

impl Facts {
    fn document(&self, fact: &DocumentFact) -> anyhow::Result<Document> {
        let released: Timestamp = format!("{}T17:00:00Z", fact.released).parse()?;
        let day = Day::of_date(fact.released);
        let mut vulnerabilities = Vec::new();
        for group in &fact.groups {
            let fixes = self.fixes(group)?;
            let mut products: Vec<u32> = fixes.iter().flat_map(|f| f.products.clone()).collect();
            products.sort_unstable();
            products.dedup();
            for vulnerability in &group.vulnerabilities {
                vulnerabilities.push(Vulnerability {
                    id: vulnerability.id.parse().context("a vulnerability's id")?,
                    title: "".into(),
                    description: "".into(),
                    component: None,
                    published: Some(day),
                    updated: Some(day),
                    exploit: Some(ExploitStatus {
                        publicly_disclosed: vulnerability.disclosed,
                        exploited: vulnerability.exploited,
                    }),
                    ratings: vec![Rating {
                        severity: vulnerability.severity.map(Into::into),
                        impact: vulnerability.impact.clone(),
                        cvss: vulnerability.cvss.map(cvss),
                        products: products.clone(),
                    }],
                    fixes: fixes.clone(),
                });
            }
        }
        Ok(Document {
            id: fact.id.clone(),
            title: fact.title.clone(),
            initial_release: released,
            current_release: released,
            revision: "1".into(),
            products: self
                .products
                .values()
                .map(|product| ProductEntry {
                    id: product.id.clone(),
                    name: product.name.clone(),
                })
                .collect(),
            vulnerabilities,
            oddities: Oddities::default(),
        })
    }

    fn fixes(&self, group: &Group) -> anyhow::Result<Vec<Fix>> {
        let fix = |(kb, products): (&String, &Vec<String>)| {
            let superseded = self
                .updates
                .get(kb)
                .and_then(|update| Kb::new(update.supersedes));
            let positions = products.iter().map(|product| {
                let at = self.products.keys().position(|key| key == product);
                let at = at.and_then(|at| u32::try_from(at).ok());
                at.with_context(|| format!("{product} is no product"))
            });
            Ok(Fix {
                id: FixId::Kb(kb.parse()?),
                sub_type: SubType::SecurityUpdate,
                fixed_build: None,
                supersedes: Supersedence {
                    kbs: superseded.into_iter().collect(),
                },
                restart: Some(Restart::Required),
                url: None,
                products: positions.collect::<anyhow::Result<_>>()?,
            })
        };
        group.fixes.iter().map(fix).collect()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "scores are from 0 to 10"
)]
fn cvss(base: f64) -> Cvss {
    Cvss {
        base_tenths: (base * 10.0).round().clamp(0.0, 100.0) as u8,
        temporal_tenths: None,
        vector: "".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_hold_together() {
        let documents = documents().unwrap();
        let entries: Vec<_> = documents
            .iter()
            .map(|document| (&*document.id, document.vulnerabilities.len()))
            .collect();
        assert_eq!(
            entries,
            [
                ("2018-Jun", 1),
                ("2019-Aug", 4),
                ("2020-Feb", 85),
                ("2020-Mar", 94)
            ]
        );
        let history = history().unwrap();
        assert_eq!((history.lines.len(), history.left_out.len()), (3, 0));
    }
}
