//! The API as OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.1>), from the descriptions of its types.

mod endpoints;
mod page;

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::model::Model;
use crate::service::Service;
use endpoints::{Answer, Choice, ENDPOINTS, Endpoint};
pub(crate) use page::{page, style};

/// The options of lists.
const OPTIONS: [Choice; 6] = [
    Choice::new(
        "$filter",
        "string",
        "Which rows: `severity eq 'High' and cvssV3 ge 7`",
    ),
    Choice::new("$orderby", "string", "In which order: `cvssV3 desc`"),
    Choice::new("$select", "string", "Which properties: `id,severity`"),
    Choice::new("$top", "integer", "How many rows at most"),
    Choice::new("$skip", "integer", "How many rows are left out first"),
    Choice::new(
        "$count",
        "boolean",
        "Whether the answer tells how many rows there are",
    ),
];

/// The description, made when it is first asked for.
#[derive(Default)]
pub(crate) struct OpenApi(OnceLock<Description>);

struct Description {
    document: Value,
    written: Bytes,
}

impl OpenApi {
    fn of(&self, model: &Model) -> &Description {
        self.0.get_or_init(|| {
            let document = described(model);
            let written = document.to_string().into();
            Description { document, written }
        })
    }
}

/// `GET /openapi.json`
pub(crate) async fn document(State(service): State<Arc<Service>>) -> Response {
    let body = service.open_api.of(&service.model).written.clone();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn described(model: &Model) -> Value {
    let mut paths = Map::new();
    for endpoint in ENDPOINTS {
        paths.insert(
            endpoint.path.to_owned(),
            json!({ "get": operation(endpoint) }),
        );
    }
    let mut schemas = model.schema.json_schemas();
    // An answer has the properties that `$select` names.
    for schema in schemas.values_mut().filter_map(Value::as_object_mut) {
        schema.remove("required");
    }
    // Declared as never null, yet null where no score is known (API specification, section 2.12).
    for of in ["AssetVulnerability", "DeltaAssetVulnerability"] {
        if let Some(score) = schemas
            .get_mut(of)
            .map(|of| &mut of["properties"]["cvssScore"])
        {
            score["type"] = json!(["number", "null"]);
        }
    }
    schemas.insert("Error".to_owned(), error());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "kbgap",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Microsoft Defender's vulnerability management API, from a machine you own.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let about = endpoint.about;
    let mut parameters = Vec::new();
    if endpoint.path.contains("{id}") {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": 200 });
        parameters.push(json!({
            "name": "id", "in": "path", "required": true, "description": "Which one", "schema": schema,
        }));
    }
    parameters.extend(endpoint.choices.iter().map(parameter));
    let body = match endpoint.answer {
        Answer::List(of) => {
            parameters.extend(OPTIONS.iter().map(parameter));
            json!({
                "type": "object",
                "required": ["@odata.context", "value"],
                "properties": {
                    "@odata.context": { "type": "string" },
                    "@odata.count": { "type": "integer" },
                    "@odata.nextLink": { "type": "string" },
                    "value": { "type": "array", "items": reference(of) },
                },
            })
        }
        Answer::One(of) => reference(of),
    };
    // Any of them is enough; the values are roles (OpenAPI 3.1, section 4.8.30).
    let security = endpoint.any_of.iter();
    let security: Vec<Value> = security
        .map(|permission| json!({ "token": [permission.role()] }))
        .collect();
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    json!({
        "summary": about,
        "security": security,
        "parameters": parameters,
        "responses": {
            "200": { "description": about, "content": content(body) },
            "4XX": { "description": "Why not", "content": content(reference("Error")) },
        },
    })
}

fn parameter(choice: &Choice) -> Value {
    let mut schema = json!({ "type": choice.of });
    if choice.of == "integer" {
        schema["minimum"] = 0.into();
    }
    if choice.name == "$top" {
        // The least of the limits of all lists.
        schema["maximum"] = super::respond::VULNERABILITIES.into();
    }
    if let Some(format) = choice.format {
        schema["format"] = format.into();
    }
    json!({ "name": choice.name, "in": "query", "description": choice.about, "schema": schema })
}

fn reference(of: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{of}") })
}

/// API specification, section 5.
fn error() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["code", "message", "target"],
                "properties": { "code": text, "message": text, "target": text },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_named_is_described() {
        let model = Model::new().unwrap();
        let document = described(&model);
        let text = document.to_string();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for part in text.split("\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
        assert_eq!(
            document["paths"].as_object().unwrap().len(),
            ENDPOINTS.len()
        );
    }
}
