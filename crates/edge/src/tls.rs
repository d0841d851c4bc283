//! TLS 1.2 and 1.3 for HTTP/1.1 and HTTP/2, with a certificate that is replaced while connections go on.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::certificate::{CertificateFiles, Stamp, TlsError};
use crate::development::Development;

/// How often it is looked whether the files changed.
const LOOK: Duration = Duration::from_secs(1);
/// After how many looks it is seen to that a development certificate does not end: once an hour.
const LOOKS_TO_RENEW: u32 = 3600;

/// The protocols offered, the best first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// TLS with a certificate from files.
pub struct Tls {
    acceptor: TlsAcceptor,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    files: CertificateFiles,
    development: Option<Development>,
    read: Stamp,
}

/// The certificate new connections are given.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Tls {
    /// Takes a certificate from files, and its successors while it serves.
    ///
    /// # Errors
    /// Where a file cannot be read, or the key is not that of the certificate.
    pub fn of_files(files: CertificateFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let read = files.stamp();
        let pair = files.read(&provider)?;
        let current = Arc::new(Current(ArcSwap::from_pointee(pair)));
        let mut config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            provider,
            current,
            files,
            development: None,
            read,
        })
    }

    /// Takes a development certificate, and makes it where there is none that is good.
    ///
    /// # Errors
    /// Where it cannot be made or written.
    pub fn of_development(development: Development) -> Result<Self, TlsError> {
        let files = development.ensure()?;
        Ok(Self {
            development: Some(development),
            ..Self::of_files(files)?
        })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Takes the certificate anew whenever the files change, and renews a development certificate; never ends.
    pub(crate) async fn follow(mut self) {
        let mut before = self.read;
        for look in 1_u32.. {
            tokio::time::sleep(LOOK).await;
            let looked = tokio::task::spawn_blocking(move || {
                if look.is_multiple_of(LOOKS_TO_RENEW) {
                    self.renew();
                }
                let stamp = self.files.stamp();
                // Both files are to be there as they are to stay: one is written after the other.
                if stamp != self.read && stamp == before {
                    self.take(stamp);
                }
                before = stamp;
                (self, before)
            });
            match looked.await {
                Ok(after) => (self, before) = after,
                Err(error) => {
                    tracing::error!(%error, "the certificate is no longer looked after");
                    break;
                }
            }
        }
        std::future::pending::<()>().await;
    }

    fn renew(&self) {
        if let Some(Err(error)) = self.development.as_ref().map(Development::ensure) {
            tracing::error!(%error, "the development certificate cannot be renewed");
        }
    }

    /// Takes what the files hold now; what is no good is told once.
    fn take(&mut self, stamp: Stamp) {
        self.read = stamp;
        match self.files.read(&self.provider) {
            Ok(pair) => {
                self.current.0.store(Arc::new(pair));
                tracing::info!(certificate = %self.files.certificate.display(), "another certificate is in use");
            }
            Err(error) => {
                tracing::error!(%error, "the new certificate cannot be used; the old one stays");
            }
        }
    }
}
