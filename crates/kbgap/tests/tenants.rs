//! Tenants never see each other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod support;

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::{Value, json};
use support::{Installation, Server, reports, stderr};

/// The day the generated fleets are of.
const DAY: [&str; 2] = ["--as-of", "2026-02-11"];
const MACHINES: u32 = 60;

/// Every way to read: the endpoints, and what lists take.
fn questions(machine: &str, name: &str, task: &str) -> Vec<String> {
    let software = "microsoft-_-windows_11";
    let cve = "CVE-2026-21510";
    [
        "/api/Software",
        "/api/Software/$count",
        "/api/Software/{software}",
        "/api/Software/{software}/distributions",
        "/api/Software/{software}/machineReferences",
        "/api/Software/{software}/vulnerabilities",
        "/api/Software/{software}/getmissingkbs",
        "/api/Software?$filter=startswith(id,'microsoft')&$orderby=installedMachines desc,id&$top=7",
        "/api/Software?$expand=vulnerabilities($select=id;$top=3)&$top=10",
        "/api/machines",
        "/api/machines/$count",
        "/api/machines?$filter=computerDnsName eq '{name}'",
        "/api/machines?$filter=machineTags/any(t: t eq 'theirs')",
        "/api/machines?$expand=vulnerabilities($select=id),software($select=id),recommendations($select=id)&$select=id",
        "/api/machines?$top=5&$skip=3&$count=true",
        "/api/machines/{machine}",
        "/api/machines/{name}",
        "/api/machines/{machine}/software",
        "/api/machines/{machine}/vulnerabilities",
        "/api/machines/{machine}/recommendations",
        "/api/machines/{machine}/getmissingkbs",
        "/api/machines/findbytag?tag=theirs",
        "/api/machines/unTaggedMachines",
        "/api/vulnerabilities?$filter=exposedMachines gt 0",
        "/api/vulnerabilities/{cve}/machineReferences",
        "/api/vulnerabilities/machinesVulnerabilities?$top=400",
        "/api/recommendations",
        "/api/recommendations/va-_-{software}/machineReferences",
        "/api/exposureScore/ByMachineGroups",
        "/api/exposureScore",
        "/api/remediationTasks",
        "/api/remediationTasks/{task}",
        "/api/missingkbs",
        "/api/machines/SoftwareInventoryByMachine",
        "/api/machines/SoftwareInventoryNoProductCodeByMachine",
        "/api/machines/SoftwareVulnerabilitiesByMachine?pageSize=300",
        "/kbgap/v1/machines/{machine}/evidence",
        "/kbgap/v1/machines/{machine}/report",
    ]
    .map(|path| {
        path.replace("{software}", software)
            .replace("{cve}", cve)
            .replace("{machine}", machine)
            .replace("{name}", name)
            .replace("{task}", task)
            .replace(' ', "%20")
    })
    .into()
}

/// What a tenant is told, but for times that pass.
async fn told(server: &Server, token: &str, questions: &[String]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for path in questions {
        let answer = server.get(path, Some(token)).await;
        let status = answer.status();
        let mut body = answer.text().await.unwrap();
        if let Ok(mut json) = serde_json::from_str::<Value>(&body) {
            // The moment a score is of; who made the error.
            without(&mut json, &["time", "target"]);
            body = json.to_string();
        }
        all.insert(path.clone(), format!("{status} {body}"));
    }
    all
}

