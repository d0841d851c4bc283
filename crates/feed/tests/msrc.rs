//! The client against a local server that speaks the API's protocol.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use kbgap_feed::msrc::{Msrc, MsrcError, Retries};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const LIST: &str = r#"{"value": [
    {"ID": "2020-Mar", "Alias": "2020-Mar", "DocumentTitle": "March 2020 Security Updates",
     "InitialReleaseDate": "2020-03-10T07:00:00Z", "CurrentReleaseDate": "2020-03-24T07:00:00Z"},
    {"ID": "2020-Apr", "InitialReleaseDate": "2020-04-14T07:00:00", "CurrentReleaseDate": "2020-04-14T07:00:00"}
]}"#;

fn client(server: &MockServer) -> Msrc {
    let retries = Retries {
        times: 3,
        first: Duration::from_millis(1),
    };
    Msrc::new(&server.uri(), retries).unwrap()
}

fn get(at: &str) -> wiremock::MockBuilder {
    Mock::given(method("GET"))
        .and(path(at))
        .and(header("accept", "application/json"))
}

#[tokio::test]
async fn the_list_and_a_document_are_fetched() {
    let server = MockServer::start().await;
    get("/cvrf/v3.0/updates")
        .respond_with(ResponseTemplate::new(200).set_body_string(LIST))
        .mount(&server)
        .await;
    get("/cvrf/v3.0/cvrf/2020-Mar")
        .respond_with(ResponseTemplate::new(200).set_body_string("{}"))
        .mount(&server)
        .await;
    let client = client(&server);
    let listed = client.list().await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|listed| format!("{} {}", listed.id, listed.current_release))
        .collect();
    assert_eq!(
        listed,
        [
            "2020-Mar 2020-03-24T07:00:00Z",
            "2020-Apr 2020-04-14T07:00:00Z"
        ]
    );
    assert_eq!(client.document("2020-Mar").await.unwrap(), b"{}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let server = MockServer::start().await;
    for (status, times) in [(503, 1), (429, 1)] {
        get("/cvrf/v3.0/updates")
            .respond_with(ResponseTemplate::new(status).insert_header("Retry-After", "0"))
            .up_to_n_times(times)
            .mount(&server)
            .await;
    }
    get("/cvrf/v3.0/updates")
        .respond_with(ResponseTemplate::new(200).set_body_string(LIST))
        .expect(1)
        .mount(&server)
        .await;
    assert_eq!(client(&server).list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_stays_wrong_is_said_at_once() {
    let server = MockServer::start().await;
    get("/cvrf/v3.0/cvrf/2020-Mar")
        .respond_with(ResponseTemplate::new(404))
        .expect(1)
        .mount(&server)
        .await;
    get("/cvrf/v3.0/updates")
        .respond_with(ResponseTemplate::new(200).set_body_string(
            r#"{"value": [{"ID": "../x", "CurrentReleaseDate": "2020-03-24T07:00:00Z"}]}"#,
        ))
        .mount(&server)
        .await;
    let client = client(&server);
    let error = client.document("2020-Mar").await.unwrap_err();
    assert!(matches!(error, MsrcError::Status { status, .. } if status == 404));
    let error = client.list().await.unwrap_err().to_string();
    assert!(error.ends_with("'../x' is no document id"), "{error}");
    let refused = Msrc::new(
        "http://127.0.0.1:9",
        Retries {
            times: 1,
            first: Duration::ZERO,
        },
    );
    let error = refused.unwrap().list().await.unwrap_err();
    assert!(matches!(error, MsrcError::Connection { .. }), "{error:?}");
    assert!(Msrc::new("file:///etc", Retries::default()).is_err());
}
