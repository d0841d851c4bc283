//! Reports as lines of JSON, of any number: no more than a few hundred are held at once.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use kbgap_inventory::{ReadError, ReadReport};
use kbgap_store::StoreError;
use tokio::io::AsyncRead;
use tokio::task::JoinHandle;
use tokio_util::codec::{AnyDelimiterCodec, AnyDelimiterCodecError, FramedRead};

use super::{Incoming, IngestSummary, Intake};

/// How many lines are stored at once.
const LINES: usize = 500;
/// How many bytes are stored at once, where lines are long.
const BYTES: usize = 8 << 20;
/// The longest line: a report with some ten thousand programs.
const LINE: usize = 8 << 20;
/// How many batches of one stream are under way: one is prepared while one is written.
const UNDER_WAY: usize = 2;
/// How many reports of a stream may be rejected before it is given up: it is of another form.
const REJECTED: usize = 10_000;
/// How long a stream may pause.
const PAUSE: Duration = Duration::from_secs(30);

/// Why a stream of reports was given up. What was stored stays; sent again, it changes nothing.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The store fails.
    #[error("the store failed. {}", stored(.summary))]
    Store {
        /// What was done before.
        summary: Box<IngestSummary>,
        /// Why.
        source: StoreError,
    },
    /// The stream broke off, or is of another form.
    #[error("{reason}. {}", stored(.summary))]
    Broken {
        /// What was done before.
        summary: Box<IngestSummary>,
        /// Why.
        reason: String,
    },
}

impl StreamError {
    /// How much was stored before, in words.
    pub fn progress(&self) -> String {
        let (Self::Store { summary, .. } | Self::Broken { summary, .. }) = self;
        stored(summary)
    }
}

fn stored(summary: &IngestSummary) -> String {
    let (taken, received) = (summary.taken(), summary.received);
    format!(
        "Of {received} reports {taken} are stored; send all again: what is stored changes nothing"
    )
}

impl Intake {
    /// Takes in reports as lines of JSON; `progress` is told how many were stored so far.
    ///
    /// # Errors
    /// Where the store fails, the stream breaks off or pauses for too long, or nearly nothing of it is a report.
    pub async fn take_lines(
        &self,
        stream: impl AsyncRead + Unpin,
        progress: impl Fn(usize),
    ) -> Result<IngestSummary, StreamError> {
        let codec = AnyDelimiterCodec::new_with_max_length(b"\n".to_vec(), b"\n".to_vec(), LINE);
        let mut lines = FramedRead::new(stream, codec);
        let mut stream = UnderWay {
            intake: self.clone(),
            batches: VecDeque::new(),
            summary: IngestSummary::default(),
        };
        let mut batch = Batch::default();
        loop {
            let next = tokio::time::timeout(PAUSE, lines.next()).await;
            let Ok(next) = next else {
                let reason = format!("nothing came for {} seconds", PAUSE.as_secs());
                return Err(stream.broken(batch, reason).await);
            };
            match next {
                None => break,
                Some(Ok(line)) if line.iter().all(u8::is_ascii_whitespace) => continue,
                Some(Ok(line)) => batch.push(Ok(line)),
                Some(Err(AnyDelimiterCodecError::MaxChunkLengthExceeded)) => {
                    batch.push(Err(format!("the line is longer than {LINE} bytes")));
                }
                Some(Err(AnyDelimiterCodecError::Io(error))) => {
                    return Err(stream.broken(batch, error.to_string()).await);
                }
            }
            if batch.is_full() {
                stream.push(std::mem::take(&mut batch)).await?;
                progress(stream.summary.received);
            }
        }
        stream.push(batch).await?;
        stream.finish().await
    }
}

/// Lines to be stored at once.
#[derive(Default)]
struct Batch {
    lines: Vec<Result<Bytes, String>>,
    bytes: usize,
}

impl Batch {
    fn push(&mut self, line: Result<Bytes, String>) {
        self.bytes += line.as_ref().map_or(0, Bytes::len);
        self.lines.push(line);
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= LINES || self.bytes >= BYTES
    }
}

/// Batches of a stream on their way to the store.
struct UnderWay {
    intake: Intake,
    batches: VecDeque<JoinHandle<Result<IngestSummary, StoreError>>>,
    summary: IngestSummary,
}

impl UnderWay {
    /// Sends a batch on its way; waits where enough are.
    async fn push(&mut self, batch: Batch) -> Result<(), StreamError> {
        if batch.lines.is_empty() {
            return Ok(());
        }
        if self.batches.len() >= UNDER_WAY {
            self.arrive().await?;
        }
        let intake = self.intake.clone();
        self.batches
            .push_back(tokio::spawn(store(intake, batch.lines)));
        if self.summary.rejected.len() > REJECTED {
            let first = &self.summary.rejected[0];
            let reason = format!(
                "over {REJECTED} reports were rejected, the first of them (number {}): {}",
                first.index, first.reason
            );
            return Err(self.gave_up(reason));
        }
        Ok(())
    }

    async fn arrive(&mut self) -> Result<(), StreamError> {
        let Some(batch) = self.batches.pop_front() else {
            return Ok(());
        };
        match batch.await {
            Ok(Ok(summary)) => {
                self.summary.add(summary);
                Ok(())
            }
            Ok(Err(source)) => Err(StreamError::Store {
                summary: Box::new(std::mem::take(&mut self.summary)),
                source,
            }),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    async fn finish(mut self) -> Result<IngestSummary, StreamError> {
        while !self.batches.is_empty() {
            self.arrive().await?;
        }
        Ok(self.summary)
    }

    /// The stream broke off: what came whole is stored still.
    async fn broken(mut self, batch: Batch, reason: String) -> StreamError {
        if let Err(error) = self.push(batch).await {
            return error;
        }
        while !self.batches.is_empty() {
            if let Err(error) = self.arrive().await {
                return error;
            }
        }
        self.gave_up(reason)
    }

    fn gave_up(&mut self, reason: String) -> StreamError {
        StreamError::Broken {
            summary: Box::new(std::mem::take(&mut self.summary)),
            reason,
        }
    }
}

async fn store(
    intake: Intake,
    lines: Vec<Result<Bytes, String>>,
) -> Result<IngestSummary, StoreError> {
    let read = tokio::task::spawn_blocking(move || {
        let lines = lines.into_iter();
        lines.map(incoming).collect::<Vec<Incoming>>()
    });
    match read.await {
        Ok(batch) => intake.take(batch).await,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// A line: one report.
fn incoming(line: Result<Bytes, String>) -> Incoming {
    let read =
        line.and_then(|line| kbgap_inventory::read(&line).map_err(|error| error.to_string()));
    match read {
        Ok(reports) => {
            let mut reports: VecDeque<Result<ReadReport, ReadError>> = reports.into();
            match (reports.pop_front(), reports.is_empty()) {
                (Some(report), true) => report.into(),
                _ => Incoming::failed(&"a line must be one report"),
            }
        }
        Err(reason) => Incoming::failed(&reason),
    }
}
