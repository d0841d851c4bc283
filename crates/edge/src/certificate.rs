//! A certificate with its key, as files of PEM.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// Longer files are no certificates.
const MAX_FILE: u64 = 1 << 20;

/// Where a certificate and its key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain as PEM: the server's certificate first, then those that lead to the one that clients trust.
    pub certificate: PathBuf,
    /// The private key of the first certificate, as PEM: PKCS #8, PKCS #1 or SEC 1, not encrypted.
    pub key: PathBuf,
}

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is too large.
    #[error("{} is larger than a certificate can be", .0.display())]
    TooLarge(PathBuf),
    /// A file has no certificate, or a damaged one.
    #[error("{}: {reason}; a chain of certificates as PEM is wanted, the server's own first", path.display())]
    Certificate {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file has no key, or a damaged one; what is in it is not told.
    #[error("{} has no private key that can be read; one as PEM is wanted, not encrypted", .0.display())]
    Key(PathBuf),
    /// The key is not the certificate's.
    #[error("{} is not the key of {}: {source}", key.display(), certificate.display())]
    Pair {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// What the library says.
        source: rustls::Error,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
    /// A certificate cannot be made.
    #[error("a development certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl TlsError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }
}

/// By what it is seen that files changed.
pub(crate) type Stamp = [Option<(SystemTime, u64)>; 2];

impl CertificateFiles {
    /// Reads both files: a key that is not that of the certificate is refused.
    pub(crate) fn read(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let chain = read_chain(&self.certificate)?;
        let key = read(&self.key)?;
        let key =
            PrivateKeyDer::from_pem_slice(&key).map_err(|_| TlsError::Key(self.key.clone()))?;
        // Fails where the key is of no known kind, or not that of the certificate.
        CertifiedKey::from_der(chain, key, provider).map_err(|source| TlsError::Pair {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        })
    }

    pub(crate) fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

/// The certificates of a file; at least one.
pub(crate) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |reason: String| TlsError::Certificate {
        path: path.to_owned(),
        reason,
    };
    let bytes = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|error| wrong(error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong("there is no certificate".to_owned()));
    }
    Ok(chain)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let file = File::open(path).map_err(TlsError::file(path))?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(TlsError::file(path))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(TlsError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}
