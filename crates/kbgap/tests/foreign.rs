//! Tokens over HTTP: attacks, foreign issuers with their rotations and outages, and the rotation of our own keys.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod support;
#[path = "../../identity/tests/support/mod.rs"]
mod tokens;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use kbgap_identity::SigningKey;
use kbgap_store::{SigningKeyRow, Store};
use reqwest::StatusCode;
use serde_json::{Value, json};
use support::{Database, Installation, Server, json, stderr, stdout};
use tokens::{World, attacks, own_pair, with};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Asked for with any permission.
const ASKED: &str = "/api/Software/microsoft-_-edge/getmissingkbs";

impl Installation {
    /// Writes the configuration file.
    fn configure(&self, toml: &str) {
        let data = self.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("kbgap.toml"), toml).unwrap();
    }
}

/// What the API answers to a token: the status, and the challenge where there is one.
async fn ask(server: &Server, token: &str) -> (StatusCode, String) {
    let response = server.get(ASKED, Some(token)).await;
    answer(&response)
}

fn answer(response: &reqwest::Response) -> (StatusCode, String) {
    let challenge = response.headers().get("www-authenticate");
    let challenge = challenge.map_or("", |value| value.to_str().unwrap());
    (response.status(), challenge.to_owned())
}

/// Whether a token is accepted: there are no machines, so nothing is found; but what may be asked was.
async fn accepted(server: &Server, token: &str) -> bool {
    match ask(server, token).await.0 {
        StatusCode::OK | StatusCode::NOT_FOUND => true,
        StatusCode::UNAUTHORIZED => false,
        other => panic!("{other}"),
    }
}

