//! What the service says of itself: `$metadata` and the service document (API specification, section 0; OData 4.01
//! protocol, section 11.1).

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use kbgap_odata::csdl;
use quick_cache::sync::Cache;

use super::caller::Authenticated;
use super::model::Model;
use super::root::Root;
use crate::envelope::ApiError;
use crate::service::Service;

const XML: &str = "application/xml";
const JSON: &str = "application/json";
const SERVICE: &str = "application/json;odata.metadata=minimal";

/// How many URLs of the service its document is kept for. Callers choose what host they call, so there may be any number.
const ROOTS: usize = 64;

/// The documents as bytes, each written when it is first asked for.
pub(crate) struct Documents {
    xml: OnceLock<Bytes>,
    json: OnceLock<Bytes>,
    service: Cache<Box<str>, Bytes>,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            xml: OnceLock::new(),
            json: OnceLock::new(),
            service: Cache::new(ROOTS),
        }
    }
}

impl Documents {
    fn xml(&self, model: &Model) -> Bytes {
        let written = || csdl::write_xml(&model.schema).into();
        self.xml.get_or_init(written).clone()
    }

    fn json(&self, model: &Model) -> Bytes {
        let written = || csdl::write_json(&model.schema).to_string().into();
        self.json.get_or_init(written).clone()
    }

    fn service(&self, model: &Model, root: &Root) -> Bytes {
        if let Some(kept) = self.service.get(root.text()) {
            return kept;
        }
        let url = format!("{}/api", root.text());
        let document = Bytes::from(csdl::service_document(&model.schema, &url).to_string());
        self.service.insert(root.text().into(), document.clone());
        document
    }
}

/// `GET /api/$metadata`: XML, as Defender answers it; JSON where it is asked for.
pub(crate) async fn metadata(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    caller.any(&service)?;
    let (documents, model) = (&service.documents, &service.model);
    Ok(if wants_json(&headers, query.as_deref()) {
        answer(JSON, documents.json(model))
    } else {
        answer(XML, documents.xml(model))
    })
}

/// `GET /api`: the entity sets.
pub(crate) async fn service_document(
    State(service): State<Arc<Service>>,
    caller: Authenticated,
    root: Root,
) -> Result<Response, ApiError> {
    caller.any(&service)?;
    let document = service.documents.service(&service.model, &root);
    Ok(answer(SERVICE, document))
}

fn answer(content_type: &'static str, body: Bytes) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (VERSION, "4.0")];
    (headers, body).into_response()
}

/// The version of the protocol; names of headers are in lower case.
const VERSION: header::HeaderName = header::HeaderName::from_static("odata-version");

/// Whether JSON is asked for: by `$format`, which goes before the header, or by `Accept` that takes no XML.
fn wants_json(headers: &HeaderMap, query: Option<&str>) -> bool {
    let options: Vec<(String, String)> =
        serde_urlencoded::from_str(query.unwrap_or_default()).unwrap_or_default();
    let format = options.iter().find(|(name, _)| name == "$format");
    if let Some((_, format)) = format {
        return format == "json" || format.starts_with(JSON);
    }
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains(JSON) && !accept.contains("xml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_answered_unless_json_is_asked_for() {
        for (query, accept, json) in [
            (None, None, false),
            (None, Some("*/*"), false),
            (None, Some("application/json"), true),
            (None, Some("application/xml, application/json;q=0.5"), false),
            (Some("$format=xml"), Some("application/json"), false),
            (Some("%24format=application%2Fjson"), None, true),
            (Some("$format=json"), Some("application/xml"), true),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            assert_eq!(wants_json(&headers, query), json, "{query:?} {accept:?}");
        }
    }
}
