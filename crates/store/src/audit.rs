//! The audit trail: who did what, from where, and what came of it. Rows are added and, when they are old, dropped.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::backend::{Dialect, Listed, reading, writing};
use crate::{Store, StoreError, time};

/// The kind of who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditActor {
    /// An application, by its client id.
    Application,
    /// A person, by object id or name.
    Person,
    /// A user of the operating system, at the command line.
    CommandLine,
    /// A host that reports, by the id of what it enrolled with.
    Host,
    /// Nobody who proved who they are.
    Unknown,
    /// The service itself.
    Service,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditOutcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
    /// It failed.
    Failed,
}

impl AuditActor {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Application,
        Self::Person,
        Self::CommandLine,
        Self::Host,
        Self::Unknown,
        Self::Service,
    ];

    /// The kind of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Person => "person",
            Self::CommandLine => "commandLine",
            Self::Host => "host",
            Self::Unknown => "unknown",
            Self::Service => "service",
        }
    }
}

impl AuditOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Done, Self::Refused, Self::Failed];

    /// The outcome of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One thing that was done, or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its id, a GUID: written again, it stays one.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// In which tenant, where it is of one.
    pub tenant: Option<String>,
    /// The kind of who did it.
    pub actor_kind: AuditActor,
    /// Who did it.
    pub actor: String,
    /// What: `token.issue`, `machine.tags`.
    pub action: String,
    /// To what.
    pub target: Option<String>,
    /// From which address.
    pub peer: Option<String>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// More, in words.
    pub detail: Option<String>,
    /// How often the same happened, where one record stands for several.
    pub times: u32,
}

/// Which records are asked for.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Of this tenant, and those of none.
    pub tenant: Option<String>,
    /// By this one.
    pub actor: Option<String>,
    /// This action, or those of which it is the first part: `token` is `token.issue` too.
    pub action: Option<String>,
    /// With this outcome.
    pub outcome: Option<AuditOutcome>,
    /// The latest so many.
    pub limit: u32,
}

#[derive(sqlx::FromRow)]
struct Row {
    at: i64,
    id: String,
    tenant: Option<String>,
    actor_kind: String,
    actor: String,
    action: String,
    target: Option<String>,
    peer: Option<String>,
    outcome: String,
    detail: Option<String>,
    times: i64,
}

/// Records come as one JSON array: a batch is one statement.
const APPEND: Listed = Listed {
    sqlite: "INSERT INTO audit
            (at, id, tenant, actor_kind, actor, action, target, peer, outcome, detail, times)
        SELECT value ->> 'at', value ->> 'id', value ->> 'tenant', value ->> 'actor_kind', value ->> 'actor',
            value ->> 'action', value ->> 'target', value ->> 'peer', value ->> 'outcome', value ->> 'detail',
            value ->> 'times'
        FROM json_each($1) WHERE TRUE ON CONFLICT DO NOTHING",
    postgres: "INSERT INTO audit
            (at, id, tenant, actor_kind, actor, action, target, peer, outcome, detail, times)
        SELECT at, id, tenant, actor_kind, actor, action, target, peer, outcome, detail, times
        FROM json_to_recordset(CAST($1 AS JSON)) AS r (at BIGINT, id TEXT, tenant TEXT, actor_kind TEXT, actor TEXT,
            action TEXT, target TEXT, peer TEXT, outcome TEXT, detail TEXT, times BIGINT)
        ON CONFLICT DO NOTHING",
};

const FIND: &str = "SELECT at, id, tenant, actor_kind, actor, action, target, peer, outcome, detail, times
    FROM audit
    WHERE at >= $1 AND at < $2
        AND (CAST($3 AS TEXT) IS NULL OR tenant IS NULL OR tenant = $3)
        AND (CAST($4 AS TEXT) IS NULL OR actor = $4)
        AND (CAST($5 AS TEXT) IS NULL OR action = $5 OR substr(action, 1, length($5) + 1) = $5 || '.')
        AND (CAST($6 AS TEXT) IS NULL OR outcome = $6)
    ORDER BY at DESC, id DESC LIMIT $7";

const TRIM: &str = "DELETE FROM audit WHERE at < $1";

impl Store {
    /// Adds records to the audit trail, all or none. What was added before is not added again.
    ///
    /// A NUL in a text, which a database may not be able to keep, becomes a blank: a record is never left out for it.
    pub async fn append_audit(&self, records: &[AuditRecord]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let records: Vec<Value> = records.iter().map(value).collect();
        let records = Value::from(records).to_string();
        writing!(self, |transaction, dialect| {
            sqlx::query(dialect.sql(APPEND))
                .bind(&records)
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }

    /// Records of the audit trail, the oldest first; where there are more than asked for, the latest of them.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        let rows: Vec<Row> = reading!(self, |pool| sqlx::query_as(FIND)
            .bind(query.since.map_or(i64::MIN, time::of))
            .bind(query.until.map_or(i64::MAX, time::of))
            .bind(&query.tenant)
            .bind(&query.actor)
            .bind(&query.action)
            .bind(query.outcome.map(AuditOutcome::name))
            .bind(i64::from(query.limit))
            .fetch_all(pool)
            .await?);
        rows.into_iter().rev().map(record).collect()
    }

    /// Drops the records from before a moment.
    pub async fn trim_audit(&self, before: Timestamp) -> Result<(), StoreError> {
        writing!(self, |transaction| {
            sqlx::query(TRIM)
                .bind(time::of(before))
                .execute(&mut *transaction)
                .await?;
            Ok(transaction.commit().await?)
        })
    }
}

fn value(record: &AuditRecord) -> Value {
    let plain = |text: &str| text.replace('\0', " ");
    let maybe = |text: &Option<String>| text.as_deref().map(plain);
    json!({
        "at": time::of(record.at),
        "id": plain(&record.id),
        "tenant": maybe(&record.tenant),
        "actor_kind": record.actor_kind.name(),
        "actor": plain(&record.actor),
        "action": plain(&record.action),
        "target": maybe(&record.target),
        "peer": maybe(&record.peer),
        "outcome": record.outcome.name(),
        "detail": maybe(&record.detail),
        "times": record.times,
    })
}

fn record(row: Row) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        id: row.id,
        at: time::to(row.at)?,
        tenant: row.tenant,
        actor_kind: AuditActor::of_name(&row.actor_kind)
            .ok_or(StoreError::Damaged("a kind in the audit trail is none"))?,
        actor: row.actor,
        action: row.action,
        target: row.target,
        peer: row.peer,
        outcome: AuditOutcome::of_name(&row.outcome)
            .ok_or(StoreError::Damaged("an outcome in the audit trail is none"))?,
        detail: row.detail,
        times: u32::try_from(row.times).unwrap_or(u32::MAX),
    })
}
