//! Tenants, applications, keys and enrollment secrets.

use kbgap_store::{Application, EnrollSecret, SigningKeyRow, StoreError, Tenant};

use crate::place::{Place, at};

fn tenant(id: &str, name: &str) -> Tenant {
    Tenant {
        id: id.to_owned(),
        name: name.to_owned(),
        created_at: at(0),
    }
}

pub(crate) async fn applications_and_keys_are_kept(place: Place) {
    let store = place.open().await;
    let default = tenant("t1", "default");
    store.create_tenant(&default).await.unwrap();
    for (id, name) in [("t1", "another"), ("t2", "default")] {
        let again = store.create_tenant(&tenant(id, name)).await;
        assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
    }
    assert_eq!(store.tenants().await.unwrap(), [default]);
    let application = Application {
        tenant: "t1".into(),
        client: "c1".into(),
        name: "reader".into(),
        roles: vec!["Score.Read.All".into(), "Software.Read.All".into()],
        created_at: at(1),
    };
    store.create_application(&application).await.unwrap();
    let again = store.create_application(&application).await;
    assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
    assert_eq!(
        store.application("t1", "c1").await.unwrap(),
        Some(application.clone())
    );
    assert_eq!(store.application("t2", "c1").await.unwrap(), None);
    let stranger = Application {
        tenant: "t2".into(),
        ..application.clone()
    };
    let refused = store.create_application(&stranger).await.unwrap_err();
    assert!(!refused.is_temporary(), "a tenant must exist: {refused}");
    assert_eq!(store.applications("t1").await.unwrap(), [application]);
    let key = |kid: &str, signs_from| SigningKeyRow {
        kid: kid.into(),
        pkcs8: vec![1, 0, 2],
        created_at: at(1),
        signs_from: at(signs_from),
    };
    for key in [key("old", 2), key("next", 9), key("new", 3), key("old", 4)] {
        store.put_signing_key(&key).await.unwrap();
    }
    assert_eq!(
        store.signing_keys().await.unwrap(),
        [key("next", 9), key("new", 3), key("old", 2)]
    );
    assert!(store.remove_signing_key("old").await.unwrap());
    assert!(!store.remove_signing_key("old").await.unwrap());
    assert_eq!(
        store.signing_keys().await.unwrap(),
        [key("next", 9), key("new", 3)]
    );
    assert!(!format!("{:?}", key("k", 1)).contains("pkcs8"));
}

pub(crate) async fn enrollment_secrets_are_kept(place: Place) {
    let store = place.open().await;
    for (id, name) in [("t1", "one"), ("t2", "two")] {
        store.create_tenant(&tenant(id, name)).await.unwrap();
    }
    let secret = |tenant: &str, id: &str, created| EnrollSecret {
        tenant: tenant.into(),
        id: id.into(),
        name: format!("agents of {tenant}"),
        secret_hash: format!("hash of {id}"),
        created_at: at(created),
    };
    let (a, b, c) = (
        secret("t1", "a", 3),
        secret("t1", "b", 2),
        secret("t2", "c", 1),
    );
    for secret in [&a, &b, &c] {
        store.create_enroll_secret(secret).await.unwrap();
    }
    let again = store.create_enroll_secret(&a).await;
    assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
    assert!(
        store
            .create_enroll_secret(&secret("t3", "d", 1))
            .await
            .is_err(),
        "a tenant must exist"
    );
    assert_eq!(
        store.enroll_secrets("t1").await.unwrap(),
        [b.clone(), a.clone()]
    );
    for secret in [&a, &b, &c] {
        let found = store.enroll_secret(&secret.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(secret), "whichever tenant's it is");
    }
    assert_eq!(store.enroll_secret("d").await.unwrap(), None);
    assert!(
        !store.remove_enroll_secret("t2", "a").await.unwrap(),
        "it is another tenant's"
    );
    assert!(store.remove_enroll_secret("t1", "a").await.unwrap());
    assert!(!store.remove_enroll_secret("t1", "a").await.unwrap());
    assert_eq!(store.enroll_secret("a").await.unwrap(), None);
    assert_eq!(store.enroll_secrets("t1").await.unwrap(), [b]);
    assert_eq!(store.enroll_secrets("t2").await.unwrap(), [c]);
}
