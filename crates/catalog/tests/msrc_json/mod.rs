//! Turns a real XML document into the JSON that the MSRC API serves of it, by another XML
//! library than the reader under test.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value, json};

pub(crate) fn of_xml(xml: &str) -> String {
    let options = ParsingOptions {
        nodes_limit: u32::MAX,
        ..ParsingOptions::default()
    };
    let document =
        Document::parse_with_options(xml.trim_start_matches('\u{feff}'), options).unwrap();
    let root = document.root_element();
    let tracking = child(root, "DocumentTracking").unwrap();
    let identification = child(tracking, "Identification").unwrap();
    json!({
        "DocumentTitle": wrapped(root, "DocumentTitle"),
        "DocumentTracking": {
            "Identification": { "ID": wrapped(identification, "ID") },
            "RevisionHistory": revisions(tracking),
            "InitialReleaseDate": text(tracking, "InitialReleaseDate"),
            "CurrentReleaseDate": text(tracking, "CurrentReleaseDate"),
        },
        "ProductTree": product_tree(child(root, "ProductTree").unwrap()),
        "Vulnerability": children(root, "Vulnerability").map(entry).collect::<Vec<_>>(),
    })
    .to_string()
}

fn product_tree(tree: Node<'_, '_>) -> Value {
    json!({
        "Branch": children(tree, "Branch").map(branch).collect::<Vec<_>>(),
        "FullProductName": products_named(tree),
    })
}

fn branch(of: Node<'_, '_>) -> Value {
    let mut items: Vec<Value> = children(of, "Branch").map(branch).collect();
    items.extend(products_named(of));
    json!({ "Items": items, "Type": 1, "Name": of.attribute("Name") })
}

fn products_named(of: Node<'_, '_>) -> Vec<Value> {
    let named = children(of, "FullProductName");
    named
        .map(|name| json!({ "ProductID": name.attribute("ProductID"), "Value": own_text(name) }))
        .collect()
}

fn entry(of: Node<'_, '_>) -> Value {
    json!({
        "Title": wrapped(of, "Title"),
        "CVE": text(of, "CVE"),
        "Notes": list(of, "Notes", "Note", |note| json!({
            "Type": number(note, &[("General", 1), ("Description", 2), ("FAQ", 4), ("Tag", 7), ("CNA", 8)]),
            "Value": own_text(note),
        })),
        "ProductStatuses": list(of, "ProductStatuses", "Status", |status| json!({
            "Type": number(status, &[("Known Affected", 3)]),
            "ProductID": products(status),
        })),
        "Threats": list(of, "Threats", "Threat", |threat| json!({
            "Type": number(threat, &[("Impact", 0), ("Exploit Status", 1), ("Severity", 3)]),
            "Description": wrapped(threat, "Description"),
            "ProductID": products(threat),
        })),
        "CVSSScoreSets": list(of, "CVSSScoreSets", "ScoreSet", |set| json!({
            "BaseScore": score(set, "BaseScore"),
            "TemporalScore": score(set, "TemporalScore"),
            "Vector": text(set, "Vector"),
            "ProductID": products(set),
        })),
        "Remediations": list(of, "Remediations", "Remediation", remediation),
        "RevisionHistory": revisions(of),
    })
}

fn remediation(of: Node<'_, '_>) -> Value {
    let kinds = [
        ("Workaround", 0),
        ("Mitigation", 1),
        ("Vendor Fix", 2),
        ("None Available", 3),
        ("Will Not Fix", 4),
        ("Known Issue", 5),
        ("Release Notes", 6),
    ];
    let mut fields = Map::new();
    fields.insert("Type".to_owned(), number(of, &kinds));
    fields.insert("ProductID".to_owned(), products(of));
    for name in ["Description", "RestartRequired"] {
        fields.insert(name.to_owned(), wrapped(of, name));
    }
    for name in ["URL", "Supercedence", "SubType", "FixedBuild"] {
        fields.insert(name.to_owned(), text(of, name));
    }
    Value::Object(fields)
}

fn revisions(of: Node<'_, '_>) -> Value {
    list(
        of,
        "RevisionHistory",
        "Revision",
        |revision| json!({ "Number": text(revision, "Number"), "Date": text(revision, "Date") }),
    )
}

/// A list as the API has it: null where the XML has none.
fn list(
    of: Node<'_, '_>,
    name: &str,
    item: &str,
    convert: impl Fn(Node<'_, '_>) -> Value,
) -> Value {
    child(of, name).map_or(Value::Null, |list| {
        let items = list
            .children()
            .filter(|node| node.tag_name().name() == item);
        items.map(convert).collect()
    })
}

fn number(of: Node<'_, '_>, kinds: &[(&str, i64)]) -> Value {
    let kind = of.attribute("Type");
    let known = kinds.iter().find(|(name, _)| Some(*name) == kind);
    known.map_or(json!(99), |(_, number)| json!(number))
}

fn products(of: Node<'_, '_>) -> Value {
    children(of, "ProductID").map(own_text).collect()
}

fn score(of: Node<'_, '_>, name: &str) -> Value {
    let text = child(of, name)
        .and_then(|node| node.text())
        .unwrap_or_default();
    text.trim().parse::<f64>().map_or(Value::Null, Value::from)
}

fn wrapped(of: Node<'_, '_>, name: &str) -> Value {
    child(of, name).map_or(Value::Null, |node| json!({ "Value": own_text(node) }))
}

fn text(of: Node<'_, '_>, name: &str) -> Value {
    child(of, name).map_or(Value::Null, own_text)
}

fn own_text(node: Node<'_, '_>) -> Value {
    let pieces = node.descendants().filter(Node::is_text);
    Value::String(pieces.filter_map(|piece| piece.text()).collect())
}

fn child<'a, 'b>(of: Node<'a, 'b>, name: &str) -> Option<Node<'a, 'b>> {
    of.children().find(|node| node.tag_name().name() == name)
}

fn children<'a, 'b: 'a>(
    of: Node<'a, 'b>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'b>> {
    of.children()
        .filter(move |node| node.tag_name().name() == name)
}
