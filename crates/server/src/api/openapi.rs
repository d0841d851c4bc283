//! The API as OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.1>), from the descriptions of its types.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::model::Model;
use crate::service::Service;

/// What an endpoint answers.
enum Answer {
    /// A list of a type, with the options of lists.
    List(&'static str),
    /// One of a type.
    One(&'static str),
}

use Answer::{List, One};

/// Paths below `/api`, what each answers, and what that is.
const ENDPOINTS: &[(&str, Answer, &str)] = &[
    ("/Software", List("Software"), "The software on machines"),
    ("/Software/{id}", One("Software"), "A software"),
    (
        "/Software/{id}/distributions",
        List("PublicDistributionDto"),
        "Its versions",
    ),
    (
        "/Software/{id}/machineReferences",
        List("PublicAssetDto"),
        "The machines that have it",
    ),
    (
        "/Software/{id}/vulnerabilities",
        List("PublicVulnerabilityDto"),
        "The vulnerabilities open in it",
    ),
    (
        "/Software/{id}/getmissingkbs",
        List("PublicProductFixDto"),
        "The updates it lacks",
    ),
    (
        "/vulnerabilities",
        List("Vulnerability"),
        "The vulnerabilities",
    ),
    (
        "/vulnerabilities/{id}",
        One("Vulnerability"),
        "A vulnerability",
    ),
    (
        "/vulnerabilities/{id}/machineReferences",
        List("PublicAssetDto"),
        "The machines it is open on",
    ),
    (
        "/vulnerabilities/machinesVulnerabilities",
        List("PublicAssetVulnerabilityDto"),
        "Each vulnerability on each machine",
    ),
    ("/machines", List("Machine"), "The machines"),
    (
        "/machines/{id}",
        One("Machine"),
        "A machine, by its id or DNS name",
    ),
    (
        "/machines/{id}/software",
        List("Software"),
        "The software on it",
    ),
    (
        "/machines/{id}/vulnerabilities",
        List("PublicVulnerabilityDto"),
        "The vulnerabilities open on it",
    ),
    (
        "/machines/{id}/recommendations",
        List("Recommendation"),
        "What to do about them",
    ),
    (
        "/machines/{id}/getmissingkbs",
        List("PublicProductFixDto"),
        "The updates it lacks",
    ),
    (
        "/machines/SoftwareInventoryByMachine",
        List("AssetSoftware"),
        "Each software on each machine",
    ),
    (
        "/machines/SoftwareVulnerabilitiesByMachine",
        List("AssetVulnerability"),
        "Each vulnerability on each machine, at length",
    ),
    (
        "/recommendations",
        List("Recommendation"),
        "What to do about what is open",
    ),
    (
        "/recommendations/{id}",
        One("Recommendation"),
        "A recommendation",
    ),
    (
        "/recommendations/{id}/software",
        One("PublicProductDto"),
        "The software it is about",
    ),
    (
        "/recommendations/{id}/machineReferences",
        List("PublicAssetDto"),
        "The machines it is for",
    ),
    (
        "/recommendations/{id}/vulnerabilities",
        List("PublicVulnerabilityDto"),
        "The vulnerabilities it closes",
    ),
    (
        "/exposureScore",
        One("ConfigurationScore"),
        "How exposed the organization is",
    ),
    (
        "/exposureScore/ByMachineGroups",
        List("ConfigurationScore"),
        "How exposed each device group is",
    ),
    (
        "/configurationScore",
        One("ConfigurationScore"),
        "How well machines are configured: always 0",
    ),
    (
        "/remediationTasks",
        List("RemediationTask"),
        "What was asked to be done",
    ),
    ("/remediationTasks/{id}", One("RemediationTask"), "A task"),
    (
        "/remediationTasks/{id}/machineReferences",
        List("PublicAssetDto"),
        "The machines it is not done on yet",
    ),
    (
        "/missingkbs",
        List("PublicProductFixDto"),
        "Every missing update",
    ),
    (
        "/missingkbs/{id}/machineReferences",
        List("PublicAssetDto"),
        "The machines that lack it",
    ),
];

/// The options of lists, with their types.
const OPTIONS: [(&str, &str, &str); 6] = [
    (
        "$filter",
        "string",
        "Which rows: `severity eq 'High' and cvssV3 ge 7`",
    ),
    ("$orderby", "string", "In which order: `cvssV3 desc`"),
    ("$select", "string", "Which properties: `id,severity`"),
    ("$top", "integer", "How many rows at most"),
    ("$skip", "integer", "How many rows are left out first"),
    (
        "$count",
        "boolean",
        "Whether the answer tells how many rows there are",
    ),
];

/// The document, written when it is first asked for.
#[derive(Default)]
pub(crate) struct OpenApi(OnceLock<Bytes>);

/// `GET /openapi.json`
pub(crate) async fn document(State(service): State<Arc<Service>>) -> Response {
    let written = || described(&service.model).to_string().into();
    let body = service.open_api.0.get_or_init(written).clone();
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn described(model: &Model) -> Value {
    let mut paths = Map::new();
    for (path, answer, about) in ENDPOINTS {
        paths.insert(
            format!("/api{path}"),
            json!({ "get": operation(path, answer, about) }),
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

fn operation(path: &str, answer: &Answer, about: &str) -> Value {
    let mut parameters = Vec::new();
    if path.contains("{id}") {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": 200 });
        parameters.push(json!({ "name": "id", "in": "path", "required": true, "schema": schema }));
    }
    let body = match answer {
        List(of) => {
            let options = OPTIONS.iter().map(|(name, of, about)| {
                json!({ "name": name, "in": "query", "description": about, "schema": option(name, of) })
            });
            parameters.extend(options);
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
        One(of) => reference(of),
    };
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    json!({
        "summary": about,
        "parameters": parameters,
        "responses": {
            "200": { "description": about, "content": content(body) },
            "4XX": { "description": "Why not", "content": content(reference("Error")) },
        },
    })
}

fn option(name: &str, of: &str) -> Value {
    let mut schema = json!({ "type": of });
    if of == "integer" {
        schema["minimum"] = 0.into();
    }
    if name == "$top" {
        // The least of the limits of all lists.
        schema["maximum"] = super::respond::VULNERABILITIES.into();
    }
    schema
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
