//! Machines: written, read, labeled, removed.

use kbgap_store::{
    Changes, DeviceValue, ExclusionReason, Labels, MachineRow, MachineWrite, Outcome, StoreError,
    Written,
};

use crate::place::{Place, all, at, report, row, stored};

fn seen(machine: &str, expected: Option<i64>, second: i64) -> MachineWrite {
    MachineWrite {
        machine: machine.to_owned(),
        expected,
        what: Written::Seen {
            last_seen: at(second),
            received_at: at(second + 1),
        },
    }
}

pub(crate) async fn a_machine_is_read_as_it_was_written(place: Place) {
    let store = place.open().await;
    assert_eq!(store.sequence("t").await.unwrap(), 0);
    let sequence = stored(&store, "t", &[report("m", None, 10, "a")]).await;
    assert_eq!((sequence, store.sequence("t").await.unwrap()), (1, 1));
    let first = MachineRow {
        machine: "m".into(),
        name: Some("m.corp.example".into()),
        first_seen: at(10),
        last_seen: at(10),
        received_at: at(11),
        sequence: 1,
        digest: *b"a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        state: b"state a".to_vec(),
        body: b"body a".to_vec(),
        group: None,
        tags: Vec::new(),
        value: DeviceValue::Normal,
        exclusion: None,
    };
    assert_eq!(row(&store, "t", "m").await, Some(first.clone()));
    let second = MachineWrite {
        machine: "m".into(),
        expected: Some(1),
        what: Written::Report {
            name: None,
            last_seen: at(20),
            received_at: at(21),
            digest: [255; 16],
            state: Vec::new(),
            body: vec![0, 255, 0],
        },
    };
    stored(&store, "t", &[second]).await;
    let expected = MachineRow {
        name: None,
        last_seen: at(20),
        received_at: at(21),
        sequence: 2,
        digest: [255; 16],
        state: Vec::new(),
        body: vec![0, 255, 0],
        ..first
    };
    assert_eq!(
        row(&store, "t", "m").await,
        Some(expected.clone()),
        "first seen stays"
    );
    assert_eq!(
        store
            .machines_by_id("t", &["x", "m", "y", "m"])
            .await
            .unwrap(),
        [None, Some(expected.clone()), None, Some(expected)],
        "in order of the ids"
    );
    assert!(store.machines_by_id("t", &[]).await.unwrap().is_empty());
}

pub(crate) async fn only_who_read_the_row_writes_it(place: Place) {
    let store = place.open().await;
    let one = stored(&store, "t", &[report("m", None, 1, "a")]).await;
    for (expected, why) in [
        (None, "it is known"),
        (Some(one + 1), "a number not yet given"),
    ] {
        let outcomes = store
            .write_machines("t", &[report("m", expected, 2, "b")])
            .await
            .unwrap();
        assert_eq!(outcomes, [Outcome::Conflict], "{why}");
    }
    assert_eq!(
        store.sequence("t").await.unwrap(),
        one,
        "nothing was written"
    );
    let two = stored(&store, "t", &[report("m", Some(one), 2, "b")]).await;
    let writes = [
        report("new", None, 3, "n"),
        report("m", Some(one), 3, "late"),
        report("unknown", Some(one), 3, "u"),
        seen("nobody", None, 3),
        report("new", None, 4, "again"),
        seen("m", Some(two), 5),
    ];
    let outcomes = store.write_machines("t", &writes).await.unwrap();
    let three = Outcome::Stored { sequence: two + 1 };
    let conflict = Outcome::Conflict;
    assert_eq!(
        outcomes,
        [three, conflict, conflict, conflict, conflict, three]
    );
    assert_eq!(row(&store, "t", "m").await.unwrap().body, b"body b");
    assert_eq!(row(&store, "t", "new").await.unwrap().body, b"body n");
    assert_eq!(store.machine_count("t").await.unwrap(), 2);
    assert!(store.write_machines("t", &[]).await.unwrap().is_empty());
}

