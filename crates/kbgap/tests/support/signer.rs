//! An application's certificate, and the assertions that its key signs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::json;

use super::Installation;

pub(crate) const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A key with its certificate.
pub(crate) struct Signer {
    pub(crate) key: EncodingKey,
    pub(crate) pem: String,
    pub(crate) thumbprint: String,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap();
        Self {
            key: EncodingKey::from_rsa_pem(key.serialize_pem().as_bytes()).unwrap(),
            pem: certificate.pem(),
            thumbprint: String::new(),
        }
    }

    /// Adds the certificate to an application.
    pub(crate) fn add(&mut self, installation: &Installation, app: &str) {
        let file = installation.file("certificate.pem", &self.pem);
        let added = installation.run(["app", "certificate", "add", app, &file, "--json"]);
        let added = super::json(&added);
        added["thumbprint"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.thumbprint);
    }

    pub(crate) fn assertion(&self, client: &str, audience: &str, jti: &str) -> String {
        let bytes: Vec<u8> = (0..self.thumbprint.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&self.thumbprint[at..at + 2], 16).unwrap())
            .collect();
        let mut header = Header::new(Algorithm::PS256);
        header.x5t_s256 = Some(URL_SAFE_NO_PAD.encode(bytes));
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({
            "iss": client, "sub": client, "aud": audience, "exp": now + 600, "iat": now, "jti": jti,
        });
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}
