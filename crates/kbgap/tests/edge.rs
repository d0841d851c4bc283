//! How clients reach the service: TLS, names, proxies, limits of connections.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::tls::Version;
use reqwest::{Certificate, ClientBuilder, StatusCode};
use serde_json::Value;
use support::{Installation, Server, stderr, stdout};

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

/// Sends a request as it is written and reads all that comes: its status, its headers, and its body.
fn exchange(server: &Server, request: &str) -> (u16, String, Value) {
    let address = server.url.split_once("//").unwrap().1;
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
    (status, head.to_owned(), body)
}

/// What a request with these headers gets.
fn ask(server: &Server, path: &str, token: &str, headers: &[&str]) -> (u16, String, Value) {
    let headers = [headers, &[""]].concat().join("\r\n");
    let head = format!(
        "GET {path} HTTP/1.1\r\n{headers}Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    exchange(server, &head)
}

/// All URLs an answer names itself and what follows by.
fn roots(server: &Server, token: &str, headers: &[&str]) -> Vec<String> {
    let (status, _, list) = ask(server, "/api/Machines?$top=1", token, headers);
    assert_eq!(status, 200, "{list}");
    let (_, _, exported) = ask(
        server,
        "/api/machines/SoftwareInventoryExport",
        token,
        headers,
    );
    let path = "/api/machines/SoftwareInventoryByMachine?pageSize=1";
    let (_, _, page) = ask(server, path, token, headers);
    let tenant = "/default/v2.0/.well-known/openid-configuration";
    let (_, _, discovery) = ask(server, tenant, token, headers);
    let mut urls = vec![
        list["@odata.context"].as_str().unwrap().to_owned(),
        exported["@odata.context"].as_str().unwrap().to_owned(),
        page["@odata.context"].as_str().unwrap().to_owned(),
        discovery["token_endpoint"].as_str().unwrap().to_owned(),
        discovery["jwks_uri"].as_str().unwrap().to_owned(),
    ];
    let links = [&page["@odata.nextLink"]];
    let files = exported["exportFiles"].as_array().unwrap();
    let links = links.into_iter().chain(files).filter_map(Value::as_str);
    urls.extend(links.map(str::to_owned));
    urls
}

/// A service with two machines, so that there is a next page and something to export.
async fn with_machines(installation: &Installation, args: &[&str]) -> (Server, String) {
    let server = installation.serve(args);
    let token = server.token(&server.client()).await;
    let machine = |name: &str| {
        serde_json::json!({
            "name": name, "os": { "name": "Microsoft Windows 11 Pro", "version": "10.0.26100.1" },
            "software": [{ "name": "7-Zip 24.08 (x64)", "version": "24.08", "vendor": "Igor Pavlov" }],
        })
    };
    let reports = serde_json::json!([machine("a"), machine("b")]).to_string();
    let (status, summary) = server.post_reports(&token, reports).await;
    assert_eq!(status, StatusCode::OK, "{summary}");
    (server, token)
}

#[tokio::test]
async fn answers_name_the_host_that_was_called() {
    let installation = Installation::new();
    let (server, token) = with_machines(&installation, &[]).await;
    for host in [
        "us.api.security.microsoft.com",
        "kbs.example:8443",
        "[::1]:80",
    ] {
        let urls = roots(&server, &token, &[&format!("Host: {host}")]);
        assert!(urls.len() >= 7, "{urls:?}");
        for url in urls {
            assert!(url.starts_with(&format!("http://{host}/")), "{url}");
        }
    }
    // Nobody is believed that says where a client came from.
    let headers = [
        "Host: a",
        "X-Forwarded-Host: evil",
        "X-Forwarded-Proto: https",
        "Forwarded: host=evil",
    ];
    for url in roots(&server, &token, &headers) {
        assert!(url.starts_with("http://a/"), "{url}");
    }
}

#[tokio::test]
async fn of_several_public_names_the_one_that_was_called_is_named() {
    let installation = Installation::new();
    let public = "https://api.example,https://eu.api.example/,https://api-gov.example:8443";
    let (server, token) = with_machines(&installation, &["--public-url", public]).await;
    for (host, root) in [
        ("api.example", "https://api.example/"),
        ("EU.API.example", "https://eu.api.example/"),
        ("api-gov.example:8443", "https://api-gov.example:8443/"),
        ("evil.example", "https://api.example/"),
        ("127.0.0.1", "https://api.example/"),
    ] {
        for url in roots(&server, &token, &[&format!("Host: {host}")]) {
            assert!(url.starts_with(root), "{host}: {url}");
        }
    }
}

#[tokio::test]
async fn what_is_no_host_is_refused() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    for headers in [
        &["Host: a/evil"][..],
        &["Host: user@a"],
        &["Host: a?b"],
        &["Host: a b"],
        &["Host: a:99999"],
        &["Host: a", "Host: b"],
        &["Host:"],
        &[],
    ] {
        let (status, _, body) = ask(&server, "/api/Machines", "none", headers);
        assert_eq!(status, 400, "{headers:?}");
        let error = &body["error"];
        assert_eq!(error["code"], "InvalidInput", "{body}");
        assert!(
            error["message"].as_str().unwrap().starts_with("Host is "),
            "{body}"
        );
    }
}