pub(crate) async fn seen_changes_the_times_alone(place: Place) {
    let store = place.open().await;
    let writes = [report("a", None, 1, "a"), report("b", None, 1, "b")];
    let one = stored(&store, "t", &writes).await;
    let before = row(&store, "t", "a").await.unwrap();
    let untouched = row(&store, "t", "b").await.unwrap();
    let two = stored(&store, "t", &[seen("a", Some(one), 9)]).await;
    assert_eq!(
        row(&store, "t", "a").await.unwrap(),
        MachineRow {
            last_seen: at(9),
            received_at: at(10),
            sequence: two,
            ..before
        }
    );
    assert_eq!(row(&store, "t", "b").await.unwrap(), untouched);
}

pub(crate) async fn a_call_has_one_number(place: Place) {
    let store = place.open().await;
    let writes: Vec<MachineWrite> = (0..700)
        .map(|i| report(&format!("m{i:04}"), None, i, "a"))
        .collect();
    let one = stored(&store, "t", &writes).await;
    let writes: Vec<MachineWrite> = (0..700)
        .map(|i| {
            let id = format!("m{i:04}");
            if i % 2 == 0 {
                seen(&id, Some(one), i + 1000)
            } else {
                report(&id, Some(one), i + 1000, "b")
            }
        })
        .collect();
    let two = stored(&store, "t", &writes).await;
    assert_eq!(two, one + 1);
    let (sequence, rows) = all(&store, "t").await;
    assert_eq!((sequence, rows.len()), (two, 700));
    for (i, row) in (0..).zip(&rows) {
        assert_eq!(row.machine, format!("m{i:04}"));
        assert_eq!(
            (row.first_seen, row.last_seen, row.sequence),
            (at(i), at(i + 1000), two)
        );
        assert_eq!(row.body, if i % 2 == 0 { b"body a" } else { b"body b" });
    }
}

pub(crate) async fn many_machines_of_any_size(place: Place) {
    let store = place.open().await;
    let big = |i: usize, fill: u8| MachineWrite {
        machine: format!("{:04}", 9999 - i),
        expected: None,
        what: Written::Report {
            name: None,
            last_seen: at(1),
            received_at: at(1),
            digest: [fill; 16],
            state: vec![fill; i % 97],
            body: vec![fill; (i * i) % 9973],
        },
    };
    let writes: Vec<MachineWrite> = (0..2500)
        .map(|i| big(i, u8::try_from(i % 256).unwrap()))
        .collect();
    stored(&store, "t", &writes).await;
    let (_, rows) = all(&store, "t").await;
    assert_eq!(rows.len(), writes.len());
    for (row, write) in rows.iter().zip(writes.iter().rev()) {
        let Written::Report { state, body, .. } = &write.what else {
            panic!("{write:?}");
        };
        assert_eq!(
            (&row.machine, &row.state, &row.body),
            (&write.machine, state, body)
        );
    }
    let ids: Vec<&str> = writes.iter().map(|write| write.machine.as_str()).collect();
    let found = store.machines_by_id("t", &ids).await.unwrap();
    let reversed: Vec<MachineRow> = found.into_iter().rev().map(Option::unwrap).collect();
    assert_eq!(reversed, rows);
}

