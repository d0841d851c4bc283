//! Clients of others, their code unmodified, against a running service: see `clients/requirements.txt`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use kbgap_synthetic::{Era, SyntheticFleet};
use serde_json::{Value, json};
use support::browser::{Browser, Page};
use support::{Installation, Server, stderr};

const MACHINES: u32 = 120;
/// The day the generated fleet is of.
const DAY: [&str; 2] = ["--as-of", "2026-02-11"];

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// A Python of its own with the clients.
fn python() -> PathBuf {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    let python = folder.join("bin/python");
    let wanted = std::fs::read(clients().join("requirements.txt")).unwrap();
    let installed = folder.join("installed.txt");
    if std::fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return python;
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder));
    let requirements = clients().join("requirements.txt");
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "-r"])
        .arg(requirements));
    std::fs::write(installed, wanted).unwrap();
    python
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output.stdout
}

async fn read(server: &Server, path: &str, token: &str) -> Value {
    server.get(path, Some(token)).await.json().await.unwrap()
}

/// A service with a generated fleet, and a token.
async fn served() -> (Installation, Server, String) {
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let token = server.token(&server.client()).await;
    let fleet = SyntheticFleet::new(Era::Winter2026, 11, MACHINES).unwrap();
    let later = jiff::Timestamp::now().duration_since(fleet.today());
    let reports = fleet.reports().map(|mut report| {
        report.reported_at = report.reported_at.map(|at| at + later);
        serde_json::to_value(report).unwrap()
    });
    let reports: Vec<Value> = reports.collect();
    let (_, summary) = server
        .post_reports(&token, json!(reports).to_string())
        .await;
    assert_eq!(summary["new"], MACHINES, "{summary}");
    (installation, server, token)
}

