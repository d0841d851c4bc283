//! JSON Schema of the types, for an OpenAPI document.

use serde_json::{Map, Value, json};

use crate::edm::{EnumType, Primitive, Schema, StructuredType, Type};

impl Schema {
    /// The JSON Schema (2020-12, as OpenAPI 3.1 has it) of one type of this schema by its name. Other types are referred
    /// to as `#/components/schemas/Name`.
    ///
    /// What is never null is required: an answer has all properties unless `$select` leaves some out. What navigation
    /// properties lead to is there only when it is expanded.
    pub fn json_schema(&self, name: &str) -> Option<Value> {
        if let Some(of) = self.structured(name) {
            return Some(structured(of));
        }
        self.enumeration(name).map(|of| enumeration(of))
    }

    /// The schemas of all types, as the `components/schemas` of an OpenAPI document.
    pub fn json_schemas(&self) -> Map<String, Value> {
        let types = self
            .types
            .iter()
            .map(|of| (of.name.to_string(), structured(of)));
        let enums = self
            .enums
            .iter()
            .map(|of| (of.name.to_string(), enumeration(of)));
        types.chain(enums).collect()
    }
}

fn structured(of: &StructuredType) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for property in &of.properties {
        let nullable = property.nullable && !property.of.is_collection();
        let mut schema = value(&property.of, nullable);
        if let (Some(schema), Some(length)) = (schema.as_object_mut(), property.max_length) {
            schema.insert("maxLength".to_owned(), json!(length));
        }
        if let (Some(schema), false) = (schema.as_object_mut(), property.doc.is_empty()) {
            schema.insert("description".to_owned(), json!(property.doc));
        }
        if !property.nullable {
            required.push(json!(property.name));
        }
        properties.insert(property.name.to_string(), schema);
    }
    for navigation in &of.navigation {
        let nullable = navigation.nullable && !navigation.of.is_collection();
        let schema = value(&navigation.of, nullable);
        properties.insert(navigation.name.to_string(), schema);
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    if !of.doc.is_empty() {
        schema.insert("description".to_owned(), json!(of.doc));
    }
    schema.insert("properties".to_owned(), properties.into());
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema.into()
}

fn enumeration(of: &EnumType) -> Value {
    let names: Vec<&str> = of.members.iter().map(|(name, _)| &**name).collect();
    json!({"type": "string", "enum": names})
}

fn value(of: &Type, nullable: bool) -> Value {
    match of {
        Type::Collection(element) => json!({"type": "array", "items": value(element, false)}),
        Type::Primitive(primitive) => {
            let (kind, format) = primitive_form(*primitive);
            let mut schema = Map::new();
            let kind = if nullable {
                json!([kind, "null"])
            } else {
                json!(kind)
            };
            schema.insert("type".to_owned(), kind);
            if let Some(format) = format {
                schema.insert("format".to_owned(), json!(format));
            }
            schema.into()
        }
        named => {
            let reference = json!({"$ref": format!("#/components/schemas/{named}")});
            if nullable {
                json!({"anyOf": [reference, {"type": "null"}]})
            } else {
                reference
            }
        }
    }
}

/// Type and format in the terms of OpenAPI.
fn primitive_form(primitive: Primitive) -> (&'static str, Option<&'static str>) {
    match primitive {
        Primitive::Boolean => ("boolean", None),
        Primitive::Byte => ("integer", Some("uint8")),
        Primitive::SByte => ("integer", Some("int8")),
        Primitive::Int16 => ("integer", Some("int16")),
        Primitive::Int32 => ("integer", Some("int32")),
        Primitive::Int64 => ("integer", Some("int64")),
        Primitive::Single => ("number", Some("float")),
        Primitive::Double => ("number", Some("double")),
        Primitive::Decimal => ("number", Some("decimal")),
        Primitive::String => ("string", None),
        Primitive::Date => ("string", Some("date")),
        Primitive::DateTimeOffset => ("string", Some("date-time")),
        Primitive::Duration => ("string", Some("duration")),
        Primitive::TimeOfDay => ("string", Some("time")),
        Primitive::Guid => ("string", Some("uuid")),
    }
}
