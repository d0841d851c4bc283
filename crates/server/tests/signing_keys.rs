//! The keys of tokens, exchanged by themselves as time passes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kbgap_assessment::Assessor;
use kbgap_catalog::Compiler;
use kbgap_fleet::SoftwareNames;
use kbgap_inventory::SoftwareRules;
use kbgap_server::{Service, Settings, create_key, keys_of};
use kbgap_store::Store;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn service(store: &Store) -> Arc<Service> {
    let settings = Settings::at("http://localhost".to_owned());
    let assessor = Arc::new(Assessor::new(Arc::new(Compiler::new().finish().0)));
    let names = Arc::new(SoftwareNames::by_rules(SoftwareRules::built_in().unwrap()));
    Service::start(store.clone(), assessor, names, settings)
        .await
        .unwrap()
}

/// The state of each key, the newest first.
async fn states(store: &Store, now: Timestamp) -> Vec<&'static str> {
    let keys = keys_of(store, now).await.unwrap();
    keys.into_iter().map(|key| key.state.name()).collect()
}

#[tokio::test]
async fn a_key_is_exchanged_every_90_days_and_published_a_day_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("kbgap.db"))
        .await
        .unwrap();
    // Two servers of one store, each of which looks after the keys.
    let (one, two) = (service(&store).await, service(&store).await);
    let start = keys_of(&store, Timestamp::now()).await.unwrap()[0].signs_from;
    let pass = async |now: Timestamp| {
        for service in [&one, &two] {
            service.rotate_keys(now).await.unwrap();
            service.follow_keys(now).await.unwrap();
        }
        states(&store, now).await
    };
    assert_eq!(pass(start).await, ["active"]);
    assert_eq!(pass(start + DAY * 88).await, ["active"]);
    assert_eq!(pass(start + DAY * 89).await, ["next", "active"]);
    assert_eq!(pass(start + DAY * 90 - HOUR).await, ["next", "active"]);
    assert_eq!(pass(start + DAY * 90).await, ["active", "retired"]);
    // A token of the last moment has ended two hours later, a link a day later.
    assert_eq!(pass(start + DAY * 90 + HOUR * 2).await, ["active", "spent"]);
    assert_eq!(
        pass(start + DAY * 90 + HOUR * 24).await,
        ["active", "spent"]
    );
    assert_eq!(pass(start + DAY * 90 + HOUR * 25).await, ["active"]);
    // A store that was off for a year: the old key signs for a day more, while the next one is published.
    let later = start + DAY * 500;
    assert_eq!(pass(later).await, ["next", "active"]);
    assert_eq!(pass(later + DAY).await, ["active", "retired"]);
    store.close().await;
}

#[tokio::test]
async fn two_keys_made_at_once_sign_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("kbgap.db"))
        .await
        .unwrap();
    let one = service(&store).await;
    let now = Timestamp::now();
    let policy = kbgap_identity::RotationPolicy::default();
    for _ in 0..2 {
        create_key(&store, &policy, false, now).await.unwrap();
    }
    assert_eq!(states(&store, now).await, ["next", "next", "active"]);
    let day = now + DAY;
    one.follow_keys(day).await.unwrap();
    assert_eq!(states(&store, day).await, ["active", "retired", "retired"]);
    store.close().await;
}
