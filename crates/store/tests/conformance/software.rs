//! Software by number.

use std::collections::{BTreeMap, BTreeSet};

use kbgap_store::{SoftwareEntry, Store, StoreError};

use crate::place::Place;

fn entry(name: &str, version: &str) -> SoftwareEntry {
    SoftwareEntry {
        vendor: "Contoso".into(),
        name: name.into(),
        version: version.into(),
    }
}

async fn everything(store: &Store, tenant: &str) -> Vec<(u32, SoftwareEntry)> {
    let mut read: Vec<(u32, SoftwareEntry)> = Vec::new();
    loop {
        let after = read.last().map_or(0, |(id, _)| *id);
        let page = store.software_after(tenant, after).await.unwrap();
        if page.is_empty() {
            return read;
        }
        read.extend(page);
    }
}

pub(crate) async fn numbers_are_dense_and_stay(place: Place) {
    let store = place.open().await;
    let (a, b, c) = (entry("a", "1"), entry("b", "1"), entry("a", "2"));
    let ids = async |tenant: &str, entries: &[&SoftwareEntry]| {
        let entries: Vec<SoftwareEntry> = entries.iter().map(|&entry| entry.clone()).collect();
        store.software_ids(tenant, &entries).await.unwrap()
    };
    assert_eq!(ids("t", &[]).await, Vec::<u32>::new());
    assert_eq!(ids("t", &[&a, &b, &a]).await, [1, 2, 1]);
    assert_eq!(ids("t", &[&c, &b]).await, [3, 2]);
    assert_eq!(ids("u", &[&b]).await, [1], "each tenant has its own");
    assert_eq!(
        everything(&store, "t").await,
        [(1, a), (2, b), (3, c.clone())]
    );
    assert_eq!(store.software_after("t", 2).await.unwrap(), [(3, c)]);
    // What reads the same when joined is not the same.
    let (ab, ba) = (entry("x", "yz"), entry("xy", "z"));
    assert_eq!(ids("t", &[&ab, &ba]).await, [4, 5]);
    let long = entry(&"long ".repeat(2000), &"9".repeat(5000));
    assert_eq!(
        ids("t", &[&long, &long]).await,
        [6, 6],
        "no index limits its length"
    );
    let refused = store.software_ids("t", &[entry("a\0b", "1")]).await;
    assert!(
        matches!(refused, Err(StoreError::Unfit { .. })),
        "{refused:?}"
    );
    let many: Vec<SoftwareEntry> = (0..6001).map(|i| entry("many", &i.to_string())).collect();
    let given = store.software_ids("t", &many).await.unwrap();
    assert_eq!(given, (7..6008).collect::<Vec<u32>>());
    assert_eq!(everything(&store, "t").await.len(), 6007);
    assert_eq!(
        store.sequence("t").await.unwrap(),
        0,
        "software is no change of a machine"
    );
}

pub(crate) async fn two_servers_give_the_same_numbers(place: Place) {
    let stores = [place.open().await, place.open().await];
    let askers: Vec<_> = (0..6_usize)
        .map(|asker| {
            let store = stores[asker % 2].clone();
            tokio::spawn(async move {
                let mut given = BTreeMap::new();
                for round in 0..10 {
                    // Each begins elsewhere, so that they race for other entries.
                    let names = (0..20).map(|i| (i * 7 + asker * 5 + round) % 60);
                    let entries: Vec<SoftwareEntry> =
                        names.map(|i| entry(&format!("n{i}"), "1")).collect();
                    let ids = store.software_ids("t", &entries).await.unwrap();
                    given.extend(entries.into_iter().zip(ids));
                }
                given
            })
        })
        .collect();
    let known: BTreeMap<SoftwareEntry, u32> = {
        let mut known = BTreeMap::new();
        for asker in askers {
            for (entry, id) in asker.await.unwrap() {
                assert_eq!(*known.entry(entry.clone()).or_insert(id), id, "{entry:?}");
            }
        }
        known
    };
    let ids: BTreeSet<u32> = known.values().copied().collect();
    assert_eq!(ids.len(), known.len(), "no number twice");
    assert!(
        ids.iter()
            .copied()
            .eq(1..=u32::try_from(known.len()).unwrap()),
        "no gaps"
    );
    let kept = everything(&stores[0], "t").await;
    assert!(kept.iter().all(|(id, entry)| known.get(entry) == Some(id)));
    assert_eq!(kept.len(), known.len());
}
