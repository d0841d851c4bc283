//! The description for people: one page, made from the very document that programs read.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::api::root::Root;
use crate::envelope::ApiError;
use crate::service::Service;

const STYLE: &str = include_str!("../../../templates/openapi.css");
/// Nothing but the one style sheet, and the form that filters.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The longest filter that is looked for; the rest is left out.
const LONGEST_FILTER: usize = 100;
/// How references to types begin.
const TYPES: &str = "#/components/schemas/";

/// `GET /openapi`: the page; with `?q=` what has these words in it.
pub(crate) async fn page(
    State(service): State<Arc<Service>>,
    root: Root,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let filter = filter(query.as_deref().unwrap_or_default());
    let document = &service.open_api.of(&service.model).document;
    let page = Page::of(document, root.text(), &filter);
    let html = page.render().map_err(|error| ApiError::internal(&error))?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, html).into_response())
}

/// `GET /openapi.css`: how the page looks.
pub(crate) async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, STYLE).into_response()
}

/// The words looked for, as they were written.
fn filter(query: &str) -> String {
    let options: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let asked = options.into_iter().find(|(name, _)| name == "q");
    let asked = asked.map(|(_, words)| words).unwrap_or_default();
    asked.trim().chars().take(LONGEST_FILTER).collect()
}

#[derive(Template)]
#[template(path = "openapi.html")]
struct Page<'a> {
    title: &'a str,
    version: &'a str,
    about: &'a str,
    filter: &'a str,
    resources: Vec<Resource<'a>>,
    types: Vec<Described<'a>>,
}

/// Operations on the same.
struct Resource<'a> {
    name: &'a str,
    operations: Vec<Operation<'a>>,
}

struct Operation<'a> {
    id: String,
    method: String,
    path: &'a str,
    about: &'a str,
    permissions: Vec<&'a str>,
    parameters: Vec<Field<'a>>,
    answers: Vec<Answer<'a>>,
    example: String,
}

/// A parameter or a property.
struct Field<'a> {
    name: &'a str,
    /// Where a parameter stands.
    place: &'a str,
    of: Kind<'a>,
    limits: String,
    about: &'a str,
}

/// A type in words, with the one it leads to.
#[derive(Default)]
struct Kind<'a> {
    before: String,
    link: Option<&'a str>,
    after: &'static str,
}

struct Answer<'a> {
    status: &'a str,
    about: &'a str,
    tables: Vec<Table<'a>>,
}

/// The properties of an answer, or of the rows in it.
struct Table<'a> {
    of: &'a str,
    fields: Vec<Field<'a>>,
}

/// A type, with its properties or its members.
struct Described<'a> {
    name: &'a str,
    about: &'a str,
    fields: Vec<Field<'a>>,
    members: Vec<&'a str>,
}

impl<'a> Page<'a> {
    fn of(document: &'a Value, root: &str, filter: &'a str) -> Self {
        let words = filter.to_lowercase();
        let schemas = document["components"]["schemas"].as_object();
        let mut resources: Vec<Resource<'a>> = Vec::new();
        let paths = document["paths"].as_object();
        for (path, methods) in paths.into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                let operation = Operation::of(schemas, root, path, method, operation);
                if !operation.has(&words) {
                    continue;
                }
                let name = resource(path);
                match resources.iter_mut().find(|known| known.name == name) {
                    Some(known) => known.operations.push(operation),
                    None => resources.push(Resource {
                        name,
                        operations: vec![operation],
                    }),
                }
            }
        }
        let types = schemas.into_iter().flatten();
        let types = types.map(|(name, schema)| Described::of(name, schema));
        let types = types.filter(|of| of.has(&words) || leads_to(&resources, of.name));
        Self {
            title: text(&document["info"]["title"]),
            version: text(&document["info"]["version"]),
            about: text(&document["info"]["description"]),
            filter,
            types: types.collect(),
            resources,
        }
    }
}

/// What a path is about: its first segment that is no prefix.
fn resource(path: &str) -> &str {
    let path = path.strip_prefix("/api/").unwrap_or(path);
    let path = path.strip_prefix("/kbgap/v1/").unwrap_or(path);
    path.split('/').next().unwrap_or(path)
}

