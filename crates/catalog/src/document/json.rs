//! Reads CVRF documents as the JSON of the MSRC API.
//!
//! The tree is that of the XML; text is wrapped (`{"Value": …}`), types are numbers, and lists may
//! be absent, null or empty (data specification, section 1).

use std::borrow::Cow;

use serde::Deserialize;

use super::builder::{Builder, EntryHead, Head, RawFix, RemediationKind, ThreatKind};
use super::{Document, DocumentError, ProductRef};

/// How deep product branches may nest; MSRC's nest two deep.
const MAX_BRANCH_DEPTH: usize = 16;

pub(super) fn read(text: &str) -> Result<Document, DocumentError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let root: Root<'_> = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        DocumentError::Json {
            path: error.path().to_string(),
            line: error.inner().line(),
            reason: error.inner().to_string(),
        }
    })?;
    deserializer.end().map_err(|error| DocumentError::Json {
        path: "(after the document)".to_owned(),
        line: error.line(),
        reason: error.to_string(),
    })?;
    let mut builder = Builder::new();
    if let Some(tree) = &root.product_tree {
        for branch in &tree.branches.0 {
            branches(&mut builder, branch, 0)?;
        }
        for product in &tree.full_product_names.0 {
            name_product(&mut builder, product);
        }
    }
    for vulnerability in &root.vulnerabilities.0 {
        entry(&mut builder, vulnerability);
    }
    builder.finish(head(&root))
}

fn head<'a>(root: &'a Root<'a>) -> Head<'a> {
    let tracking = root.tracking.as_ref();
    let identification = tracking.and_then(|tracking| tracking.identification.as_ref());
    let revision = tracking.and_then(|tracking| tracking.revisions.0.last());
    Head {
        id: identification.and_then(|identification| text(identification.id.as_ref())),
        title: text(root.title.as_ref()),
        initial_release: tracking.and_then(|tracking| borrow(tracking.initial_release.as_ref())),
        current_release: tracking.and_then(|tracking| borrow(tracking.current_release.as_ref())),
        revision: revision.and_then(|revision| borrow(revision.number.as_ref())),
    }
}

fn branches<'a>(
    builder: &mut Builder<'a>,
    branch: &'a Branch<'a>,
    depth: usize,
) -> Result<(), DocumentError> {
    if depth > MAX_BRANCH_DEPTH {
        return Err(DocumentError::TooDeep { line: 1 });
    }
    if branch.product.product_id.is_some() {
        name_product(builder, &branch.product);
    }
    for item in &branch.items.0 {
        branches(builder, item, depth + 1)?;
    }
    Ok(())
}

fn name_product<'a>(builder: &mut Builder<'a>, product: &'a Product<'a>) {
    if let (Some(id), Some(name)) = (&product.product_id, &product.value) {
        builder.name_product(id.trim(), name);
    }
}

fn entry<'a>(builder: &mut Builder<'a>, entry: &'a Entry<'a>) {
    for status in &entry.statuses.0 {
        // 3 is "Known Affected".
        if status.kind == Some(3) {
            for product in products(builder, &status.products) {
                builder.affected(product);
            }
        } else {
            let kind = status.kind.map(|kind| kind.to_string());
            builder.status_ignored(&kind.unwrap_or_default());
        }
    }
    for threat in &entry.threats.0 {
        let kind = match threat.kind {
            Some(0) => ThreatKind::Impact,
            Some(1) => ThreatKind::ExploitStatus,
            Some(3) => ThreatKind::Severity,
            _ => ThreatKind::Other,
        };
        let description = text(threat.description.as_ref()).unwrap_or_default();
        let products = products(builder, &threat.products);
        builder.threat(kind, &description, &products);
    }
    for score in &entry.scores.0 {
        let number = |number: &'a Option<Number<'a>>| number.as_ref().map_or("", |n| n.0.as_ref());
        let products = products(builder, &score.products);
        let vector = borrow(score.vector.as_ref()).unwrap_or_default();
        builder.score(
            number(&score.base),
            number(&score.temporal),
            vector,
            &products,
        );
    }
    for remediation in &entry.remediations.0 {
        let kind = match remediation.kind {
            Some(2) => RemediationKind::VendorFix,
            Some(0 | 1 | 3..=6) => RemediationKind::NotAFix,
            _ => RemediationKind::Unknown,
        };
        let kind_text = remediation.kind.and_then(remediation_name);
        let raw = RawFix {
            description: text(remediation.description.as_ref()),
            sub_type: borrow(remediation.sub_type.as_ref()),
            fixed_build: borrow(remediation.fixed_build.as_ref()),
            supersedence: borrow(remediation.supersedence.as_ref()),
            restart: text(remediation.restart.as_ref()),
            url: borrow(remediation.url.as_ref()),
        };
        let products = products(builder, &remediation.products);
        builder.remediation(kind, kind_text.unwrap_or_default(), raw, &products);
    }
    for revision in &entry.revisions.0 {
        if let Some(date) = &revision.date {
            builder.revision(date);
        }
    }
    let note = |kind| {
        entry
            .notes
            .0
            .iter()
            .rfind(|note| note.kind == Some(kind))
            .and_then(|note| borrow(note.value.as_ref()))
    };
    builder.end_entry(EntryHead {
        id: borrow(entry.cve.as_ref()),
        title: text(entry.title.as_ref()),
        // 2 is "Description", 7 is "Tag".
        description: note(2),
        component: note(7),
    });
}