#[tokio::test]
async fn proxies_that_are_trusted_say_who_called() {
    let installation = Installation::new();
    let args = ["--trusted-proxies", "127.0.0.0/8,10.0.0.0/8"];
    let (server, token) = with_machines(&installation, &args).await;
    let headers = [
        "Host: inner",
        "X-Forwarded-For: 203.0.113.9, 10.0.0.3",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: kbs.example",
    ];
    for url in roots(&server, &token, &headers) {
        assert!(url.starts_with("https://kbs.example/"), "{url}");
    }
    let forwarded = [
        "Host: inner",
        "Forwarded: for=203.0.113.9;proto=https;host=\"kbs.example:444\"",
    ];
    for url in roots(&server, &token, &forwarded) {
        assert!(url.starts_with("https://kbs.example:444/"), "{url}");
    }
    let (status, _, _) = ask(
        &server,
        "/api",
        &token,
        &["Host: a", "X-Forwarded-Host: b/c"],
    );
    assert_eq!(status, 400);
}

#[tokio::test]
async fn slow_clients_are_dropped_by_the_service() {
    let installation = Installation::new();
    let server = installation.serve(&[
        "--header-timeout",
        "1",
        "--body-timeout",
        "1",
        "--max-connections-per-address",
        "20",
    ]);
    let token = server.token(&server.client()).await;
    let address = server.url.split_once("//").unwrap().1.to_owned();
    let reports = format!(
        "POST /kbgap/v1/reports HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n\r\n"
    );
    let secrets =
        "POST /default/oauth2/v2.0/token HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
            .to_owned();
    let slow: Vec<_> = [
        String::new(),
        "GET / HTTP/1.1\r\nX: ".to_owned(),
        reports,
        secrets,
    ]
    .into_iter()
    .map(|begin| {
        let mut stream = TcpStream::connect(&address).unwrap();
        std::thread::spawn(move || {
            let began = Instant::now();
            stream.write_all(begin.as_bytes()).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_millis(100)))
                .unwrap();
            let mut answer = String::new();
            loop {
                match stream.read_to_string(&mut answer) {
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Ok(_) | Err(_) => break,
                }
                // A closed connection is seen by reading.
                let _ = stream.write_all(b" ");
                assert!(began.elapsed() < Duration::from_secs(15), "{begin}");
            }
            answer
        })
    })
    .collect();
    let began = Instant::now();
    assert_eq!(
        server.get("/api/Machines", Some(&token)).await.status(),
        StatusCode::OK
    );
    assert!(began.elapsed() < Duration::from_secs(1));
    for slow in slow {
        let answer = slow.join().unwrap();
        assert!(!answer.contains(" 200 "), "{answer}");
    }

    // One address has so many; that of a proxy any number.
    let hold = |server: &Server| -> usize {
        let address = server.url.split_once("//").unwrap().1;
        let mut held = Vec::new();
        for _ in 0..30 {
            let mut stream = TcpStream::connect(address).unwrap();
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                .unwrap();
            let mut some = [0; 8];
            if stream.read_exact(&mut some).is_ok() {
                held.push(stream);
            }
        }
        held.len()
    };
    assert!((10..=20).contains(&hold(&server)));
    let other = Installation::new();
    let server = other.serve(&[
        "--max-connections-per-address",
        "2",
        "--trusted-proxies",
        "127.0.0.1",
    ]);
    assert_eq!(hold(&server), 30);
}