fn leads_to(resources: &[Resource<'_>], name: &str) -> bool {
    let operations = resources.iter().flat_map(|of| &of.operations);
    let answers = operations.flat_map(|operation| &operation.answers);
    let mut tables = answers.flat_map(|answer| &answer.tables);
    tables.any(|table| {
        let mut links = table.fields.iter().filter_map(|field| field.of.link);
        table.of == name || links.any(|link| link == name)
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn has(text: &str, words: &str) -> bool {
    text.to_lowercase().contains(words)
}

impl<'a> Operation<'a> {
    fn of(
        schemas: Option<&'a Map<String, Value>>,
        root: &str,
        path: &'a str,
        method: &str,
        operation: &'a Value,
    ) -> Self {
        let security = operation["security"].as_array().into_iter().flatten();
        let roles = security.flat_map(|one| one.as_object().into_iter().flatten());
        let roles = roles.flat_map(|(_, roles)| roles.as_array().into_iter().flatten());
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters: Vec<Field<'a>> = parameters.map(Field::parameter).collect();
        let answers = operation["responses"].as_object().into_iter().flatten();
        let is_list = parameters.iter().any(|parameter| parameter.name == "$top");
        let options = if is_list { "?$top=10" } else { "" };
        let example = path.replace("{id}", "ID");
        Self {
            id: anchor(method, path),
            method: method.to_uppercase(),
            path,
            about: text(&operation["summary"]),
            permissions: roles.map(text).collect(),
            parameters,
            answers: answers
                .map(|(status, answer)| Answer::of(schemas, status, answer))
                .collect(),
            example: format!("curl -H \"Authorization: Bearer $TOKEN\" '{root}{example}{options}'"),
        }
    }

    fn has(&self, words: &str) -> bool {
        let parameters = self.parameters.iter().map(|parameter| parameter.name);
        let tables = self.answers.iter().flat_map(|answer| &answer.tables);
        let own = [self.path, self.about].into_iter();
        let mut texts = own
            .chain(self.permissions.iter().copied())
            .chain(parameters)
            .chain(tables.map(|table| table.of));
        texts.any(|text| has(text, words))
    }
}

/// An id within the page: letters, digits and hyphens.
fn anchor(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty()).map(str::to_lowercase);
    let words = std::iter::once(method.to_owned()).chain(words);
    words.collect::<Vec<_>>().join("-")
}

impl<'a> Answer<'a> {
    fn of(schemas: Option<&'a Map<String, Value>>, status: &'a str, answer: &'a Value) -> Self {
        let schema = &answer["content"]["application/json"]["schema"];
        let mut tables = Vec::new();
        let named = |name: &'a str| {
            let fields = schemas.and_then(|all| all.get(name)).map(properties);
            Table {
                of: name,
                fields: fields.unwrap_or_default(),
            }
        };
        if let Some(name) = reference(schema) {
            tables.push(named(name));
        } else {
            tables.push(Table {
                of: "",
                fields: properties(schema),
            });
            tables.extend(reference(&schema["properties"]["value"]["items"]).map(named));
        }
        Self {
            status,
            about: text(&answer["description"]),
            tables,
        }
    }
}

impl<'a> Described<'a> {
    fn of(name: &'a str, schema: &'a Value) -> Self {
        let members = schema["enum"].as_array().into_iter().flatten();
        Self {
            name,
            about: text(&schema["description"]),
            fields: properties(schema),
            members: members.map(text).collect(),
        }
    }

    fn has(&self, words: &str) -> bool {
        let fields = self.fields.iter().map(|field| field.name);
        let mut texts = std::iter::once(self.name)
            .chain(fields)
            .chain(self.members.iter().copied());
        texts.any(|text| has(text, words))
    }
}

fn properties(schema: &Value) -> Vec<Field<'_>> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, schema)| Field {
            name,
            place: "",
            of: Kind::of(schema),
            limits: limits(schema),
            about: text(&schema["description"]),
        })
        .collect()
}

impl<'a> Field<'a> {
    fn parameter(parameter: &'a Value) -> Self {
        let schema = &parameter["schema"];
        Self {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            of: Kind::of(schema),
            limits: limits(schema),
            about: text(&parameter["description"]),
        }
    }
}

/// The name of the type that a schema refers to.
fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix(TYPES)
}

impl<'a> Kind<'a> {
    fn of(schema: &'a Value) -> Self {
        if let Some(name) = reference(schema) {
            return Self {
                link: Some(name),
                ..Self::default()
            };
        }
        // As a reference that may be null is written.
        if let Some(any) = schema["anyOf"].as_array() {
            let mut of = any.first().map(Self::of).unwrap_or_default();
            of.after = " or null";
            return of;
        }
        let names: Vec<&str> = match &schema["type"] {
            Value::Array(names) => names.iter().map(text).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let after = if names.contains(&"null") {
            " or null"
        } else {
            ""
        };
        let name = names.into_iter().find(|name| *name != "null");
        let name = name.unwrap_or("anything");
        if name == "array" {
            let of = Self::of(&schema["items"]);
            return Self {
                before: format!("list of {}", of.before),
                ..of
            };
        }
        let before = match schema["format"].as_str() {
            Some(format) => format!("{name} ({format})"),
            None => name.to_owned(),
        };
        Self {
            before,
            link: None,
            after,
        }
    }
}

/// What values are refused.
fn limits(schema: &Value) -> String {
    let limits = [
        ("minimum", "at least "),
        ("maximum", "at most "),
        ("minLength", "characters at least "),
        ("maxLength", "characters at most "),
    ];
    let limits = limits.into_iter().filter_map(|(name, words)| {
        let limit = schema.get(name)?;
        Some(format!("{words}{limit}"))
    });
    limits.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_told_in_words() {
        for (schema, words) in [
            (json!({ "type": "string" }), "string"),
            (
                json!({ "type": ["string", "null"], "format": "date-time" }),
                "string (date-time) or null",
            ),
            (
                json!({ "type": "array", "items": { "$ref": "#/components/schemas/Machine" } }),
                "list of Machine",
            ),
            (
                json!({ "anyOf": [{ "$ref": "#/components/schemas/A" }, { "type": "null" }] }),
                "A or null",
            ),
            (json!({}), "anything"),
        ] {
            let of = Kind::of(&schema);
            let told = format!("{}{}{}", of.before, of.link.unwrap_or_default(), of.after);
            assert_eq!(told, words);
        }
    }

    #[test]
    fn a_filter_is_cut_and_anything_else_is_passed_over() {
        assert_eq!(filter("a=b&q=%20Machine+tags%20&q=c"), "Machine tags");
        assert_eq!(
            filter(&format!("q={}", "ä".repeat(1000))).chars().count(),
            100
        );
        assert_eq!(filter("%ff&&="), "");
    }
}
