//! Software by number: machines hold numbers, and this table says what they are.

use std::collections::{HashMap, HashSet};

use crate::backend::{CHUNK, Dialect, Listed, listed, reading, writing};
use crate::machines::{Batch, SoftwareRow};
use crate::{Store, StoreError, text};

/// A software with its version, as machines report it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SoftwareEntry {
    /// Who makes it; empty where that is not said.
    pub vendor: String,
    /// Its name.
    pub name: String,
    /// Its version; empty where that is not said.
    pub version: String,
}

/// How many entries are given at once.
const PAGE: i64 = 5000;

const KNOWN: Listed = listed!(
    "SELECT digest, id FROM software WHERE tenant = $1 AND digest" bytes "$2" ""
);

/// The last number given, with the tenant's row held.
const LAST: &str = "INSERT INTO sequences (tenant, value, trimmed, software) VALUES ($1, 0, 0, 0)
    ON CONFLICT (tenant) DO UPDATE SET software = sequences.software
    RETURNING software";

const SET_LAST: &str = "UPDATE sequences SET software = $2 WHERE tenant = $1";

const AFTER: &str = "SELECT id, vendor, name, version FROM software
    WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";

type Key = [u8; 16];

impl Store {
    /// The numbers of some software, in their order. What is not known yet gets the next number of the tenant; numbers
    /// begin at 1, have no gaps and never change. Servers that ask at once are given the same.
    pub async fn software_ids(
        &self,
        tenant: &str,
        entries: &[SoftwareEntry],
    ) -> Result<Vec<u32>, StoreError> {
        text::key("the id of a tenant", tenant)?;
        for entry in entries {
            text::plain("the vendor of a software", &entry.vendor)?;
            text::plain("the name of a software", &entry.name)?;
            text::plain("the version of a software", &entry.version)?;
        }
        let keys: Vec<Key> = entries.iter().map(key).collect();
        let mut ids: HashMap<Key, u32> = HashMap::new();
        for some in distinct(&keys, &ids).chunks(CHUNK) {
            let rows: Vec<(Vec<u8>, i64)> = reading!(self, |pool, dialect| {
                sqlx::query_as(dialect.sql(KNOWN))
                    .bind(tenant)
                    .bind(dialect.bytes(some))
                    .fetch_all(pool)
                    .await?
            });
            learn(&mut ids, rows)?;
        }
        if keys.iter().any(|key| !ids.contains_key(key)) {
            self.add_software(tenant, entries, &keys, &mut ids).await?;
        }
        let id = |key| {
            ids.get(key)
                .copied()
                .ok_or(StoreError::Damaged("a software has no number"))
        };
        keys.iter().map(id).collect()
    }

    async fn add_software(
        &self,
        tenant: &str,
        entries: &[SoftwareEntry],
        keys: &[Key],
        ids: &mut HashMap<Key, u32>,
    ) -> Result<(), StoreError> {
        writing!(self, |transaction, dialect| {
            let mut last: i64 = sqlx::query_scalar(LAST)
                .bind(tenant)
                .fetch_one(&mut *transaction)
                .await?;
            // Another server may have added some of them while this one came to hold the row.
            for some in distinct(keys, ids).chunks(CHUNK) {
                let rows: Vec<(Vec<u8>, i64)> = sqlx::query_as(dialect.sql(KNOWN))
                    .bind(tenant)
                    .bind(dialect.bytes(some))
                    .fetch_all(&mut *transaction)
                    .await?;
                learn(ids, rows)?;
            }
            let mut rows = Vec::new();
            for (entry, key) in entries.iter().zip(keys) {
                if ids.contains_key(key) {
                    continue;
                }
                last += 1;
                ids.insert(*key, number(last)?);
                rows.push(SoftwareRow {
                    id: last,
                    digest: key,
                    vendor: &entry.vendor,
                    name: &entry.name,
                    version: &entry.version,
                });
            }
            transaction.put_software(tenant, &rows).await?;
            sqlx::query(SET_LAST)
                .bind(tenant)
                .bind(last)
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }

    /// Some software of a tenant in order of number, beginning after `id`; empty at the end.
    pub async fn software_after(
        &self,
        tenant: &str,
        id: u32,
    ) -> Result<Vec<(u32, SoftwareEntry)>, StoreError> {
        let rows: Vec<(i64, String, String, String)> = reading!(self, |pool| sqlx::query_as(AFTER)
            .bind(tenant)
            .bind(i64::from(id))
            .bind(PAGE)
            .fetch_all(pool)
            .await?);
        rows.into_iter()
            .map(|(id, vendor, name, version)| {
                Ok((
                    number(id)?,
                    SoftwareEntry {
                        vendor,
                        name,
                        version,
                    },
                ))
            })
            .collect()
    }
}

/// The digest by which an entry is found. Lengths keep apart what merely reads the same when joined.
fn key(entry: &SoftwareEntry) -> Key {
    let mut hasher = blake3::Hasher::new();
    for text in [&entry.vendor, &entry.name, &entry.version] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut key = Key::default();
    hasher.finalize_xof().fill(&mut key);
    key
}

/// The keys that have no number yet, each once.
fn distinct<'a>(keys: &'a [Key], known: &HashMap<Key, u32>) -> Vec<&'a [u8]> {
    let mut seen = HashSet::new();
    let new = keys
        .iter()
        .filter(|key| !known.contains_key(*key) && seen.insert(**key));
    new.map(Key::as_slice).collect()
}

fn learn(ids: &mut HashMap<Key, u32>, rows: Vec<(Vec<u8>, i64)>) -> Result<(), StoreError> {
    for (digest, id) in rows {
        let key = Key::try_from(digest)
            .map_err(|_| StoreError::Damaged("the digest of a software has another length"))?;
        ids.insert(key, number(id)?);
    }
    Ok(())
}

fn number(id: i64) -> Result<u32, StoreError> {
    u32::try_from(id).map_err(|_| StoreError::Damaged("the number of a software is out of range"))
}
