//! Scores over time: how exposed the machines were, and how securely they were configured.

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

/// Microseconds in an hour: of each, one score is kept.
const HOUR: i64 = 3_600_000_000;

/// What an earlier moment of the hour says comes late, where servers put scores at once.
const PUT: &str = "INSERT INTO scores (tenant, kind, hour, device_group, at, score)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tenant, kind, hour, device_group) DO UPDATE SET at = excluded.at, score = excluded.score
    WHERE scores.at <= excluded.at";

const SINCE: &str = "SELECT at, device_group, score FROM scores
    WHERE tenant = $1 AND kind = $2 AND hour >= $3 AND at >= $4 ORDER BY at, device_group";

const TRIM: &str = "DELETE FROM scores WHERE tenant = $1 AND kind = $2 AND hour < $3";

fn hour(moment: Timestamp) -> i64 {
    time::of(moment).div_euclid(HOUR)
}

impl Store {
    /// Keeps a score in place of an older one of the same hour, kind and group.
    pub async fn put_score(&self, tenant: &str, score: &Score) -> Result<(), StoreError> {
        self.put_scores(tenant, std::slice::from_ref(score)).await
    }

    /// Keeps scores, all in one transaction, each as [`Store::put_score`] does.
    pub async fn put_scores(&self, tenant: &str, scores: &[Score]) -> Result<(), StoreError> {
        text::key("the id of a tenant", tenant)?;
        for score in scores {
            if let Some(group) = &score.group {
                text::key("the device group of a score", group)?;
            }
            if !score.score.is_finite() {
                return Err(StoreError::Unfit {
                    what: "a score",
                    why: "it is no number",
                });
            }
        }
        if scores.is_empty() {
            return Ok(());
        }
        // In order of the key: two servers that put the same scores never wait for each other in a circle.
        let mut ordered: Vec<&Score> = scores.iter().collect();
        ordered.sort_by_key(|score| (score.kind, hour(score.at), &score.group, score.at));
        writing!(self, |transaction| {
            for score in ordered {
                let at = time::of(score.at);
                sqlx::query(PUT)
                    .bind(tenant)
                    .bind(score.kind.number())
                    .bind(hour(score.at))
                    .bind(score.group.as_deref().unwrap_or_default())
                    .bind(at)
                    .bind(score.score)
                    .execute(&mut *transaction)
                    .await?;
            }
            Ok(transaction.commit().await?)
        })
    }

    /// The scores of a kind since a moment, in order of time; those of one moment in order of group, all machines
    /// first.
    pub async fn scores(
        &self,
        tenant: &str,
        kind: ScoreKind,
        since: Timestamp,
    ) -> Result<Vec<Score>, StoreError> {
        let rows: Vec<(i64, String, f64)> = reading!(self, |pool| sqlx::query_as(SINCE)
            .bind(tenant)
            .bind(kind.number())
            .bind(hour(since))
            .bind(time::of(since))
            .fetch_all(pool)
            .await?);
        let scores = rows.into_iter().map(|(at, group, score)| {
            Ok(Score {
                kind,
                at: time::to(at)?,
                group: Some(group).filter(|group| !group.is_empty()),
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
