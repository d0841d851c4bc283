//! Scores over time: how exposed the machines were, and how securely they were configured.

use std::ops::Range;

use jiff::Timestamp;

use crate::backend::{reading, writing};
use crate::numbered::numbered;
use crate::{Store, StoreError, text, time};

numbered! {
    /// What a score tells.
    pub enum ScoreKind {
        /// How exposed machines are to vulnerabilities.
        Exposure = 0,
        /// How securely machines are configured.
        Configuration = 1,
    }
}

/// A score at a moment (API specification, section 2.9).
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// What it tells.
    pub kind: ScoreKind,
    /// When it was taken.
    pub at: Timestamp,
    /// The device group whose machines it is of; none: all machines of the tenant.
    pub group: Option<String>,
    /// The score.
    pub score: f64,
}

/// What the name of a group is called where it is refused.
const GROUP: &str = "the device group of a score";

/// Two scores that differ by less are the same: they were added up in another order.
const SAME: f64 = 1e-9;

/// Microseconds in an hour: of each, one score is kept.
const HOUR: i64 = 3_600_000_000;

/// What an earlier moment of the hour says comes late, where servers put scores at once.
const PUT: &str = "INSERT INTO scores (tenant, kind, hour, device_group, at, score)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant, kind, hour, device_group) DO UPDATE SET at = excluded.at, score = excluded.score
    WHERE scores.at <= excluded.at";

/// Only one server at a time looks what the last score is: what another put meanwhile is seen then.
const ALONE: &str = "UPDATE tenants SET name = name WHERE id = $1";

const LAST: &str = "SELECT score FROM scores WHERE tenant = $1 AND kind = $2 AND device_group = $3
    ORDER BY hour DESC LIMIT 1";

const BETWEEN: &str = "SELECT at, score FROM scores
    WHERE tenant = $1 AND kind = $2 AND device_group = $3 AND hour >= $4 AND at >= $5 AND at < $6
    ORDER BY at";

const TRIM: &str = "DELETE FROM scores WHERE tenant = $1 AND kind = $2 AND hour < $3";

/// The group as it is kept: the one without a name is all machines.
fn group(score: &Score) -> &str {
    score.group.as_deref().unwrap_or_default()
}

fn check(tenant: &str, scores: &[Score]) -> Result<(), StoreError> {
    text::key("the id of a tenant", tenant)?;
    for score in scores {
        if let Some(group) = &score.group {
            text::key(GROUP, group)?;
        }
        if !score.score.is_finite() {
            return Err(StoreError::Unfit {
                what: "a score",
                why: "it is no number",
            });
        }
    }
    Ok(())
}

/// In order of the key: two servers that put the same scores never wait for each other in a circle.
fn ordered(scores: &[Score]) -> Vec<&Score> {
    let mut ordered: Vec<&Score> = scores.iter().collect();
    ordered.sort_by_key(|score| (score.kind, hour(score.at), &score.group, score.at));
    ordered
}

fn is_same(known: Option<(f64,)>, score: &Score) -> bool {
    known.is_some_and(|(known,)| (known - score.score).abs() < SAME)
}

fn hour(moment: Timestamp) -> i64 {
    time::of(moment).div_euclid(HOUR)
}

impl Store {
    /// Keeps scores that are others than the last ones of their kind and group, each in place of an older one of its
    /// hour; how many there were. Servers that do so at once keep each change once.
    pub async fn put_scores(&self, tenant: &str, scores: &[Score]) -> Result<u64, StoreError> {
        check(tenant, scores)?;
        let ordered = ordered(scores);
        // Mostly there is none: nobody waits for that.
        if !self.any_changed(tenant, &ordered).await? {
            return Ok(0);
        }
        writing!(self, |transaction| {
            sqlx::query(ALONE)
                .bind(tenant)
                .execute(&mut *transaction)
                .await?;
            let mut put = 0;
            for score in ordered {
                let last: Option<(f64,)> = sqlx::query_as(LAST)
                    .bind(tenant)
                    .bind(score.kind.number())
                    .bind(group(score))
                    .fetch_optional(&mut *transaction)
                    .await?;
                if is_same(last, score) {
                    continue;
                }
                put += sqlx::query(PUT)
                    .bind(tenant)
                    .bind(score.kind.number())
                    .bind(hour(score.at))
                    .bind(group(score))
                    .bind(time::of(score.at))
                    .bind(score.score)
                    .execute(&mut *transaction)
                    .await?
                    .rows_affected();
            }
            transaction.commit().await?;
            Ok(put)
        })
    }

    async fn any_changed(&self, tenant: &str, scores: &[&Score]) -> Result<bool, StoreError> {
        for score in scores {
            let last: Option<(f64,)> = reading!(self, |pool| sqlx::query_as(LAST)
                .bind(tenant)
                .bind(score.kind.number())
                .bind(group(score))
                .fetch_optional(pool)
                .await?);
            if !is_same(last, score) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The scores of a kind and device group (none: of all machines) since a moment and before another, in order of time.
    pub async fn scores(
        &self,
        tenant: &str,
        kind: ScoreKind,
        group: Option<&str>,
        when: Range<Timestamp>,
    ) -> Result<Vec<Score>, StoreError> {
        // No group is named so: there are none of it.
        if group.is_some_and(|group| text::key(GROUP, group).is_err()) {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, f64)> = reading!(self, |pool| sqlx::query_as(BETWEEN)
            .bind(tenant)
            .bind(kind.number())
            .bind(group.unwrap_or_default())
            .bind(hour(when.start))
            .bind(time::of(when.start))
            .bind(time::of(when.end))
            .fetch_all(pool)
            .await?);
        let scores = rows.into_iter().map(|(at, score)| {
            Ok(Score {
                kind,
                at: time::to(at)?,
                group: group.map(str::to_owned),
                score,
            })
        });
        scores.collect()
    }

    /// Forgets the scores of the hours before that of a moment; how many there were.
    pub async fn trim_scores(&self, tenant: &str, before: Timestamp) -> Result<u64, StoreError> {
        writing!(self, |transaction| {
            let mut removed = 0;
            for kind in ScoreKind::ALL {
                removed += sqlx::query(TRIM)
                    .bind(tenant)
                    .bind(kind.number())
                    .bind(hour(before))
                    .execute(&mut *transaction)
                    .await?
                    .rows_affected();
            }
            transaction.commit().await?;
            Ok(removed)
        })
    }
}
