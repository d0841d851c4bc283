//! Fetching what an issuer publishes: its discovery document and its keys, within limits.

use std::net::IpAddr;
use std::time::Duration;

use kbgap_identity::{KeySet, KeySetError, SignatureAlgorithm, SkippedKey, VerifyingKey};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Deserialize;

/// Longer than any document of a provider: Entra ID's keys are some 20 kB.
const MAX_DOCUMENT: usize = 512 * 1024;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a document may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where an issuer publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Its name, as tokens and the document state it.
    pub(crate) issuer: String,
    /// The discovery document.
    pub(crate) document: Url,
}

/// What an issuer publishes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fetched {
    pub(crate) keys: Vec<VerifyingKey>,
    pub(crate) skipped: Vec<SkippedKey>,
    /// Where the keys were.
    pub(crate) key_urls: Vec<Url>,
}

/// A URL that nothing is fetched from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL.
    #[error("'{0}' is not a URL")]
    NoUrl(String),
    /// Not over TLS.
    #[error("'{0}' is not https: http is for this machine itself only (127.0.0.1, localhost)")]
    NotHttps(String),
    /// Not the URL of an issuer.
    #[error("'{0}' is not the URL of an issuer: it has a query or a fragment")]
    NoIssuer(String),
}

/// Why an issuer's keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer, or not in time.
    #[error("{url} does not answer")]
    Http {
        /// Where.
        url: Box<str>,
        /// Why.
        source: reqwest::Error,
    },
    /// Another answer than the document; redirects are not followed.
    #[error("{url} answers {status}")]
    Status {
        /// Where.
        url: Box<str>,
        /// The answer.
        status: u16,
    },
    /// A document without end.
    #[error("{url} answers with more than {MAX_DOCUMENT} bytes")]
    TooLarge {
        /// Where.
        url: Box<str>,
    },
    /// Not a discovery document.
    #[error("{url} is not a discovery document of an OpenID provider")]
    NoDocument {
        /// Where.
        url: Box<str>,
        /// Why.
        source: serde_json::Error,
    },
    /// The document of another issuer (`OpenID` Connect Discovery 1.0, section 4.3).
    #[error("{url} is the document of the issuer '{found}', not of '{expected}'")]
    OtherIssuer {
        /// Where.
        url: Box<str>,
        /// What it says.
        found: Box<str>,
        /// What is configured.
        expected: Box<str>,
    },
    /// Its keys are at a URL that is not used.
    #[error("its keys: {0}")]
    KeysUrl(#[from] BadUrl),
    /// Not a set of keys.
    #[error("{url}: {source}")]
    Keys {
        /// Where.
        url: Box<str>,
        /// Why.
        source: KeySetError,
    },
    /// No key that verifies a signature: more likely a slip of the provider's than its wish.
    #[error("none of the {skipped} keys it publishes can be used")]
    NoKeys {
        /// How many there are.
        skipped: usize,
    },
    /// No client for HTTPS can be made.
    #[error("no HTTPS client can be made")]
    Client(#[source] reqwest::Error),
}

/// The fields of a discovery document that matter here.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

/// Fetches documents.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    http: Client,
}

impl Fetcher {
    pub(crate) fn new() -> Result<Self, FetchError> {
        let http = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT)
            // Whoever could redirect us would be the issuer.
            .redirect(Policy::none())
            .user_agent(concat!("kbgap/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(FetchError::Client)?;
        Ok(Self { http })
    }

    /// The keys of an issuer, from each of its sources.
    pub(crate) async fn keys(
        &self,
        sources: &[Source],
        allowed: &[SignatureAlgorithm],
    ) -> Result<Fetched, FetchError> {
        let mut fetched = Fetched::default();
        for source in sources {
            let url = self.key_url(source).await?;
            if fetched.key_urls.contains(&url) {
                continue;
            }
            let json = self.get(&url).await?;
            let set = KeySet::read(&json, allowed).map_err(|source| FetchError::Keys {
                url: url.as_str().into(),
                source,
            })?;
            for key in set.keys {
                // The versions of Entra ID publish the same keys.
                if !fetched.keys.iter().any(|known| known.kid() == key.kid()) {
                    fetched.keys.push(key);
                }
            }
            fetched.skipped.extend(set.skipped);
            fetched.key_urls.push(url);
        }
        if fetched.keys.is_empty() {
            let skipped = fetched.skipped.len();
            return Err(FetchError::NoKeys { skipped });
        }
        Ok(fetched)
    }

    async fn key_url(&self, source: &Source) -> Result<Url, FetchError> {
        let url = &source.document;
        let json = self.get(url).await?;
        let document: Document =
            serde_json::from_slice(&json).map_err(|source| FetchError::NoDocument {
                url: url.as_str().into(),
                source,
            })?;
        if document.issuer != source.issuer {
            return Err(FetchError::OtherIssuer {
                url: url.as_str().into(),
                found: document.issuer.into(),
                expected: source.issuer.as_str().into(),
            });
        }
        Ok(permitted(&document.jwks_uri)?)
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let failed = |source| FetchError::Http {
            url: url.as_str().into(),
            source,
        };
        let mut response = self.http.get(url.clone()).send().await.map_err(failed)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status {
                url: url.as_str().into(),
                status: response.status().as_u16(),
            });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_DOCUMENT {
                return Err(FetchError::TooLarge {
                    url: url.as_str().into(),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// A URL that may be fetched from: over TLS, or on this machine.
pub(crate) fn permitted(url: &str) -> Result<Url, BadUrl> {
    let parsed: Url = url.parse().map_err(|_| BadUrl::NoUrl(url.to_owned()))?;
    let host = parsed.host_str().unwrap_or_default();
    match parsed.scheme() {
        "https" if !host.is_empty() => Ok(parsed),
        "http" if is_loopback(host) => Ok(parsed),
        _ => Err(BadUrl::NotHttps(url.to_owned())),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
