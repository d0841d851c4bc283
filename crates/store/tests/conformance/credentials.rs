//! Applications that change, and what they prove themselves by.

use std::path::Path;

use kbgap_store::{
    Application, ApplicationCertificate, ApplicationChange, ApplicationSecret, Credentials,
    Location, Store, StoreError, Tenant,
};

use crate::place::{Place, at};

async fn with_application(place: &Place) -> (Store, Application) {
    let store = place.open().await;
    for (id, name) in [("t1", "one"), ("t2", "two")] {
        let tenant = Tenant {
            id: id.into(),
            name: name.into(),
            created_at: at(0),
        };
        store.create_tenant(&tenant).await.unwrap();
    }
    let application = Application {
        tenant: "t1".into(),
        client: "c1".into(),
        name: "reader".into(),
        roles: vec!["Score.Read.All".into()],
        created_at: at(1),
    };
    store.create_application(&application).await.unwrap();
    (store, application)
}

pub(crate) async fn applications_change(place: Place) {
    let (store, mut expected) = with_application(&place).await;
    let other = Application {
        client: "c2".into(),
        ..expected.clone()
    };
    store.create_application(&other).await.unwrap();
    let change = ApplicationChange {
        name: Some("writer".into()),
        grant: vec!["Machine.Read.All".into(), "Score.Read.All".into()],
        ..ApplicationChange::default()
    };
    assert!(store.change_application("t1", "c1", &change).await.unwrap());
    expected.name = "writer".into();
    expected.roles = vec!["Machine.Read.All".into(), "Score.Read.All".into()];
    let now = store.application("t1", "c1").await.unwrap();
    assert_eq!(now.as_ref(), Some(&expected));
    let change = ApplicationChange {
        revoke: vec!["Score.Read.All".into(), "Nothing".into()],
        ..ApplicationChange::default()
    };
    assert!(store.change_application("t1", "c1", &change).await.unwrap());
    expected.roles = vec!["Machine.Read.All".into()];
    let change = ApplicationChange {
        roles: Some(vec!["Software.Read.All".into()]),
        ..ApplicationChange::default()
    };
    assert!(store.change_application("t1", "c1", &change).await.unwrap());
    expected.roles = vec!["Software.Read.All".into()];
    assert_eq!(
        store.applications("t1").await.unwrap(),
        [expected, other.clone()]
    );
    for (tenant, client) in [("t2", "c1"), ("t1", "c3")] {
        let change = store.change_application(tenant, client, &change).await;
        assert!(!change.unwrap());
        assert!(!store.remove_application(tenant, client).await.unwrap());
    }
    let change = ApplicationChange {
        name: Some("x".repeat(1001)),
        ..ApplicationChange::default()
    };
    let unfit = store.change_application("t1", "c1", &change).await;
    assert!(matches!(unfit, Err(StoreError::Unfit { .. })), "{unfit:?}");
    assert!(store.remove_application("t1", "c1").await.unwrap());
    assert_eq!(store.applications("t1").await.unwrap(), [other]);
}

fn secret(id: &str, created: i64) -> ApplicationSecret {
    ApplicationSecret {
        id: id.into(),
        hint: "abc".into(),
        secret_hash: format!("$argon2id$ of {id}"),
        created_at: at(created),
        expires_at: (created > 5).then(|| at(created + 100)),
    }
}

