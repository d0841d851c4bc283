//! Sees every request pass: what writes, and what is refused, is recorded, whichever route it took.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use kbgap_identity::Caller;
use kbgap_store::AuditOutcome;
use percent_encoding::percent_decode_str;

use super::{Act, Who};
use crate::peer::Peer;
use crate::service::Service;

/// What is learned about a request on its way: extractors and handlers add to it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    who: Option<(Who, String)>,
    target: Option<String>,
    detail: Option<String>,
    refused: Option<String>,
}

/// Why an answer is a refusal, as the trail tells it.
#[derive(Debug, Clone)]
pub(crate) struct Why(pub(crate) String);

impl Note {
    /// Who asks, and in which tenant.
    pub(crate) fn caller(&self, caller: &Caller) {
        self.who(Who::of(caller), &caller.tenant);
    }

    /// Who asks, and in which tenant.
    pub(crate) fn who(&self, who: Who, tenant: &str) {
        self.noted(|noted| noted.who = Some((who, tenant.to_owned())));
    }

    /// To what it is done, where the path does not tell.
    pub(crate) fn on(&self, target: &str) {
        self.noted(|noted| noted.target = Some(target.to_owned()));
    }

    /// More, in words.
    pub(crate) fn telling(&self, detail: String) {
        self.noted(|noted| noted.detail = Some(detail));
    }

    /// That it is refused, where the status of the answer does not tell.
    pub(crate) fn refused(&self, why: &str) {
        self.noted(|noted| noted.refused = Some(why.to_owned()));
    }