fn without(json: &mut Value, names: &[&str]) {
    match json {
        Value::Object(fields) => {
            fields.retain(|name, _| !names.contains(&name.as_str()));
            fields.values_mut().for_each(|value| without(value, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| without(item, names)),
        _ => {}
    }
}

/// Machines of the ids and names of others, with what some other fleet reports.
fn in_disguise(reports: Vec<Value>, of: &[Value]) -> Vec<Value> {
    let pairs = reports.into_iter().zip(of);
    let pairs = pairs.map(|(mut report, of)| {
        report["id"] = of["id"].clone();
        report["name"] = of["name"].clone();
        report
    });
    pairs.collect()
}

/// Two tenants have machines of the same ids and names. Whatever one does, the other is told what it was told before; and
/// each is told what it would be told alone.
async fn play(seeds: [u64; 2]) {
    let [first, second] = seeds.map(|seed| reports(seed, MACHINES));
    let second = in_disguise(second, &first);
    let machine = first[0]["id"].as_str().unwrap().to_owned();
    let name = first[0]["name"].as_str().unwrap().to_owned();
    let shared = Installation::with_documents();
    let created = shared.run(["tenant", "create", "other"]);
    assert!(created.status.success(), "{}", stderr(&created));
    let server = shared.serve(&DAY);
    let alone = Installation::with_documents();
    let lonely = alone.serve(&DAY);
    let mine = server.token(&server.client()).await;
    let other = shared.create_app_in("other", "theirs", &ALL);
    let theirs = server.token(&other).await;
    let lonely_token = lonely.token(&lonely.client()).await;

    server.post_reports(&mine, json!(first).to_string()).await;
    let task = json!({ "productId": "microsoft-_-windows_11", "title": "mine" });
    let (status, task) = server
        .post("/kbgap/v1/remediationTasks", &mine, &task)
        .await;
    assert_eq!(status, StatusCode::OK, "{task}");
    let task = task["id"].as_str().unwrap();
    let questions = questions(&machine, &name, task);
    let before = told(&server, &mine, &questions).await;
    assert!(
        before
            .values()
            .filter(|told| told.starts_with("200"))
            .count()
            > 34,
        "{before:?}"
    );

    for (server, token) in [(&server, &theirs), (&lonely, &lonely_token)] {
        let (_, summary) = server.post_reports(token, json!(second).to_string()).await;
        assert_eq!(summary["new"], MACHINES, "{summary}");
        let tag = json!({ "Value": "theirs", "Action": "Add" });
        let path = format!("/api/machines/{machine}/tags");
        let (status, _) = server.post(&path, token, &tag).await;
        assert_eq!(status, StatusCode::OK);
        let body = json!({ "IsExcluded": true, "ExclusionReason": "Other" });
        let path = format!(
            "/api/machines/{}/setExclusion",
            second[1]["id"].as_str().unwrap()
        );
        let (status, _) = server.post(&path, token, &body).await;
        assert_eq!(status, StatusCode::OK);
        let body = json!({ "rbacGroupName": "theirs", "machineIds": [second[2]["id"]] });
        let path = "/kbgap/v1/machines/setDeviceGroup";
        let (status, answer) = server.post(path, token, &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    let after = told(&server, &mine, &questions).await;
    for path in &questions {
        assert!(
            before[path] == after[path],
            "{path} changed by what another tenant did"
        );
    }
    let shared = told(&server, &theirs, &questions).await;
    let lonely_told = told(&lonely, &lonely_token, &questions).await;
    let mut different = 0;
    for path in &questions {
        let here = shared[path].replace(&server.url, &lonely.url);
        assert!(
            here == lonely_told[path],
            "{path} is not as it would be alone:\n{here}\n{}",
            lonely_told[path]
        );
        different += usize::from(shared[path] != after[path]);
    }
    assert!(different > 25, "the two are told apart: {different}");

    // Links of one are of no use to the other: they lead to one's own.
    let links = ["/api/machines/SoftwareVulnerabilitiesByMachine?pageSize=300"];
    for path in links {
        let page = server.read(path, &mine).await;
        let next = page["@odata.nextLink"].as_str().unwrap();
        let next = next.strip_prefix(&server.url).unwrap();
        let there = told(&server, &theirs, &[next.to_owned()]).await;
        let own = told(&lonely, &lonely_token, &[next.to_owned()]).await;
        assert_eq!(there[next].replace(&server.url, &lonely.url), own[next]);
    }
    let gone = server
        .get(&format!("/api/remediationTasks/{task}"), Some(&theirs))
        .await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}

const ALL: [&str; 9] = [
    "Software.Read.All",
    "Vulnerability.Read.All",
    "SecurityRecommendation.Read.All",
    "Score.Read.All",
    "RemediationTasks.Read.All",
    "SecurityBaselinesAssessment.Read.All",
    "Machine.Read.All",
    "Machine.ReadWrite.All",
    "Inventory.Write.All",
];

#[test]
fn tenants_never_see_each_other() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = proptest::test_runner::Config {
        cases: 3,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Default::default()
    };
    let seeds = (1u64..1000, 1000u64..2000);
    proptest::test_runner::TestRunner::new(config)
        .run(&seeds, |(one, other)| {
            runtime.block_on(play([one, other]));
            Ok(())
        })
        .unwrap();
}
