//! What is said of the types: metadata, service document, JSON schemas, tables; against Microsoft's own metadata.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests, some of them long tables"
)]

mod support;

use kbgap_odata::csdl;
use kbgap_odata::edm::{Entity, EntitySet, Operation, Schema, SchemaError, Type};
use kbgap_odata::tables;

fn microsofts() -> String {
    let path = kbgap_corpus::folder().join("mde-metadata.xml");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; set KBGAP_CORPUS", path.display()))
}

#[test]
fn what_is_declared_agrees_with_microsofts_metadata() {
    let differences = csdl::differences(&support::schema(), &microsofts()).unwrap();
    let told = differences
        .iter()
        .filter(|difference| !difference.is_left_out());
    let told: Vec<String> = told.map(ToString::to_string).collect();
    // The fixture leaves properties out on purpose; all that it declares is Microsoft's.
    let (left_out, others): (Vec<&String>, Vec<&String>) =
        told.iter().partition(|line| line.contains("ours nothing"));
    assert_eq!(others, Vec::<&String>::new());
    assert!(
        left_out.iter().all(|line| {
            line.starts_with("type Machine/")
                || line.starts_with("type MachineIpAddress/")
                || line.starts_with("set Machines/")
        }),
        "{left_out:?}"
    );
    assert!(
        differences
            .iter()
            .any(|d| d.is_left_out() && d.of == "type Alert")
    );
}

#[test]
fn differences_are_found() {
    let other: Entity<()> = Entity::named("Machine")
        .string("id", |(): &()| "")
        .key()
        .int32("osBuild", |()| 0)
        .string("fooled", |()| "")
        .build();
    let schema = Schema::build(support::NAMESPACE)
        .entity(&other)
        .set(EntitySet::new("Machines", "Machine"))
        .operation(
            Operation::function("GetMissingKbs")
                .bound_to(Type::named("Machine"))
                .returns(Type::named("Machine")),
        )
        .finish()
        .unwrap();
    let differences = csdl::differences(&schema, &microsofts()).unwrap();
    let told = differences.iter().map(ToString::to_string);
    let told: Vec<String> = told
        .filter(|line| {
            line.contains("osBuild") || line.contains("fooled") || line.contains("GetMissing")
        })
        .collect();
    assert_eq!(
        told,
        [
            "function GetMissingKbs(Machine): ours returns Machine, theirs returns Collection(PublicProductFixDto)",
            "function GetMissingKbs(Software): ours nothing, theirs returns Collection(PublicProductFixDto)",
            "type Machine/fooled: ours String, never null, theirs nothing",
            "type Machine/osBuild: ours Int32, never null, theirs Int64",
        ]
    );
}

#[test]
fn microsofts_metadata_is_read_whole() {
    let read = csdl::read_xml(&microsofts()).unwrap();
    // Counted in the document by hand.
    assert_eq!(read.namespace, support::NAMESPACE);
    assert_eq!(read.container, "Container");
    assert_eq!(read.types.len(), 30 + 73);
    assert_eq!(read.enums.len(), 60);
    assert_eq!(read.operations.len(), 63 + 29);
    assert_eq!(read.sets.len(), 31);
    let optional = read.operations.iter().flat_map(|o| &o.parameters);
    assert_eq!(optional.filter(|parameter| parameter.optional).count(), 48);
    // Written again, it says the same.
    let written = csdl::write_xml(&read);
    assert_eq!(csdl::differences(&read, &written).unwrap(), []);
    let lines = |xml: &str| {
        let xml = xml.replace(" />", "/>").replace("><", ">\n<");
        let mut lines: Vec<String> = xml.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let (ours, theirs) = (lines(&written), lines(&microsofts()));
    let lost: Vec<&String> = theirs.iter().filter(|line| !ours.contains(line)).collect();
    // A constraint of alerts, with the element around it, is all that the model does not hold.
    assert_eq!(lost.len(), 3, "{lost:#?}");
    assert!(
        lost.iter()
            .any(|line| line.starts_with("<ReferentialConstraint"))
    );
}

#[test]
fn what_is_not_metadata_is_refused() {
    assert!(csdl::read_xml("<Schema>").is_err());
    assert!(csdl::read_xml("<Schema Namespace='a'><EntityType/></Schema>").is_err());
    let error = csdl::read_xml("<a><b></a>").unwrap_err();
    assert!(error.to_string().starts_with("not XML"), "{error}");
}

fn small() -> Schema {
    Schema::build("example.api")
        .entity(&support::software())
        .entity(&support::product())
        .entity(&support::vulnerability())
        .set(EntitySet::new("Software", "Software").bind("vulnerabilities", "Vulnerabilities"))
        .set(EntitySet::new("Vulnerabilities", "PublicVulnerabilityDto"))
        .operation(
            Operation::function("Find")
                .bound_to(Type::named("Software").collection())
                .parameter("name", kbgap_odata::edm::Primitive::String)
                .optional()
                .returns(Type::named("Software").collection()),
        )
        .finish()
        .unwrap()
}

#[test]
fn metadata_of_a_small_schema() {
    let xml = csdl::write_xml(&small()).replace("><", ">\n<");
    insta::assert_snapshot!("small_xml", xml);
    insta::assert_json_snapshot!("small_json", csdl::write_json(&small()));
    insta::assert_json_snapshot!(
        "small_service",
        csdl::service_document(&small(), "https://host/api/")
    );
}

#[test]
fn json_schemas_of_a_small_schema() {
    insta::assert_json_snapshot!("small_json_schemas", small().json_schemas());
    assert_eq!(small().json_schema("Nothing"), None);
}

#[test]
fn tables_for_the_documentation() {
    let machine = support::machine();
    insta::assert_snapshot!("machine_table", tables::properties(machine.shape()));
    let schema = support::schema();
    let risk = schema.enumeration("RiskScore").unwrap();
    insta::assert_snapshot!("risk_table", tables::members(risk));
}

#[test]
fn a_schema_has_to_hold_together() {
    let unknown = Schema::build("a").set(EntitySet::new("Machines", "Machine"));
    assert_eq!(
        unknown.finish().unwrap_err().to_string(),
        "Machines uses the type 'Machine', which is not declared"
    );
    let twice = Schema::build("a")
        .entity(&support::product())
        .entity(&support::product());
    assert!(matches!(twice.finish(), Err(SchemaError::Twice { .. })));
    let binding = Schema::build("a")
        .entity(&support::product())
        .set(EntitySet::new("Products", "PublicProductDto").bind("nothing", "Products"));
    assert!(matches!(
        binding.finish(),
        Err(SchemaError::NoProperty { .. })
    ));
}
