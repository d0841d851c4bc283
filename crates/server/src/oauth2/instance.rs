//! Which names stand for one authority: what Microsoft's libraries ask before they trust one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::Uri;
use kbgap_identity::{OAuthError, OAuthErrorKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Refused;
use crate::api::Root;
use crate::service::Service;

/// What is asked: whether this authorization endpoint is one of the service's.
#[derive(Deserialize)]
pub(crate) struct Asked {
    authorization_endpoint: Option<String>,
    #[serde(rename = "api-version")]
    version: Option<String>,
}

/// `GET /common/discovery/instance`
///
/// Libraries leave the port out of the endpoint they ask about, so hosts are compared without one.
pub(crate) async fn instance(
    State(service): State<Arc<Service>>,
    called: Root,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Refused> {
    let endpoint = asked.authorization_endpoint.ok_or_else(|| {
        let words = "The request must contain the following parameter: 'authorization_endpoint'.";
        OAuthError::new(OAuthErrorKind::MissingParameter, words)
    })?;
    let settings = &service.settings;
    let own = [called.text(), settings.issuer_url(), &settings.local_url];
    let own: Vec<String> = own.into_iter().filter_map(host).collect();
    let tenant = endpoint
        .parse::<Uri>()
        .ok()
        .filter(|_| host(&endpoint).is_some_and(|host| own.contains(&host)))
        .and_then(|uri| Some(uri.path().split('/').nth(1)?.to_owned()))
        .filter(|tenant| !tenant.is_empty());
    let Some(tenant) = tenant else {
        let words =
            "Unknown or invalid instance: the authorization endpoint is none of this service.";
        return Err(OAuthError::new(OAuthErrorKind::UnknownInstance, words).into());
    };
    let mut aliases = own;
    let preferred = aliases.first().cloned().unwrap_or_default();
    aliases.sort_unstable();
    aliases.dedup();
    Ok(Json(json!({
        "tenant_discovery_endpoint": format!("{}/{tenant}/v2.0/.well-known/openid-configuration", called.text()),
        "api-version": asked.version.as_deref().unwrap_or("1.1"),
        "metadata": [{
            "preferred_network": preferred,
            "preferred_cache": preferred,
            "aliases": aliases,
        }],
    })))
}

/// The host of a URL, without its port.
fn host(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(uri.host()?.to_ascii_lowercase())
}