pub(crate) async fn labels_are_changed(place: Place) {
    let store = place.open().await;
    let writes = [
        report("a", None, 1, "a"),
        report("b", None, 1, "b"),
        report("c", None, 1, "c"),
    ];
    let one = stored(&store, "t", &writes).await;
    let labels = Labels {
        group: Some(Some("Ärzte \"1\"".into())),
        add_tags: vec!["x".into(), "y, z".into(), "x".into()],
        ..Labels::default()
    };
    assert_eq!(
        store
            .label_machines("t", &["a", "b", "nobody", "a"], labels.clone())
            .await
            .unwrap(),
        2
    );
    let labeled = |row: MachineRow| (row.group, row.tags, row.sequence);
    let expected = (
        Some("Ärzte \"1\"".to_owned()),
        vec!["x".to_owned(), "y, z".to_owned()],
        one + 1,
    );
    assert_eq!(labeled(row(&store, "t", "a").await.unwrap()), expected);
    assert_eq!(labeled(row(&store, "t", "b").await.unwrap()), expected);
    assert_eq!(
        labeled(row(&store, "t", "c").await.unwrap()),
        (None, Vec::new(), one)
    );
    assert_eq!(
        store.label_machines("t", &["a"], labels).await.unwrap(),
        1,
        "it is known"
    );
    assert_eq!(
        store.sequence("t").await.unwrap(),
        one + 1,
        "and nothing changed"
    );

    let other = Labels {
        group: None,
        add_tags: vec!["w".into()],
        remove_tags: vec!["x".into(), "never".into()],
        ..Labels::default()
    };
    store.label_machines("t", &["a"], other).await.unwrap();
    let tags = row(&store, "t", "a").await.unwrap();
    assert_eq!(
        (tags.group.as_deref(), tags.tags.join("|").as_str()),
        (Some("Ärzte \"1\""), "y, z|w")
    );
    let none = Labels {
        group: Some(None),
        ..Labels::default()
    };
    store.label_machines("t", &["a", "b"], none).await.unwrap();
    assert_eq!(row(&store, "t", "a").await.unwrap().group, None);
    assert_eq!(
        store
            .label_machines("t", &["nobody"], Labels::default())
            .await
            .unwrap(),
        0
    );

    // A report leaves the labels, but whoever read the row before they changed must read it again.
    let late = store
        .write_machines("t", &[report("a", Some(one), 5, "z")])
        .await
        .unwrap();
    assert_eq!(late, [Outcome::Conflict]);
    let now = row(&store, "t", "a").await.unwrap().sequence;
    stored(&store, "t", &[report("a", Some(now), 5, "z")]).await;
    let written = row(&store, "t", "a").await.unwrap();
    assert_eq!(
        (written.tags.join("|").as_str(), written.body.as_slice()),
        ("y, z|w", b"body z".as_slice())
    );
}

pub(crate) async fn values_and_exclusions_are_kept(place: Place) {
    let store = place.open().await;
    let writes = [report("a", None, 1, "a"), report("b", None, 1, "b")];
    let one = stored(&store, "t", &writes).await;
    stored(&store, "u", &[report("a", None, 1, "a")]).await;
    let label = async |machines: &[&str], labels| {
        store.label_machines("t", machines, labels).await.unwrap();
        store.sequence("t").await.unwrap()
    };
    let of = |value, exclusion| Labels {
        value,
        exclusion,
        ..Labels::default()
    };
    let told = async |machine| {
        let row = row(&store, "t", machine).await.unwrap();
        (row.value, row.exclusion, row.sequence)
    };
    let high = of(Some(DeviceValue::High), None);
    assert_eq!(label(&["a", "b", "nobody"], high.clone()).await, one + 1);
    assert_eq!(label(&["a"], high).await, one + 1, "nothing changed");
    let changed = Changes::Machines {
        upto: one + 1,
        machines: vec!["a".into(), "b".into()],
    };
    assert_eq!(store.changes_after("t", one).await.unwrap(), changed);
    let mut now = one + 1;
    for reason in ExclusionReason::ALL {
        now += 1;
        assert_eq!(label(&["a"], of(None, Some(Some(*reason)))).await, now);
        let expected = (DeviceValue::High, Some(*reason), now);
        assert_eq!(told("a").await, expected, "{}", reason.name());
    }
    // Other labels and reports leave both.
    let group = Labels {
        group: Some(Some("g".into())),
        ..Labels::default()
    };
    let now = label(&["a"], group).await;
    let now = stored(&store, "t", &[report("a", Some(now), 5, "z")]).await;
    let now = stored(&store, "t", &[seen("a", Some(now), 6)]).await;
    let out_of_scope = Some(ExclusionReason::DeviceOutOfScope);
    assert_eq!(told("a").await, (DeviceValue::High, out_of_scope, now));
    let (_, rows) = all(&store, "t").await;
    assert_eq!(rows[0].exclusion, out_of_scope, "read with all others");
    let back = label(&["a"], of(Some(DeviceValue::Low), Some(None))).await;
    assert_eq!(told("a").await, (DeviceValue::Low, None, back));
    assert_eq!(told("b").await, (DeviceValue::High, None, one + 1));
    let other = row(&store, "u", "a").await.unwrap();
    assert_eq!((other.value, other.exclusion), (DeviceValue::Normal, None));
    // What no kbgap wrote is told, and not taken for something else.
    place
        .execute("UPDATE machines SET device_value = 9 WHERE tenant = 't' AND machine = 'b'")
        .await;
    let damaged = store.machines_by_id("t", &["b"]).await.unwrap_err();
    assert!(matches!(damaged, StoreError::Damaged(_)), "{damaged:?}");
}

