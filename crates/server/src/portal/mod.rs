//! The portal over HTTP: pages of people, made by `kbgap-portal` from the machines as they are now.
//!
//! No page is answered to who is not known ([`reader::Reader`]). A further page is a handler here, a template with its data in
//! the portal's crate, and a line in [`routes`].

mod answer;
mod machine_lists;
mod machines;
mod overview;
mod problem;
mod reader;
mod software;
mod updates;
mod weaknesses;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kbgap_portal::{Language, Theme};
use serde::Deserialize;

use crate::service::Service;
use reader::Reader;

/// The portal's pages and the files they refer to.
pub(crate) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/", get(overview::page))
        .route("/software", get(software::list))
        .route("/software/{id}", get(software::one))
        .route("/updates", get(updates::list))
        .route("/updates/{kb}", get(updates::one))
        .route("/machines", get(machines::list))
        .route("/machines/{id}", get(machines::one))
        .route("/machines/{id}/report", get(machines::report))
        .route("/weaknesses", get(weaknesses::list))
        .route("/weaknesses/{cve}", get(weaknesses::one))
        .route("/preferences", get(preferences))
        .route("/sign-out", get(sign_out))
        .route("/assets/{name}", get(asset))
        .layer(map_response(secured))
}

/// What browsers may do with an answer: load nothing from elsewhere, run nothing that stands in a page, keep no page.
const HEADERS: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cache-control", "no-store"),
];

async fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        // An asset says for itself how long it is kept.
        headers
            .entry(HeaderName::from_static(name))
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// `GET /assets/{name}`: nothing private, and never another content under its name.
async fn asset(State(service): State<Arc<Service>>, Path(name): Path<String>) -> Response {
    let Some(asset) = service.portal.assets.find(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, asset.bytes).into_response()
}

/// `GET /sign-out`: leads to the page that asks, since any page could send a browser here.
async fn sign_out(reader: Reader) -> Response {
    let place = format!("/{}/oauth2/v2.0/logout", reader.tenant_id());
    let place = HeaderValue::from_str(&place).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// How pages are to be shown.
#[derive(Deserialize)]
struct Preferences {
    lang: Option<String>,
    theme: Option<String>,
    back: Option<String>,
}

/// `GET /preferences?lang=…&theme=…&back=…`: keeps them in cookies and leads back. They tell nothing about anyone, so a
/// link is enough, and works without scripts.
async fn preferences(Query(wanted): Query<Preferences>) -> Response {
    let language = wanted.lang.as_deref().and_then(Language::of_tag);
    let theme = wanted.theme.as_deref().and_then(Theme::of_name);
    let language = language.map(|language| (reader::LANGUAGE, language.tag()));
    let theme = theme.map(|theme| (reader::THEME, theme.name()));
    let back = wanted.back.as_deref().filter(|back| is_local(back));
    let to = HeaderValue::from_str(back.unwrap_or("/"));
    let to = to.unwrap_or(HeaderValue::from_static("/"));
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
    for (name, value) in language.into_iter().chain(theme) {
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// Whether a URL leads to a page of this host: browsers take two slashes, or a backslash, for another one.
fn is_local(url: &str) -> bool {
    url.starts_with('/')
        && !url[1..].starts_with(['/', '\\'])
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_host_are_led_back_to() {
        for (url, local) in [
            ("/software?q=a%20b", true),
            ("/", true),
            ("//example.org", false),
            ("/\\example.org", false),
            ("https://example.org", false),
            ("", false),
            ("/a\r\nSet-Cookie: x=y", false),
        ] {
            assert_eq!(is_local(url), local, "{url}");
        }
    }
}
