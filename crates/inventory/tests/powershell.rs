//! The PowerShell collector: it cannot run here, but the fields it writes and a report as it prints one can be read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use kbgap_inventory::{identify, parse_batch, read, report_schema};
use serde_json::Value;

const SCRIPT: &str = include_str!("../../../collectors/powershell/Collect-Kbgap.ps1");
const SAMPLE: &str = include_str!("fixtures/powershell-report.json");

#[test]
fn a_report_as_it_prints_one_is_a_machine_report() {
    let sample: Value = serde_json::from_str(SAMPLE).unwrap();
    let schema = report_schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&sample)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    let items = parse_batch(SAMPLE).unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].ignored, Vec::<String>::new());
    let report = items[0].report.as_ref().unwrap();
    assert!(report.partial);
    assert_eq!(report.updates.as_ref().map(Vec::len), Some(2));
    let identity = identify(report).unwrap();
    assert_eq!(identity.product.to_string(), "Windows 10 22H2 x64");
    assert_eq!(identity.build.unwrap().to_string(), "10.0.19045.4170");
    assert!(read(SAMPLE.as_bytes()).unwrap()[0].is_ok());
}

/// The names that the script gives to fields: `$report['name'] =` and `[ordered]@{ kb = …; installedOn = … }`.
fn written(variable: &str) -> BTreeSet<&'static str> {
    let assigned = format!("${variable}['");
    let fields = SCRIPT.split(assigned.as_str()).skip(1);
    fields
        .filter(|rest| {
            rest.split_once(']')
                .is_some_and(|(_, rest)| rest.starts_with(" = "))
        })
        .map(|rest| &rest[..rest.find('\'').unwrap()])
        .collect()
}

fn tables() -> BTreeSet<&'static str> {
    let tables = SCRIPT.split("[ordered]@{").skip(1);
    tables
        .flat_map(|rest| rest[..rest.find('}').unwrap()].split(';'))
        .filter_map(|field| field.split_once('='))
        .map(|(name, _)| name.trim())
        .collect()
}

fn properties(pointer: &str) -> BTreeSet<String> {
    let schema = report_schema();
    let properties = schema.pointer(pointer).unwrap().as_object().unwrap();
    properties.keys().cloned().collect()
}

#[test]
fn it_writes_only_fields_that_a_report_has() {
    let within = |written: BTreeSet<&str>, known: BTreeSet<String>| {
        let unknown: Vec<&str> = written
            .iter()
            .copied()
            .filter(|field| !known.contains(*field))
            .collect();
        assert_eq!(unknown, Vec::<&str>::new());
        written.len()
    };
    assert_eq!(within(written("report"), properties("/properties")), 8);
    let os = properties("/$defs/OsReport/properties");
    assert_eq!(within(written("os"), os), 6);
    let update = properties("/$defs/InstalledUpdate/properties");
    assert_eq!(within(written("update"), update.clone()), 1);
    let software = properties("/$defs/InstalledSoftware/properties");
    let entries = update.union(&software).cloned().collect();
    assert_eq!(within(tables(), entries), 5);
}

#[test]
fn the_sample_has_only_fields_that_it_writes() {
    let mut written: BTreeSet<&str> = tables();
    for variable in ["report", "os", "update"] {
        written.extend(self::written(variable));
    }
    let sample: Value = serde_json::from_str(SAMPLE).unwrap();
    let mut fields = Vec::new();
    collect(&sample, &mut fields);
    for field in fields {
        assert!(written.contains(field.as_str()), "{field}");
    }
}

fn collect(value: &Value, fields: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (field, value) in object {
                fields.push(field.clone());
                collect(value, fields);
            }
        }
        Value::Array(list) => list.iter().for_each(|one| collect(one, fields)),
        _ => {}
    }
}

/// Windows PowerShell 5.1 reads a file without a mark in the machine's code page.
#[test]
fn it_is_plain_ascii() {
    assert!(SCRIPT.is_ascii());
}