pub(crate) async fn tags_are_replaced(place: Place) {
    let store = place.open().await;
    let one = stored(&store, "t", &[report("a", None, 1, "a")]).await;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let tags = async |set: Option<&[&str]>, remove: &[&str], add: &[&str]| {
        let labels = Labels {
            set_tags: set.map(texts),
            remove_tags: texts(remove),
            add_tags: texts(add),
            ..Labels::default()
        };
        store.label_machines("t", &["a"], labels).await.unwrap();
        let row = row(&store, "t", "a").await.unwrap();
        (row.tags.join("|"), row.sequence - one)
    };
    assert_eq!(tags(None, &[], &["x", "y"]).await, ("x|y".into(), 1));
    let set: &[&str] = &["z", "x", "z"];
    assert_eq!(tags(Some(set), &[], &[]).await, ("z|x".into(), 2));
    assert_eq!(tags(Some(set), &[], &[]).await, ("z|x".into(), 2));
    assert_eq!(tags(None, &[], &[]).await, ("z|x".into(), 2));
    let all = tags(Some(&["p", "q"]), &["q"], &["r", "p"]).await;
    assert_eq!(all, ("p|r".into(), 3), "replaced, removed, added");
    assert_eq!(tags(Some(&[]), &[], &[]).await, (String::new(), 4));
    let nul = Labels {
        set_tags: Some(vec!["a\0b".into()]),
        ..Labels::default()
    };
    assert!(store.label_machines("t", &["a"], nul).await.is_err());
}

pub(crate) async fn machines_are_removed(place: Place) {
    let store = place.open().await;
    let writes = [report("a", None, 1, "a"), report("b", None, 1, "b")];
    let one = stored(&store, "t", &writes).await;
    stored(&store, "u", &[report("a", None, 1, "a")]).await;
    assert_eq!(store.remove_machines("t", &["nobody"]).await.unwrap(), 0);
    assert_eq!(store.sequence("t").await.unwrap(), one);
    assert_eq!(
        store
            .remove_machines("t", &["a", "nobody", "a"])
            .await
            .unwrap(),
        1
    );
    assert_eq!(store.sequence("t").await.unwrap(), one + 1);
    assert_eq!(row(&store, "t", "a").await, None);
    assert!(store.machine_history("t", "a").await.unwrap().is_empty());
    assert_eq!(
        store.changes_after("t", one).await.unwrap(),
        Changes::Machines {
            upto: one + 1,
            machines: vec!["a".into()]
        }
    );
    assert!(
        row(&store, "u", "a").await.is_some(),
        "another tenant's stays"
    );
    assert_eq!(store.machine_history("u", "a").await.unwrap().len(), 1);
    let outcomes = store
        .write_machines("t", &[report("a", Some(one), 2, "b")])
        .await
        .unwrap();
    assert_eq!(outcomes, [Outcome::Conflict], "it is not known any more");
    stored(&store, "t", &[report("a", None, 2, "b")]).await;
    assert_eq!(row(&store, "t", "a").await.unwrap().first_seen, at(2));
}

