//! `kbgap catalog import`: documents and release histories from files.
//!
//! One thread a core reads documents; this one stores them, each in a transaction of its own, so
//! that a damaged file costs itself only.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use indicatif::ProgressBar;
use kbgap_feed::files::{self, Content, Found, Limits};
use kbgap_server::audit::Act;
use kbgap_store::Store;

use super::record::{Record, Unread};
use super::summary::Summary;
use super::{compile, runtime};
use crate::audit;
use crate::cli::ImportArgs;
use crate::data_dir::DataDir;
use crate::output;

/// What a reading thread hands over.
enum Message {
    Read(Result<Box<Record>, (String, Unread)>),
    Skipped,
    Failed(String, String),
    FileDone,
}

pub(crate) fn run(args: &ImportArgs, data_dir: &DataDir) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let store = data_dir.store().await?;
        let summary = import(&store, &args.paths)?;
        if summary.has_changed() || (summary.read > 0 && !data_dir.has_catalog()) {
            compile(&store, data_dir).await?;
        }
        audit::record(&store, Act::new(audit::user(), "catalog.import")).await?;
        store.close().await;
        summary.finish(args.json)
    })
}

fn import(store: &Store, paths: &[PathBuf]) -> anyhow::Result<Summary> {
    let limits = Limits::default();
    let mut summary = Summary::default();
    let mut queue = Vec::new();
    for listed in files::list(paths, &limits) {
        match listed {
            Ok(file) => queue.push(file),
            Err(found) => note(&mut summary, found),
        }
    }
    let bar = output::progress(queue.len(), "importing");
    let threads = thread::available_parallelism().map_or(1, Into::into);
    // The last first: it is popped from the end.
    queue.reverse();
    let queue = Mutex::new(queue);
    // Bounded: reading waits for storing, so memory does not grow.
    let (sender, receiver) = sync_channel(2 * threads);
    thread::scope(|scope| {
        for _ in 0..threads {
            let (queue, sender) = (&queue, sender.clone());
            scope.spawn(move || read_files(queue, &limits, &sender));
        }
        drop(sender);
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| store_all(store, &runtime, &receiver, &bar, &mut summary))
    })?;
    bar.finish_and_clear();
    Ok(summary)
}

fn note(summary: &mut Summary, found: Found) {
    match found.content {
        Content::Failed(error) => summary.fail(found.origin, error.to_string()),
        Content::NotADocument | Content::Document(_) => summary.skip(NOT_A_DOCUMENT),
    }
}

const NOT_A_DOCUMENT: &str = "not a document by its name";

fn read_files(queue: &Mutex<Vec<PathBuf>>, limits: &Limits, sender: &SyncSender<Message>) {
    loop {
        let next = queue.lock().ok().and_then(|mut queue| queue.pop());
        let Some(file) = next else { return };
        // Sending fails where storing failed: then there is nothing left to do.
        let mut take = |found: Found| {
            let message = match found.content {
                Content::Document(bytes) => Message::Read(
                    Record::read(&found.origin, &bytes)
                        .map(Box::new)
                        .map_err(|error| (found.origin, error)),
                ),
                Content::NotADocument => Message::Skipped,
                Content::Failed(error) => Message::Failed(found.origin, error.to_string()),
            };
            sender.send(message).is_ok()
        };
        files::read(&file, limits, &mut take);
        if sender.send(Message::FileDone).is_err() {
            return;
        }
    }
}

fn store_all(
    store: &Store,
    runtime: &tokio::runtime::Handle,
    receiver: &Receiver<Message>,
    bar: &ProgressBar,
    summary: &mut Summary,
) -> anyhow::Result<()> {
    while let Ok(message) = receiver.recv() {
        match message {
            Message::Read(Ok(record)) => {
                bar.set_message(record.row.title.clone());
                let put = runtime.block_on(record.put(store))?;
                summary.stored(&record, put);
            }
            Message::Read(Err((file, error))) => summary.fail(file, error.to_string()),
            Message::Skipped => summary.skip(NOT_A_DOCUMENT),
            Message::Failed(file, reason) => summary.fail(file, reason),
            Message::FileDone => bar.inc(1),
        }
    }
    summary.failed.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(())
}
