//! Paths as clients write them: in any case, with or without the version, with a trailing slash.

use axum::http::{Request, Uri, uri::PathAndQuery};

/// The words of the routes. Ids between them keep their case, for the answer's words.
const WORDS: &[&str] = &[
    "$count",
    "$metadata",
    "addorremovetagformultiplemachines",
    "api",
    "applications",
    "baselinecomplianceassessmentbymachine",
    "baselinecomplianceassessmentexport",
    "baselineconfigurations",
    "baselineexceptions",
    "baselineprofiles",
    "bymachinegroups",
    "browserextensions",
    "browserextensionsinventorybymachine",
    "browserextensionsinventoryexport",
    "certificateassessmentbymachine",
    "certificateassessmentexport",
    "certificates",
    "config",
    "configurationscore",
    "distributed",
    "distributions",
    "enroll",
    "evidence",
    "exposurescore",
    "findbytag",
    "firmware",
    "getmissingkbs",
    "groups",
    "hardwarefirmwareinventorybymachine",
    "hardwarefirmwareinventoryexport",
    "history",
    "infogatheringexport",
    "kbgap",
    "log",
    "machinereferences",
    "machines",
    "machinesvulnerabilities",
    "missingkbs",
    "osquery",
    "permissionsinfo",
    "read",
    "recommendations",
    "remediationtasks",
    "report",
    "reports",
    "secrets",
    "secureconfigurationsassessmentbymachine",
    "secureconfigurationsassessmentexport",
    "setdevicevalue",
    "setexclusion",
    "software",
    "softwareinventorybymachine",
    "softwareinventoryexport",
    "softwareinventorynoncpeexport",
    "softwareinventorynoproductcodebymachine",
    "softwarevulnerabilitiesbymachine",
    "softwarevulnerabilitychangesbymachine",
    "softwarevulnerabilitiesexport",
    "tags",
    "untaggedmachines",
    "users",
    "v1",
    "vulnerabilities",
    "write",
];

/// The path and query of a request as the client wrote them: links in answers repeat them.
#[derive(Debug, Clone)]
pub(crate) struct Written(pub(crate) Uri);

/// Rewrites a request's path into the one form the routes are stated in.
pub(crate) fn normalize<B>(mut request: Request<B>) -> Request<B> {
    if let Some(uri) = normal(request.uri()) {
        let written = std::mem::replace(request.uri_mut(), uri);
        request.extensions_mut().insert(Written(written));
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
        // The key of an entity may stand in parentheses: `Software('microsoft-_-edge')`.
        let keyed = segment.strip_suffix("')").or(segment.strip_suffix("%27)"));
        let keyed = keyed.and_then(|rest| rest.split_once("('").or(rest.split_once("(%27")));
        let parts = match keyed {
            Some((head, key)) if word(head).is_some() => [head, key],
            _ => [segment, ""],
        };
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            normal.push('/');
            normal.push_str(word(part).unwrap_or(part));
        }
    }
    if let Some(query) = uri.query() {
        normal.push('?');
        normal.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(normal).ok()?);
    Uri::from_parts(parts).ok()
}

/// The word of the routes that a segment is, whatever its case; percent signs are not taken for anything.
fn word(segment: &str) -> Option<&'static str> {
    let plain = segment.strip_prefix("%24");
    WORDS.iter().copied().find(|word| match plain {
        Some(rest) => word
            .strip_prefix('$')
            .is_some_and(|word| rest.eq_ignore_ascii_case(word)),
        None => segment.eq_ignore_ascii_case(word),
    })
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
            (
                "/api/Software('microsoft-_-edge')/machinereferences",
                "/api/software/microsoft-_-edge/machinereferences",
            ),
            (
                "/api/Machines/FindByIp(ip='10.0.0.1',timestamp=2026-01-01T00:00:00Z)",
                "/api/machines/FindByIp(ip='10.0.0.1',timestamp=2026-01-01T00:00:00Z)",
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
