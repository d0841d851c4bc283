//! The API of the Microsoft Security Response Center (data specification, section 1).

use std::time::{Duration, SystemTime};

use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;
use reqwest::header::{ACCEPT, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

/// Where Microsoft serves it.
pub const MICROSOFT: &str = "https://api.msrc.microsoft.com";

/// The largest answer taken, in bytes.
const MAX_ANSWER: usize = 256 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two pieces of an answer; a large document may take longer as a whole.
const READ_TIMEOUT: Duration = Duration::from_mins(1);
/// However long a server asks to wait.
const MAX_WAIT: Duration = Duration::from_mins(5);

/// A client of the API.
#[derive(Debug, Clone)]
pub struct Msrc {
    http: Client,
    base: Url,
    retries: Retries,
}

/// How failures that may pass are retried.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// How often.
    pub times: usize,
    /// The first wait; each later one is twice as long, with a random part.
    pub first: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            times: 5,
            first: Duration::from_secs(1),
        }
    }
}

/// A document as the API lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id: `2020-Mar`.
    pub id: String,
    /// When its current revision was published.
    pub current_release: Timestamp,
}

/// Why the API gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum MsrcError {
    /// The base URL is none.
    #[error("'{url}' is not a URL to get documents from")]
    BaseUrl {
        /// What was given.
        url: String,
    },
    /// The client cannot be set up.
    #[error("no HTTPS client can be set up")]
    Client(#[source] reqwest::Error),
    /// No connection, or it broke.
    #[error("cannot reach {url}")]
    Connection {
        /// What was asked for.
        url: Url,
        /// Why not.
        source: reqwest::Error,
    },
    /// Another status than success.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked for.
        url: Url,
        /// The answer's status.
        status: StatusCode,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is larger than any document.
    #[error("{url} answered more than {} MiB", MAX_ANSWER >> 20)]
    TooLarge {
        /// What was asked for.
        url: Url,
    },
    /// The list is not in the API's form.
    #[error("{url} answered no list of documents: {reason}")]
    NotAList {
        /// What was asked for.
        url: Url,
        /// What is wrong.
        reason: String,
    },
}

impl MsrcError {
    /// Whether the same request may succeed later.
    fn may_pass(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            Self::Status { status, .. } => {
                status.is_server_error()
                    || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(status)
            }
            _ => false,
        }
    }
}

#[derive(Deserialize)]
struct List {
    value: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(rename = "ID")]
    id: String,
    current_release_date: String,
}

impl Msrc {
    /// A client of the API at a base URL, [`MICROSOFT`] or a mirror.
    pub fn new(base: &str, retries: Retries) -> Result<Self, MsrcError> {
        let no_url = || MsrcError::BaseUrl {
            url: base.to_owned(),
        };
        let base = Url::parse(&format!("{}/", base.trim_end_matches('/'))).map_err(|_| no_url())?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(no_url());
        }
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(concat!("kbgap/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(MsrcError::Client)?;
        Ok(Self {
            http,
            base,
            retries,
        })
    }

    /// The documents there are, with the time of their current revision.
    pub async fn list(&self) -> Result<Vec<Listed>, MsrcError> {
        let url = self.url("cvrf/v3.0/updates")?;
        let body = self.get(&url).await?;
        let no_list = |reason: String| MsrcError::NotAList {
            url: url.clone(),
            reason,
        };
        let list: List =
            serde_json::from_slice(&body).map_err(|error| no_list(error.to_string()))?;
        let listed = list.value.into_iter().map(|entry| {
            let current_release = time(&entry.current_release_date).ok_or_else(|| {
                no_list(format!(
                    "{}: '{}' is no time",
                    entry.id, entry.current_release_date
                ))
            })?;
            // The id becomes part of a URL and a key.
            let sound = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if entry.id.is_empty() || entry.id.len() > 64 || !entry.id.chars().all(sound) {
                return Err(no_list(format!("'{}' is no document id", entry.id)));
            }
            Ok(Listed {
                id: entry.id,
                current_release,
            })
        });
        listed.collect()
    }

    /// A document, as JSON.
    pub async fn document(&self, id: &str) -> Result<Vec<u8>, MsrcError> {
        let url = self.url(&format!("cvrf/v3.0/cvrf/{id}"))?;
        self.get(&url).await
    }

    fn url(&self, path: &str) -> Result<Url, MsrcError> {
        self.base.join(path).map_err(|_| MsrcError::BaseUrl {
            url: format!("{}{path}", self.base),
        })
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, MsrcError> {
        let waits = ExponentialBuilder::default()
            .with_min_delay(self.retries.first)
            .with_max_times(self.retries.times)
            .with_jitter();
        (|| self.get_once(url))
            .retry(waits)
            .when(MsrcError::may_pass)
            .adjust(|error, wait| match error {
                MsrcError::Status {
                    retry_after: Some(asked),
                    ..
                } => wait.map(|wait| wait.max(*asked).min(MAX_WAIT)),
                _ => wait,
            })
            .await
    }

    async fn get_once(&self, url: &Url) -> Result<Vec<u8>, MsrcError> {
        let broken = |source| MsrcError::Connection {
            url: url.clone(),
            source,
        };
        let request = self
            .http
            .get(url.clone())
            .header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(broken)?;
        let status = response.status();
        if !status.is_success() {
            let retry_after = response.headers().get(RETRY_AFTER);
            return Err(MsrcError::Status {
                url: url.clone(),
                status,
                retry_after: retry_after.and_then(|value| wait(value.to_str().ok()?)),
            });
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            if body.len() + piece.len() > MAX_ANSWER {
                return Err(MsrcError::TooLarge { url: url.clone() });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

/// `Retry-After`: seconds or a date (RFC 9110, section 10.2.3).
fn wait(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    until.duration_since(SystemTime::now()).ok()
}

/// A time as the API writes it: RFC 3339, sometimes without a zone, which then is UTC.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}
