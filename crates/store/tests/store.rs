//! The store on a real file.
#![allow(clippy::unwrap_used, reason = "tests")]

use jiff::Timestamp;
use kbgap_store::{
    Application, CatalogDocument, Put, ReportPut, SigningKeyRow, Store, StoreError, StoredReport,
    Tenant,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_583_800_000 + second).unwrap()
}

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("kbgap.db")).await.unwrap();
    (folder, store)
}

fn document(id: &str, release: i64, body: &str) -> CatalogDocument {
    CatalogDocument {
        source: "cvrf".to_owned(),
        id: id.to_owned(),
        current_release: at(release),
        title: format!("{id} Security Updates"),
        digest: body.to_owned(),
        imported_at: at(1000),
        body: body.as_bytes().to_vec(),
    }
}

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
async fn revisions_of_a_document_are_kept() {
    let (_folder, store) = store().await;
    assert_eq!(
        store
            .put_document(&document("2020-Mar", 10, "a"))
            .await
            .unwrap(),
        Put::New
    );
    assert_eq!(
        store
            .put_document(&document("2020-Mar", 10, "a"))
            .await
            .unwrap(),
        Put::Unchanged
    );
    assert_eq!(
        store
            .put_document(&document("2020-Mar", 20, "b"))
            .await
            .unwrap(),
        Put::Changed
    );
    assert_eq!(
        store
            .put_document(&document("2020-Apr", 30, "c"))
            .await
            .unwrap(),
        Put::New
    );
    let bodies = async |as_of: Option<i64>| -> Vec<String> {
        let documents = store.documents("cvrf", as_of.map(at)).await.unwrap();
        documents
            .into_iter()
            .map(|document| document.digest)
            .collect()
    };
    assert_eq!(bodies(None).await, ["c", "b"]);
    assert_eq!(
        bodies(Some(15)).await,
        ["c", "a"],
        "the oldest stands in where all are newer"
    );
    assert_eq!(store.document_revisions("cvrf").await.unwrap().len(), 3);
    assert!(store.documents("other", None).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_older_report_never_overwrites_a_newer_one() {
    let (_folder, store) = store().await;
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
    let (folder, store) = store().await;
    let reports: Vec<StoredReport> = (0..1201)
        .map(|i| report(&format!("m{i:05}"), 1, "a"))
        .collect();
    store.put_reports("t", &reports).await.unwrap();
    let before = store.change_sequence().await.unwrap();
    store.close().await;
    let store = Store::open(&folder.path().join("kbgap.db")).await.unwrap();
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
async fn readers_go_on_while_a_writer_writes() {
    let (_folder, store) = store().await;
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for i in 0..50 {
                store
                    .put_reports("t", &[report(&format!("m{i}"), 1, "a")])
                    .await
                    .unwrap();
            }
        })
    };
    let mut last = 0;
    while !writer.is_finished() {
        let count = store.report_count("t").await.unwrap();
        assert!(count >= last, "what was seen once stays");
        last = count;
    }
    writer.await.unwrap();
    assert_eq!(store.report_count("t").await.unwrap(), 50);
}

#[tokio::test]
async fn applications_and_keys_are_kept() {
    let (_folder, store) = store().await;
    let tenant = Tenant {
        id: "t1".into(),
        name: "default".into(),
        created_at: at(0),
    };
    store.create_tenant(&tenant).await.unwrap();
    assert!(matches!(
        store.create_tenant(&tenant).await,
        Err(StoreError::Exists(_))
    ));
    let application = Application {
        tenant: "t1".into(),
        client: "c1".into(),
        name: "reader".into(),
        secret_hash: "$argon2id$x".into(),
        roles: vec!["Score.Read.All".into(), "Software.Read.All".into()],
        created_at: at(1),
    };
    store.create_application(&application).await.unwrap();
    assert_eq!(
        store.application("t1", "c1").await.unwrap(),
        Some(application.clone())
    );
    assert_eq!(store.application("t2", "c1").await.unwrap(), None);
    let stranger = Application {
        tenant: "t2".into(),
        ..application
    };
    assert!(
        store.create_application(&stranger).await.is_err(),
        "a tenant must exist"
    );
    let key = SigningKeyRow {
        kid: "k".into(),
        pkcs8: vec![1, 2],
        created_at: at(2),
    };
    store.put_signing_key(&key).await.unwrap();
    assert_eq!(
        store.signing_keys().await.unwrap(),
        std::slice::from_ref(&key)
    );
    assert!(!format!("{key:?}").contains("pkcs8"));
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let (folder, store) = store().await;
    store.close().await;
    let path = folder.path().join("kbgap.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', TRUE, x'00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let error = Store::open(&path).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { version: 9999, .. }),
        "{error}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, store) = store().await;
    let mode = std::fs::metadata(store.path())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0);
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kbgap.db");
    std::fs::write(
        &path,
        "this is a text, not a database, and long enough to be looked at as one",
    )
    .unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(error.to_string().contains("kbgap.db"), "{error}");
}
