//! What an earlier version stored is not lost.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use jiff::Timestamp;
use kbgap_assessment::Assessor;
use kbgap_catalog::Compiler;
use kbgap_fleet::SoftwareNames;
use kbgap_inventory::SoftwareRules;
use kbgap_server::{Service, Settings};
use kbgap_store::{Store, Tenant};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

const TENANT: &str = "6f1d2c1e-0c56-4a7e-9d0a-6a4b6a2f9d11";

async fn serve(store: &Store) -> Arc<Service> {
    let nothing = Arc::new(Assessor::new(Arc::new(Compiler::new().finish().0)));
    let names = Arc::new(SoftwareNames::by_rules(SoftwareRules::built_in().unwrap()));
    let settings = Settings::at("http://localhost".to_owned());
    let service = Service::start(store.clone(), nothing, names, settings);
    service.await.unwrap()
}

#[tokio::test]
async fn reports_of_an_earlier_version_are_taken_over_and_damaged_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kbgap.db");
    let store = Store::open_file(&path).await.unwrap();
    let tenant = Tenant {
        id: TENANT.to_owned(),
        name: "default".to_owned(),
        created_at: Timestamp::now(),
    };
    store.create_tenant(&tenant).await.unwrap();
    let now = Timestamp::now();
    let mut raw = SqliteConnectOptions::new()
        .filename(&path)
        .connect()
        .await
        .unwrap();
    for number in 0..1201 {
        let whole = format!(
            r#"{{"name": "pc-{number}", "os": {{"name": "Microsoft Windows 10 Pro"}}, "software": [{{"name": "Tool"}}]}}"#
        );
        let body = if number == 7 { "{".to_owned() } else { whole };
        sqlx::query(
            "INSERT INTO reports (tenant, machine, name, reported_at, received_at, digest, body)
             VALUES ($1, $2, $3, $4, $4, 'd', $5)",
        )
        .bind(TENANT)
        .bind(format!("machine-{number:04}"))
        .bind(format!("pc-{number}"))
        .bind(now.as_microsecond())
        .bind(body.into_bytes())
        .execute(&mut raw)
        .await
        .unwrap();
    }
    let service = serve(&store).await;
    let machines = service.machines_of(TENANT).unwrap();
    assert_eq!(machines.figures().counted, 1200);
    let one = machines.machine("machine-1200").unwrap();
    assert_eq!(one.name.as_deref(), Some("pc-1200"));
    assert_eq!(one.last_seen.as_microsecond(), now.as_microsecond());
    assert!(machines.machine("machine-0007").is_none());
    let left: Vec<String> = sqlx::query_scalar("SELECT machine FROM reports")
        .fetch_all(&mut raw)
        .await
        .unwrap();
    assert_eq!(left, ["machine-0007"]);
    // Once only: what was taken over changes nothing any more.
    let sequence = store.sequence(TENANT).await.unwrap();
    drop(serve(&store).await);
    assert_eq!(store.sequence(TENANT).await.unwrap(), sequence);
    raw.close().await.unwrap();
}
