//! A server with a store in memory, and requests to it.
#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use jiff::Timestamp;
use kbgap_inventory::{MachineRecord, Observation};
use kbgap_server::osquery::{
    EnrollSecret, EnrollSecretRecord, EnrollSecrets, NotTaken, ObservationSink, OsqueryService,
    OsquerySettings, Taken, Unavailable, router,
};
use serde_json::{Value, json};
use tower::ServiceExt;

/// A tenant and the id of a machine.
type Key = (Box<str>, Box<str>);

/// What a store holds: secrets, and a record of each machine of each tenant.
#[derive(Default)]
struct Memory {
    secrets: Mutex<HashMap<Box<str>, EnrollSecretRecord>>,
    machines: Mutex<HashMap<Key, MachineRecord>>,
    /// What the sink answers instead of taking anything.
    refuse: Mutex<Option<fn() -> NotTaken>>,
}

#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Memory>);

impl Shared {
    /// Makes a secret for a tenant.
    pub(crate) fn secret(&self, tenant: &str) -> EnrollSecret {
        let secret = EnrollSecret::generate().unwrap();
        let record = secret.record(tenant);
        let mut secrets = self.0.secrets.lock().unwrap();
        secrets.insert(record.id.clone(), record);
        secret
    }

    pub(crate) fn remove(&self, secret: &EnrollSecret) {
        self.0.secrets.lock().unwrap().remove(secret.id());
    }

    pub(crate) fn refuse(&self, refusal: Option<fn() -> NotTaken>) {
        *self.0.refuse.lock().unwrap() = refusal;
    }

    pub(crate) fn machine(&self, tenant: &str, machine: &str) -> Option<MachineRecord> {
        let machines = self.0.machines.lock().unwrap();
        machines.get(&(tenant.into(), machine.into())).cloned()
    }
}

impl EnrollSecrets for Shared {
    async fn find(&self, id: &str) -> Result<Option<EnrollSecretRecord>, Unavailable> {
        Ok(self.0.secrets.lock().unwrap().get(id).cloned())
    }
}

impl ObservationSink for Shared {
    async fn take(&self, tenant: &str, all: Vec<Observation>) -> Result<Taken, NotTaken> {
        if let Some(refusal) = *self.0.refuse.lock().unwrap() {
            return Err(refusal());
        }
        let now = Timestamp::now();
        let mut taken = Taken::default();
        let mut machines = self.0.machines.lock().unwrap();
        for one in all {
            let key = (tenant.into(), one.machine_id().unwrap());
            if let Some(known) = machines.get_mut(&key) {
                taken.count(known.observe(&one, now));
            } else {
                machines.insert(key, MachineRecord::of(&one, now));
                taken.changed += 1;
            }
        }
        Ok(taken)
    }

    async fn last_seen(
        &self,
        tenant: &str,
        machine: &str,
    ) -> Result<Option<Timestamp>, Unavailable> {
        let record = self.machine(tenant, machine);
        Ok(record.and_then(|record| record.report.reported_at))
    }
}

pub(crate) fn server_with(memory: &Shared, settings: OsquerySettings) -> Router {
    router(OsqueryService::new(memory.clone(), memory.clone(), settings).unwrap())
}

pub(crate) fn server(memory: &Shared) -> Router {
    server_with(memory, OsquerySettings::default())
}

/// Sends a body as it is; the answer's status and `Retry-After`, and its body as JSON where it is that.
pub(crate) async fn send(
    server: &Router,
    path: &str,
    encoding: Option<&str>,
    body: Vec<u8>,
) -> (StatusCode, Option<String>, Value) {
    let mut request = Request::post(format!("/kbgap/v1/osquery/{path}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "osquery/5.12.1");
    if let Some(encoding) = encoding {
        request = request.header(header::CONTENT_ENCODING, encoding);
    }
    let request = request.body(Body::from(body)).unwrap();
    let response = server.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let retry_after = response.headers().get(header::RETRY_AFTER);
    let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    (status, retry_after, body)
}

pub(crate) async fn post(server: &Router, path: &str, body: &Value) -> (StatusCode, Value) {
    let (status, _, answer) = send(server, path, None, body.to_string().into_bytes()).await;
    (status, answer)
}

/// What a host sends to enroll.
pub(crate) fn enrollment(secret: &str, identifier: &str) -> Value {
    json!({
        "enroll_secret": secret,
        "host_identifier": identifier,
        "platform_type": "2",
        "host_details": {
            "os_version": {
                "_id": "10.0.19045", "arch": "64-bit", "build": "19045", "major": "10", "minor": "0",
                "name": "Microsoft Windows 10 Enterprise", "platform": "windows", "version": "10.0.19045",
            },
            "osquery_info": { "build_platform": "windows", "pid": "4242", "version": "5.12.1" },
            "platform_info": { "vendor": "Example", "version": "1.2.3" },
            "system_info": {
                "computer_name": "DESK-7", "hostname": "desk-7.corp.example",
                "physical_memory": "17179869184",
            },
        },
    })
}

/// Enrolls a host, and gives its node key.
pub(crate) async fn enroll(server: &Router, secret: &EnrollSecret, identifier: &str) -> String {
    let (status, answer) = post(server, "enroll", &enrollment(secret.expose(), identifier)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["node_invalid"], false);
    answer["node_key"].as_str().unwrap().to_owned()
}

/// The pack's file.
pub(crate) fn pack() -> Value {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../collectors/osquery/kbgap.pack.json"
    );
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}
