//! The number of a tenant, and what changed since.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};
use kbgap_store::{Changes, Labels, Store};

use crate::place::{Place, report, row, stored};

fn machines(upto: i64, machines: &[&str]) -> Changes {
    Changes::Machines {
        upto,
        machines: machines.iter().map(|&machine| machine.to_owned()).collect(),
    }
}

pub(crate) async fn changes_are_told_in_order(place: Place) {
    let store = place.open().await;
    let after = async |sequence| store.changes_after("t", sequence).await.unwrap();
    assert_eq!(after(0).await, machines(0, &[]));
    let one = stored(
        &store,
        "t",
        &[report("b", None, 1, "a"), report("a", None, 1, "a")],
    )
    .await;
    assert_eq!(after(0).await, machines(one, &["a", "b"]));
    let two = stored(&store, "t", &[report("b", Some(one), 2, "b")]).await;
    let label = Labels {
        add_tags: vec!["x".into()],
        ..Labels::default()
    };
    store.label_machines("t", &["a"], label).await.unwrap();
    store.remove_machines("t", &["b"]).await.unwrap();
    assert_eq!(after(0).await, machines(two + 2, &["a", "b"]));
    assert_eq!(after(one).await, machines(two + 2, &["a", "b"]));
    assert_eq!(after(two).await, machines(two + 2, &["a", "b"]));
    assert_eq!(after(two + 1).await, machines(two + 2, &["b"]));
    assert_eq!(after(two + 2).await, machines(two + 2, &[]));
    assert_eq!(
        after(two + 3).await,
        Changes::Trimmed,
        "a number that was never given: the database is an older one"
    );
}

pub(crate) async fn two_servers_lose_nothing(place: Place) {
    const WRITERS: usize = 4;
    const CALLS: usize = 25;
    let stores = [place.open().await, place.open().await];
    let write = async |store: Store, writer: usize| {
        for call in 0..CALLS {
            let id = |part: usize| format!("{writer}-{call}-{part}");
            let writes = [report(&id(0), None, 1, "a"), report(&id(1), None, 1, "a")];
            stored(&store, "t", &writes).await;
        }
    };
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = stores[writer % 2].clone();
            tokio::spawn(write(store, writer))
        })
        .collect();
    // A third server follows: a number that became visible after a higher one would be missed for ever.
    let follower = place.open().await;
    let (mut upto, mut told) = (0, BTreeSet::new());
    loop {
        let finished = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let Changes::Machines {
            upto: now,
            machines,
        } = follower.changes_after("t", upto).await.unwrap()
        else {
            panic!("nothing was trimmed");
        };
        assert!(now >= upto);
        for machine in machines {
            let row = row(&follower, "t", &machine).await.unwrap();
            assert!(row.sequence > upto && row.sequence <= now, "{machine}");
            assert!(told.insert(machine), "told once");
        }
        if finished && now == upto {
            break;
        }
        upto = now;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(told.len(), WRITERS * CALLS * 2);
    assert_eq!(
        upto,
        i64::try_from(WRITERS * CALLS).unwrap(),
        "each call has one number"
    );
    assert_eq!(follower.sequence("t").await.unwrap(), upto);
}

pub(crate) async fn trimmed_changes_are_told(place: Place) {
    let store = place.open().await;
    assert_eq!(store.trim_changes("t", Timestamp::now()).await.unwrap(), 0);
    let one = stored(&store, "t", &[report("a", None, 1, "a")]).await;
    let two = stored(&store, "t", &[report("b", None, 1, "a")]).await;
    let hour_ago = Timestamp::now() - 1.hour();
    assert_eq!(store.trim_changes("t", hour_ago).await.unwrap(), 0);
    assert_eq!(
        store.changes_after("t", 0).await.unwrap(),
        machines(two, &["a", "b"])
    );
    // The first call's changes become old.
    let old = format!(
        "UPDATE changes SET at = {} WHERE sequence = {one}",
        (hour_ago - 1.hour()).as_microsecond()
    );
    place.execute(&old).await;
    assert_eq!(store.trim_changes("t", hour_ago).await.unwrap(), 1);
    assert_eq!(store.changes_after("t", 0).await.unwrap(), Changes::Trimmed);
    assert_eq!(
        store.changes_after("t", one).await.unwrap(),
        machines(two, &["b"])
    );
    let soon = Timestamp::now() + 1.hour();
    assert_eq!(store.trim_changes("t", soon).await.unwrap(), 1);
    assert_eq!(
        store.changes_after("t", one).await.unwrap(),
        Changes::Trimmed
    );
    assert_eq!(
        store.changes_after("t", two).await.unwrap(),
        machines(two, &[])
    );
    let three = stored(&store, "t", &[report("c", None, 1, "a")]).await;
    assert_eq!(
        store.changes_after("t", two).await.unwrap(),
        machines(three, &["c"])
    );
    assert_eq!(
        store.changes_after("u", 0).await.unwrap(),
        machines(0, &[]),
        "another tenant"
    );
}

pub(crate) async fn a_long_log_is_told_in_parts(place: Place) {
    let store = place.open().await;
    let one = stored(&store, "t", &[report("a", None, 1, "a")]).await;
    // Calls of long ago, written at once.
    let mut rows = Vec::new();
    for sequence in one + 1..=one + 2100 {
        let id = format!("{:02x}", b'a' + u8::try_from(sequence % 20).unwrap());
        let id = if matches!(place.location(), kbgap_store::Location::Sqlite(_)) {
            format!("x'{id}'")
        } else {
            format!("'\\x{id}'::bytea")
        };
        rows.push(format!("('t', {sequence}, 0, {id})"));
    }
    let log = format!(
        "INSERT INTO changes (tenant, sequence, at, machines) VALUES {}",
        rows.join(", ")
    );
    place.execute(&log).await;
    place
        .execute(&format!("UPDATE sequences SET value = {}", one + 2100))
        .await;
    let (mut upto, mut parts) = (0, 0);
    loop {
        let Changes::Machines {
            upto: now,
            machines,
        } = store.changes_after("t", upto).await.unwrap()
        else {
            panic!("nothing was trimmed");
        };
        if now == upto {
            break;
        }
        assert!(machines.len() <= 20, "each once");
        (upto, parts) = (now, parts + 1);
    }
    assert_eq!(upto, one + 2100);
    assert!(parts > 1, "{parts}");
}
