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

/// What a server knows of a tenant's software.
#[derive(Default)]
struct Known(BTreeMap<SoftwareEntry, u32>);

impl Known {
    /// Gives numbers to what has none, as a server does.
    async fn number(&mut self, store: &Store, tenant: &str, entries: &[SoftwareEntry]) {
        let last = u32::try_from(self.0.len()).unwrap();
        let unknown = entries.iter().filter(|entry| !self.0.contains_key(entry));
        let unknown: Vec<SoftwareEntry> = unknown.cloned().collect();
        let added = store.add_software(tenant, last, &unknown).await.unwrap();
        for (at, (number, entry)) in (last + 1..).zip(added) {
            assert_eq!(number, at, "what follows is told whole and in order");
            assert_eq!(self.0.insert(entry, number), None, "no entry twice");
        }
    }
}

pub(crate) async fn numbers_are_dense_and_stay(place: Place) {
    let store = place.open().await;
    let (a, b, c) = (entry("a", "1"), entry("b", "1"), entry("a", "2"));
    let add = async |tenant: &str, after: u32, entries: &[&SoftwareEntry]| {
        let entries: Vec<SoftwareEntry> = entries.iter().map(|&entry| entry.clone()).collect();
        store.add_software(tenant, after, &entries).await.unwrap()
    };
    assert_eq!(add("t", 0, &[]).await, []);
    let first = [(1, a.clone()), (2, b.clone())];
    assert_eq!(add("t", 0, &[&a, &b, &a]).await, first);
    assert_eq!(add("t", 2, &[&c]).await, [(3, c.clone())]);
    assert_eq!(
        add("u", 0, &[&b]).await,
        [(1, b.clone())],
        "each tenant has its own"
    );
    // One that knows less is told the rest, and nothing is given twice.
    assert_eq!(
        add("t", 1, &[&c, &b]).await,
        [(2, b.clone()), (3, c.clone())]
    );
    assert_eq!(
        everything(&store, "t").await,
        [(1, a), (2, b), (3, c.clone())]
    );
    assert_eq!(store.software_after("t", 2).await.unwrap(), [(3, c)]);
    // What reads the same when joined is not the same.
    let (ab, ba) = (entry("x", "yz"), entry("xy", "z"));
    assert_eq!(add("t", 3, &[&ab, &ba]).await.len(), 2);
    let long = entry(&"long ".repeat(2000), &"9".repeat(5000));
    assert_eq!(
        add("t", 5, &[&long, &long]).await,
        [(6, long)],
        "nothing limits its length"
    );
    let refused = store.add_software("t", 6, &[entry("a\0b", "1")]).await;
    assert!(
        matches!(refused, Err(StoreError::Unfit { .. })),
        "{refused:?}"
    );
    let many: Vec<SoftwareEntry> = (0..6001).map(|i| entry("many", &i.to_string())).collect();
    let given = store.add_software("t", 6, &many).await.unwrap();
    assert!(given.iter().map(|(id, _)| *id).eq(7..6008));
    assert_eq!(everything(&store, "t").await.len(), 6007);
    let behind = store.add_software("t", 3, &many).await.unwrap();
    assert_eq!(behind.len(), 6004, "also where that is many pages");
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
                let mut known = Known::default();
                for round in 0..10 {
                    // Each begins elsewhere, so that they race for other entries.
                    let names = (0..20).map(|i| (i * 7 + asker * 5 + round) % 60);
                    let entries: Vec<SoftwareEntry> =
                        names.map(|i| entry(&format!("n{i}"), "1")).collect();
                    known.number(&store, "t", &entries).await;
                }
                known
            })
        })
        .collect();
    let kept: BTreeMap<u32, SoftwareEntry> = {
        let mut all = Vec::new();
        for asker in askers {
            all.push(asker.await.unwrap());
        }
        let kept = everything(&stores[0], "t").await;
        for known in all {
            for (entry, id) in known.0 {
                assert_eq!(kept[id as usize - 1], (id, entry));
            }
        }
        kept.into_iter().collect()
    };
    let entries: BTreeSet<&SoftwareEntry> = kept.values().collect();
    assert_eq!(entries.len(), 60, "no entry twice");
    assert!(kept.keys().copied().eq(1..=60), "no gaps");
}
