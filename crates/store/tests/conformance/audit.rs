//! The audit trail.

use kbgap_store::{AuditActor, AuditOutcome, AuditQuery, AuditRecord};

use crate::place::{Place, at};

fn record(id: &str, second: i64) -> AuditRecord {
    AuditRecord {
        id: id.into(),
        at: at(second),
        tenant: Some("t1".into()),
        actor_kind: AuditActor::Application,
        actor: "c1".into(),
        action: "token.issue".into(),
        target: None,
        peer: Some("192.0.2.7".into()),
        outcome: AuditOutcome::Done,
        detail: Some("'; DROP TABLE audit; -- \"\\ \u{1F512}".into()),
        times: 1,
    }
}

fn all() -> AuditQuery {
    AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    }
}

pub(crate) async fn records_are_kept_and_found(place: Place) {
    let store = place.open().await;
    let issued = record("a", 10);
    let refused = AuditRecord {
        tenant: None,
        actor_kind: AuditActor::Unknown,
        actor: String::new(),
        action: "token.issue".into(),
        outcome: AuditOutcome::Refused,
        detail: None,
        times: 7,
        ..record("b", 11)
    };
    let created = AuditRecord {
        actor_kind: AuditActor::CommandLine,
        actor: "root".into(),
        action: "application.create".into(),
        target: Some("c1".into()),
        peer: None,
        ..record("c", 12)
    };
    let elsewhere = AuditRecord {
        tenant: Some("t2".into()),
        action: "tokens".into(),
        outcome: AuditOutcome::Failed,
        ..record("d", 13)
    };
    let records = [issued, refused, created, elsewhere];
    store.append_audit(&records).await.unwrap();
    store.append_audit(&[]).await.unwrap();
    assert_eq!(store.audit(&all()).await.unwrap(), records);
    let found = async |query: AuditQuery| {
        let records = store.audit(&query).await.unwrap().into_iter();
        records.map(|record| record.id).collect::<String>()
    };
    assert_eq!(found(AuditQuery { limit: 2, ..all() }).await, "cd");
    for (query, expected) in [
        (
            AuditQuery {
                since: Some(at(11)),
                until: Some(at(13)),
                ..all()
            },
            "bc",
        ),
        (
            AuditQuery {
                tenant: Some("t1".into()),
                ..all()
            },
            "abc",
        ),
        (
            AuditQuery {
                actor: Some("root".into()),
                ..all()
            },
            "c",
        ),
        (
            AuditQuery {
                action: Some("token".into()),
                ..all()
            },
            "ab",
        ),
        (
            AuditQuery {
                action: Some("application.create".into()),
                ..all()
            },
            "c",
        ),
        (
            AuditQuery {
                outcome: Some(AuditOutcome::Failed),
                ..all()
            },
            "d",
        ),
    ] {
        assert_eq!(found(query).await, expected);
    }
}

pub(crate) async fn records_are_added_once(place: Place) {
    let store = place.open().await;
    let mut records = vec![record("a", 1), record("b", 1)];
    store.append_audit(&records).await.unwrap();
    records.push(AuditRecord {
        actor: "with a \0 in it".into(),
        ..record("c", 1)
    });
    store.append_audit(&records).await.unwrap();
    records[2].actor = "with a   in it".into();
    assert_eq!(store.audit(&all()).await.unwrap(), records);
}

pub(crate) async fn old_records_are_dropped(place: Place) {
    let store = place.open().await;
    let records = [record("a", 1), record("b", 2), record("c", 3)];
    store.append_audit(&records).await.unwrap();
    store.trim_audit(at(2)).await.unwrap();
    assert_eq!(store.audit(&all()).await.unwrap(), records[1..]);
}
