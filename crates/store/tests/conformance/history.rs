//! States and findings over time.

use kbgap_store::{ExclusionReason, Labels, MachineState, MachineWrite, StateFindings, Written};

use crate::place::{DELAY, Place, at, report, row, stored};

fn state(since: i64, what: &str) -> MachineState {
    MachineState {
        since: at(since),
        received_at: at(since + DELAY),
        state: format!("state {what}").into_bytes(),
    }
}

pub(crate) async fn leaving_and_coming_back_are_kept(place: Place) {
    const DAY: i64 = 24 * 3600;
    let store = place.open().await;
    let mut number = stored(&store, "t", &[report("m", None, DAY, "a")]).await;
    number = stored(&store, "t", &[report("m", Some(number), 7 * DAY, "a")]).await;
    assert_eq!(store.machine_history("t", "m").await.unwrap().len(), 1);
    // Unchanged, but it may have been taken for gone.
    let seen = MachineWrite {
        machine: "m".into(),
        expected: Some(number),
        what: Written::Seen {
            last_seen: at(14 * DAY),
            received_at: at(14 * DAY + DELAY),
        },
    };
    number = stored(&store, "t", &[seen]).await;
    let history = store.machine_history("t", "m").await.unwrap();
    assert_eq!(history, [state(DAY, "a"), state(14 * DAY, "a")]);
    let exclude = |exclusion| Labels {
        exclusion: Some(exclusion),
        ..Labels::default()
    };
    let out = exclude(Some(ExclusionReason::DuplicateDevice));
    for _ in 0..2 {
        let out = out.clone();
        assert_eq!(store.label_machines("t", &["m"], out).await.unwrap(), 1);
    }
    number = row(&store, "t", "m").await.unwrap().sequence.max(number);
    stored(&store, "t", &[report("m", Some(number), 15 * DAY, "b")]).await;
    let history = store.machine_history("t", "m").await.unwrap();
    assert_eq!(history.len(), 3, "an excluded machine enters no state");
    assert!(history[2].state.is_empty());
    let back = exclude(None);
    store.label_machines("t", &["m"], back).await.unwrap();
    let history = store.machine_history("t", "m").await.unwrap();
    assert_eq!(history[3..].len(), 1);
    assert_eq!(history[3].state, b"state b");
    let since = history[3].received_at;
    let changed = store.machines_that_changed("t", since).await.unwrap();
    assert_eq!(changed, ["m"]);
    let later = since + jiff::SignedDuration::from_micros(1);
    let changed = store.machines_that_changed("t", later).await.unwrap();
    assert!(changed.is_empty());
}

pub(crate) async fn states_are_kept_when_they_change(place: Place) {
    let store = place.open().await;
    let mut number = stored(&store, "t", &[report("m", None, 10, "a")]).await;
    for (second, what) in [(20, "a"), (30, "b"), (40, "b"), (50, "a")] {
        number = stored(&store, "t", &[report("m", Some(number), second, what)]).await;
    }
    let seen = MachineWrite {
        machine: "m".into(),
        expected: Some(number),
        what: Written::Seen {
            last_seen: at(60),
            received_at: at(60 + DELAY),
        },
    };
    number = stored(&store, "t", &[seen]).await;
    let expected = [state(10, "a"), state(30, "b"), state(50, "a")];
    assert_eq!(store.machine_history("t", "m").await.unwrap(), expected);
    // Two reports of one moment that came at one moment: the later one holds.
    number = stored(&store, "t", &[report("m", Some(number), 70, "c")]).await;
    stored(&store, "t", &[report("m", Some(number), 70, "d")]).await;
    let history = store.machine_history("t", "m").await.unwrap();
    assert_eq!(history[3..], [state(70, "d")]);
    let conflict = store
        .write_machines("t", &[report("m", Some(1), 80, "e")])
        .await
        .unwrap();
    assert_eq!(conflict, [kbgap_store::Outcome::Conflict]);
    assert_eq!(store.machine_history("t", "m").await.unwrap(), history);
    assert!(store.machine_history("u", "m").await.unwrap().is_empty());
}

pub(crate) async fn trimming_keeps_the_state_in_force(place: Place) {
    let store = place.open().await;
    for tenant in ["t", "u"] {
        for machine in ["early", "late"] {
            let shift = if machine == "early" { 0 } else { 100 };
            let mut number = None;
            for (second, what) in [(10, "a"), (20, "b"), (30, "c"), (40, "d")] {
                number = Some(
                    stored(
                        &store,
                        tenant,
                        &[report(machine, number, second + shift, what)],
                    )
                    .await,
                );
            }
        }
    }
    assert_eq!(store.trim_history("t", at(5)).await.unwrap(), 0);
    assert_eq!(
        store.trim_history("t", at(30 + DELAY)).await.unwrap(),
        2,
        "what holds at the moment itself stays"
    );
    let early = store.machine_history("t", "early").await.unwrap();
    assert_eq!(early, [state(30, "c"), state(40, "d")]);
    assert_eq!(store.machine_history("t", "late").await.unwrap().len(), 4);
    assert_eq!(store.trim_history("t", at(1000)).await.unwrap(), 4);
    assert_eq!(
        store.machine_history("t", "early").await.unwrap(),
        [state(40, "d")]
    );
    assert_eq!(
        store.machine_history("t", "late").await.unwrap(),
        [state(140, "d")]
    );
    assert_eq!(
        store.machine_history("u", "early").await.unwrap().len(),
        4,
        "another tenant's stays"
    );
    assert_eq!(row(&store, "t", "late").await.unwrap().state, b"state d");
}

pub(crate) async fn findings_are_kept_once(place: Place) {
    let store = place.open().await;
    let findings = |state: &[u8], since, body: &str| StateFindings {
        state: state.to_vec(),
        since: at(since),
        body: body.as_bytes().to_vec(),
    };
    store.put_findings(&[]).await.unwrap();
    let (a1, a2, b1) = (
        findings(&[0, 255], 1, "a1"),
        findings(&[0, 255], 3, "a2"),
        findings(b"b", 2, "b1"),
    );
    store
        .put_findings(&[a2.clone(), b1.clone(), a1.clone()])
        .await
        .unwrap();
    store
        .put_findings(&[findings(&[0, 255], 1, "again"), a2.clone()])
        .await
        .unwrap();
    let asked = [
        b"b".to_vec(),
        vec![0, 255],
        b"unknown".to_vec(),
        b"b".to_vec(),
    ];
    assert_eq!(
        store.findings_history(&asked).await.unwrap(),
        [a1.clone(), b1, a2.clone()]
    );
    assert_eq!(
        store.findings_history(&[vec![0, 255]]).await.unwrap(),
        [a1, a2]
    );
    assert!(store.findings_history(&[]).await.unwrap().is_empty());
    let renewed = async |since| store.findings_were_renewed(at(since)).await.unwrap();
    assert!(renewed(3).await, "at 3 there is another than at 1");
    assert!(!renewed(4).await);
    // More states than go into one statement.
    let many: Vec<StateFindings> = (0..1203_u32)
        .map(|i| findings(&i.to_be_bytes(), 5000 - i64::from(i), "x"))
        .collect();
    store.put_findings(&many).await.unwrap();
    let states: Vec<Vec<u8>> = many.iter().map(|entry| entry.state.clone()).collect();
    let history = store.findings_history(&states).await.unwrap();
    assert!(
        history.iter().eq(many.iter().rev()),
        "in order of since when"
    );
}