/// Waits until something is so.
async fn until<F: Future<Output = bool>>(what: &str, mut is: impl FnMut() -> F) {
    let began = Instant::now();
    while !is().await {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A provider with a realm, as Keycloak has them.
async fn realm(provider: &MockServer, keys: &Value) {
    provider.reset().await;
    let issuer = format!("{}/realms/corp", provider.uri());
    let document = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/certs") });
    for (of, body) in [
        (".well-known/openid-configuration", &document),
        ("certs", keys),
    ] {
        Mock::given(method("GET"))
            .and(path(format!("/realms/corp/{of}")))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(provider)
            .await;
    }
}

/// The configuration of that realm.
fn configuration(provider: &MockServer, more: &str) -> String {
    format!(
        r#"
[[issuers]]
name = "sso"
issuer = "{}/realms/corp"
applications = {{ claim = "idtyp", value = "app" }}
claims = {{ application-roles = "realm_access.roles", roles = "realm_access.roles" }}
{more}
"#,
        provider.uri()
    )
}

async fn store_of(installation: &Installation) -> Store {
    let file = installation.path().join("data/kbgap.db");
    Store::open_file(&file).await.unwrap()
}

/// The tenant of the first start, and the key that signs.
async fn tenant_and_key(installation: &Installation) -> (String, SigningKey) {
    let store = store_of(installation).await;
    let tenant = store.tenants().await.unwrap().remove(0).id;
    let key = store.signing_keys().await.unwrap().remove(0);
    let key = SigningKey::from_pkcs8(&key.pkcs8).unwrap();
    store.close().await;
    (tenant, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_is_answered_with_401_and_its_reason() {
    let provider = MockServer::start().await;
    let installation = Installation::new();
    installation.configure(&configuration(&provider, ""));
    let server = installation.serve(&[]);
    let (tenant, key) = tenant_and_key(&installation).await;
    let issuer = format!("{}/realms/corp", provider.uri());
    let world = World::new(&server.url, &tenant, own_pair(&key), &issuer);
    realm(&provider, &world.foreign_keys()).await;
    for token in [
        world.own_token(),
        world.rsa.sign(&world.foreign_claims()),
        world.p256.sign(&world.foreign_claims()),
    ] {
        until("a good token is accepted", || accepted(&server, &token)).await;
    }
    let mut wrong = Vec::new();
    let mut count = 0;
    for attack in attacks(&world) {
        if attack.entra {
            continue;
        }
        count += 1;
        let expected = format!(
            "Bearer error=\"invalid_token\", error_description=\"{}\"",
            attack.refusal
        );
        let answer = ask(&server, &attack.token).await;
        println!("{:<58} {} {}", attack.name, answer.0, answer.1);
        if answer != (StatusCode::UNAUTHORIZED, expected) {
            wrong.push((attack.name, answer));
        }
    }
    println!("{count} attacks");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_in_one_authorization_header_only() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let token = server.token(&server.client()).await;
    let client = reqwest::Client::new();
    let url = format!("{}{ASKED}", server.url);
    let malformed = "Bearer error=\"invalid_token\", error_description=\"the token is malformed\"";
    let bearer = format!("Bearer {token}");
    let headers = |values: &[&[u8]]| {
        let mut request = client.get(&url);
        for value in values {
            let value = reqwest::header::HeaderValue::from_bytes(value).unwrap();
            request = request.header("authorization", value);
        }
        request
    };
    let form = client
        .post(format!("{}/kbgap/v1/reports", server.url))
        .form(&[("access_token", &token)]);
    for (name, request, challenge) in [
        ("no token", client.get(&url), "Bearer"),
        (
            "in the query",
            client.get(format!("{url}?access_token={token}")),
            "Bearer",
        ),
        ("in the body", form, "Bearer"),
        (
            "in a cookie",
            client
                .get(&url)
                .header("cookie", format!("access_token={token}")),
            "Bearer",
        ),
        (
            "in another header",
            client.get(&url).header("x-access-token", &token),
            "Bearer",
        ),
        (
            "of scheme Basic",
            headers(&[format!("Basic {token}").as_bytes()]),
            "Bearer",
        ),
        (
            "of scheme Token",
            headers(&[format!("Token {token}").as_bytes()]),
            "Bearer",
        ),
        (
            "of scheme DPoP",
            headers(&[format!("DPoP {token}").as_bytes()]),
            "Bearer",
        ),
        ("without a scheme", headers(&[token.as_bytes()]), "Bearer"),
        ("empty", headers(&[b"Bearer "]), "Bearer"),
        (
            "twice",
            headers(&[bearer.as_bytes(), bearer.as_bytes()]),
            malformed,
        ),
        (
            "beside another",
            headers(&[bearer.as_bytes(), b"Basic YTpi"]),
            malformed,
        ),
        (
            "behind another",
            headers(&[b"Basic YTpi", bearer.as_bytes()]),
            malformed,
        ),
        (
            "two in one header",
            headers(&[format!("{bearer}, {bearer}").as_bytes()]),
            malformed,
        ),
        ("no text", headers(&[b"Bearer \xff\xfe"]), malformed),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(
            answer(&response),
            (StatusCode::UNAUTHORIZED, challenge.to_owned()),
            "{name}"
        );
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "Unauthorized", "{name}");
    }
    let lower = headers(&[format!("bearer {token}").as_bytes()]);
    let lower = lower.send().await.unwrap().status();
    assert_ne!(
        lower,
        StatusCode::UNAUTHORIZED,
        "the scheme in small letters"
    );
}

/// The provider from npm, running.
struct Provider(Child);

impl Provider {
    /// Starts it with these keys, of which the first one signs.
    fn start(port: u16, folder: &Path, keys: &[&str]) -> Self {
        let script = modules().join("provider.mjs");
        let keys = keys.iter().map(|key| folder.join(key));
        let mut child = Command::new("node")
            .arg(script)
            .arg(port.to_string())
            .args(keys)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node is needed: apt-get install nodejs npm");
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
        let ready = lines.any(|line| line.unwrap() == "ready");
        assert!(ready, "the provider did not start");
        Self(child)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The folder that the provider is installed in.
fn modules() -> PathBuf {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/provider");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("provider");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(from.join("provider.mjs"), folder.join("provider.mjs")).unwrap();
    let wanted = std::fs::read(from.join("package.json")).unwrap();
    let installed = folder.join("installed.json");
    if std::fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return folder;
    }
    std::fs::write(folder.join("package.json"), &wanted).unwrap();
    let output = Command::new("npm")
        .args(["install", "--no-package-lock", "--no-audit", "--no-fund"])
        .current_dir(&folder)
        .output()
        .expect("npm is needed: apt-get install nodejs npm");
    assert!(output.status.success(), "{}", stderr(&output));
    std::fs::write(installed, wanted).unwrap();
    folder
}

/// A token of the provider, for its client's own work.
async fn token_of_provider(port: u16) -> String {
    let answer = reqwest::Client::new()
        .post(format!("http://127.0.0.1:{port}/token"))
        .basic_auth("siem", Some("a-secret-of-the-test"))
        .form(&[
            ("grant_type", "client_credentials"),
            ("scope", "Software.Read.All"),
        ])
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    let token = answer["access_token"].as_str();
    token.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certified_provider_is_accepted_and_its_rotation_and_outage_are_survived() {
    let port = free_port();
    let keys = tempfile::tempdir().unwrap();
    let keys = keys.path();
    let installation = Installation::new();
    installation.configure(&format!(
        r#"
[[issuers]]
name = "certified"
issuer = "http://127.0.0.1:{port}"
algorithms = ["RS256"]
applications = "subject-is-application"
claims = {{ application-roles = {{ words = "scope" }} }}
at-most-every = "1s"
"#
    ));
    let provider = Provider::start(port, keys, &["a"]);
    let server = installation.serve(&[]);
    let shown = json(&installation.run(["issuers", "check", "--json"]));
    assert_eq!(
        shown[0]["keys"],
        json!([{ "kid": "a", "algorithms": ["RS256"] }])
    );
    assert_eq!(shown[0]["error"], Value::Null);

    let [first, second, third] = [
        token_of_provider(port).await,
        token_of_provider(port).await,
        token_of_provider(port).await,
    ];
    assert!(
        accepted(&server, &first).await,
        "{:?}",
        ask(&server, &first).await
    );
    // What the token grants, and no more.
    let refused = server.get("/api/machines", Some(&first)).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let words: Value = refused.json().await.unwrap();
    let words = words["error"]["message"].as_str().unwrap();
    assert!(
        words.contains("application roles: Software.Read.All"),
        "{words}"
    );

    // It is out: tokens that were never seen are verified by the keys known.
    drop(provider);
    assert!(accepted(&server, &second).await, "the provider is out");
    // It comes back with another key that signs, and the first one still published.
    let provider = Provider::start(port, keys, &["b", "a"]);
    let rotated = token_of_provider(port).await;
    until("the new key is fetched", || accepted(&server, &rotated)).await;
    assert!(accepted(&server, &third).await, "the old key counts still");
    // The first key is withdrawn: what was accepted, and is remembered, is refused once the keys were fetched again.
    drop(provider);
    let _provider = Provider::start(port, keys, &["c", "b"]);
    let newest = token_of_provider(port).await;
    until("the newest key is fetched", || accepted(&server, &newest)).await;
    for withdrawn in [&first, &second, &third] {
        assert!(!accepted(&server, withdrawn).await, "its key was withdrawn");
    }
    assert!(accepted(&server, &rotated).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_keys_costs_a_fetch_at_a_time_and_nobody_else_waits() {
    let provider = MockServer::start().await;
    let installation = Installation::new();
    installation.configure(&configuration(&provider, "at-most-every = \"2s\""));
    let issuer = format!("{}/realms/corp", provider.uri());
    let key = SigningKey::generate().unwrap();
    let world = World::new("", "", own_pair(&key), &issuer);
    realm(&provider, &world.foreign_keys()).await;
    let server = installation.serve(&[]);
    let good = world.p256.sign(&world.foreign_claims());
    until("a good token is accepted", || accepted(&server, &good)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;

    // The provider becomes slow.
    provider.reset().await;
    let slow = ResponseTemplate::new(503).set_delay(Duration::from_secs(1));
    Mock::given(method("GET"))
        .respond_with(slow)
        .mount(&provider)
        .await;
    let began = Instant::now();
    let flood = (0..40).map(|number| {
        let header = with(&world.attacker.header(), "kid", json!(format!("k{number}")));
        let token = world.attacker.sign_as(&header, &world.foreign_claims());
        let (server, url) = (reqwest::Client::new(), format!("{}{ASKED}", server.url));
        tokio::spawn(async move {
            server
                .get(url)
                .bearer_auth(token)
                .send()
                .await
                .unwrap()
                .status()
        })
    });
    let flood: Vec<_> = flood.collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..5 {
        let fresh = world.ed25519.sign(&with(
            &world.foreign_claims(),
            "jti",
            json!(began.elapsed().as_nanos().to_string()),
        ));
        assert!(
            accepted(&server, &fresh).await,
            "keys known are used meanwhile"
        );
    }
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    for answer in flood {
        assert_eq!(answer.await.unwrap(), StatusCode::UNAUTHORIZED);
    }
    let fetches = provider.received_requests().await.unwrap().len();
    assert!(fetches <= 2, "{fetches} fetches for 40 tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_count_for_a_while_without_their_provider_and_no_longer() {
    let provider = MockServer::start().await;
    let installation = Installation::new();
    let more = "at-most-every = \"200ms\"\nrefresh = \"300ms\"\nkeep = \"3s\"";
    installation.configure(&configuration(&provider, more));
    let issuer = format!("{}/realms/corp", provider.uri());
    let key = SigningKey::generate().unwrap();
    let world = World::new("", "", own_pair(&key), &issuer);
    // It is out at first: a token is refused, and nothing else is wrong.
    let server = installation.serve(&[]);
    let token = world.rsa.sign(&world.foreign_claims());
    assert!(!accepted(&server, &token).await);
    realm(&provider, &world.foreign_keys()).await;
    until("it is there", || accepted(&server, &token)).await;
    provider.reset().await;
    let out = Instant::now();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        accepted(&server, &token).await,
        "{:?} after it went",
        out.elapsed()
    );
    until("its keys are too old", || async {
        !accepted(&server, &token).await
    })
    .await;
    assert!(
        out.elapsed() > Duration::from_secs(2),
        "{:?}",
        out.elapsed()
    );
    // What it publishes is no key: those before are not replaced by none.
    realm(&provider, &world.foreign_keys()).await;
    until("it is back", || accepted(&server, &token)).await;
    realm(&provider, &json!({ "keys": [] })).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(accepted(&server, &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_issuer_publishes_wrongly_is_told_and_not_used() {
    let provider = MockServer::start().await;
    let uri = provider.uri();
    let answer = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    let document = |issuer: &str, keys: &str| json!({ "issuer": issuer, "jwks_uri": keys });
    let long = "x".repeat(600_000);
    let redirect = ResponseTemplate::new(302).insert_header("location", format!("{uri}/good"));
    let cases = [
        (
            "other",
            answer(document(&format!("{uri}/good"), &format!("{uri}/keys"))),
            "is the document of the issuer",
        ),
        (
            "slash",
            answer(document(&format!("{uri}/slash/"), &format!("{uri}/keys"))),
            "is the document of the issuer",
        ),
        (
            "plain",
            answer(document(&format!("{uri}/plain"), "http://keys.example/")),
            "is not https",
        ),
        (
            "file",
            answer(document(&format!("{uri}/file"), "file:///etc/passwd")),
            "is not https",
        ),
        ("long", answer(json!(long)), "more than"),
        ("moved", redirect, "answers 302"),
        (
            "html",
            ResponseTemplate::new(200).set_body_string("<html>"),
            "is not a discovery document",
        ),
        (
            "empty",
            answer(document(&format!("{uri}/empty"), &format!("{uri}/none"))),
            "none of the 1 keys",
        ),
        ("gone", ResponseTemplate::new(404), "answers 404"),
    ];
    let mut toml = String::new();
    for (name, response, _) in &cases {
        let lines = [
            "[[issuers]]",
            &format!("name = \"{name}\""),
            &format!("issuer = \"{uri}/{name}\"\n"),
        ];
        toml += &lines.join("\n");
        Mock::given(path(format!("/{name}/.well-known/openid-configuration")))
            .respond_with(response.clone())
            .mount(&provider)
            .await;
    }
    let none = json!({ "keys": [{ "kty": "oct", "kid": "h", "k": "c2VjcmV0" }] });
    Mock::given(path("/none"))
        .respond_with(answer(none))
        .mount(&provider)
        .await;
    let installation = Installation::new();
    installation.configure(&toml);
    let output = installation.run(["issuers", "check", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let shown = json(&output);
    for ((name, _, words), shown) in cases.iter().zip(shown.as_array().unwrap()) {
        let error = shown["error"].as_str().unwrap();
        assert!(error.contains(words), "{name}: {error}");
        assert_eq!(shown["keys"], json!([]), "{name}");
    }
    let text = stdout(&installation.run(["issuers", "check"]));
    assert!(text.contains("its tokens would be refused"), "{text}");
}

#[test]
fn an_issuer_that_is_described_wrongly_is_named() {
    let installation = Installation::new();
    let issuer = |lines: &str| format!("[[issuers]]\nname = \"x\"\n{lines}\n");
    let tid = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    for (toml, words) in [
        (issuer("issuer = \"http://sso.example/\""), "is not https"),
        (
            issuer("issuer = \"http://127.0.0.1.sso.example/\""),
            "is not https",
        ),
        (issuer("issuer = \"sso\""), "is not a URL"),
        (
            issuer("issuer = \"https://sso.example/?a=b\""),
            "has a query",
        ),
        (issuer(""), "either by entra-tenant or by issuer"),
        (
            issuer(&format!(
                "issuer = \"https://sso.example\"\nentra-tenant = \"{tid}\""
            )),
            "either by entra-tenant or by issuer",
        ),
        (issuer("entra-tenant = \"common\""), "line 3"),
        (
            issuer(&format!(
                "entra-tenant = \"{tid}\"\napplications = \"never\""
            )),
            "applications goes only with issuer",
        ),
        (
            issuer("issuer = \"https://sso.example\"\ncloud = \"china\""),
            "cloud goes only with entra-tenant",
        ),
        (
            issuer("issuer = \"https://sso.example\"\nalgorithms = [\"HS256\"]"),
            "'HS256' is not an algorithm",
        ),
        (
            issuer("issuer = \"https://sso.example\"\nclaims = { groups = \"a..b\" }"),
            "a claim is named as",
        ),
        (
            issuer("issuer = \"https://sso.example\"\nkeep = \"0s\""),
            "durations above zero",
        ),
        (
            issuer("issuer = \"https://sso.example\"\nsecret = \"x\""),
            "unknown field",
        ),
        (
            issuer("issuer = \"https://sso.example\"")
                + &issuer("issuer = \"https://other.example\""),
            "same name or URL",
        ),
        (
            format!(
                "public-url = \"https://kbgap.example\"\n{}",
                issuer("issuer = \"https://kbgap.example/x/v2.0\"")
            ),
            "this server's own",
        ),
        (
            "[signing-keys]\nrotate-after-days = 1\noverlap = \"48h\"\n".to_owned(),
            "overlap must be shorter",
        ),
    ] {
        installation.configure(&toml);
        let output = installation.run(["config"]);
        assert_eq!(output.status.code(), Some(2), "{toml}");
        assert!(
            stderr(&output).contains(words),
            "{toml}: {}",
            stderr(&output)
        );
    }
    // What is right is printed as it can be written again.
    let right = issuer(&format!(
        "entra-tenant = \"{tid}\"\ncloud = \"us-government\"\ntenant = \"default\""
    ));
    installation.configure(&right);
    let printed = stdout(&installation.run(["config"]));
    assert!(printed.contains("cloud = \"us-government\""), "{printed}");
    installation.configure(&printed);
    let output = installation.run(["config"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

/// The ids of the keys that a server publishes.
async fn published(server: &Server, tenant: &str) -> Vec<String> {
    let keys = server
        .get(&format!("/{tenant}/discovery/v2.0/keys"), None)
        .await;
    let keys: Value = keys.json().await.unwrap();
    let keys = keys["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// The id of the key that a token is signed by.
fn kid(token: &str) -> String {
    let header = jsonwebtoken::decode_header(token).unwrap();
    header.kid.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn own_keys_are_exchanged_while_two_servers_serve() {
    let installation = Installation::on(Database::Postgres);
    let other = installation.beside();
    // Two names of one thing would be two issuers.
    let url = ["--public-url", "https://kbgap.example"];
    let (one, two) = (installation.serve(&url), other.serve(&url));
    let client = one.client();
    let list = || json(&installation.run(["key", "list", "--json"]));
    let old = list()[0]["kid"].as_str().unwrap().to_owned();
    let before = one.token(&client).await;
    assert_eq!(kid(&before), old);
    assert!(accepted(&two, &before).await);

    // The next key is published, and does not sign.
    let said = stdout(&installation.run(["key", "rotate"]));
    assert!(said.contains("is published, and signs from"), "{said}");
    for server in [&one, &two] {
        until("the next key is published", || async {
            published(server, &client.tenant).await.len() == 2
        })
        .await;
        assert_eq!(kid(&server.token(&client).await), old);
    }
    let states = |list: &Value| -> Vec<String> {
        let keys = list.as_array().unwrap().iter();
        keys.map(|key| key["state"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(states(&list()), ["next", "active"]);

    // At once: it signs on both servers, and what the old one signed counts.
    assert!(
        installation
            .run(["key", "rotate", "--now"])
            .status
            .success()
    );
    for server in [&one, &two] {
        until("the new key signs", || async {
            kid(&server.token(&client).await) != old
        })
        .await;
    }
    assert_eq!(states(&list()), ["next", "active", "retired"]);
    let after = one.token(&client).await;
    for server in [&one, &two] {
        assert!(accepted(server, &before).await);
        assert!(accepted(server, &after).await);
    }
    // Of a key that was removed nothing counts, remembered or not.
    let signing = stderr(&installation.run(["key", "remove", &kid(&after)]));
    assert!(signing.contains("let another key do so first"), "{signing}");
    assert!(installation.run(["key", "remove", &old]).status.success());
    for server in [&one, &two] {
        until("the old key is gone", || async {
            !accepted(server, &before).await
        })
        .await;
        assert!(accepted(server, &after).await);
        assert!(!published(server, &client.tenant).await.contains(&old));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_to_exports_outlive_the_key_that_sealed_them() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let client = server.client();
    let token = server.token(&client).await;
    let machine = json!({
        "name": "desk-1",
        "os": { "name": "Microsoft Windows 10 Enterprise", "version": "10.0.18363.657", "architecture": "x64" },
        "software": [{ "name": "7-Zip 19.00 (x64)", "version": "19.00", "vendor": "Igor Pavlov" }],
    });
    let (status, _) = server.post_reports(&token, machine.to_string()).await;
    assert_eq!(status, StatusCode::OK);
    let exported = server.get("/api/machines/SoftwareInventoryExport", Some(&token));
    let exported: Value = exported.await.json().await.unwrap();
    let Some(link) = exported["exportFiles"][0].as_str() else {
        panic!("{exported}");
    };
    let old = kid(&token);
    assert!(
        installation
            .run(["key", "rotate", "--now"])
            .status
            .success()
    );
    until("the new key signs", || async {
        kid(&server.token(&client).await) != old
    })
    .await;
    assert_eq!(reqwest::get(link).await.unwrap().status(), StatusCode::OK);

    // A key whose tokens have all ended is published no more; what it sealed counts still.
    let store = store_of(&installation).await;
    let now = Timestamp::now();
    let rows = store.signing_keys().await.unwrap();
    for row in rows {
        let ago = if row.kid == old { 5 } else { 3 };
        store.remove_signing_key(&row.kid).await.unwrap();
        let signs_from = now - SignedDuration::from_hours(ago);
        store
            .put_signing_key(&SigningKeyRow { signs_from, ..row })
            .await
            .unwrap();
    }
    until("it is not published", || async {
        !published(&server, &client.tenant).await.contains(&old)
    })
    .await;
    assert!(!accepted(&server, &token).await);
    assert_eq!(reqwest::get(link).await.unwrap().status(), StatusCode::OK);
    store.close().await;
}
