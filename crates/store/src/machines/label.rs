//! Device groups and tags.

use jiff::Timestamp;

use super::batch::{Batch, LabelRow, Under};
use crate::backend::{CHUNK, Dialect, Listed, listed, writing};
use crate::{Store, StoreError, changes, text, time};

/// What is changed of machines' labels. Tags are removed first, then added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// The device group: none leaves it, `Some(None)` takes the machine out of any.
    pub group: Option<Option<String>>,
    /// Tags that the machines get, where they do not have them.
    pub add_tags: Vec<String>,
    /// Tags that the machines lose.
    pub remove_tags: Vec<String>,
}

const KNOWN: Listed = listed!(
    "SELECT machine, device_group, tags FROM machines WHERE tenant = $1 AND machine" texts "$2" ""
);

impl Store {
    /// Labels machines of a tenant, all in one transaction; how many of them are known. The sequence is raised where a
    /// label changes.
    pub async fn label_machines(
        &self,
        tenant: &str,
        machines: &[&str],
        labels: Labels,
    ) -> Result<usize, StoreError> {
        text::key("the id of a tenant", tenant)?;
        if let Some(Some(group)) = &labels.group {
            text::plain("a device group", group)?;
        }
        for tag in &labels.add_tags {
            text::plain("a tag", tag)?;
        }
        writing!(self, |transaction, dialect| {
            let sequence: i64 = sqlx::query_scalar(changes::RAISE)
                .bind(tenant)
                .fetch_one(&mut *transaction)
                .await?;
            let mut known: Vec<(String, Option<String>, String)> =
                Vec::with_capacity(machines.len());
            for some in machines.chunks(CHUNK) {
                let rows: Vec<(String, Option<String>, String)> =
                    sqlx::query_as(dialect.sql(KNOWN))
                        .bind(tenant)
                        .bind(dialect.texts(some))
                        .fetch_all(&mut *transaction)
                        .await?;
                known.extend(rows);
            }
            // A machine named twice, in different chunks, is one machine.
            known.sort();
            known.dedup();
            let mut changed = Vec::new();
            for (machine, group, tags) in &known {
                let new_group = labels
                    .group
                    .as_ref()
                    .map_or(group.as_deref(), Option::as_deref);
                let new_tags = pack(&relabel(unpack(tags)?, &labels));
                if new_group != group.as_deref() || new_tags != *tags {
                    changed.push(LabelRow {
                        machine,
                        group: new_group,
                        tags: new_tags,
                    });
                }
            }
            if changed.is_empty() {
                transaction.rollback().await?;
                return Ok(known.len());
            }
            transaction
                .put_labels(Under { tenant, sequence }, &changed)
                .await?;
            sqlx::query(changes::LOG)
                .bind(tenant)
                .bind(sequence)
                .bind(time::of(Timestamp::now()))
                .bind(changes::pack(changed.iter().map(|row| row.machine)))
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(known.len())
        })
    }
}

fn relabel(mut tags: Vec<String>, labels: &Labels) -> Vec<String> {
    tags.retain(|tag| !labels.remove_tags.contains(tag));
    for tag in &labels.add_tags {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    tags
}

fn pack(tags: &[String]) -> String {
    serde_json::Value::from(tags).to_string()
}

pub(super) fn unpack(tags: &str) -> Result<Vec<String>, StoreError> {
    // Most machines have none.
    if tags == "[]" {
        return Ok(Vec::new());
    }
    serde_json::from_str(tags)
        .map_err(|_| StoreError::Damaged("the tags of a machine are not as written"))
}
