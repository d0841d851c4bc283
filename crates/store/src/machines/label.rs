//! Device groups, tags, values and exclusions.

use jiff::Timestamp;

use super::batch::{Batch, LabelRow, StateRow, Under};
use super::value::{DeviceValue, ExclusionReason};
use crate::backend::{CHUNK, Dialect, Listed, listed, writing};
use crate::{Store, StoreError, changes, text, time};

/// What is changed of machines' labels. Tags are replaced first, then removed, then added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels {
    /// The device group: none leaves it, `Some(None)` takes the machine out of any.
    pub group: Option<Option<String>>,
    /// Exactly the tags that the machines have from now on, in place of what they have; none leaves those.
    pub set_tags: Option<Vec<String>>,
    /// Tags that the machines get, where they do not have them.
    pub add_tags: Vec<String>,
    /// Tags that the machines lose.
    pub remove_tags: Vec<String>,
    /// What the machines are worth; none leaves it.
    pub value: Option<DeviceValue>,
    /// Why the machines are excluded: none leaves it, `Some(None)` includes them.
    pub exclusion: Option<Option<ExclusionReason>>,
}

/// The labels of a machine, as they are read, and its state.
type Columns = (String, Option<String>, String, i64, Option<i64>, Vec<u8>);

const KNOWN: Listed = listed!(
    "SELECT machine, device_group, tags, device_value, exclusion, state FROM machines WHERE tenant = $1 AND machine"
    texts "$2" ""
);

impl Store {
    /// Labels machines of a tenant, all in one transaction; how many of them are known. The sequence is raised where a
    /// label changes; the history says when machines are excluded and included.
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
        for tag in labels.set_tags.iter().flatten().chain(&labels.add_tags) {
            text::plain("a tag", tag)?;
        }
        let now = time::of(Timestamp::now());
        writing!(self, |transaction, dialect| {
            let sequence: i64 = sqlx::query_scalar(changes::RAISE)
                .bind(tenant)
                .fetch_one(&mut *transaction)
                .await?;
            let mut known: Vec<Columns> = Vec::with_capacity(machines.len());
            for some in machines.chunks(CHUNK) {
                let rows: Vec<Columns> = sqlx::query_as(dialect.sql(KNOWN))
                    .bind(tenant)
                    .bind(dialect.texts(some))
                    .fetch_all(&mut *transaction)
                    .await?;
                known.extend(rows);
            }
            // A machine named twice, in different chunks, is one machine.
            known.sort();
            known.dedup();
            let (mut changed, mut states) = (Vec::new(), Vec::new());
            for columns in &known {
                if let Some(row) = changed_row(columns, &labels)? {
                    states.extend(entered(columns, &row, now));
                    changed.push(row);
                }
            }
            if changed.is_empty() {
                transaction.rollback().await?;
                return Ok(known.len());
            }
            let under = Under { tenant, sequence };
            transaction.put_labels(under, &changed).await?;
            transaction.put_states(under, &states).await?;
            sqlx::query(changes::LOG)
                .bind(tenant)
                .bind(sequence)
                .bind(now)
                .bind(changes::pack(changed.iter().map(|row| row.machine)))
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(known.len())
        })
    }
}

/// The row of a machine with its new labels, where they are others than before.
fn changed_row<'a>(
    (machine, group, tags, value, exclusion, _): &'a Columns,
    labels: &'a Labels,
) -> Result<Option<LabelRow<'a>>, StoreError> {
    let new_group = labels
        .group
        .as_ref()
        .map_or(group.as_deref(), Option::as_deref);
    let new_tags = pack(&relabel(unpack(tags)?, labels));
    let new_value = labels.value.map_or(*value, DeviceValue::number);
    let new_exclusion = labels.exclusion.map_or(*exclusion, |exclusion| {
        exclusion.map(ExclusionReason::number)
    });
    let alike = new_group == group.as_deref()
        && new_tags == *tags
        && new_value == *value
        && new_exclusion == *exclusion;
    Ok((!alike).then_some(LabelRow {
        machine,
        group: new_group,
        tags: new_tags,
        value: new_value,
        exclusion: new_exclusion,
    }))
}

/// The state that a machine enters by being excluded, which is none, or by being included again.
fn entered<'a>(
    (machine, _, _, _, before, state): &'a Columns,
    row: &LabelRow<'_>,
    now: i64,
) -> Option<StateRow<'a>> {
    (before.is_some() != row.exclusion.is_some()).then(|| StateRow {
        machine,
        since: now,
        received_at: now,
        state: if row.exclusion.is_some() { &[] } else { state },
    })
}

fn relabel(tags: Vec<String>, labels: &Labels) -> Vec<String> {
    let (mut tags, set) = match &labels.set_tags {
        Some(set) => (Vec::new(), set.as_slice()),
        None => (tags, [].as_slice()),
    };
    let add = |some: &[String], tags: &mut Vec<String>| {
        for tag in some {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
    };
    add(set, &mut tags);
    tags.retain(|tag| !labels.remove_tags.contains(tag));
    add(&labels.add_tags, &mut tags);
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