#[test]
fn settings_of_the_edge_are_checked() {
    let installation = Installation::new();
    for (args, told) in [
        (
            ["--public-url", "kbs.example"],
            "public-url: \"kbs.example\" is not a public URL",
        ),
        (
            ["--public-url", "https://a,https://u:p@b"],
            "is not a public URL",
        ),
        (
            ["--trusted-proxies", "10.0.0.0/33"],
            "trusted-proxies: \"10.0.0.0/33\" is not a network",
        ),
        (
            ["--max-connections", "0"],
            "max-connections: 0 would refuse everybody",
        ),
    ] {
        let refused = installation.run(["config"].into_iter().chain(args));
        assert_eq!(refused.status.code(), Some(2));
        assert!(stderr(&refused).contains(told), "{}", stderr(&refused));
    }
    let file = installation.file(
        "edge.toml",
        "public-url = [\"https://a\", \"https://b\"]\ntrusted-proxies = \"::1\"\nplain-http = true\nheader-timeout = 5\n",
    );
    let shown = stdout(&installation.run(["config", "--config", &file]));
    for line in [
        "public-url = [\"https://a\", \"https://b\"]  # ",
        "trusted-proxies = \"::1\"  # ",
        "plain-http = true  # ",
        "header-timeout = 5  # ",
        "max-connections = 2000  # default",
        "# tls-cert is not set",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    // What is printed is a configuration file of its own.
    let again = installation.file("again.toml", &shown);
    let shown = stdout(&installation.run(["config", "--config", &again]));
    assert!(shown.contains("plain-http = true"), "{shown}");
}

/// Asks until it is refused: how often it was answered, and the refusal.
async fn until_refused(
    server: &Server,
    path: &str,
    token: Option<&str>,
) -> (u32, reqwest::Response) {
    for answered in 0.. {
        let answer = server.get(path, token).await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            return (answered, answer);
        }
    }
    unreachable!()
}

#[tokio::test]
async fn an_application_of_a_tenant_has_so_many_requests_of_a_family() {
    let installation = Installation::new();
    let server = installation.serve(&["--limits", "defender"]);
    let token = server.token(&server.client()).await;
    let other = installation.create_app("other", &["Machine.Read.All"]);
    let other = server.token(&other).await;

    // What is under way fills up again while we count: the first five of a minute are sure, one more may be.
    let (answered, refused) = until_refused(
        &server,
        "/api/machines/SoftwareInventoryExport",
        Some(&token),
    )
    .await;
    assert!((5..=6).contains(&answered), "{answered}");
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "TooManyRequests");
    assert!(body["error"]["target"].is_string());

    // Another family, another application: not concerned.
    for (path, token) in [
        ("/api/Machines", &token),
        ("/api/machines/InfoGatheringExport", &other),
    ] {
        let status = server.get(path, Some(token)).await.status();
        assert_ne!(status, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    // All spellings are one route; what comes without a permission counts too.
    let (answered, _) = until_refused(
        &server,
        "/API/v1.0/MACHINES/softwareinventorybymachine",
        Some(&token),
    )
    .await;
    assert!((30..=32).contains(&answered), "{answered}");
}

#[tokio::test]
async fn hours_have_a_limit_and_figures_may_be_ones_own() {
    let installation = Installation::new();
    let file = "[limits]\nreads = { minute = 50, hour = 7 }\nunauthenticated = { hour = 12 }\n";
    let file = installation.file("limits.toml", file);
    let shown = stdout(&installation.run(["config", "--config", &file]));
    assert!(
        shown.contains("reads = { hour = 7, minute = 50 }"),
        "{shown}"
    );
    let server = installation.serve(&["--config", &file]);
    let token = server.token(&server.client()).await;
    let (answered, refused) = until_refused(&server, "/api/Software", Some(&token)).await;
    assert_eq!(answered, 7);
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    // An hour has seven of them.
    assert!((400..=516).contains(&wait), "{wait}");
    assert_eq!(
        server.get("/api/Machines", Some(&token)).await.status(),
        StatusCode::OK
    );

    // The token was one of the twelve that this address has; tokens that do not count and secrets come out of one.
    let mut statuses = Vec::new();
    for guess in 0..8 {
        let answer = server
            .get("/api/Software", Some(&format!("guess{guess}")))
            .await;
        statuses.push(answer.status());
    }
    assert_eq!(statuses, [StatusCode::UNAUTHORIZED; 8]);
    let client = server.client();
    let url = format!("{}/{}/oauth2/v2.0/token", server.url, client.tenant);
    for guess in 0..5 {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &*client.id),
            ("client_secret", "guess"),
            ("scope", "https://api.securitycenter.microsoft.com/.default"),
        ];
        let answer = server.http().post(&url).form(&form).send().await.unwrap();
        let expected = if guess < 3 {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::TOO_MANY_REQUESTS
        };
        assert_eq!(answer.status(), expected, "{guess}");
    }
    // Who has a token goes on.
    assert_eq!(
        server.get("/api/Machines", Some(&token)).await.status(),
        StatusCode::OK
    );

    for (text, told) in [
        ("limits = \"azure\"", "names no limits"),
        ("[limits]\nread = { minute = 1 }", "unknown field"),
        ("[limits]\nreads = { minute = 0 }", "nonzero"),
    ] {
        let wrong = installation.file("wrong.toml", text);
        let refused = installation.run(["config", "--config", &wrong]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(stderr(&refused).contains(told), "{}", stderr(&refused));
    }
}