pub(crate) async fn an_application_has_several_credentials(place: Place) {
    let (store, _) = with_application(&place).await;
    let none = store.credentials("t1", "c1").await.unwrap();
    assert_eq!(none, Credentials::default());
    let (old, new) = (secret("s1", 2), secret("s2", 7));
    for secret in [&new, &old] {
        let added = store.add_application_secret("t1", "c1", secret).await;
        added.unwrap();
    }
    let again = store.add_application_secret("t1", "c1", &old).await;
    assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
    let orphan = store.add_application_secret("t2", "c1", &old).await;
    assert!(orphan.is_err(), "an application must exist");
    let certificate = ApplicationCertificate {
        sha256: "ab".repeat(32),
        sha1: "cd".repeat(20),
        subject: "CN=reader".into(),
        not_before: at(0),
        not_after: at(1000),
        created_at: at(3),
        der: vec![0x30, 0, 255],
    };
    let add = async || {
        store
            .add_application_certificate("t1", "c1", &certificate)
            .await
    };
    add().await.unwrap();
    let again = add().await;
    assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
    assert_eq!(
        store.credentials("t1", "c1").await.unwrap(),
        Credentials {
            secrets: vec![old.clone(), new.clone()],
            certificates: vec![certificate.clone()],
        }
    );
    let shown = format!("{:?}", store.credentials("t1", "c1").await.unwrap());
    assert!(!shown.contains("argon2id"), "{shown}");
    let elsewhere = store.remove_application_secret("t2", "c1", "s1").await;
    assert!(!elsewhere.unwrap(), "it is another tenant's");
    let removed = async || store.remove_application_secret("t1", "c1", "s1").await;
    assert!(removed().await.unwrap());
    assert!(!removed().await.unwrap());
    let removed = async || {
        store
            .remove_application_certificate("t1", "c1", &certificate.sha256)
            .await
    };
    assert!(removed().await.unwrap());
    assert!(!removed().await.unwrap());
    let left = store.credentials("t1", "c1").await.unwrap();
    assert_eq!((left.secrets, left.certificates), (vec![new], Vec::new()));
    assert!(store.remove_application("t1", "c1").await.unwrap());
    let left = store.credentials("t1", "c1").await.unwrap();
    assert_eq!(left, Credentials::default(), "they go with it");
}

pub(crate) async fn an_assertion_counts_once(place: Place) {
    let (store, _) = with_application(&place).await;
    let other_server = place.open().await;
    assert!(store.use_assertion([1; 32], at(10)).await.unwrap());
    assert!(!other_server.use_assertion([1; 32], at(10)).await.unwrap());
    assert!(other_server.use_assertion([2; 32], at(20)).await.unwrap());
    store.trim_assertions(at(15)).await.unwrap();
    assert!(!store.use_assertion([2; 32], at(20)).await.unwrap());
    assert!(
        store.use_assertion([1; 32], at(10)).await.unwrap(),
        "its time is over: it is refused for that"
    );
}

/// Applications made before they had several secrets keep the one they have.
#[tokio::test]
async fn the_one_secret_is_carried_over() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    for (place, kind, before) in [
        (Place::sqlite(), "sqlite", 4),
        (Place::postgres(), "postgres", 3),
    ] {
        let first = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(own.join(kind)).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            if name[..4].parse::<u32>().unwrap() <= before {
                std::fs::copy(file.path(), first.path().join(name)).unwrap();
            }
        }
        let migrator = sqlx::migrate::Migrator::new(first.path()).await.unwrap();
        match place.location() {
            Location::Sqlite(path) => {
                std::fs::write(path, "").unwrap();
                let pool = sqlx::SqlitePool::connect(place.url()).await.unwrap();
                migrator.run(&pool).await.unwrap();
            }
            Location::Postgres(_) => {
                let pool = sqlx::PgPool::connect(place.url()).await.unwrap();
                migrator.run(&pool).await.unwrap();
            }
        }
        place
            .execute("INSERT INTO tenants (id, name, created_at) VALUES ('t', 'default', 5)")
            .await;
        place
            .execute("INSERT INTO applications (tenant, client, name, secret_hash, created_at) VALUES ('t', 'c', 'old', 'hash', 7)")
            .await;
        place
            .execute("INSERT INTO application_roles (tenant, client, role) VALUES ('t', 'c', 'Score.Read.All')")
            .await;
        let store = place.open().await;
        let application = store.application("t", "c").await.unwrap().unwrap();
        assert_eq!(application.name, "old", "{kind}");
        assert_eq!(application.roles, ["Score.Read.All"]);
        let credentials = store.credentials("t", "c").await.unwrap();
        let carried = ApplicationSecret {
            id: "c".into(),
            hint: String::new(),
            secret_hash: "hash".into(),
            created_at: jiff::Timestamp::from_microsecond(7).unwrap(),
            expires_at: None,
        };
        assert_eq!(credentials.secrets, [carried]);
    }
}
