//! How clients reach the service: TLS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::tls::Version;
use reqwest::{Certificate, ClientBuilder, StatusCode};
use serde_json::Value;
use support::{Installation, Server, stderr};

/// An authority of the test's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// A certificate for names, and its key.
    fn certify(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn trusting(&self) -> ClientBuilder {
        let root = Certificate::from_pem(self.pem.as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([root])
    }
}

/// Writes a pair of files; their paths.
fn pair(installation: &Installation, (certificate, key): &(String, String)) -> [String; 2] {
    [
        installation.file("server.pem", certificate),
        installation.file("server-key.pem", key),
    ]
}

async fn health(client: reqwest::Client, server: &Server) -> Result<StatusCode, reqwest::Error> {
    let answer = client.get(format!("{}/healthz", server.url)).send().await?;
    Ok(answer.status())
}

#[tokio::test]
async fn a_development_certificate_is_made_and_kept() {
    let installation = Installation::new();
    let server = installation.serve_tls(&[]);
    assert!(
        server.url.starts_with("https://127.0.0.1:"),
        "{}",
        server.url
    );
    let authority = server.authority.clone().unwrap();
    let told = authority.to_str().unwrap();
    assert!(
        server.shown.iter().any(|line| line.contains(told)),
        "{:?}",
        server.shown
    );

    // A whole way over TLS, as HTTP/2: what answers name is reached by TLS.
    let token = server.token(&server.client()).await;
    let answer = server.get("/api/Software?$top=1", Some(&token)).await;
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    let answer: Value = answer.json().await.unwrap();
    let context = answer["@odata.context"].as_str().unwrap();
    assert!(
        context.starts_with(&format!("{}/api/", server.url)),
        "{context}"
    );

    let client = server.client();
    let args = [
        "token",
        "--tls-self-signed",
        "--url",
        &server.url,
        "--tenant",
        &client.tenant,
        "--client-id",
        &client.id,
        "--client-secret",
        &client.secret,
    ];
    let output = installation.run(args);
    assert!(output.status.success(), "{}", stderr(&output));

    let before = std::fs::read(&authority).unwrap();
    drop(server);
    let again = installation.serve_tls(&[]);
    assert_eq!(std::fs::read(&authority).unwrap(), before);
    assert_eq!(health(again.http(), &again).await.unwrap(), StatusCode::OK);
    // Nobody else's word is taken for it.
    assert!(
        health(Authority::new().trusting().build().unwrap(), &again)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn old_and_new_clients_are_served() {
    let installation = Installation::new();
    let authority = Authority::new();
    let [certificate, key] = pair(&installation, &authority.certify(&["127.0.0.1"]));
    let server = installation.serve(&["--tls-cert", &certificate, "--tls-key", &key]);
    for version in [Version::TLS_1_2, Version::TLS_1_3] {
        let client = || {
            authority
                .trusting()
                .tls_version_min(version)
                .tls_version_max(version)
        };
        let url = format!("{}/healthz", server.url);
        let new = client().build().unwrap().get(&url).send().await.unwrap();
        assert_eq!(new.version(), reqwest::Version::HTTP_2);
        let old = client()
            .http1_only()
            .build()
            .unwrap()
            .get(&url)
            .send()
            .await
            .unwrap();
        assert_eq!(old.version(), reqwest::Version::HTTP_11);
    }
    // Plain text on the port of TLS is not answered, and harms nobody.
    let plain = server.url.replace("https", "http");
    assert!(reqwest::get(format!("{plain}/healthz")).await.is_err());
    let client = authority.trusting().build().unwrap();
    assert_eq!(health(client, &server).await.unwrap(), StatusCode::OK);
}

#[tokio::test]
async fn a_certificate_is_replaced_while_connections_go_on() {
    let installation = Installation::new();
    let (first, second) = (Authority::new(), Authority::new());
    let [certificate, key] = pair(&installation, &first.certify(&["127.0.0.1"]));
    let server = installation.serve(&["--tls-cert", &certificate, "--tls-key", &key]);
    let connected = first.trusting().build().unwrap();
    assert_eq!(
        health(connected.clone(), &server).await.unwrap(),
        StatusCode::OK
    );

    // A key without its certificate, and no certificate at all: the old pair stays.
    let (_, strange_key) = second.certify(&["127.0.0.1"]);
    for (file, bytes, told) in [
        (&key, &*strange_key, "is not the key of"),
        (&certificate, "no PEM", "there is no certificate"),
    ] {
        let good = std::fs::read(file).unwrap();
        std::fs::write(file, bytes).unwrap();
        server.wait_for_log(told);
        let client = first.trusting().build().unwrap();
        assert_eq!(health(client, &server).await.unwrap(), StatusCode::OK);
        std::fs::write(file, good).unwrap();
    }

    pair(&installation, &second.certify(&["127.0.0.1"]));
    let trusting = || second.trusting().build().unwrap();
    let mut taken = false;
    for _ in 0..200 {
        taken = health(trusting(), &server).await.is_ok();
        if taken {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(taken, "the new certificate is not in use");
    // The connection from before is still that of before: a new one would not trust.
    assert_eq!(health(connected, &server).await.unwrap(), StatusCode::OK);
    assert!(
        health(first.trusting().build().unwrap(), &server)
            .await
            .is_err()
    );
}

#[test]
fn plain_text_stays_on_this_machine() {
    let installation = Installation::new();
    let refused = installation.run(["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    for hint in ["--tls-cert", "--tls-self-signed", "--plain-http"] {
        assert!(said.contains(hint), "{said}");
    }
    let server = installation.serve(&["--listen", "0.0.0.0:0", "--plain-http"]);
    assert!(server.url.starts_with("http://0.0.0.0:"), "{}", server.url);
}

#[test]
fn a_certificate_that_is_no_good_is_told() {
    let installation = Installation::new();
    let authority = Authority::new();
    let (certificate, key) = authority.certify(&["127.0.0.1"]);
    let (_, other) = authority.certify(&["127.0.0.1"]);
    let file = |name: &str, text: &str| installation.file(name, text);
    let (certificate, key) = (file("c.pem", &certificate), file("k.pem", &key));
    let other = file("other.pem", &other);
    let nothing: PathBuf = Path::new(&certificate).with_file_name("nothing.pem");
    let nothing = nothing.to_str().unwrap();
    for (args, told) in [
        (vec!["--tls-cert", &certificate], "tls-key is not: set both"),
        (vec!["--tls-key", &key], "tls-cert is not: set both"),
        (
            vec!["--tls-cert", &certificate, "--tls-key", &other],
            "is not the key of",
        ),
        (
            vec!["--tls-cert", &key, "--tls-key", &key],
            "there is no certificate",
        ),
        (
            vec!["--tls-cert", &certificate, "--tls-key", &certificate],
            "no private key",
        ),
        (
            vec!["--tls-cert", nothing, "--tls-key", &key],
            "nothing.pem",
        ),
        (
            vec![
                "--tls-cert",
                &certificate,
                "--tls-key",
                &key,
                "--tls-self-signed",
            ],
            "one or the other",
        ),
    ] {
        let all = ["serve", "--listen", "127.0.0.1:0"];
        let refused = installation.run(all.into_iter().chain(args));
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(stderr(&refused).contains(told), "{}", stderr(&refused));
        let secret = std::fs::read_to_string(&key).unwrap();
        let secret = secret.lines().nth(1).unwrap();
        assert!(!stderr(&refused).contains(secret));
    }
}
