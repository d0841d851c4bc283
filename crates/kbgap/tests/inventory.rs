//! `kbgap inventory`: software as it is understood, and exports of Defender.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "tests"
)]

mod support;

use std::io::Write;

use serde_json::json;
use support::{Installation, json, stderr, stdout};

const REPORT: &str = r#"{
    "name": "desk-1",
    "software": [
        {"vendor": "Igor Pavlov", "name": "7-Zip 19.00 (x64)", "version": "19.00"},
        {"vendor": "Microsoft Corporation", "name": "Microsoft Edge", "version": "124.0.2478.51"},
        {"vendor": "Microsoft Corporation", "name": "Security Update for Microsoft Excel 2016 (KB5002820)"},
        {"vendor": "Contoso Ltd.", "name": "Contoso Agent 4.2 (x64)", "version": "4.2.1"}
    ]
}"#;

#[test]
fn software_is_shown_as_it_is_understood() {
    let installation = Installation::new();
    let report = installation.file("desk.json", REPORT);
    let output = installation.run(["inventory", "software", &report, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let answer = json(&output);
    let told: Vec<_> = answer["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            [
                text("software"),
                text("version"),
                text("kind"),
                text("decidedBy"),
            ]
            .join(" ")
        })
        .collect();
    assert_eq!(
        told,
        [
            "contoso-_-agent 4.2.1 software cleaned",
            "7-zip-_-7-zip 19.00 software cleaned",
            "microsoft-_-edge_chromium-based 124.0.2478.51 software catalog",
            "microsoft-_-excel  update catalog",
        ]
    );
    let table = stdout(&installation.run(["inventory", "software", &report]));
    assert!(
        table.contains("4 entries of 1 machines: 3 software, 1 updates, 0 parts"),
        "{table}"
    );
    assert!(
        table.contains("no rule is for 2 of them:\n  contoso-_-agent\n"),
        "{table}"
    );
}

#[test]
fn rules_of_ones_own_are_taken_and_checked() {
    let installation = Installation::new();
    let report = installation.file("desk.json", REPORT);
    let rules =
        "[[software]]\nvendor = \"contoso\"\nname = \"Watch\"\nmatch = [\"Contoso Agent\"]\n";
    let rules = installation.file("rules.toml", rules);
    let output = installation.run([
        "inventory",
        "software",
        &report,
        "--software-rules",
        &rules,
        "--json",
    ]);
    let entry = &json(&output)["entries"][0];
    assert_eq!(entry["software"], "contoso-_-watch");
    assert_eq!(entry["rule"], "your rule 'Contoso Agent', line 1");

    let wrong = installation.file(
        "wrong.toml",
        "[[software]]\nmatch = [\"*\"]\nkind = \"part\"\n",
    );
    let output = installation.run(["inventory", "software", &report, "--software-rules", &wrong]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("line 2, field match: a pattern needs a word of its own"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_export_of_defender_is_imported() {
    let installation = Installation::new();
    let id = "4f3a1c".repeat(6) + "0001";
    let machines = json!({"value": [
        {"id": id, "computerDnsName": "pc1.corp.example", "lastSeen": "2024-05-14T08:30:00Z",
            "osPlatform": "Windows10", "version": "22H2", "osBuild": 19045, "osProcessor": "x64",
            "osArchitecture": "64-bit", "rbacGroupName": "Finance", "machineTags": []},
        {"id": "2", "osBuild": "many"},
    ]});
    let machines = installation.file("machines.json", machines.to_string());
    let row = json!({"DeviceId": id, "SoftwareVendor": "google", "SoftwareName": "chrome", "SoftwareVersion": "124.0"});
    let software = installation.file("software.json", format!("{row}\n"));
    let output = installation.run([
        "inventory",
        "import-defender",
        &machines,
        &software,
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(2), "a record was left out");
    let summary = json(&output);
    assert_eq!(summary["new"], 1);
    assert_eq!(summary["read"]["machines"], 1);
    assert_eq!(summary["read"]["softwareRecords"], 1);
    assert_eq!(summary["problems"][0]["field"], "osBuild");
    assert_eq!(summary["problems"][0]["record"], 1);

    let again = installation.run(["inventory", "import-defender", &machines, &software]);
    let text = stdout(&again);
    assert!(
        text.contains("1 machines: 0 new, 0 changed, 1 unchanged"),
        "{text}"
    );
    assert!(
        text.contains("record 1, field osBuild: invalid type"),
        "{text}"
    );

    let missing = installation.run(["inventory", "import-defender", "nowhere.json"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        stderr(&missing).contains("cannot open nowhere.json"),
        "{}",
        stderr(&missing)
    );
}

#[test]
fn files_of_lines_are_stored_as_they_are_read() {
    let installation = Installation::new();
    let line = |number: usize| {
        let software = json!([{"vendor": "Mozilla", "name": "Mozilla Firefox 65.0.1 (x64 en-US)", "version": "65.0.1"}]);
        json!({"name": format!("pc{number}"), "software": software}).to_string()
    };
    let good: Vec<String> = (0..1_200).map(line).collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(good.join("\n").as_bytes()).unwrap();
    let packed = installation.file("fleet.ndjson.gz", packed.finish().unwrap());
    let output = installation.run(["inventory", "import", &packed, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary = json(&output);
    assert_eq!(summary["received"], 1_200);
    assert_eq!(summary["new"], 1_200);

    let mixed = format!("{}\nno report\n{}\n", line(7), line(1_200));
    let mixed = installation.file("more.jsonl", mixed);
    let output = installation.run(["inventory", "import", &mixed, &packed, "--json"]);
    assert_eq!(output.status.code(), Some(2), "a line is no report");
    let summary = json(&output);
    assert_eq!(summary["new"], 1, "{summary}");
    assert_eq!(summary["unchanged"], 1_201, "{summary}");
    let reason = summary["rejected"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("more.jsonl, report 2: "), "{reason}");

    let cut = std::fs::read(&packed).unwrap();
    let cut = installation.file("cut.ndjson.gz", &cut[..cut.len() / 2]);
    let output = installation.run(["inventory", "import", &cut, "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(
        told.contains("cut.ndjson.gz") && told.contains("are stored"),
        "{told}"
    );
}
