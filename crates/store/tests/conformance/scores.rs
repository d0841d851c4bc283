//! Scores over time.

use jiff::Timestamp;
use kbgap_store::{Score, ScoreKind, StoreError};

use crate::place::{Place, at};

/// Seconds in an hour: `at(HOUR)` is in the hour after that of `at(0)`.
const HOUR: i64 = 3600;
/// After all scores.
const LATE: i64 = 9 * HOUR;

fn of(kind: ScoreKind, second: i64, group: Option<&str>, score: f64) -> Score {
    Score {
        kind,
        at: at(second),
        group: group.map(str::to_owned),
        score,
    }
}

fn exposure(second: i64, group: Option<&str>, score: f64) -> Score {
    of(ScoreKind::Exposure, second, group, score)
}

pub(crate) async fn an_hour_has_one_score(place: Place) {
    let store = place.open().await;
    let begin = {
        let micros = at(0).as_microsecond();
        Timestamp::from_microsecond(micros - micros.rem_euclid(HOUR * 1_000_000)).unwrap()
    };
    let put = |minutes: i64, score| Score {
        at: begin + jiff::SignedDuration::from_mins(minutes),
        ..exposure(0, None, score)
    };
    let keep = async |score| store.put_scores("t", &[score]).await.unwrap();
    for score in [put(0, 1.0), put(59, 2.0), put(60, 3.0)] {
        assert_eq!(keep(score).await, 1);
    }
    // A server that was slow.
    assert_eq!(keep(put(58, 9.0)).await, 0);
    let told = async |tenant| {
        let ever = Timestamp::MIN..Timestamp::MAX;
        let scores = store.scores(tenant, ScoreKind::Exposure, None, ever);
        scores.await.unwrap()
    };
    assert_eq!(told("t").await, [put(59, 2.0), put(60, 3.0)]);
    assert_eq!(keep(put(60, 4.5)).await, 1);
    // What did not change since is not kept again, in this hour or in later ones.
    assert_eq!(keep(put(61, 4.5)).await, 0);
    assert_eq!(keep(put(200, 4.500_000_000_000_1)).await, 0);
    assert_eq!(told("t").await, [put(59, 2.0), put(60, 4.5)]);
    assert!(told("u").await.is_empty());
}

pub(crate) async fn scores_are_told_since_a_moment(place: Place) {
    let store = place.open().await;
    let kept = [
        exposure(0, None, 33.491_027),
        exposure(0, Some("Ärzte"), -0.0),
        exposure(0, Some("b"), 1e-300),
        exposure(HOUR, None, 100.0),
        exposure(5 * HOUR, Some("b"), 7.0),
    ];
    let mixed = [
        &[of(ScoreKind::Configuration, 0, None, 340.0)],
        kept.as_slice(),
    ];
    let mut put: Vec<Score> = mixed.concat();
    put.reverse();
    assert_eq!(store.put_scores("t", &put).await.unwrap(), 6);
    assert_eq!(store.put_scores("t", &[]).await.unwrap(), 0);
    let other = [exposure(HOUR, None, 1.0)];
    store.put_scores("u", &other).await.unwrap();
    let between = async |kind, group, since, until| {
        let scores = store.scores("t", kind, group, at(since)..at(until));
        scores.await.unwrap()
    };
    let of = |group: Option<&str>| -> Vec<Score> {
        let own = kept.iter().filter(|score| score.group.as_deref() == group);
        own.cloned().collect()
    };
    for group in [None, Some("Ärzte"), Some("b"), Some("nobody")] {
        let all = between(ScoreKind::Exposure, group, 0, LATE).await;
        assert_eq!(all, of(group), "{group:?}");
    }
    let all_machines = of(None);
    let since = between(ScoreKind::Exposure, None, 1, LATE).await;
    assert_eq!(since, all_machines[1..], "to the second");
    let until = between(ScoreKind::Exposure, None, 0, HOUR).await;
    assert_eq!(until, all_machines[..1], "before, not at, the end");
    assert!(between(ScoreKind::Exposure, None, LATE, 0).await.is_empty());
    let configuration = between(ScoreKind::Configuration, None, 0, LATE).await;
    assert_eq!(configuration, put[5..]);
    assert_eq!(store.trim_scores("t", at(HOUR)).await.unwrap(), 4);
    let left = between(ScoreKind::Exposure, None, 0, LATE).await;
    assert_eq!(left, all_machines[1..]);
    let gone = between(ScoreKind::Configuration, None, 0, LATE).await;
    assert!(gone.is_empty());
    let ever = Timestamp::MIN..Timestamp::MAX;
    let kept_of_other = store.scores("u", ScoreKind::Exposure, None, ever).await;
    assert_eq!(kept_of_other.unwrap(), other);
}

/// Servers that put the same scores at once, some by a clock that is in the next hour already.
pub(crate) async fn a_change_that_servers_see_at_once_is_kept_once(place: Place) {
    let store = place.open().await;
    let tenant = kbgap_store::Tenant {
        id: "t".to_owned(),
        name: "t".to_owned(),
        created_at: at(0),
    };
    store.create_tenant(&tenant).await.unwrap();
    for round in 0..8i32 {
        let hour = i64::from(round) * 3 * HOUR;
        let tasks = (0..6i64).map(|server| {
            let store = store.clone();
            let second = hour + server % 2 * HOUR;
            let scores =
                [None, Some("a"), Some("b")].map(|group| exposure(second, group, f64::from(round)));
            tokio::spawn(async move { store.put_scores("t", &scores).await.unwrap() })
        });
        let mut put = 0;
        for task in tasks.collect::<Vec<_>>() {
            put += task.await.unwrap();
        }
        assert_eq!(put, 3, "round {round}");
    }
    let ever = Timestamp::MIN..Timestamp::MAX;
    let kept = store
        .scores("t", ScoreKind::Exposure, Some("b"), ever)
        .await;
    assert_eq!(kept.unwrap().len(), 8);
}

pub(crate) async fn what_is_no_score_is_refused(place: Place) {
    let store = place.open().await;
    let refused = [
        exposure(0, None, f64::NAN),
        exposure(0, None, f64::INFINITY),
        exposure(0, Some(""), 1.0),
        exposure(0, Some("a\0b"), 1.0),
    ];
    for score in refused {
        let scores = [exposure(HOUR, None, 1.0), score];
        let refused = store.put_scores("t", &scores).await;
        assert!(
            matches!(refused, Err(StoreError::Unfit { .. })),
            "{refused:?}"
        );
    }
    let ever = Timestamp::MIN..Timestamp::MAX;
    let none = store.scores("t", ScoreKind::Exposure, None, ever).await;
    assert!(none.unwrap().is_empty(), "nothing is half done");
}
