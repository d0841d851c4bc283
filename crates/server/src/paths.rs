//! Paths as clients write them: in any case, with or without the version, with a trailing slash.

use axum::http::{Request, Uri, uri::PathAndQuery};

/// The words of the routes. Ids between them keep their case, for the answer's words.
const WORDS: [&str; 18] = [
    "api",
    "$metadata",
    "software",
    "machines",
    "getmissingkbs",
    "kbgap",
    "v1",
    "reports",
    "evidence",
    "history",
    "report",
    "osquery",
    "enroll",
    "config",
    "log",
    "distributed",
    "read",
    "write",
];

/// Rewrites a request's path into the one form the routes are stated in.
pub(crate) fn normalize<B>(mut request: Request<B>) -> Request<B> {
    if let Some(uri) = normal(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

fn normal(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let first = path.get(1..)?.split('/').next()?;
    // Only the API's paths; the token endpoints are those of Entra ID, to the letter.
    if !["api", "kbgap"]
        .iter()
        .any(|word| first.eq_ignore_ascii_case(word))
    {
        return None;
    }
    let mut normal = String::with_capacity(path.len());
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    for (at, segment) in segments.enumerate() {
        let is_version = at == 1 && segment.eq_ignore_ascii_case("v1.0");
        if is_version {
            continue;
        }
        // Some clients write the dollar by its number.
        let written = segment.strip_prefix("%24").map(|rest| format!("${rest}"));
        let segment = written.as_deref().unwrap_or(segment);
        let word = WORDS.iter().find(|word| segment.eq_ignore_ascii_case(word));
        normal.push('/');
        normal.push_str(word.unwrap_or(&segment));
    }
    if let Some(query) = uri.query() {
        normal.push('?');
        normal.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(normal).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_leads_to_one_route() {
        for (written, normal) in [
            (
                "/API/V1.0/SOFTWARE/Microsoft-_-Edge/GetMissingKbs/",
                "/api/software/Microsoft-_-Edge/getmissingkbs",
            ),
            (
                "/api/machines/A%20b/getmissingkbs?x=Y",
                "/api/machines/A%20b/getmissingkbs?x=Y",
            ),
            ("/api/V1.0/%24Metadata?a=$b", "/api/$metadata?a=$b"),
            ("/api/v1.0/", "/api"),
            ("/Tenant/oauth2/v2.0/token", "/Tenant/oauth2/v2.0/token"),
            ("//api//software", "//api//software"),
            ("/", "/"),
        ] {
            let request = Request::builder().uri(written).body(()).unwrap();
            assert_eq!(normalize(request).uri().to_string(), normal);
        }
    }
}
