//! Software by number: machines hold numbers, and this table says what they are.

use std::collections::HashSet;

use crate::backend::{reading, writing};
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

/// The last number given, with the tenant's row held.
const LAST: &str = "INSERT INTO sequences (tenant, value, trimmed, software) VALUES ($1, 0, 0, 0)
    ON CONFLICT (tenant) DO UPDATE SET software = sequences.software
    RETURNING software";

const SET_LAST: &str = "UPDATE sequences SET software = $2 WHERE tenant = $1";

const AFTER: &str = "SELECT id, vendor, name, version FROM software
    WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";

impl Store {
    /// Gives each of some software a number that has none yet: the next one of the tenant. Numbers begin at 1, have no
    /// gaps and never change; servers that ask at once are given the same.
    ///
    /// The caller knows all numbers up to `after`, and that none of these entries is among them. What is returned is
    /// all that follows, in order of number: what others added meanwhile, and what was added now.
    pub async fn add_software(
        &self,
        tenant: &str,
        after: u32,
        entries: &[SoftwareEntry],
    ) -> Result<Vec<(u32, SoftwareEntry)>, StoreError> {
        text::key("the id of a tenant", tenant)?;
        for entry in entries {
            text::plain("the vendor of a software", &entry.vendor)?;
            text::plain("the name of a software", &entry.name)?;
            text::plain("the version of a software", &entry.version)?;
        }
        writing!(self, |transaction| {
            let last: i64 = sqlx::query_scalar(LAST)
                .bind(tenant)
                .fetch_one(&mut *transaction)
                .await?;
            let last = number(last)?;
            let mut all: Vec<(u32, SoftwareEntry)> = Vec::new();
            while let known = all.last().map_or(after, |(id, _)| *id)
                && known < last
            {
                let page = sqlx::query_as(AFTER)
                    .bind(tenant)
                    .bind(i64::from(known))
                    .bind(PAGE)
                    .fetch_all(&mut *transaction);
                let page = read(page.await?)?;
                if page.is_empty() {
                    return Err(StoreError::Damaged("numbers of software are missing"));
                }
                all.extend(page);
            }
            let mut known: HashSet<&SoftwareEntry> = all.iter().map(|(_, entry)| entry).collect();
            let new = entries.iter().filter(|entry| known.insert(entry));
            let new: Vec<(u32, SoftwareEntry)> = (last + 1..).zip(new.cloned()).collect();
            let rows: Vec<SoftwareRow<'_>> = new
                .iter()
                .map(|(id, entry)| SoftwareRow {
                    id: i64::from(*id),
                    vendor: &entry.vendor,
                    name: &entry.name,
                    version: &entry.version,
                })
                .collect();
            if let Some(last) = rows.last() {
                transaction.put_software(tenant, &rows).await?;
                sqlx::query(SET_LAST)
                    .bind(tenant)
                    .bind(last.id)
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await?;
            }
            all.extend(new);
            Ok(all)
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
        read(rows)
    }
}

fn read(rows: Vec<(i64, String, String, String)>) -> Result<Vec<(u32, SoftwareEntry)>, StoreError> {
    let rows = rows.into_iter();
    rows.map(|(id, vendor, name, version)| {
        let entry = SoftwareEntry {
            vendor,
            name,
            version,
        };
        Ok((number(id)?, entry))
    })
    .collect()
}

fn number(id: i64) -> Result<u32, StoreError> {
    u32::try_from(id).map_err(|_| StoreError::Damaged("the number of a software is out of range"))
}
