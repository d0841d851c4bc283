//! The service as a provider of tokens: applications, what they prove themselves by, tenants, and the audit trail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests"
)]

mod support;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::signer::{ASSERTION, Signer};
use support::{Client, Database, Installation, Server, audit, stderr, stdout};

const SCOPE: &str = "https://api.securitycenter.microsoft.com/.default";

/// Each test with either database.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            use super::support::Database;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$test(Database::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                super::$test(Database::Postgres).await;
            }
        }
    )*};
}

on_both! {
    applications_are_administered_over_the_api,
    secrets_are_rotated_and_expire,
    a_new_tenant_is_served_and_sees_nothing_of_others,
    every_act_is_recorded,
}

fn endpoint(server: &Server, tenant: &str) -> String {
    format!("{}/{tenant}/oauth2/v2.0/token", server.url)
}

/// Asks for a token by some fields, beside those every request has; status and answer.
async fn ask(server: &Server, tenant: &str, fields: &[(&str, &str)]) -> (StatusCode, Value) {
    let common = [("grant_type", "client_credentials"), ("scope", SCOPE)];
    let form: Vec<_> = common.iter().chain(fields).collect();
    let answer = server.http().post(endpoint(server, tenant)).form(&form);
    let answer = answer.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn by_secret(server: &Server, client: &Client) -> (StatusCode, Value) {
    let fields = [
        ("client_id", &*client.id),
        ("client_secret", &*client.secret),
    ];
    ask(server, &client.tenant, &fields).await
}

async fn by_assertion(server: &Server, tenant: &str, assertion: &str) -> (StatusCode, Value) {
    let fields = [
        ("client_assertion_type", ASSERTION),
        ("client_assertion", assertion),
    ];
    ask(server, tenant, &fields).await
}

fn claims(answer: &Value) -> Value {
    let token = answer["access_token"].as_str().unwrap();
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

fn code(answer: &(StatusCode, Value)) -> (u16, u64) {
    let body = &answer.1;
    (
        answer.0.as_u16(),
        body["error_codes"][0]
            .as_u64()
            .unwrap_or_else(|| panic!("{body}")),
    )
}

/// A request of administration; status and answer.
async fn administer(
    server: &Server,
    token: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let url = format!("{}/kbgap/v1/applications{path}", server.url);
    let mut request = server.http().request(method, url).bearer_auth(token);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or(Value::Null))
}

async fn applications_are_administered_over_the_api(database: Database) {
    let installation = Installation::on(database);
    let administrator = installation.create_app("portal", &["Administration.ReadWrite.All"]);
    let reader = installation.create_app("reader", &["Machine.ReadWrite.All"]);
    let server = installation.serve(&[]);
    let token = server.token(&administrator).await;

    let wanted = json!({
        "displayName": "siem",
        "permissions": ["Software.Read.All", "machine.read.all", "Software.Read.All"],
        "secret": { "expiresOn": "2100-01-01T00:00:00Z" },
    });
    let (status, created) = administer(&server, &token, Method::POST, "", Some(wanted)).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(
        created["permissions"],
        json!(["Machine.Read.All", "Software.Read.All"])
    );
    let siem = Client {
        tenant: administrator.tenant.clone(),
        id: created["id"].as_str().unwrap().to_owned(),
        secret: created["secret"]["secretText"].as_str().unwrap().to_owned(),
    };
    let (status, issued) = by_secret(&server, &siem).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&issued["expires_in"], &issued["ext_expires_in"]),
        (&json!(3599), &json!(3599))
    );
    let token_claims = claims(&issued);
    assert_eq!(token_claims["appidacr"], "1");
    let [begin, end] = ["nbf", "exp"].map(|name| token_claims[name].as_i64().unwrap());
    assert_eq!(end - begin, 3900, "as Entra ID's");

    // Shown once: nothing tells it again.
    let path = format!("/{}", siem.id);
    let (_, shown) = administer(&server, &token, Method::GET, &path, None).await;
    assert_eq!(shown["secrets"][0]["hint"], siem.secret[..3]);
    assert!(!shown.to_string().contains(&siem.secret), "{shown}");

    // A certificate beside it.
    let mut signer = Signer::new();
    let body = json!({ "certificate": signer.pem });
    let certificates = format!("{path}/Certificates");
    let (status, added) = administer(
        &server,
        &token,
        Method::POST,
        &certificates,
        Some(body.clone()),
    )
    .await;
    assert_eq!(status, 201, "{added}");
    added["thumbprint"]
        .as_str()
        .unwrap()
        .clone_into(&mut signer.thumbprint);
    let (status, _) = administer(&server, &token, Method::POST, &certificates, Some(body)).await;
    assert_eq!(status, 409);
    let assertion = signer.assertion(&siem.id, &endpoint(&server, &siem.tenant), "1");
    let (status, issued) = by_assertion(&server, &siem.tenant, &assertion).await;
    assert_eq!(status, StatusCode::OK, "{issued}");
    assert_eq!(claims(&issued)["appidacr"], "2");

    let changes = json!({ "displayName": "SIEM", "permissions": [] });
    let (status, row) = administer(&server, &token, Method::PATCH, &path, Some(changes)).await;
    assert_eq!((status, &row["displayName"]), (200, &json!("SIEM")));
    assert_eq!(row["permissions"], json!([]));
    let (_, all) = administer(&server, &token, Method::GET, "", None).await;
    assert_eq!(all["value"].as_array().unwrap().len(), 3);

    // What is removed counts no more.
    let secret = shown["secrets"][0]["id"].as_str().unwrap();
    for removed in [
        format!("{path}/secrets/{secret}"),
        format!("{path}/certificates/{}", signer.thumbprint),
    ] {
        for expected in [204, 404] {
            let (status, _) = administer(&server, &token, Method::DELETE, &removed, None).await;
            assert_eq!(status, expected, "{removed}");
        }
    }
    assert_eq!(code(&by_secret(&server, &siem).await), (401, 7_000_215));
    let assertion = signer.assertion(&siem.id, &endpoint(&server, &siem.tenant), "2");
    let refused = by_assertion(&server, &siem.tenant, &assertion).await;
    assert_eq!(code(&refused), (401, 700_027));
    for expected in [204, 404] {
        let (status, _) = administer(&server, &token, Method::DELETE, &path, None).await;
        assert_eq!(status, expected);
    }
    assert_eq!(code(&by_secret(&server, &siem).await), (400, 700_016));

    // What is wrong is refused in Defender's form.
    for (body, error) in [
        (
            json!({ "displayName": "x", "admin": true }),
            "InvalidRequestBody",
        ),
        (json!({}), "InvalidRequestBody"),
        (json!({ "displayName": " " }), "InvalidInput"),
        (json!({ "displayName": "x".repeat(201) }), "InvalidInput"),
        (
            json!({ "displayName": "x", "permissions": ["All"] }),
            "InvalidInput",
        ),
        (
            json!({ "displayName": "x", "secret": { "expiresOn": "2001-01-01T00:00:00Z" } }),
            "InvalidInput",
        ),
    ] {
        let told = body.to_string();
        let (status, answer) = administer(&server, &token, Method::POST, "", Some(body)).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (400, &json!(error)),
            "{told}"
        );
    }
    let own = format!("/{}/certificates", administrator.id);
    let body = json!({ "certificate": STANDARD.encode("no certificate") });
    let (status, _) = administer(&server, &token, Method::POST, &own, Some(body)).await;
    assert_eq!(status, 400);

    // Nobody without the permission gets near.
    let poor = server.token(&reader).await;
    for (method, path) in [
        (Method::GET, String::new()),
        (Method::POST, String::new()),
        (Method::GET, format!("/{}", reader.id)),
        (Method::PATCH, format!("/{}", reader.id)),
        (Method::DELETE, format!("/{}", administrator.id)),
        (Method::POST, format!("/{}/secrets", administrator.id)),
        (Method::DELETE, format!("/{}/secrets/x", administrator.id)),
        (Method::POST, format!("/{}/certificates", administrator.id)),
        (
            Method::DELETE,
            format!("/{}/certificates/x", administrator.id),
        ),
    ] {
        let (status, answer) =
            administer(&server, &poor, method.clone(), &path, Some(json!({}))).await;
        assert_eq!(status, 403, "{method} {path}");
        let words = answer["error"]["message"].as_str().unwrap();
        assert!(words.contains("Administration.ReadWrite.All"), "{words}");
    }
}

