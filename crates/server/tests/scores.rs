//! The exposure score over time, on both databases, with two servers on each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod serving;

use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use kbgap_assessment::Assessor;
use kbgap_identity::Permission;
use kbgap_inventory::Observation;
use kbgap_store::Labels;
use kbgap_synthetic::{Era, SyntheticFleet};
use serde_json::Value;
use serving::{Place, Running, TENANT};

/// Microsoft's documents without the last month, and all.
static ASSESSORS: LazyLock<[Arc<Assessor>; 2]> = LazyLock::new(|| {
    kbgap_corpus::before_and_after_the_last_month()
        .map(|(catalog, _)| Arc::new(Assessor::new(Arc::new(catalog))))
});

const HISTORY: &str = "/kbgap/v1/exposureScore/history";

async fn rows(running: &Running, path: &str) -> Vec<Value> {
    let token = running.token(&[Permission::ScoreRead]).await;
    let answer = running.get(path, Some(&token)).await;
    let answer = answer.error_for_status().unwrap();
    let answer: Value = answer.json().await.unwrap();
    let context = format!("{}/api/$metadata#ExposureScore", running.url);
    assert_eq!(answer["@odata.context"], context);
    answer["value"].as_array().unwrap().clone()
}

async fn both_keep(servers: &[Running; 2], at: &str) {
    let [one, other] = servers.each_ref().map(|server| &server.service);
    let at: Timestamp = at.parse().unwrap();
    // The other's clock is a little ahead.
    let ahead = at + SignedDuration::from_secs(2);
    let (one, other) = tokio::join!(one.keep_scores(at), other.keep_scores(ahead));
    one.unwrap();
    other.unwrap();
}

/// What may be asked of a history of 10:00 and 12:10.
async fn queries(server: &Running) {
    for (query, count) in [
        ("?since=2026-03-01T12:00:00Z", 1),
        ("?until=2026-03-01T12:00:00Z", 1),
        ("?since=2026-03-01T11:00:00Z&until=2026-03-01T12:00:00Z", 0),
        ("?SINCE=2026-03-01T00:00:00Z&$top=1", 1),
        ("?$orderby=time%20desc&$skip=1", 1),
        ("?group=nobody", 0),
        ("?group=", 0),
        ("?group=a%00b", 0),
    ] {
        let found = rows(server, &format!("{HISTORY}{query}")).await;
        assert_eq!(found.len(), count, "{query}");
    }
    let token = server.token(&[Permission::ScoreRead]).await;
    let path = format!("{HISTORY}?since=yesterday");
    let wrong = server.get(&path, Some(&token)).await;
    assert_eq!(wrong.status(), 400);
}

async fn play(place: Place) {
    let store = place.store().await;
    let [before, after] = ASSESSORS.each_ref().map(Arc::clone);
    let servers = [
        Running::start(&store, before.clone()).await,
        Running::start(&store, before).await,
    ];
    let synthetic = SyntheticFleet::new(Era::Winter2026, 5, 12).unwrap();
    let reports: Vec<_> = (0..12).map(|machine| synthetic.report(machine)).collect();
    let ids: Vec<_> = reports
        .iter()
        .map(|report| report.machine_id().unwrap())
        .collect();
    let observed = reports.into_iter().map(|mut report| {
        report.reported_at = Some(Timestamp::now());
        Observation::from(report).into()
    });
    let intake = servers[0].service.intake(TENANT).unwrap();
    let summary = intake.take(observed.collect()).await.unwrap();
    assert!(summary.rejected.is_empty());
    let sales = Labels {
        group: Some(Some("Sales & more".into())),
        ..Labels::default()
    };
    let some: Vec<&str> = ids.iter().take(4).map(AsRef::as_ref).collect();
    store.label_machines(TENANT, &some, sales).await.unwrap();
    for server in &servers {
        server.service.follow().await.unwrap();
    }
    let now = async || {
        let token = servers[0].token(&[Permission::ScoreRead]).await;
        let answer = servers[0].get("/api/exposureScore", Some(&token)).await;
        let answer: Value = answer.json().await.unwrap();
        answer["score"].as_f64().unwrap()
    };
    let first = now().await;
    assert!(first > 0.0);

    // A minute before the hour ends, by one clock in the next hour: kept once, and not again while it stays.
    for at in [
        "2026-03-01T09:59:59Z",
        "2026-03-01T10:30:00Z",
        "2026-03-01T11:10:00Z",
    ] {
        both_keep(&servers, at).await;
    }
    let history = rows(&servers[1], HISTORY).await;
    assert_eq!(history.len(), 1, "{history:?}");
    assert_eq!(history[0]["rbacGroupName"], Value::Null);

    for server in &servers {
        server.service.use_catalog(after.clone()).await;
    }
    let second = now().await;
    assert!((first - second).abs() > 1e-6, "{first} {second}");
    both_keep(&servers, "2026-03-01T12:10:00Z").await;
    both_keep(&servers, "2026-03-01T12:40:00Z").await;
    let history = rows(&servers[0], HISTORY).await;
    let scores: Vec<f64> = history
        .iter()
        .map(|row| row["score"].as_f64().unwrap())
        .collect();
    assert_eq!(scores.len(), 2, "{scores:?}");
    // Servers add up in different orders.
    for (kept, shown) in scores.iter().zip([first, second]) {
        assert!((kept - shown).abs() < 1e-9, "{kept} {shown}");
    }
    let time: Timestamp = history[1]["time"].as_str().unwrap().parse().unwrap();
    let begin: Timestamp = "2026-03-01T12:10:00Z".parse().unwrap();
    assert!(time.duration_since(begin) <= SignedDuration::from_secs(2));

    let of_group = rows(&servers[0], &format!("{HISTORY}?group=Sales%20%26%20more")).await;
    assert_eq!(of_group.len(), 2, "{of_group:?}");
    assert_eq!(of_group[0]["rbacGroupName"], "Sales & more");
    let of_sales = of_group[1]["score"].as_f64().unwrap();
    assert!((of_sales - second).abs() > 1e-6, "{of_sales}");
    queries(&servers[0]).await;

    // Two years later there is the newest only, then nothing.
    let service = &servers[0].service;
    service
        .trim("2028-02-29T11:30:00Z".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(rows(&servers[0], HISTORY).await.len(), 1);
    service
        .trim("2028-03-02T00:00:00Z".parse().unwrap())
        .await
        .unwrap();
    assert!(rows(&servers[0], HISTORY).await.is_empty());
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_score_is_kept_where_it_changes_on_sqlite() {
    play(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_score_is_kept_where_it_changes_on_postgres() {
    play(Place::postgres()).await;
}
