//! CSDL 4.01 as JSON, and the service document.

use serde_json::{Map, Value, json};

use super::{BINDING, OPTIONAL, qualified};
use crate::edm::{
    EntitySet, EnumType, Operation, OperationKind, Primitive, Property, Schema, Structure,
    StructuredType, Type,
};

/// The schema as a CSDL JSON document of version 4.01.
///
/// A JSON object has one value under one name: an operation with the name of a type, which Microsoft's metadata has and
/// the standard forbids, is left out.
pub fn write_json(schema: &Schema) -> Value {
    let namespace = &*schema.namespace;
    let mut members = Map::new();
    for of in &schema.types {
        members.insert(of.name.to_string(), structured(of, namespace));
    }
    for of in &schema.enums {
        members.insert(of.name.to_string(), enumeration(of));
    }
    for operation in &schema.operations {
        let name = operation.name.to_string();
        let overloads = members.entry(name).or_insert_with(|| json!([]));
        if let Value::Array(overloads) = overloads {
            overloads.push(self::operation(operation, namespace));
        }
    }
    let mut container = Map::new();
    container.insert("$Kind".to_owned(), json!("EntityContainer"));
    for set in &schema.sets {
        container.insert(set.name.to_string(), entity_set(set, namespace));
    }
    members.insert(schema.container.to_string(), container.into());
    let mut document = Map::new();
    document.insert("$Version".to_owned(), json!("4.01"));
    let container = qualified(&schema.container, namespace);
    document.insert("$EntityContainer".to_owned(), container.into());
    document.insert(namespace.to_owned(), members.into());
    document.into()
}

/// The service document: the sets, each with its URL below `root`.
pub fn service_document(schema: &Schema, root: &str) -> Value {
    let sets = schema.sets.iter();
    let sets: Vec<Value> = sets
        .map(|set| json!({"name": set.name, "kind": "EntitySet", "url": set.name}))
        .collect();
    let root = root.trim_end_matches('/');
    json!({"@odata.context": format!("{root}/$metadata"), "value": sets})
}

/// The members that say of which type something is.
fn type_members(of: &Type, nullable: bool, namespace: &str) -> Map<String, Value> {
    let mut members = Map::new();
    if of.is_collection() {
        members.insert("$Collection".to_owned(), json!(true));
    }
    let element = of.element();
    if *element != Type::Primitive(Primitive::String) {
        let name = element.qualified(namespace);
        members.insert("$Type".to_owned(), name.into());
    }
    if nullable {
        members.insert("$Nullable".to_owned(), json!(true));
    }
    members
}

fn structured(of: &StructuredType, namespace: &str) -> Value {
    let mut members = Map::new();
    let kind = match of.structure {
        Structure::Entity => "EntityType",
        Structure::Complex => "ComplexType",
    };
    members.insert("$Kind".to_owned(), json!(kind));
    if let Some(base) = &of.base {
        members.insert("$BaseType".to_owned(), qualified(base, namespace).into());
    }
    if of.is_abstract {
        members.insert("$Abstract".to_owned(), json!(true));
    }
    if !of.key.is_empty() {
        members.insert("$Key".to_owned(), json!(of.key));
    }
    for property in of.declared() {
        members.insert(
            property.name.to_string(),
            self::property(property, namespace),
        );
    }
    for navigation in of.navigation.iter().skip(of.inherited_navigation) {
        // A collection of entities has no null.
        let nullable = navigation.nullable && !navigation.of.is_collection();
        let mut of = type_members(&navigation.of, nullable, namespace);
        of.insert("$Kind".to_owned(), json!("NavigationProperty"));
        members.insert(navigation.name.to_string(), of.into());
    }
    members.into()
}

fn property(property: &Property, namespace: &str) -> Value {
    let mut members = type_members(&property.of, property.nullable, namespace);
    if let Some(length) = property.max_length {
        members.insert("$MaxLength".to_owned(), json!(length));
    }
    members.into()
}

fn enumeration(of: &EnumType) -> Value {
    let mut members = Map::new();
    members.insert("$Kind".to_owned(), json!("EnumType"));
    if of.underlying != Primitive::Int32 {
        let name = of.underlying.name();
        members.insert("$UnderlyingType".to_owned(), json!(name));
    }
    if of.flags {
        members.insert("$IsFlags".to_owned(), json!(true));
    }
    for (name, number) in &of.members {
        members.insert(name.to_string(), json!(number));
    }
    members.into()
}

fn operation(operation: &Operation, namespace: &str) -> Value {
    let mut members = Map::new();
    let kind = match operation.kind {
        OperationKind::Function => "Function",
        OperationKind::Action => "Action",
    };
    members.insert("$Kind".to_owned(), json!(kind));
    let mut parameters = Vec::new();
    if let Some(binding) = &operation.binding {
        members.insert("$IsBound".to_owned(), json!(true));
        let mut parameter = type_members(binding, false, namespace);
        parameter.insert("$Name".to_owned(), json!(BINDING));
        parameters.push(Value::from(parameter));
    }
    for parameter in &operation.parameters {
        let mut of = type_members(&parameter.of, parameter.nullable, namespace);
        of.insert("$Name".to_owned(), json!(parameter.name));
        if parameter.optional {
            of.insert(format!("@{OPTIONAL}"), json!({}));
        }
        parameters.push(of.into());
    }
    if !parameters.is_empty() {
        members.insert("$Parameter".to_owned(), parameters.into());
    }
    if let Some(returns) = &operation.returns {
        let of = type_members(&returns.of, returns.nullable, namespace);
        members.insert("$ReturnType".to_owned(), of.into());
    }
    members.into()
}

fn entity_set(set: &EntitySet, namespace: &str) -> Value {
    let mut members = Map::new();
    members.insert("$Collection".to_owned(), json!(true));
    members.insert("$Type".to_owned(), qualified(&set.of, namespace).into());
    if !set.bindings.is_empty() {
        let bindings = set.bindings.iter();
        let bindings: Map<String, Value> = bindings
            .map(|(path, target)| (path.to_string(), json!(target)))
            .collect();
        members.insert("$NavigationPropertyBinding".to_owned(), bindings.into());
    }
    members.into()
}
