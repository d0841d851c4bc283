//! Reports of their own rows, on SQLite alone.

use kbgap_store::{Put, ReportPut, StoreError, StoredReport};

use crate::place::{Place, at};

fn report(machine: &str, reported: i64, body: &str) -> StoredReport {
    StoredReport {
        machine: machine.to_owned(),
        name: Some(format!("{machine}.example.org")),
        reported_at: at(reported),
        received_at: at(reported + 1),
        digest: body.to_owned(),
        body: body.as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn an_older_report_never_overwrites_a_newer_one() {
    let place = Place::sqlite();
    let store = place.open().await;
    let put = async |report: StoredReport| store.put_reports("t", &[report]).await.unwrap()[0];
    assert_eq!(put(report("m", 10, "a")).await, ReportPut::Stored(Put::New));
    assert_eq!(
        put(report("m", 20, "a")).await,
        ReportPut::Stored(Put::Unchanged)
    );
    assert_eq!(put(report("m", 15, "b")).await, ReportPut::Older);
    assert_eq!(
        put(report("m", 30, "b")).await,
        ReportPut::Stored(Put::Changed)
    );
    let known = store.report("t", "m").await.unwrap().unwrap();
    assert_eq!((known.digest.as_str(), known.reported_at), ("b", at(30)));
    assert!(store.report("another tenant", "m").await.unwrap().is_none());
}

#[tokio::test]
async fn reports_are_read_in_pages_and_survive_reopening() {
    let place = Place::sqlite();
    let store = place.open().await;
    let reports: Vec<StoredReport> = (0..1201)
        .map(|i| report(&format!("m{i:05}"), 1, "a"))
        .collect();
    store.put_reports("t", &reports).await.unwrap();
    let before = store.change_sequence().await.unwrap();
    store.close().await;
    let store = place.open().await;
    assert_eq!(store.change_sequence().await.unwrap(), before);
    assert_eq!(store.report_count("t").await.unwrap(), 1201);
    let mut read = Vec::new();
    loop {
        let after = read
            .last()
            .map(|report: &StoredReport| report.machine.clone());
        let page = store.reports_after("t", after.as_deref()).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 500);
        read.extend(page);
    }
    assert_eq!(read, reports);
}

#[tokio::test]
async fn another_process_is_noticed() {
    let place = Place::sqlite();
    let (store, other) = (place.open().await, place.open().await);
    let before = store.outside_changes().await.unwrap();
    store
        .put_reports("t", &[report("m", 1, "a")])
        .await
        .unwrap();
    assert_eq!(store.outside_changes().await.unwrap(), before);
    other
        .put_reports("t", &[report("m", 2, "b")])
        .await
        .unwrap();
    assert_ne!(store.outside_changes().await.unwrap(), before);
}

#[tokio::test]
async fn postgres_has_none() {
    let store = Place::postgres().open().await;
    let refused = store.report("t", "m").await;
    assert!(
        matches!(refused, Err(StoreError::NotHere { .. })),
        "{refused:?}"
    );
}
