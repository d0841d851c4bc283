//! Foreign issuers: their keys, fetched and kept up to date beside the requests.
//!
//! Each issuer has a task of its own that fetches its keys: on schedule, and when a token comes that is signed by a key not
//! known as the issuer's. So there is one fetch at a time, however many requests wait for it; and only those wait.

mod fetch;
mod settings;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kbgap_identity::{ForeignIssuer, Verifier};
use kbgap_store::Store;
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use fetch::Fetcher;
pub use fetch::{BadUrl, FetchError};
pub use settings::{
    ApplicationsSetting, ApplicationsWord, BadIssuer, BadIssuerReason, ClaimsSetting, Cloud,
    IssuerSettings, ListSetting, PathSetting, validate,
};
pub(crate) use settings::{Configured, configured};

/// How long a request waits for keys.
const WAIT: Duration = Duration::from_secs(5);
/// After what time keys are fetched again that could not be had; each time again, it is twice as long.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// The foreign issuers of a service. What they do ends with it.
pub(crate) struct Issuers {
    watched: HashMap<Arc<str>, Watched>,
    _tasks: JoinSet<()>,
}

/// What requests know of the task of an issuer.
struct Watched {
    at_most_every: Duration,
    asked: Arc<Notify>,
    fetches: watch::Receiver<Fetches>,
}

/// The fetches of an issuer's keys.
#[derive(Debug, Clone, Copy)]
struct Fetches {
    /// When the last one began.
    began: Instant,
    /// Whether it is under way.
    running: bool,
    /// How many have ended.
    ended: u64,
}

impl Issuers {
    /// Accepts the tokens of these issuers, as soon as their keys are there.
    pub(crate) fn start(
        configured: Vec<Configured>,
        store: &Store,
        verifier: &Arc<Verifier>,
    ) -> Result<Self, FetchError> {
        let mut tasks = JoinSet::new();
        let mut watched = HashMap::new();
        if configured.is_empty() {
            return Ok(Self {
                watched,
                _tasks: tasks,
            });
        }
        let http = Fetcher::new()?;
        for configured in configured {
            let asked = Arc::new(Notify::new());
            let (told, fetches) = watch::channel(Fetches {
                began: Instant::now(),
                running: true,
                ended: 0,
            });
            watched.insert(
                configured.issuer.name.clone(),
                Watched {
                    at_most_every: configured.at_most_every,
                    asked: asked.clone(),
                    fetches,
                },
            );
            let task = Task {
                configured,
                http: http.clone(),
                store: store.clone(),
                verifier: verifier.clone(),
                asked,
                told,
                fetched_last: None,
                failures: 0,
            };
            tasks.spawn(task.run());
        }
        Ok(Self {
            watched,
            _tasks: tasks,
        })
    }

    /// Waits until the keys of an issuer were fetched again; `false` where they are not, since they were a short while
    /// ago, or since it takes too long.
    pub(crate) async fn refreshed(&self, name: &str) -> bool {
        let Some(watched) = self.watched.get(name) else {
            return false;
        };
        let mut fetches = watched.fetches.clone();
        let last = *fetches.borrow_and_update();
        if !last.running {
            if last.began.elapsed() < watched.at_most_every {
                return false;
            }
            watched.asked.notify_one();
        }
        let another = fetches.wait_for(|now| now.ended > last.ended);
        matches!(tokio::time::timeout(WAIT, another).await, Ok(Ok(_)))
    }
}

/// Keeps the keys of one issuer.
struct Task {
    configured: Configured,
    http: Fetcher,
    store: Store,
    verifier: Arc<Verifier>,
    asked: Arc<Notify>,
    told: watch::Sender<Fetches>,
    /// When its keys were fetched last.
    fetched_last: Option<Instant>,
    /// How often they could not be since.
    failures: u32,
}

impl Task {
    async fn run(mut self) {
        // Known without keys: requests with its tokens wait for the first ones.
        if let Some(issuer) = self.issuer().await {
            self.verifier.use_issuer(&issuer, Vec::new());
        }
        loop {
            let began = Instant::now();
            self.told.send_modify(|fetches| {
                fetches.began = began;
                fetches.running = true;
            });
            self.fetch().await;
            self.told.send_modify(|fetches| {
                fetches.running = false;
                fetches.ended += 1;
            });
            self.pause(began).await;
        }
    }

