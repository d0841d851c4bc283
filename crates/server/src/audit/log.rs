//! Writes records beside the requests: in batches, from a queue that is bounded and loses nothing in silence.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kbgap_store::{AuditActor, AuditOutcome, AuditRecord, Store};
use tokio::sync::{mpsc, oneshot};

use super::{Act, Who};

/// How many records wait to be written at most: some 30 MB.
const QUEUE: usize = 65_536;
/// How many are written at once.
const BATCH: usize = 2_000;
/// For how long records are collected: a commit costs the disk the same for one and for many.
const COLLECT: Duration = Duration::from_millis(200);
/// After what time a write that failed is tried again, at first and at most.
const AGAIN: Duration = Duration::from_millis(250);
const AGAIN_AT_MOST: Duration = Duration::from_secs(15);
/// How long the end waits for what is not written yet.
const LAST: Duration = Duration::from_secs(10);

/// The audit trail of a service.
#[derive(Debug, Clone)]
pub(crate) struct AuditLog {
    queue: mpsc::Sender<Message>,
    lost: Arc<AtomicU32>,
}

enum Message {
    Record(Box<AuditRecord>),
    /// All before it is to be written.
    Flush(oneshot::Sender<()>),
}

impl AuditLog {
    /// Starts writing to a store, until all clones of this are gone.
    pub(crate) fn start(store: Store) -> Self {
        Self::with_queue(store, QUEUE)
    }

    fn with_queue(store: Store, length: usize) -> Self {
        let (queue, received) = mpsc::channel(length);
        let lost = Arc::<AtomicU32>::default();
        tokio::spawn(write(store, received, lost.clone()));
        Self { queue, lost }
    }

    /// Records something. Returns at once; what does not fit into the queue is counted, and told when there is room.
    pub(crate) fn record(&self, act: Act) {
        let record = Box::new(act.record());
        trace(&record);
        if self.queue.try_send(Message::Record(record)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all that was recorded is written, or no longer than is sensible.
    pub(crate) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        let flushed = async {
            if self.queue.send(Message::Flush(done)).await.is_ok() {
                let _ = written.await;
            }
        };
        if tokio::time::timeout(LAST, flushed).await.is_err() {
            tracing::error!("the database does not take the last records of the audit trail");
        }
    }
}

/// The same in the log: what happens often there is for those who look closely.
fn trace(record: &AuditRecord) {
    let AuditRecord {
        tenant,
        actor_kind,
        actor,
        action,
        target,
        peer,
        outcome,
        detail,
        ..
    } = record;
    let (kind, outcome) = (actor_kind.name(), outcome.name());
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(target: "kbgap::audit", action, outcome, kind, actor, tenant, target, peer, detail, "audit")
        };
    }
    if action.starts_with("report") {
        event!(debug);
    } else {
        event!(info);
    }
}

async fn write(store: Store, mut queue: mpsc::Receiver<Message>, lost: Arc<AtomicU32>) {
    let mut messages = Vec::new();
    while queue.recv_many(&mut messages, BATCH).await > 0 {
        if messages.len() < BATCH {
            tokio::time::sleep(COLLECT).await;
            while messages.len() < BATCH
                && let Ok(message) = queue.try_recv()
            {
                messages.push(message);
            }
        }
        let mut records = Vec::with_capacity(messages.len());
        let mut waiting = Vec::new();
        for message in messages.drain(..) {
            match message {
                Message::Record(record) => records.push(*record),
                Message::Flush(done) => waiting.push(done),
            }
        }
        let missed = lost.swap(0, Ordering::Relaxed);
        if missed > 0 {
            tracing::error!(
                missed,
                "the audit trail cannot be written as fast as records come: some are lost"
            );
            let mut act = Act::new(Who::Service, "audit.lost").with(AuditOutcome::Failed);
            act.times = missed;
            records.push(act.record());
        }
        append(&store, &folded(records), &lost).await;
        for done in waiting {
            let _ = done.send(());
        }
    }
}

/// Writes records, however often it takes: they are few, and whoever waits for them sees no failure.
async fn append(store: &Store, records: &[AuditRecord], lost: &AtomicU32) {
    let mut wait = AGAIN;
    while let Err(error) = store.append_audit(records).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            records = records.len(),
            lost = lost.load(Ordering::Relaxed),
            "the audit trail cannot be written; trying again"
        );
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(AGAIN_AT_MOST);
    }
}

/// Refusals of nobody known that differ in nothing but their moment become one: whoever tries the same thing over and over
/// does not fill the database.
fn folded(records: Vec<AuditRecord>) -> Vec<AuditRecord> {
    let mut places: HashMap<[Option<String>; 5], usize> = HashMap::new();
    let mut folded: Vec<AuditRecord> = Vec::with_capacity(records.len());
    for record in records {
        if record.outcome == AuditOutcome::Refused && record.actor_kind == AuditActor::Unknown {
            let key = [
                record.tenant.clone(),
                Some(record.action.clone()),
                record.target.clone(),
                record.peer.clone(),
                record.detail.clone(),
            ];
            if let Some(first) = places.get(&key).and_then(|place| folded.get_mut(*place)) {
                first.times = first.times.saturating_add(record.times);
                continue;
            }
            places.insert(key, folded.len());
        }
        folded.push(record);
    }
    folded
}

#[cfg(test)]
mod tests {
    use kbgap_store::AuditQuery;

    use super::*;

    async fn store(folder: &tempfile::TempDir) -> Store {
        Store::open_file(&folder.path().join("kbgap.db"))
            .await
            .unwrap()
    }

    async fn all(store: &Store) -> Vec<AuditRecord> {
        let query = AuditQuery {
            limit: 10_000,
            ..AuditQuery::default()
        };
        store.audit(&query).await.unwrap()
    }

    fn refusal() -> Act {
        Act::new(Who::Unknown, "token.issue").with(AuditOutcome::Refused)
    }

    #[tokio::test]
    async fn records_are_written_in_batches() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let log = AuditLog::start(store.clone());
        for number in 0..5_000 {
            log.record(Act::new(Who::Service, "report.send").on(number.to_string()));
        }
        log.flush().await;
        let written = all(&store).await;
        assert_eq!(written.len(), 5_000);
    }

    #[tokio::test]
    async fn what_nobody_tries_often_is_one_record() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let log = AuditLog::start(store.clone());
        for _ in 0..100 {
            log.record(refusal());
            log.record(refusal().on("other"));
            log.record(Act::new(Who::Application("c".into()), "x").with(AuditOutcome::Refused));
        }
        log.flush().await;
        let written = all(&store).await;
        let unknown = |record: &&AuditRecord| record.actor_kind == AuditActor::Unknown;
        assert_eq!(written.iter().filter(unknown).count(), 2);
        let times: u32 = written.iter().map(|record| record.times).sum();
        assert_eq!((written.len(), times), (102, 300));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_does_not_fit_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let log = AuditLog::with_queue(store.clone(), 10);
        // The writer does not run before this waits.
        for _ in 0..15 {
            log.record(Act::new(Who::Service, "report.send"));
        }
        log.flush().await;
        let written = all(&store).await;
        let lost = written.iter().find(|record| record.action == "audit.lost");
        assert_eq!(lost.map(|record| record.times), Some(5));
        assert_eq!(written.len(), 11);
    }
}
