//! Clients of others, their code unmodified, against a running service: see `clients/requirements.txt`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use kbgap_synthetic::{Era, SyntheticFleet};
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

#[tokio::test]
async fn clients_of_others_find_what_the_service_has() {
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
    server
        .post_reports(&token, json!(reports).to_string())
        .await;
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
