//! What the service says of itself, through the real binary and HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use kbgap_odata::csdl;
use reqwest::StatusCode;
use serde_json::Value;
use support::{Installation, Server};

const METADATA: &str = "/api/$metadata";

async fn read(server: &Server, path: &str, token: &str) -> (String, String) {
    let answer = server.get(path, Some(token)).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let headers = answer.headers();
    assert_eq!(headers["odata-version"], "4.0");
    let content_type = headers["content-type"].to_str().unwrap().to_owned();
    (content_type, answer.text().await.unwrap())
}

#[tokio::test]
async fn metadata_and_service_document_tell_of_the_api() {
    let installation = Installation::with_documents();
    let server = installation.serve(&[]);
    let token = server.token(&server.client()).await;

    let (content_type, xml) = read(&server, METADATA, &token).await;
    assert_eq!(content_type, "application/xml");
    let schema = csdl::read_xml(&xml).unwrap();
    assert_eq!(schema.namespace, "microsoft.windowsDefenderATP.api");
    for name in [
        "Machine",
        "Software",
        "PublicProductFixDto",
        "Recommendation",
    ] {
        assert!(schema.structured(name).is_some(), "{name}");
    }
    for path in [
        "/API/v1.0/%24metadata",
        "/api/$Metadata/",
        "/api/$metadata?$format=xml",
    ] {
        assert_eq!(read(&server, path, &token).await.1, xml, "{path}");
    }

    let (content_type, json) = read(&server, "/api/$metadata?$format=json", &token).await;
    assert_eq!(content_type, "application/json");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["$Version"], "4.01");
    assert_eq!(json[&*schema.namespace]["Machine"]["$Kind"], "EntityType");

    for path in ["/api", "/api/", "/api/v1.0"] {
        let (content_type, document) = read(&server, path, &token).await;
        assert_eq!(content_type, "application/json;odata.metadata=minimal");
        let document: Value = serde_json::from_str(&document).unwrap();
        let context = format!("{}/api/$metadata", server.url);
        assert_eq!(document["@odata.context"], context);
        let sets = document["value"].as_array().unwrap();
        assert!(sets.iter().any(|set| set["url"] == "Machines"));
    }

    for path in [METADATA, "/api"] {
        let refused = server.get(path, None).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}
