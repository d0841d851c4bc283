//! Scores over time.

use jiff::Timestamp;
use kbgap_store::{Score, ScoreKind, StoreError};

use crate::place::{Place, at};

/// Seconds in an hour: `at(HOUR)` is in the hour after that of `at(0)`.
const HOUR: i64 = 3600;

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
    for score in [put(0, 1.0), put(59, 2.0), put(60, 3.0)] {
        store.put_score("t", &score).await.unwrap();
    }
    // A server that was slow.
    store.put_score("t", &put(58, 9.0)).await.unwrap();
    let told = async |tenant| {
        let scores = store.scores(tenant, ScoreKind::Exposure, Timestamp::MIN);
        scores.await.unwrap()
    };
    assert_eq!(told("t").await, [put(59, 2.0), put(60, 3.0)]);
    store.put_score("t", &put(60, 4.5)).await.unwrap();
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
    store.put_scores("t", &put).await.unwrap();
    store.put_scores("t", &[]).await.unwrap();
    store
        .put_score("u", &exposure(HOUR, None, 1.0))
        .await
        .unwrap();
    let since = async |kind, second| store.scores("t", kind, at(second)).await.unwrap();
    let all = since(ScoreKind::Exposure, 0).await;
    let groups: Vec<_> = all.iter().map(|score| score.group.as_deref()).collect();
    assert_eq!(groups, [None, Some("b"), Some("Ärzte"), None, Some("b")]);
    assert_eq!(all.len(), kept.len());
    assert!(kept.iter().all(|score| all.contains(score)), "{all:?}");
    assert_eq!(since(ScoreKind::Exposure, HOUR).await, kept[3..]);
    assert_eq!(
        since(ScoreKind::Exposure, 1).await,
        kept[3..],
        "to the second"
    );
    assert_eq!(since(ScoreKind::Configuration, 0).await, put[5..]);
    let removed = store.trim_scores("t", at(HOUR)).await.unwrap();
    assert_eq!(removed, 4);
    assert_eq!(since(ScoreKind::Exposure, 0).await, kept[3..]);
    assert!(since(ScoreKind::Configuration, 0).await.is_empty());
    let other = store.scores("u", ScoreKind::Exposure, at(0)).await;
    assert_eq!(other.unwrap().len(), 1);
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
    let none = store.scores("t", ScoreKind::Exposure, at(0)).await;
    assert!(none.unwrap().is_empty(), "nothing is half done");
}
