//! Clients of others, their code unmodified, against a running service: see `clients/requirements.txt`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use kbgap_synthetic::{Era, SyntheticFleet};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use support::{Installation, Server};

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

/// Microsoft's libraries get tokens by secret and by certificate, from an authority of which they are told no more than
/// where it is, and the API takes them.
#[tokio::test]
async fn the_libraries_of_microsoft_get_tokens() {
    let installation = Installation::new();
    let client = installation.create_app("libraries", &["Machine.Read.All"]);
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let params = CertificateParams::new(Vec::new()).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let public = installation.file("client.pem", &certificate);
    let both = installation.file("both.pem", key.serialize_pem() + &certificate);
    let added = installation.run(["app", "certificate", "add", "libraries", &public, "--json"]);
    let thumbprint = support::json(&added)["sha1Thumbprint"].clone();
    let server = installation.serve_tls(&[]);

    let said = run(Command::new(python())
        .arg(clients().join("azure_clients.py"))
        .args([&*server.url, &*client.tenant, &*client.id, &*client.secret])
        .args([&*both, thumbprint.as_str().unwrap()])
        .env("REQUESTS_CA_BUNDLE", server.authority.as_ref().unwrap()));
    let found: Value = serde_json::from_slice(&said).unwrap();
    for way in [
        "azureSecret",
        "azureCertificate",
        "azureChain",
        "secret",
        "discovered",
        "openId",
        "certificate",
    ] {
        assert_eq!(found[way], 200, "{way}: {found}");
    }
    assert_eq!(found["wrong"]["error"], "invalid_client", "{found}");
    assert_eq!(found["wrong"]["error_codes"], json!([7_000_215]));
    let refusal = found["refusal"].as_str().unwrap();
    assert!(refusal.contains("AADSTS7000215"), "{refusal}");
}