/// Schemathesis finds no failure of the service and no answer outside the schema. `KBGAP_EXAMPLES` is how many cases each
/// operation is tried with.
#[tokio::test]
async fn the_published_description_holds() {
    let (_installation, server, token) = served().await;
    let examples = std::env::var("KBGAP_EXAMPLES").unwrap_or_else(|_| "5".to_owned());
    let tool = python().with_file_name("schemathesis");
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
    let output = Command::new(tool)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .arg("run")
        .arg(format!("{}/openapi.json", server.url))
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .args([
            "--checks",
            checks,
            "--phases",
            "examples,coverage,fuzzing",
            "--no-color",
        ])
        .args(["--workers", "2", "--seed", "1", "--max-examples", &examples])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let cases = said
        .lines()
        .skip_while(|line| !line.starts_with("Test cases:"))
        .nth(1);
    println!("{}", cases.unwrap_or_default().trim());
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn clients_of_others_find_what_the_service_has() {
    let (_installation, server, token) = served().await;
    let python = python();

    let script = clients().join("general_client.py");
    let said = run(Command::new(&python)
        .arg(script)
        .args([&*server.url, &*token]));
    let found: Value = serde_json::from_slice(&said).unwrap();
    let windows = read(
        &server,
        "/api/machines?$filter=osPlatform%20eq%20'Windows11'&$orderby=id&$top=5",
        &token,
    )
    .await;
    let windows = windows["value"].as_array().unwrap().iter();
    let windows: Vec<&Value> = windows.map(|machine| &machine["id"]).collect();
    assert!(!windows.is_empty());
    assert_eq!(found["windows11"], json!(windows));
    assert_eq!(found["machines"], MACHINES);
    let software = read(
        &server,
        &format!("/api/Software/{}", found["mostExposed"].as_str().unwrap()),
        &token,
    )
    .await;
    assert_eq!(found["weaknesses"], software["weaknesses"]);
    let sets = found["sets"].as_array().unwrap();
    for set in [
        "Machines",
        "Recommendations",
        "RemediationTasks",
        "Software",
        "Vulnerabilities",
    ] {
        assert!(sets.contains(&set.into()), "{sets:?}");
    }

    let machines = read(&server, "/api/machines", &token).await;
    let machines = machines["value"].as_array().unwrap();
    let name = machines[0]["computerDnsName"].as_str().unwrap();
    let script = clients().join("plugin_client.py");
    let said = run(Command::new(&python)
        .arg(script)
        .args([&*server.url, &*token, name]));
    let found: Value = serde_json::from_slice(&said).unwrap();
    assert_eq!(found["machine"], machines[0]["id"]);
    assert_eq!(found["byId"], name);
    assert_eq!(found["machines"], MACHINES);
    let id = machines[0]["id"].as_str().unwrap();
    let open = read(
        &server,
        &format!("/api/machines/{id}/vulnerabilities"),
        &token,
    )
    .await;
    assert_eq!(
        found["vulnerabilities"],
        open["value"].as_array().unwrap().len()
    );
    assert!(found["products"].as_u64().unwrap() > 0);
}

/// Microsoft's own libraries get tokens for a person, over TLS: by a device's code, by a code with a secret, by a code with
/// PKCE. The test is the person.
#[tokio::test(flavor = "multi_thread")]
async fn libraries_of_microsoft_sign_people_in() {
    const PASSWORD: &str = "correct horse battery";
    const REDIRECT: &str = "http://localhost:8400/";
    let installation = Installation::new();
    let public = installation.create_app("command line", &["Software.Read.All"]);
    let confidential = installation.create_app("portal", &["Software.Read.All"]);
    for command in [
        &["app", "public", &*public.id][..],
        &["app", "redirect", "add", &public.id, "http://localhost/"],
        &["app", "redirect", "add", &confidential.id, REDIRECT],
        &["group", "create", "readers", "--role", "view"],
    ] {
        let output = installation.run(command.iter().copied());
        assert!(output.status.success(), "{}", stderr(&output));
    }
    let create = ["user", "create", "alice@contoso", "--display-name", "Alice"];
    let create = create
        .into_iter()
        .chain(["--group", "readers", "--final", "--password-stdin"]);
    let output = installation.run_with_input(create, PASSWORD.as_bytes());
    assert!(output.status.success(), "{}", stderr(&output));
    let server = installation.serve_tls(&[]);

    let mut child = Command::new(python())
        .arg(clients().join("people_client.py"))
        .args([&server.url, &public.tenant, &public.id])
        .args([&confidential.id, &confidential.secret, REDIRECT])
        .env("REQUESTS_CA_BUNDLE", server.authority.as_ref().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = child.stdin.take().unwrap();
    let mut browser = Browser::new(&server);
    let mut said = Value::Null;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        said = serde_json::from_str(&line.unwrap()).unwrap();
        let mut page: Page = if let Some(code) = said["user_code"].as_str() {
            let page = browser.get(said["page"].as_str().unwrap()).await;
            browser.submit(&page, &[("user_code", code)]).await
        } else if let Some(url) = said["open"].as_str() {
            browser.get(url).await
        } else {
            continue;
        };
        if page.title() == "Sign in" {
            let person = [("name", "alice@contoso"), ("password", PASSWORD)];
            page = browser.submit(&page, &person).await;
        }
        if page.title() == "Sign in on a device" {
            page = browser.submit(&page, &[]).await;
        }
        if page.title().starts_with("Let ") {
            page = browser.submit(&page, &[("decision", "accept")]).await;
        }
        if let Some(away) = page.away {
            writeln!(answers, "{away}").unwrap();
        } else {
            assert_eq!(page.title(), "The device is signed in", "{}", page.html);
        }
    }
    assert!(child.wait().unwrap().success(), "{said}");
    assert_eq!(
        said,
        json!({
            "device": { "username": "alice@contoso", "name": "Alice", "status": 200 },
            "code": { "state": "s", "status": 200 },
            "pkce": { "status": 200 },
            "azure": { "status": 200 },
        })
    );
}
