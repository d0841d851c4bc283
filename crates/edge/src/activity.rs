//! Whether anything moves on a connection.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

/// What moves on a connection, and when something last did.
pub(crate) struct Activity {
    start: Instant,
    /// Milliseconds after the start.
    last: AtomicU64,
    under_way: AtomicUsize,
}

/// A request under way, until it is dropped.
pub(crate) struct UnderWay(Arc<Activity>);

/// Why nothing is to be waited for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// No request came.
    Idle,
    /// One is under way, but nothing moves.
    Stalled,
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            last: AtomicU64::new(0),
            under_way: AtomicUsize::new(0),
        })
    }

    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.moved();
        UnderWay(self.clone())
    }

    fn moved(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// Waits until no request came for so long, or nothing moved of those under way.
    pub(crate) async fn quiet(&self, idle: Duration, stalled: Duration) -> Quiet {
        loop {
            let (quiet, long) = match self.under_way.load(Ordering::Relaxed) {
                0 => (Quiet::Idle, idle),
                _ => (Quiet::Stalled, stalled),
            };
            let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
            let until = self.start + last + long;
            if until <= Instant::now() {
                return quiet;
            }
            // What begins or ends meanwhile may end sooner: it is looked again by then.
            tokio::time::sleep_until(until.min(Instant::now() + idle.min(stalled))).await;
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.moved();
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer: each piece taken is a movement, and the request is under way until all are.
pub(crate) struct Answered {
    pub(crate) body: Body,
    pub(crate) under_way: UnderWay,
}

impl http_body::Body for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.under_way.0.moved();
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a request, which has to come at a pace.
pub(crate) struct Paced<B> {
    body: B,
    activity: Arc<Activity>,
    pace: Pace,
    /// The wait that is under way, and its end.
    waiting: Option<(Instant, Pin<Box<tokio::time::Sleep>>)>,
}

/// How long a body was waited for, and how long it may be.
struct Pace {
    /// What is left to wait.
    left: Duration,
    /// How many bytes earn a second.
    rate: u32,
}

impl Pace {
    fn came(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.left += Duration::from_secs(bytes.into()) / self.rate.max(1);
    }
}

/// A body that comes too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the body comes too slowly")]
struct TooSlow;

impl<B> Paced<B> {
    pub(crate) fn new(body: B, activity: &Arc<Activity>, wait: Duration, rate: u32) -> Self {
        Self {
            body,
            activity: activity.clone(),
            pace: Pace { left: wait, rate },
            waiting: None,
        }
    }
}

impl<B> http_body::Body for Paced<B>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(frame) => {
                this.activity.moved();
                // Only what is waited for counts: while the service has enough to do, it does not ask.
                if let Some((since, _)) = this.waiting.take() {
                    this.pace.left = this.pace.left.saturating_sub(since.elapsed());
                }
                if let Some(Ok(frame)) = &frame {
                    this.pace.came(frame.data_ref().map_or(0, Bytes::len));
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let left = this.pace.left;
                let (_, end) = this
                    .waiting
                    .get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(left))));
                end.as_mut()
                    .poll(context)
                    .map(|()| Some(Err(TooSlow.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
