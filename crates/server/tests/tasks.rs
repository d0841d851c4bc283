//! Remediation tasks that complete by themselves once the machines report the update, on both databases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod serving;

use std::sync::Arc;

use jiff::Timestamp;
use kbgap_assessment::Assessor;
use kbgap_catalog::{Catalog, Day};
use kbgap_identity::Permission;
use kbgap_store::{Labels, Store};
use reqwest::Method;
use serde_json::{Value, json};
use serving::{Place, Running, TENANT, nothing};

const KB: u32 = 4_540_673;

/// A Windows 10 1909 machine with February's cumulative update, or with March's.
fn machine(number: usize, patched: bool) -> Value {
    let (version, kb) = if patched {
        ("10.0.18363.719", KB)
    } else {
        ("10.0.18363.657", 4_532_693)
    };
    json!({
        "id": format!("{number:040x}"),
        "name": format!("desk-{number}.example.org"),
        "os": {
            "name": "Microsoft Windows 10 Enterprise",
            "version": version,
            "architecture": "x64",
            "installationType": "Client",
        },
        "updates": [{ "kb": kb }],
    })
}

struct Fleet {
    running: Running,
    store: Store,
    token: String,
}

impl Fleet {
    async fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let request = self.running.request(method, path).bearer_auth(&self.token);
        let answer = request.body(body.to_string()).send().await.unwrap();
        let status = answer.status();
        let answer: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {answer}");
        answer
    }

    async fn report(&self, machines: &[Value]) {
        let all = Value::from(machines.to_vec());
        let summary = self.send(Method::POST, "/kbgap/v1/reports", &all).await;
        assert_eq!(summary["rejected"], json!([]), "{summary}");
    }

    async fn create(&self, task: &Value) -> String {
        let path = "/kbgap/v1/remediationTasks";
        let created = self.send(Method::POST, path, task).await;
        assert_eq!(created["status"], "Active", "{created}");
        created["id"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.running.get(path, Some(&self.token)).await;
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    /// Status, machines it was about and machines it is done on, after the upkeep at a time.
    async fn after(&self, task: &str, now: &str) -> (String, i64, i64) {
        let now: Timestamp = now.parse().unwrap();
        self.running.service.complete_tasks(now).await.unwrap();
        let task = self.get(&format!("/api/remediationTasks/{task}")).await;
        let count = |name: &str| task[name].as_i64().unwrap();
        let status = task["status"].as_str().unwrap().to_owned();
        (status, count("targetDevices"), count("fixedDevices"))
    }
}

fn is(status: &str, target: i64, fixed: i64) -> (String, i64, i64) {
    (status.to_owned(), target, fixed)
}

fn as_of(catalog: &Catalog, day: &str) -> Arc<Assessor> {
    let day: Day = day.parse().unwrap();
    Arc::new(Assessor::new(Arc::new(catalog.as_of(day))))
}

async fn play(place: Place) {
    let store = place.store().await;
    let [(_, _), (catalog, _)] = kbgap_corpus::before_and_after_the_last_month();
    // Before KB4551762 replaced it.
    let running = Running::start(&store, as_of(&catalog, "2020-03-11")).await;
    let token = running.token(&Permission::ALL).await;
    let fleet = Fleet {
        running,
        store,
        token,
    };
    let all = [machine(1, false), machine(2, false), machine(3, false)];
    fleet.report(&all).await;
    let sales = Labels {
        group: Some(Some("Sales".to_owned())),
        ..Labels::default()
    };
    let ids = [1, 2].map(|number| format!("{number:040x}"));
    let ids = ids.each_ref().map(String::as_str);
    fleet
        .store
        .label_machines(TENANT, &ids, sales)
        .await
        .unwrap();
    fleet.running.service.follow().await.unwrap();

    let product = "microsoft-_-windows_10";
    let of_sales = json!({ "productId": product, "kb": "KB4540673", "rbacGroupNames": ["Sales"] });
    let of_sales = fleet.create(&of_sales).await;
    let of_all = json!({ "productId": product, "kb": KB });
    let of_all = fleet.create(&of_all).await;
    let software = fleet.create(&json!({ "productId": product })).await;
    let now = "2026-01-01T00:00:00Z";
    assert_eq!(fleet.after(&of_sales, now).await, is("Active", 2, 0));
    assert_eq!(fleet.after(&of_all, now).await, is("Active", 3, 0));
    assert_eq!(fleet.after(&software, now).await, is("Active", 3, 0));

    // One machine left: not completed.
    fleet.report(&[machine(1, true)]).await;
    assert_eq!(fleet.after(&of_sales, now).await, is("Active", 2, 1));
    let path = format!("/api/remediationTasks/{of_sales}/machineReferences");
    let left = fleet.get(&path).await;
    assert_eq!(left["value"].as_array().unwrap().len(), 1);
    assert_eq!(left["value"][0]["id"], ids[1]);

    // Nothing can be told: nothing is completed.
    fleet.running.service.use_catalog(nothing()).await;
    assert_eq!(fleet.after(&of_sales, now).await.0, "Active");
    assert_eq!(fleet.after(&software, now).await.0, "Active");

    // A newer update replaces it, so nobody lacks this one any more; yet the machine needs it, or the newer.
    let later = as_of(&catalog, "2020-03-20");
    fleet.running.service.use_catalog(later).await;
    let lacking = fleet.get("/api/missingkbs/4540673/machineReferences").await;
    assert_eq!(lacking["value"], json!([]));
    assert_eq!(fleet.after(&of_sales, now).await, is("Active", 2, 1));

    // It has it now, though it lacks the newer. The machine outside the groups has not.
    fleet.report(&[machine(2, true)]).await;
    let done = "2026-01-02T00:00:00Z";
    assert_eq!(fleet.after(&of_sales, done).await, is("Completed", 2, 2));
    assert_eq!(fleet.after(&of_all, done).await, is("Active", 3, 2));
    assert_eq!(fleet.after(&software, done).await, is("Active", 3, 0));
    let later = "2026-01-03T00:00:00Z";
    assert_eq!(fleet.after(&of_sales, later).await, is("Completed", 2, 2));
    let task = fleet
        .get(&format!("/api/remediationTasks/{of_sales}"))
        .await;
    assert_eq!(task["completionMethod"], "Automatic");
    assert_eq!(task["completerId"], Value::Null);
    assert_eq!(task["statusLastModifiedOn"], done, "once only");
    fleet.store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_completes_when_no_machine_is_left_on_sqlite() {
    play(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_completes_when_no_machine_is_left_on_postgres() {
    play(Place::postgres()).await;
}