async fn secrets_are_rotated_and_expire(database: Database) {
    let installation = Installation::on(database);
    let old = installation.create_app("rotating", &["Machine.Read.All"]);
    let server = installation.serve(&[]);
    let rotate = |more: &[&str]| {
        let args = ["app", "rotate", "rotating", "--json"].into_iter();
        let made = installation.run(args.chain(more.iter().copied()));
        let made = support::json(&made);
        Client {
            secret: made["clientSecret"].as_str().unwrap().to_owned(),
            ..old.clone()
        }
    };
    let short = rotate(&["--expires-in", "2s"]);
    for client in [&old, &short] {
        assert_eq!(by_secret(&server, client).await.0, StatusCode::OK);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(code(&by_secret(&server, &short).await), (401, 7_000_222));
    let new = rotate(&["--revoke-others"]);
    assert_eq!(by_secret(&server, &new).await.0, StatusCode::OK);
    assert_eq!(code(&by_secret(&server, &old).await), (401, 7_000_215));
    let shown = support::json(&installation.run(["app", "show", "rotating", "--json"]));
    let secrets = shown["secrets"].as_array().unwrap();
    assert_eq!(secrets.len(), 1, "{shown}");
    let id = secrets[0]["id"].as_str().unwrap();
    let revoked = installation.run(["app", "revoke", "rotating", id]);
    assert!(revoked.status.success(), "{}", stderr(&revoked));
    assert_eq!(code(&by_secret(&server, &new).await), (401, 7_000_215));

    // Permissions change in tokens issued from then on.
    let granted = installation.run(["app", "grant", &old.id, "Software.Read.All"]);
    assert!(stdout(&granted).contains("Machine.Read.All Software.Read.All"));
    let taken = installation.run(["app", "revoke-grant", "rotating", "Machine.Read.All"]);
    assert!(stdout(&taken).contains("may: Software.Read.All"));
    let unknown = installation.run(["app", "show", "nobody"]);
    assert!(
        stderr(&unknown).contains("kbgap app list"),
        "{}",
        stderr(&unknown)
    );
    let removed = installation.run(["app", "remove", "rotating"]);
    assert!(removed.status.success());
    assert_eq!(code(&by_secret(&server, &old).await), (400, 700_016));
}

/// An assertion counts once, also where two servers share a database; each refusal has its number.
#[tokio::test(flavor = "multi_thread")]
async fn assertions_count_once_and_refusals_have_their_numbers() {
    let installation = Installation::on(Database::Postgres);
    let client = installation.create_app("asserting", &["Machine.Read.All"]);
    let other = installation.create_app("other", &["Machine.Read.All"]);
    let mut signer = Signer::new();
    signer.add(&installation, "asserting");
    let servers = [installation.serve(&[]), installation.beside().serve(&[])];
    let [one, two] = &servers;
    let tenant = &client.tenant;
    // Both are named by the audience: where one is called by the name of the other, that is its name.
    let audience = endpoint(one, tenant);
    let assertion = signer.assertion(&client.id, &audience, "once");
    let (status, answer) = by_assertion(one, tenant, &assertion).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let again = by_assertion(one, tenant, &assertion).await;
    assert_eq!(code(&again), (401, 50_012));
    let host = one.url.strip_prefix("http://").unwrap();
    let elsewhere = two.http().post(endpoint(two, tenant)).header("host", host);
    let elsewhere = elsewhere.form(&[
        ("grant_type", "client_credentials"),
        ("scope", SCOPE),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", &assertion),
    ]);
    let elsewhere = elsewhere.send().await.unwrap();
    let elsewhere = (elsewhere.status(), elsewhere.json().await.unwrap());
    assert_eq!(code(&elsewhere), (401, 50_012));

    let evil = signer.assertion(&client.id, "https://evil.example/t/oauth2/v2.0/token", "2");
    assert_eq!(
        code(&by_assertion(one, tenant, &evil).await),
        (401, 700_023)
    );
    let stranger = signer.assertion(&other.id, &audience, "3");
    assert_eq!(
        code(&by_assertion(one, tenant, &stranger).await),
        (401, 700_027)
    );
    let fields = |id: &str| {
        let assertion = signer.assertion(&other.id, &audience, "4");
        [
            ("client_id".to_owned(), id.to_owned()),
            ("client_assertion_type".to_owned(), ASSERTION.to_owned()),
            ("client_assertion".to_owned(), assertion),
        ]
    };
    let fields = fields(&client.id);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert_eq!(code(&ask(one, tenant, &fields).await), (401, 700_021));

    let id = ("client_id", &*client.id);
    let secret = ("client_secret", &*client.secret);
    for (tenant, fields, expected) in [
        (
            &**tenant,
            &[id, ("client_secret", "wrong")][..],
            (401, 7_000_215),
        ),
        (tenant, &[id], (401, 7_000_216)),
        (tenant, &[secret], (400, 900_144)),
        (tenant, &[id, secret, id], (400, 9_000_411)),
        (tenant, &[("client_id", "nobody"), secret], (400, 700_016)),
        ("nowhere", &[id, secret], (400, 90_002)),
        (
            tenant,
            &[
                id,
                secret,
                ("client_assertion", "x"),
                ("client_assertion_type", ASSERTION),
            ],
            (400, 90_013),
        ),
    ] {
        assert_eq!(
            code(&ask(one, tenant, fields).await),
            expected,
            "{fields:?}"
        );
    }
    for (grant, scope, expected) in [
        ("password", SCOPE, (400, 70_003)),
        (
            "client_credentials",
            "https://graph.microsoft.com/.default",
            (400, 500_011),
        ),
        ("client_credentials", "openid", (400, 70_011)),
    ] {
        let form = [("grant_type", grant), ("scope", scope), id, secret];
        let answer = one.http().post(endpoint(one, tenant)).form(&form);
        let answer = answer.send().await.unwrap();
        let answer = (answer.status(), answer.json().await.unwrap());
        assert_eq!(code(&answer), expected, "{grant} {scope}");
        for field in [
            "error_description",
            "timestamp",
            "trace_id",
            "correlation_id",
        ] {
            assert!(answer.1[field].is_string(), "{}", answer.1);
        }
    }
    // By HTTP basic credentials, percent-encoded; a refusal names the scheme.
    let basic = |secret: &str| {
        let encoded = client.id.replace('-', "%2D");
        one.http()
            .post(endpoint(one, tenant))
            .basic_auth(encoded, Some(secret))
            .form(&[("grant_type", "client_credentials"), ("scope", SCOPE)])
            .send()
    };
    let right = basic(&client.secret).await.unwrap();
    assert_eq!(right.status(), StatusCode::OK);
    let wrong = basic("wrong").await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(
        wrong.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Basic")
    );
    assert_eq!(wrong.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn what_clients_discover_is_under_the_name_they_called() {
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let tenant = server.client().tenant;
    let port = server.url.rsplit(':').next().unwrap();
    let http = server.http();
    let get = async |path: &str| -> Value {
        let request = http.get(format!("{}{path}", server.url));
        let request = request.header("host", format!("kbgap.example:{port}"));
        request.send().await.unwrap().json().await.unwrap()
    };
    let called = format!("http://kbgap.example:{port}/{tenant}");
    for name in [&*tenant, "default", "common", "Organizations"] {
        let v2 = get(&format!("/{name}/v2.0/.well-known/openid-configuration")).await;
        for (field, path) in [
            ("authorization_endpoint", "/oauth2/v2.0/authorize"),
            ("token_endpoint", "/oauth2/v2.0/token"),
            ("device_authorization_endpoint", "/oauth2/v2.0/devicecode"),
            ("end_session_endpoint", "/oauth2/v2.0/logout"),
            ("jwks_uri", "/discovery/v2.0/keys"),
        ] {
            assert_eq!(v2[field], format!("{called}{path}"), "{name}");
        }
        assert_eq!(v2["issuer"], format!("{}/{tenant}/v2.0", server.url));
        assert_eq!(v2["code_challenge_methods_supported"], json!(["S256"]));
        let modes = json!(["query", "form_post"]);
        assert_eq!(v2["response_modes_supported"], modes);
    }
    let v1 = get("/common/.well-known/openid-configuration").await;
    assert_eq!(v1["token_endpoint"], format!("{called}/oauth2/token"));
    for path in ["/common/discovery/v2.0/keys", "/default/discovery/keys"] {
        assert_eq!(get(path).await["keys"][0]["kty"], "RSA", "{path}");
    }

    // Libraries leave the port out.
    let asked = "/common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2FKbgap.example%2Fcontoso%2Foauth2%2Fv2.0%2Fauthorize";
    let instance = get(asked).await;
    assert_eq!(
        instance["tenant_discovery_endpoint"],
        format!("http://kbgap.example:{port}/contoso/v2.0/.well-known/openid-configuration")
    );
    let aliases = instance["metadata"][0]["aliases"].as_array().unwrap();
    assert!(aliases.contains(&json!("kbgap.example")), "{instance}");
    let foreign = asked.replace("Kbgap", "evil");
    assert_eq!(get(&foreign).await["error"], "invalid_instance");
    let nothing = get("/common/discovery/instance?api-version=1.1").await;
    assert_eq!(nothing["error_codes"], json!([900_144]));
}

async fn a_new_tenant_is_served_and_sees_nothing_of_others(database: Database) {
    let installation = Installation::on(database);
    let server = installation.serve(&[]);
    let own = server.token(&server.client()).await;
    let report = json!({ "name": "only-here" });
    server.post_reports(&own, report.to_string()).await;

    let created = installation.run(["tenant", "create", "branch", "--json"]);
    let branch = support::json(&created)["id"].as_str().unwrap().to_owned();
    for name in ["Branch", "common", "", "a/b", &branch] {
        let refused = installation.run(["tenant", "create", name]);
        assert_eq!(refused.status.code(), Some(2), "{name}");
    }
    let listed = support::json(&installation.run(["tenant", "list", "--json"]));
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let app = [
        "app",
        "create",
        "reader",
        "--json",
        "--tenant",
        "branch",
        "--permission",
        "Machine.Read.All",
        "--permission",
        "Inventory.Write.All",
    ];
    let app = support::json(&installation.run(app));
    let client = Client {
        tenant: "BRANCH".to_owned(),
        id: app["clientId"].as_str().unwrap().to_owned(),
        secret: app["clientSecret"].as_str().unwrap().to_owned(),
    };
    let elsewhere = Client {
        tenant: "default".to_owned(),
        ..client.clone()
    };
    assert_eq!(code(&by_secret(&server, &elsewhere).await), (400, 700_016));
    let token = server.token(&client).await;
    // Served without a restart.
    let mut answer = server.get("/api/machines", Some(&token)).await;
    for _ in 0..50 {
        if answer.status() == StatusCode::OK {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = server.get("/api/machines", Some(&token)).await;
    }
    let machines: Value = answer.json().await.unwrap();
    assert_eq!(machines["value"], json!([]), "{machines}");
    let listed = installation.run(["app", "list", "--tenant", &branch]);
    assert!(stdout(&listed).contains("reader"));
    assert!(!stdout(&listed).contains("first client"));
    let nowhere = installation.run(["app", "list", "--tenant", "nowhere"]);
    assert!(stderr(&nowhere).contains("kbgap tenant create nowhere"));
}

async fn every_act_is_recorded(database: Database) {
    let installation = Installation::on(database);
    let client =
        installation.create_app("writer", &["Inventory.Write.All", "Machine.ReadWrite.All"]);
    let server = installation.serve(&[]);
    let token = server.token(&client).await;
    let wrong = Client {
        secret: "wrong".to_owned(),
        ..client.clone()
    };
    by_secret(&server, &wrong).await;
    server
        .post_reports(&token, json!({ "name": "pc-1" }).to_string())
        .await;
    let machines = server.get("/api/machines", Some(&token)).await;
    let machines: Value = machines.json().await.unwrap();
    let machine = machines["value"][0]["id"].as_str().unwrap();
    let tags = format!("{}/api/machines/{machine}/tags", server.url);
    let tag = server.http().post(tags).bearer_auth(&token);
    let tag = tag
        .json(&json!({ "Value": "x", "Action": "Add" }))
        .send()
        .await
        .unwrap();
    assert_eq!(tag.status(), StatusCode::OK);
    let forbidden = server.get("/api/software", Some(&token)).await;
    assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
    server.get("/api/machines", Some("no.token.this")).await;
    let host = server
        .http()
        .post(format!("{}/kbgap/v1/osquery/enroll", server.url));
    host.json(&json!({ "enroll_secret": "none" }))
        .send()
        .await
        .unwrap();

    let records = audit(&installation, &[], "host.enroll");
    let who = |kind: &str, id: &str| json!({ "kind": kind, "id": id });
    let application = who("application", &client.id);
    for (what, who, target, outcome) in [
        ("application.create", None, json!(client.id), "done"),
        (
            "token.issue",
            Some(&application),
            json!("https://api.securitycenter.microsoft.com"),
            "done",
        ),
        (
            "token.issue",
            Some(&who("unknown", "")),
            json!(client.id),
            "refused",
        ),
        ("report.send", Some(&application), Value::Null, "done"),
        ("machine.tags", Some(&application), json!(machine), "done"),
        (
            "api.read",
            Some(&application),
            json!("/api/software"),
            "refused",
        ),
        (
            "api.read",
            Some(&who("unknown", "")),
            json!("/api/machines"),
            "refused",
        ),
        (
            "host.enroll",
            Some(&who("unknown", "")),
            Value::Null,
            "refused",
        ),
    ] {
        let found = records.iter().find(|record| {
            record["what"] == what
                && who.is_none_or(|who| record["who"] == *who)
                && record["outcome"] == outcome
        });
        let found = found.unwrap_or_else(|| panic!("{what} {outcome}: {records:#?}"));
        assert_eq!(found["target"], target, "{found}");
        if who.is_some() {
            assert_eq!(found["from"], "127.0.0.1", "{found}");
        } else {
            assert_eq!(found["who"]["kind"], "commandLine", "{found}");
        }
    }
    // Filters.
    let refused = ["--outcome", "refused", "--what", "token", "--since", "1h"];
    let refused = audit(&installation, &refused, "token.issue");
    assert_eq!(refused.len(), 1, "{refused:#?}");
    assert_eq!(refused[0]["detail"], "AADSTS7000215");
    let none = installation.run(["audit", "--until", "2020-01-01"]);
    assert_eq!(stdout(&none), "");
    let text = stdout(&installation.run(["audit", "--limit", "1", "--who", &client.id]));
    assert_eq!(text.lines().count(), 1, "{text}");
}

/// Neither the log, at its most talkative, nor the audit trail tells a secret, a token or an assertion.
#[tokio::test]
async fn secrets_are_in_no_log() {
    let installation = Installation::new();
    let client = installation.create_app("portal", &["Administration.ReadWrite.All"]);
    let mut signer = Signer::new();
    signer.add(&installation, "portal");
    let server = installation.serve_tls_telling_all();
    let mut secrets = vec![client.secret.clone()];

    let token = server.token(&client).await;
    let assertion = signer.assertion(&client.id, &endpoint(&server, &client.tenant), "1");
    let (status, issued) = by_assertion(&server, &client.tenant, &assertion).await;
    assert_eq!(status, StatusCode::OK, "{issued}");
    assert_eq!(
        code(&by_assertion(&server, &client.tenant, &assertion).await).1,
        50_012
    );
    secrets.push(issued["access_token"].as_str().unwrap().to_owned());
    let wrong = "a-wrong-secret-that-may-be-right-elsewhere";
    for fields in [
        [("client_id", &*client.id), ("client_secret", wrong)],
        // In the wrong field.
        [("client_id", wrong), ("client_secret", wrong)],
    ] {
        let (status, _) = ask(&server, &client.tenant, &fields).await;
        assert!(status.is_client_error());
    }
    let basic = server.http().post(endpoint(&server, &client.tenant));
    let basic = basic.basic_auth(&client.id, Some(&client.secret));
    let basic = basic.form(&[("grant_type", "client_credentials"), ("scope", SCOPE)]);
    assert_eq!(basic.send().await.unwrap().status(), StatusCode::OK);
    secrets.push(STANDARD.encode(format!("{}:{}", client.id, client.secret)));
    let wanted = json!({ "displayName": "x", "secret": {} });
    let (_, created) = administer(&server, &token, Method::POST, "", Some(wanted)).await;
    secrets.push(created["secret"]["secretText"].as_str().unwrap().to_owned());
    let path = format!("/{}/secrets", client.id);
    let (_, added) = administer(&server, &token, Method::POST, &path, None).await;
    secrets.push(added["secretText"].as_str().unwrap().to_owned());
    let altered = format!("{token}x");
    server.get("/api/machines", Some(&altered)).await;
    secrets.extend([token, assertion, altered, wrong.to_owned()]);

    let records = audit(&installation, &[], "application.secret.add");
    let told = [
        server.shown.join("\n"),
        server.all_said(),
        json!(records).to_string(),
        stdout(&installation.run(["audit"])),
        stdout(&installation.run(["app", "show", "portal"])),
    ];
    assert!(told[1].contains("TRACE"), "it tells all it can");
    assert!(told[1].contains("AADSTS7000215"), "{}", told[1]);
    for secret in &secrets {
        for told in &told {
            // Also not cut off: the last part of a token is its signature.
            let end = &secret[secret.len() - 20..];
            let found = told
                .lines()
                .find(|line| line.contains(&**secret) || line.contains(end));
            assert_eq!(found, None, "a secret is told");
        }
    }
}