    /// Waits until it is time for the next fetch, or one is asked for.
    async fn pause(&self, began: Instant) {
        let scheduled = Instant::now() + self.interval();
        let earliest = began + self.configured.at_most_every;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(scheduled) => return,
                // Who asked while the last fetch was under way has its answer.
                () = self.asked.notified() => if Instant::now() >= earliest {
                    return;
                },
            }
        }
    }

    fn interval(&self) -> Duration {
        let refresh = self.configured.refresh;
        match self.failures.checked_sub(1) {
            None => refresh,
            Some(doublings) => {
                let factor = 2_u32.saturating_pow(doublings);
                FIRST_RETRY.saturating_mul(factor).min(refresh)
            }
        }
    }

    async fn fetch(&mut self) {
        let Some(issuer) = self.issuer().await else {
            self.failures += 1;
            return;
        };
        let name = &*issuer.name;
        let fetched = self
            .http
            .keys(&self.configured.sources, &issuer.algorithms)
            .await;
        match fetched {
            Ok(fetched) => {
                if self.failures > 0 || self.fetched_last.is_none() {
                    let (keys, skipped) = (fetched.keys.len(), fetched.skipped.len());
                    tracing::info!(issuer = name, keys, skipped, "the issuer's keys are there");
                }
                self.failures = 0;
                self.fetched_last = Some(Instant::now());
                self.verifier.use_issuer(&issuer, fetched.keys);
            }
            Err(error) => {
                self.failures += 1;
                let error = reasons(&error);
                let keep = self.configured.keep;
                if self.fetched_last.is_some_and(|last| last.elapsed() < keep) {
                    tracing::warn!(
                        issuer = name,
                        error,
                        "the issuer's keys cannot be fetched; those known stay in use for {keep:?} since they were last"
                    );
                } else {
                    tracing::error!(
                        issuer = name,
                        error,
                        "the issuer's keys cannot be fetched; its tokens are refused until they can"
                    );
                    self.verifier.use_issuer(&issuer, Vec::new());
                }
            }
        }
    }

    /// The issuer, for the tenant that its tokens are for; none, and then it is not trusted, where there is no such tenant.
    async fn issuer(&self) -> Option<Arc<ForeignIssuer>> {
        let (configured, name) = (&self.configured.issuer, &*self.configured.issuer.name);
        let tenants = match self.store.tenants().await {
            Ok(tenants) => tenants,
            Err(error) => {
                tracing::error!(issuer = name, %error, "the tenants cannot be read");
                return None;
            }
        };
        let wanted = &*configured.tenant;
        let tenant = tenants.into_iter().find(|tenant| tenant.is(wanted));
        if let Some(tenant) = tenant {
            return Some(Arc::new(ForeignIssuer {
                tenant: tenant.id.into(),
                ..configured.clone()
            }));
        }
        tracing::error!(
            issuer = name,
            tenant = wanted,
            "there is no such tenant: the issuer's tokens are refused until it is created"
        );
        self.verifier.forget_issuer(name);
        None
    }
}

/// What would be accepted of an issuer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// The issuer's name in the configuration.
    pub name: String,
    /// What a token's `iss` may be.
    pub issuers: Vec<String>,
    /// The tenant its tokens are for.
    pub tenant: String,
    /// Where its keys are; empty where they cannot be had.
    pub key_urls: Vec<String>,
    /// The keys that count.
    pub keys: Vec<CheckedKey>,
    /// The keys left out.
    pub skipped: Vec<CheckedSkip>,
    /// Why its tokens would not be accepted.
    pub error: Option<String>,
}

/// A key that counts.
#[derive(Debug, Serialize)]
pub struct CheckedKey {
    /// Its id.
    pub kid: String,
    /// The algorithms it may be used with.
    pub algorithms: Vec<String>,
}

/// A key left out.
#[derive(Debug, Serialize)]
pub struct CheckedSkip {
    /// Its id, where it has one.
    pub kid: Option<String>,
    /// Why.
    pub reason: String,
}

/// Fetches what issuers publish, and tells what would be accepted.
///
/// # Errors
/// Where an issuer is described wrongly, or nothing can be fetched at all.
pub async fn check(
    settings: &[IssuerSettings],
    own_url: &str,
) -> Result<Vec<Checked>, Box<dyn std::error::Error + Send + Sync>> {
    let http = Fetcher::new()?;
    let mut checked = Vec::new();
    for configured in configured(settings, own_url)? {
        let issuer = configured.issuer;
        let fetched = http.keys(&configured.sources, &issuer.algorithms).await;
        let error = fetched.as_ref().err().map(|error| reasons(error));
        let fetched = fetched.unwrap_or_default();
        let keys = fetched.keys.iter().map(|key| CheckedKey {
            kid: key.kid().to_owned(),
            algorithms: key.algorithms().iter().map(ToString::to_string).collect(),
        });
        let skipped = fetched.skipped.iter().map(|key| CheckedSkip {
            kid: key.kid.as_deref().map(str::to_owned),
            reason: key.reason.to_string(),
        });
        checked.push(Checked {
            name: issuer.name.to_string(),
            issuers: issuer.issuers.into_iter().map(String::from).collect(),
            tenant: issuer.tenant.into(),
            key_urls: fetched.key_urls.iter().map(ToString::to_string).collect(),
            keys: keys.collect(),
            skipped: skipped.collect(),
            error,
        });
    }
    Ok(checked)
}

/// An error with what caused it.
fn reasons(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}
