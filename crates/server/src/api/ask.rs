//! What a client asks: the root its answer names, the query, and the URL it wrote.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;
use kbgap_odata::edm::{Entity, Schema};
use kbgap_odata::{Query, Rules};

use super::root::Root;
use crate::envelope::ApiError;
use crate::paths::Written;
use crate::service::Service;

/// The parts of a request that its answer depends on, beside the caller.
pub(crate) struct Ask {
    pub(crate) root: Root,
    /// The path as the client wrote it.
    path: String,
    /// The query, undecoded.
    query: String,
}

impl Ask {
    /// The query, bound to the type of the rows asked for.
    pub(crate) fn query<T>(
        &self,
        schema: &Schema,
        entity: &Entity<T>,
        max_top: u64,
    ) -> Result<Query, ApiError> {
        bound(&self.query, schema, entity, max_top)
    }

    /// The absolute URL of the request, which links to following pages repeat.
    pub(crate) fn url(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}{}{mark}{}", self.root.text(), self.path, self.query)
    }

    /// The root of the API, as contexts begin.
    pub(crate) fn api(&self) -> String {
        format!("{}/api", self.root.text())
    }

    /// The query, undecoded.
    pub(crate) fn raw_query(&self) -> &str {
        &self.query
    }
}

/// A query, bound to the type of the rows asked for.
pub(super) fn bound<T>(
    raw: &str,
    schema: &Schema,
    entity: &Entity<T>,
    max_top: u64,
) -> Result<Query, ApiError> {
    let rules = Rules {
        max_top,
        ..Rules::new(schema, Timestamp::now())
    };
    Ok(Query::parse(raw, entity.shape(), &rules)?)
}

impl FromRequestParts<Arc<Service>> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Infallible> {
        let root = Root::from_request_parts(parts, service).await?;
        let written = parts.extensions.get::<Written>();
        let uri = written.map_or(&parts.uri, |written| &written.0);
        Ok(Self {
            root,
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
        })
    }
}
