//! People see the machines of their device groups, and do what their role allows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::StatusCode;
use serde_json::{Value, json};
use support::people::People;
use support::{Installation, reports, rows};

/// The day the generated fleet is of.
const DAY: [&str; 2] = ["--as-of", "2026-02-11"];
const MACHINES: u32 = 60;

fn texts(rows: &[Value], name: &str) -> BTreeSet<String> {
    let texts = rows
        .iter()
        .map(|row| row[name].as_str().unwrap().to_owned());
    texts.collect()
}

/// A person of one device group sees its machines only, and every count is of these.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one question after the other")]
async fn a_person_sees_the_device_groups_of_their_own() {
    let installation = Installation::with_documents();
    let server = installation.serve(&DAY);
    let all = server.token(&server.client()).await;
    let (_, summary) = server
        .post_reports(&all, json!(reports(3, MACHINES)).to_string())
        .await;
    assert_eq!(summary["new"], MACHINES, "{summary}");
    let machines = server.read("/api/machines?$select=id", &all).await;
    let ids: Vec<String> = texts(rows(&machines), "id").into_iter().collect();
    let (finance, rest) = ids.split_at(20);
    let (sales, _) = rest.split_at(20);
    for (name, ids) in [("Finance", finance), ("Sales", sales)] {
        let body = json!({ "rbacGroupName": name, "machineIds": ids });
        let (status, answer) = server
            .post("/kbgap/v1/machines/setDeviceGroup", &all, &body)
            .await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let people = People::new(&installation, &server);
    people.group("finance", "manage", &["Finance"]);
    people.user("fay@contoso", "finance");
    people.group("everything", "manage", &[]);
    people.user("eve@contoso", "everything");
    let own = people.token("fay@contoso").await;
    let whole = people.token("eve@contoso").await;
    let finance: BTreeSet<String> = finance.iter().cloned().collect();

    // Who sees all sees what an application does.
    for path in ["/api/machines", "/api/Software", "/api/missingkbs"] {
        let (one, other) = (
            server.read(path, &all).await,
            server.read(path, &whole).await,
        );
        assert_eq!(one, other, "{path}");
    }

    let seen = server.read("/api/machines", &own).await;
    assert_eq!(texts(rows(&seen), "id"), finance);
    let count = server.get("/api/machines/$count", Some(&own)).await;
    assert_eq!(count.text().await.unwrap(), "20");

    // What each machine lacks, as who sees all is told, added up.
    let mut lacking: BTreeMap<String, u64> = BTreeMap::new();
    let mut open: BTreeMap<String, u64> = BTreeMap::new();
    for id in &finance {
        let path = format!("/api/machines/{id}/getmissingkbs");
        let missing = server.read(&path, &all).await;
        for kb in texts(rows(&missing), "id") {
            *lacking.entry(kb).or_default() += 1;
        }
        let path = format!("/api/machines/{id}/vulnerabilities");
        let found = server.read(&path, &all).await;
        for cve in texts(rows(&found), "id") {
            *open.entry(cve).or_default() += 1;
        }
    }
    let missing = server.read("/api/missingkbs", &own).await;
    let told = rows(&missing).iter().map(|row| {
        let kb = row["id"].as_str().unwrap().to_owned();
        (kb, row["machineMissedOn"].as_u64().unwrap())
    });
    assert_eq!(told.collect::<BTreeMap<_, _>>(), lacking);
    let exposed = "/api/vulnerabilities?$orderby=exposedMachines%20desc&$select=id,exposedMachines";
    let exposed = server.read(exposed, &own).await;
    let told = rows(&exposed).iter().map(|row| {
        let cve = row["id"].as_str().unwrap().to_owned();
        (cve, row["exposedMachines"].as_u64().unwrap())
    });
    let told = told.filter(|(_, machines)| *machines > 0);
    assert_eq!(told.collect::<BTreeMap<_, _>>(), open);
    let software = server.read("/api/Software", &own).await;
    for row in rows(&software) {
        let id = row["id"].as_str().unwrap();
        let path = format!("/api/Software/{id}/machineReferences");
        let having = server.read(&path, &own).await;
        let having = texts(rows(&having), "id");
        assert!(having.is_subset(&finance), "{id}");
        assert_eq!(row["installedMachines"], having.len(), "{id}");
        let path = format!("/api/Software/{id}/getmissingkbs");
        for kb in rows(&server.read(&path, &own).await) {
            assert!(kb["machineMissedOn"].as_u64().unwrap() <= 20, "{kb}");
        }
    }

    // Every list with machines in it has these only; another one is not there.
    for (path, name) in [
        ("/api/vulnerabilities/machinesVulnerabilities", "machineId"),
        ("/api/machines/SoftwareInventoryByMachine", "deviceId"),
        ("/api/machines/SoftwareVulnerabilitiesByMachine", "deviceId"),
    ] {
        let listed = server.read(path, &own).await;
        assert!(texts(rows(&listed), name).is_subset(&finance), "{path}");
        assert!(!rows(&listed).is_empty(), "{path}");
    }
    let since = "/api/machines/SoftwareVulnerabilityChangesByMachine?sinceTime=2020-01-01";
    let changes = loop {
        // The history is written once a second.
        let changes = server.read(since, &own).await;
        if !rows(&changes).is_empty() {
            break changes;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    assert!(texts(rows(&changes), "deviceId").is_subset(&finance));
    let groups = server
        .read("/api/exposureScore/ByMachineGroups", &own)
        .await;
    assert_eq!(
        texts(rows(&groups), "rbacGroupName"),
        BTreeSet::from(["Finance".to_owned()])
    );
    for (group, status) in [
        ("?group=Finance", StatusCode::OK),
        ("?group=Sales", StatusCode::FORBIDDEN),
        ("", StatusCode::FORBIDDEN),
    ] {
        let path = format!("/kbgap/v1/exposureScore/history{group}");
        assert_eq!(
            server.get(&path, Some(&own)).await.status(),
            status,
            "{path}"
        );
        assert_eq!(
            server.get(&path, Some(&all)).await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    let other = &sales[0];
    for path in [
        format!("/api/machines/{other}"),
        format!("/api/machines/{other}/software"),
        format!("/api/machines/{other}/vulnerabilities"),
        format!("/api/machines/{other}/recommendations"),
        format!("/api/machines/{other}/getmissingkbs"),
        format!("/kbgap/v1/machines/{other}/evidence"),
        format!("/kbgap/v1/machines/{other}/history"),
        format!("/kbgap/v1/machines/{other}/report"),
    ] {
        let answer = server.get(&path, Some(&own)).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let tag = json!({ "Value": "mine", "Action": "Add" });
    let path = format!("/api/machines/{other}/tags");
    let (status, _) = server.post(&path, &own, &tag.clone()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let path = format!("/api/machines/{}/tags", finance.first().unwrap());
    let (status, _) = server.post(&path, &own, &tag).await;
    assert_eq!(status, StatusCode::OK);
    let many = json!({ "Value": "x", "Action": "Add", "MachineIds": [finance.first(), other] });
    let path = "/api/machines/AddOrRemoveTagForMultipleMachines";
    let (status, _) = server.post(path, &own, &many).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "all or none");
    let body = json!({ "rbacGroupName": "Finance", "machineIds": [other] });
    let (status, _) = server
        .post("/kbgap/v1/machines/setDeviceGroup", &own, &body)
        .await;
    assert_eq!(
        status,
        StatusCode::FORBIDDEN,
        "that would widen what is seen"
    );

    // Exports of the two are not mixed up.
    for _ in 0..2 {
        for (token, few) in [(&all, false), (&own, true)] {
            let answer = server
                .read("/api/machines/SoftwareInventoryExport", token)
                .await;
            let mut devices = BTreeSet::new();
            for file in answer["exportFiles"].as_array().unwrap() {
                let packed = reqwest::get(file.as_str().unwrap()).await.unwrap();
                let packed = packed.bytes().await.unwrap();
                let mut text = String::new();
                let mut unpacked = flate2::read::MultiGzDecoder::new(&*packed);
                std::io::Read::read_to_string(&mut unpacked, &mut text).unwrap();
                let lines = text
                    .lines()
                    .map(|line| serde_json::from_str::<Value>(line).unwrap());
                devices.extend(lines.map(|row| row["DeviceId"].as_str().unwrap().to_owned()));
            }
            assert_eq!(devices == finance, few);
        }
    }

    // Tasks: for the own group only.
    let task =
        |group: &[&str]| json!({ "productId": "microsoft-_-windows_10", "rbacGroupNames": group });
    let tasks = "/kbgap/v1/remediationTasks";
    let (status, _) = server.post(tasks, &own, &task(&["Sales"])).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, theirs) = server.post(tasks, &all, &task(&["Sales"])).await;
    assert_eq!(status, StatusCode::OK, "{theirs}");
    let (status, ours) = server.post(tasks, &own, &task(&["Finance"])).await;
    assert_eq!(status, StatusCode::OK, "{ours}");
    let listed = server.read("/api/remediationTasks", &own).await;
    assert_eq!(texts(rows(&listed), "id"), texts(&[ours], "id"));
    let path = format!("/api/remediationTasks/{}", theirs["id"].as_str().unwrap());
    assert_eq!(
        server.get(&path, Some(&own)).await.status(),
        StatusCode::NOT_FOUND
    );

    // A role that is lost counts at once, whatever the token says.
    people.run(&["group", "member", "remove", "finance", "fay@contoso"]);
    let answer = server.get("/api/machines", Some(&own)).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["error"]["code"], "Forbidden");
}