    fn noted(&self, change: impl FnOnce(&mut Noted)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<S: Sync> FromRequestParts<S> for Note {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Requests that are sent by POST and change nothing, or that every host sends every few seconds.
const READS: [&str; 2] = [
    "/kbgap/v1/osquery/config",
    "/kbgap/v1/osquery/distributed/read",
];

/// What the routes do. Others that come are told by method and path.
const ACTIONS: &[(Method, &str, &str)] = &[
    (Method::POST, "/api/machines/{id}/tags", "machine.tags"),
    (
        Method::POST,
        "/api/machines/addorremovetagformultiplemachines",
        "machine.tags",
    ),
    (Method::PATCH, "/api/machines/{id}", "machine.change"),
    (
        Method::POST,
        "/api/machines/{id}/setdevicevalue",
        "machine.value",
    ),
    (
        Method::POST,
        "/api/machines/{id}/setexclusion",
        "machine.exclusion",
    ),
    (Method::POST, "/kbgap/v1/remediationtasks", "task.create"),
    (
        Method::PATCH,
        "/kbgap/v1/remediationtasks/{id}",
        "task.status",
    ),
    (Method::POST, "/kbgap/v1/reports", "report.send"),
    (Method::POST, "/kbgap/v1/osquery/enroll", "host.enroll"),
    (Method::POST, "/kbgap/v1/osquery/log", "report.osquery"),
    (
        Method::POST,
        "/kbgap/v1/osquery/distributed/write",
        "report.osquery",
    ),
    (Method::POST, "/kbgap/v1/applications", "application.create"),
    (
        Method::PATCH,
        "/kbgap/v1/applications/{id}",
        "application.change",
    ),
    (
        Method::DELETE,
        "/kbgap/v1/applications/{id}",
        "application.remove",
    ),
    (
        Method::POST,
        "/kbgap/v1/applications/{id}/secrets",
        "application.secret.add",
    ),
    (
        Method::DELETE,
        "/kbgap/v1/applications/{id}/secrets/{secret}",
        "application.secret.remove",
    ),
    (
        Method::POST,
        "/kbgap/v1/applications/{id}/certificates",
        "application.certificate.add",
    ),
    (
        Method::DELETE,
        "/kbgap/v1/applications/{id}/certificates/{thumbprint}",
        "application.certificate.remove",
    ),
    (Method::POST, "/kbgap/v1/users", "user.create"),
    (Method::PATCH, "/kbgap/v1/users/{id}", "user.change"),
    (Method::DELETE, "/kbgap/v1/users/{id}", "user.remove"),
    (Method::POST, "/kbgap/v1/groups", "group.create"),
    (Method::PATCH, "/kbgap/v1/groups/{id}", "group.change"),
    (Method::DELETE, "/kbgap/v1/groups/{id}", "group.remove"),
];

/// A request under way. Where nobody waits for its answer any more it is recorded too: it may have been done.
struct Passing {
    service: Arc<Service>,
    note: Note,
    route: MatchedPath,
    method: Method,
    path: String,
    peer: Peer,
    reads: bool,
    answered: bool,
}

/// Records what a request did, or that it was refused.
pub(crate) async fn watch(
    State(service): State<Arc<Service>>,
    mut request: Request,
    next: Next,
) -> Response {
    // A path that leads nowhere does nothing.
    let Some(route) = request.extensions().get::<MatchedPath>().cloned() else {
        return next.run(request).await;
    };
    let note = Note::default();
    request.extensions_mut().insert(note.clone());
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let mut passing = Passing {
        service,
        note,
        reads: reads || READS.contains(&route.as_str()),
        route,
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        peer: Peer::of(request.extensions()),
        answered: false,
    };
    let response = next.run(request).await;
    passing.answered = true;
    let status = response.status();
    let refused = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if !passing.reads || refused {
        let why = response.extensions().get::<Why>().map(|why| why.0.clone());
        match status {
            _ if status.is_server_error() => passing.record(AuditOutcome::Failed, why),
            _ if status.is_client_error() => passing.record(AuditOutcome::Refused, why),
            _ => passing.record(AuditOutcome::Done, None),
        }
    }
    response
}

impl Passing {
    fn record(&self, outcome: AuditOutcome, why: Option<String>) {
        let noted = &mut *self.note.0.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = std::mem::take(noted);
        let (outcome, why) = match noted.refused {
            Some(refused) => (AuditOutcome::Refused, Some(refused)),
            None => (outcome, why),
        };
        let (who, tenant) = noted
            .who
            .map_or((Who::Unknown, None), |(who, tenant)| (who, Some(tenant)));
        let mut act = Act::new(who, action(&self.method, self.route.as_str()))
            .from(self.peer.0)
            .with(outcome);
        if let Some(tenant) = tenant {
            act = act.in_tenant(tenant);
        }
        let known = if self.reads {
            Some(self.path.clone())
        } else {
            target(self.route.as_str(), &self.path)
        };
        if let Some(target) = noted.target.or(known) {
            act = act.on(target);
        }
        if let Some(detail) = why.or(noted.detail) {
            act = act.telling(detail);
        }
        self.service.audit.record(act);
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if !self.answered && !self.reads {
            let why = "cut off before its answer: it may have been done";
            self.record(AuditOutcome::Failed, Some(why.to_owned()));
        }
    }
}

fn action(method: &Method, route: &str) -> std::borrow::Cow<'static, str> {
    let known = ACTIONS
        .iter()
        .find(|(of, path, _)| of == method && *path == route);
    match known {
        Some((_, _, action)) => (*action).into(),
        None if matches!(*method, Method::GET | Method::HEAD) => "api.read".into(),
        None => format!("{method} {route}").into(),
    }
}

/// The ids in a path: what stands where the route has a parameter.
fn target(route: &str, path: &str) -> Option<String> {
    let ids = route.split('/').zip(path.split('/'));
    let ids = ids.filter(|(parameter, _)| parameter.starts_with('{'));
    let ids: Vec<_> = ids
        .map(|(_, id)| percent_decode_str(id).decode_utf8_lossy())
        .collect();
    (!ids.is_empty()).then(|| ids.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_are_named_by_their_route() {
        for (method, route, name) in [
            (Method::POST, "/api/machines/{id}/tags", "machine.tags"),
            (Method::GET, "/api/machines/{id}", "api.read"),
            (Method::PUT, "/x/{id}", "PUT /x/{id}"),
        ] {
            assert_eq!(action(&method, route), name);
        }
        assert_eq!(
            target("/kbgap/v1/a/{id}/b/{c}", "/kbgap/v1/a/x%20y/b/z").as_deref(),
            Some("x y/z")
        );
        assert_eq!(target("/api/machines", "/api/machines"), None);
    }
}