pub(crate) async fn tenants_do_not_see_each_other(place: Place) {
    let store = place.open().await;
    stored(
        &store,
        "t",
        &[report("m", None, 1, "a"), report("n", None, 1, "a")],
    )
    .await;
    assert_eq!(row(&store, "u", "m").await, None);
    assert_eq!(store.machine_count("u").await.unwrap(), 0);
    assert_eq!(all(&store, "u").await, (0, Vec::new()));
    assert_eq!(store.remove_machines("u", &["m"]).await.unwrap(), 0);
    let outcomes = store
        .write_machines("u", &[report("m", Some(1), 1, "b")])
        .await
        .unwrap();
    assert_eq!(outcomes, [Outcome::Conflict]);
    stored(&store, "u", &[report("m", None, 5, "u")]).await;
    assert_eq!(store.machine_count("t").await.unwrap(), 2);
    assert_eq!(row(&store, "t", "m").await.unwrap().body, b"body a");
    assert_eq!(row(&store, "u", "m").await.unwrap().body, b"body u");
}

pub(crate) async fn a_snapshot_does_not_see_later_writes(place: Place) {
    let store = place.open().await;
    let writes: Vec<MachineWrite> = (0..2300)
        .map(|i| report(&format!("m{i:04}"), None, i, "a"))
        .collect();
    let one = stored(&store, "t", &writes).await;
    let (_, before) = all(&store, "t").await;
    let mut reader = store.read_machines("t").await.unwrap();
    let mut read = reader.next_page().await.unwrap();
    assert!(!read.is_empty() && read.len() < 2300, "a page is not all");
    // Another server writes what is not read yet.
    let other = place.open().await;
    stored(
        &other,
        "t",
        &[
            report("m2200", Some(one), 9, "b"),
            report("m9999", None, 9, "b"),
        ],
    )
    .await;
    assert_eq!(other.remove_machines("t", &["m2100"]).await.unwrap(), 1);
    loop {
        let page = reader.next_page().await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(reader.sequence(), one);
    assert!(
        read == before,
        "what is read is what was there when reading began"
    );
    assert!(
        reader.next_page().await.unwrap().is_empty(),
        "the end stays the end"
    );
    drop(reader);
    // From the snapshot's number on the changes tell the rest.
    assert_eq!(
        store.changes_after("t", one).await.unwrap(),
        Changes::Machines {
            upto: one + 2,
            machines: vec!["m2100".into(), "m2200".into(), "m9999".into()]
        }
    );
}

pub(crate) async fn snapshots_go_on_beside_each_other(place: Place) {
    let store = place.open().await;
    for tenant in ["t", "u", "v"] {
        stored(
            &store,
            tenant,
            &[report("a", None, 1, tenant), report("b", None, 1, tenant)],
        )
        .await;
    }
    let mut readers = Vec::new();
    for tenant in ["t", "u", "v"] {
        readers.push((tenant, store.read_machines(tenant).await.unwrap()));
    }
    for (tenant, reader) in &mut readers {
        let page = reader.next_page().await.unwrap();
        let bodies: Vec<Vec<u8>> = page.into_iter().map(|row| row.body).collect();
        assert_eq!(bodies, vec![format!("body {tenant}").into_bytes(); 2]);
    }
    // Readers that are dropped half way give their connections back.
    drop(readers);
    for _ in 0..40 {
        store
            .read_machines("t")
            .await
            .unwrap()
            .next_page()
            .await
            .unwrap();
    }
}

pub(crate) async fn what_cannot_be_kept_is_refused(place: Place) {
    let store = place.open().await;
    let long = "m".repeat(1001);
    for machine in ["", "a\0b", long.as_str()] {
        let refused = store
            .write_machines(
                "t",
                &[report("ok", None, 1, "a"), report(machine, None, 1, "a")],
            )
            .await;
        assert!(
            matches!(refused, Err(StoreError::Unfit { .. })),
            "{refused:?}"
        );
    }
    let tag = Labels {
        add_tags: vec!["a\0b".into()],
        ..Labels::default()
    };
    assert!(store.label_machines("t", &["ok"], tag).await.is_err());
    assert_eq!(
        store.machine_count("t").await.unwrap(),
        0,
        "nothing is half done"
    );
    stored(&store, "t", &[report(&"m".repeat(1000), None, 1, "a")]).await;
    // Whatever is asked for is merely not known.
    assert_eq!(row(&store, "t", "'; DROP TABLE machines; --").await, None);
}
