//! Certificates by whose keys applications sign their assertions.

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use jiff::Timestamp;
use jsonwebtoken::DecodingKey;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

/// The public certificate of an application. Who issued it does not matter: it was given to the service by whoever may.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    der: Box<[u8]>,
    sha1: [u8; 20],
    sha256: [u8; 32],
    subject: String,
    not_before: Timestamp,
    not_after: Timestamp,
    /// The RSA public key, as PKCS#1.
    key: Box<[u8]>,
}

/// Why a text is no certificate that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is too long.
    #[error("it is longer than any certificate")]
    TooLong,
    /// It holds a private key.
    #[error(
        "it holds a private key, which is nobody's but the application's: give the certificate alone ('openssl x509 -in FILE')"
    )]
    PrivateKey,
    /// It is no certificate.
    #[error("it is no X.509 certificate, neither as PEM nor as DER")]
    NotOne,
    /// Its key is of another kind.
    #[error("its key is not an RSA key, which assertions are signed by (RS256 or PS256)")]
    NotRsa,
    /// Its key is too short, or longer than is sensible.
    #[error("its RSA key has {0} bits; from 2048 to 8192 count")]
    Length(usize),
}

/// Longer than any certificate, or chain of them in one file.
const MAX_LENGTH: usize = 64 * 1024;

impl ClientCertificate {
    /// Reads a certificate as PEM or DER. Of several in one PEM, the first is the application's.
    pub fn read(bytes: &[u8]) -> Result<Self, CertificateError> {
        if bytes.len() > MAX_LENGTH {
            return Err(CertificateError::TooLong);
        }
        if !bytes.windows(11).any(|part| part == b"-----BEGIN ") {
            return Self::from_der(bytes);
        }
        let mut first = None;
        for block in Pem::iter_from_buffer(bytes) {
            let block = block.map_err(|_| CertificateError::NotOne)?;
            if block.label.ends_with("PRIVATE KEY") {
                return Err(CertificateError::PrivateKey);
            }
            if block.label == "CERTIFICATE" && first.is_none() {
                first = Some(block.contents);
            }
        }
        Self::from_der(&first.ok_or(CertificateError::NotOne)?)
    }

    /// Reads a certificate as DER.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::NotOne)?;
        if !rest.is_empty() {
            return Err(CertificateError::NotOne);
        }
        let public = certificate.public_key();
        match public.parsed() {
            Ok(PublicKey::RSA(key)) => {
                let bits = key.key_size();
                if !(2048..=8192).contains(&bits) {
                    return Err(CertificateError::Length(bits));
                }
            }
            _ => return Err(CertificateError::NotRsa),
        }
        let moment = |time: x509_parser::time::ASN1Time| {
            Timestamp::from_second(time.timestamp()).map_err(|_| CertificateError::NotOne)
        };
        let validity = certificate.validity();
        Ok(Self {
            sha1: hash(&SHA1_FOR_LEGACY_USE_ONLY, der),
            sha256: hash(&SHA256, der),
            subject: certificate.subject().to_string(),
            not_before: moment(validity.not_before)?,
            not_after: moment(validity.not_after)?,
            key: public.subject_public_key.data.as_ref().into(),
            der: der.into(),
        })
    }

    /// The certificate as DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its SHA-1 thumbprint, by which `x5t` names it.
    pub fn sha1(&self) -> &[u8; 20] {
        &self.sha1
    }

    /// Its SHA-256 thumbprint, by which `x5t#S256` names it.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Whom it names.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// From when it counts.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Until when it counts.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The key that verifies what its owner signed.
    pub(crate) fn key(&self) -> DecodingKey {
        DecodingKey::from_rsa_der(&self.key)
    }
}

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("subject", &self.subject)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

fn hash<const N: usize>(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let digest = digest::digest(algorithm, bytes);
    for (place, byte) in out.iter_mut().zip(digest.as_ref()) {
        *place = *byte;
    }
    out
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};

    use super::*;
    use crate::assertion::tests::Owner;

    #[test]
    fn a_certificate_is_read_as_pem_and_as_der() {
        let owner = Owner::new();
        let read = ClientCertificate::read(owner.certificate.pem().as_bytes()).unwrap();
        let der = ClientCertificate::read(owner.certificate.der()).unwrap();
        assert_eq!(read, der);
        assert!(read.subject().contains("CN="), "{}", read.subject());
        assert!(read.not_before() < read.not_after());
        let chain = format!(
            "{}{}",
            owner.certificate.pem(),
            Owner::new().certificate.pem()
        );
        assert_eq!(ClientCertificate::read(chain.as_bytes()).unwrap(), read);
    }

    #[test]
    fn what_does_not_count_is_refused() {
        let owner = Owner::new();
        let with_key = format!("{}{}", owner.certificate.pem(), owner.key.serialize_pem());
        let elliptic = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let elliptic = CertificateParams::default().self_signed(&elliptic).unwrap();
        let mut longer = owner.certificate.der().to_vec();
        longer.push(0);
        for (bytes, refusal) in [
            (with_key.into_bytes(), CertificateError::PrivateKey),
            (elliptic.pem().into_bytes(), CertificateError::NotRsa),
            (longer, CertificateError::NotOne),
            (
                b"-----BEGIN CERTIFICATE-----\nAA".to_vec(),
                CertificateError::NotOne,
            ),
            (b"certificate".to_vec(), CertificateError::NotOne),
            (Vec::new(), CertificateError::NotOne),
            (vec![0x30; 100_000], CertificateError::TooLong),
        ] {
            assert_eq!(ClientCertificate::read(&bytes), Err(refusal));
        }
    }
}