/// The XML's word for a remediation type, so that both formats count alike.
fn remediation_name(kind: i64) -> Option<&'static str> {
    Some(match kind {
        0 => "Workaround",
        1 => "Mitigation",
        3 => "None Available",
        4 => "Will Not Fix",
        5 => "Known Issue",
        6 => "Release Notes",
        _ => return None,
    })
}

fn products<'a>(builder: &mut Builder<'a>, ids: &'a List<Cow<'a, str>>) -> Vec<ProductRef> {
    ids.0.iter().map(|id| builder.product(id.trim())).collect()
}

fn text<'a>(wrapped: Option<&'a Wrapped<'a>>) -> Option<Cow<'a, str>> {
    borrow(wrapped?.value.as_ref())
}

fn borrow<'a>(text: Option<&'a Cow<'a, str>>) -> Option<Cow<'a, str>> {
    text.map(|text| Cow::Borrowed(text.as_ref()))
}

/// A list that may be absent, null or empty.
struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Option::<Vec<T>>::deserialize(deserializer)?;
        Ok(Self(items.unwrap_or_default()))
    }
}

#[derive(Deserialize)]
struct Root<'a> {
    #[serde(borrow, rename = "DocumentTitle")]
    title: Option<Wrapped<'a>>,
    #[serde(borrow, rename = "DocumentTracking")]
    tracking: Option<Tracking<'a>>,
    #[serde(borrow, rename = "ProductTree")]
    product_tree: Option<ProductTree<'a>>,
    #[serde(borrow, default, rename = "Vulnerability")]
    vulnerabilities: List<Entry<'a>>,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow, rename = "Value")]
    value: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Tracking<'a> {
    #[serde(borrow, rename = "Identification")]
    identification: Option<Identification<'a>>,
    #[serde(borrow, default, rename = "RevisionHistory")]
    revisions: List<Revision<'a>>,
    #[serde(borrow, rename = "InitialReleaseDate")]
    initial_release: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "CurrentReleaseDate")]
    current_release: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Identification<'a> {
    #[serde(borrow, rename = "ID")]
    id: Option<Wrapped<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Revision<'a> {
    #[serde(borrow)]
    number: Option<Cow<'a, str>>,
    #[serde(borrow)]
    date: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ProductTree<'a> {
    #[serde(borrow, default, rename = "Branch")]
    branches: List<Branch<'a>>,
    #[serde(borrow, default, rename = "FullProductName")]
    full_product_names: List<Product<'a>>,
}

/// A branch, or a product in a branch: the API lists both as items.
#[derive(Deserialize)]
struct Branch<'a> {
    #[serde(borrow, default, rename = "Items")]
    items: List<Branch<'a>>,
    #[serde(borrow, flatten)]
    product: Product<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Product<'a> {
    #[serde(borrow, rename = "ProductID")]
    product_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    value: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(borrow)]
    title: Option<Wrapped<'a>>,
    #[serde(borrow, rename = "CVE")]
    cve: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    notes: List<Note<'a>>,
    #[serde(borrow, default, rename = "ProductStatuses")]
    statuses: List<Status<'a>>,
    #[serde(borrow, default)]
    threats: List<Threat<'a>>,
    #[serde(borrow, default, rename = "CVSSScoreSets")]
    scores: List<ScoreSet<'a>>,
    #[serde(borrow, default)]
    remediations: List<Remediation<'a>>,
    #[serde(borrow, default, rename = "RevisionHistory")]
    revisions: List<Revision<'a>>,
}

#[derive(Deserialize)]
struct Note<'a> {
    #[serde(rename = "Type")]
    kind: Option<i64>,
    #[serde(borrow, rename = "Value")]
    value: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(rename = "Type")]
    kind: Option<i64>,
    #[serde(borrow, default, rename = "ProductID")]
    products: List<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Threat<'a> {
    #[serde(rename = "Type")]
    kind: Option<i64>,
    #[serde(borrow, rename = "Description")]
    description: Option<Wrapped<'a>>,
    #[serde(borrow, default, rename = "ProductID")]
    products: List<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScoreSet<'a> {
    #[serde(borrow, rename = "BaseScore")]
    base: Option<Number<'a>>,
    #[serde(borrow, rename = "TemporalScore")]
    temporal: Option<Number<'a>>,
    #[serde(borrow)]
    vector: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "ProductID")]
    products: List<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Remediation<'a> {
    #[serde(rename = "Type")]
    kind: Option<i64>,
    #[serde(borrow)]
    description: Option<Wrapped<'a>>,
    #[serde(borrow, rename = "URL")]
    url: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "Supercedence")]
    supersedence: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "ProductID")]
    products: List<Cow<'a, str>>,
    #[serde(borrow, rename = "RestartRequired")]
    restart: Option<Wrapped<'a>>,
    #[serde(borrow)]
    sub_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    fixed_build: Option<Cow<'a, str>>,
}

/// A number as the text it is written in, so that a score keeps its own digits.
struct Number<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Number<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        Ok(Self(Cow::Owned(number.to_string())))
    }
}
