//! Assertions by which applications prove who they are: JWTs signed by the key of a certificate (RFC 7523, section 2.2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::certificate::ClientCertificate;

/// The `client_assertion_type` of such an assertion (RFC 7523, section 2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How far clocks may differ, in seconds: what Entra ID allows.
const LEEWAY: f64 = 300.0;
/// How far ahead an assertion may end, in seconds. Libraries choose from ten minutes to a day.
const LONGEST: f64 = 24.0 * 3600.0;
/// Larger than any assertion; looked at before anything is decoded.
const MAX_LENGTH: usize = 16 * 1024;

/// An assertion as a client sends it. It does not print itself.
#[derive(Debug, Clone)]
pub struct ClientAssertion(SecretString);

/// What a verified assertion tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAssertion {
    /// By which it is known when it comes again: the same for all that its signer said with one `jti`.
    pub digest: [u8; 32],
    /// When it is out of date, leeway and all.
    pub expires: Timestamp,
}

/// Why an assertion does not prove anything. The words are for the developer who reads them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// It is no signed JWT.
    #[error("it is not a signed JWT with the claims that are needed (iss, sub, aud, exp)")]
    Malformed,
    /// It is signed in a way that is not accepted.
    #[error("it is to be signed by RS256 or PS256")]
    Algorithm,
    /// It names no certificate.
    #[error("its header names no certificate: 'x5t' or 'x5t#S256' is needed")]
    NoThumbprint,
    /// It names a certificate that the application does not have.
    #[error("the application has no certificate with the thumbprint that its header names")]
    UnknownCertificate,
    /// The certificate does not count at this time.
    #[error("its certificate counts from {0} to {1}: add another one to the application")]
    CertificateTime(Timestamp, Timestamp),
    /// The signature does not fit.
    #[error("its signature is not that of its certificate's key")]
    Signature,
    /// It is another client's.
    #[error("'iss' and 'sub' are to be the application's id")]
    Client,
    /// It is for somebody else.
    #[error("'aud' is to be the token endpoint or the issuer, and that alone")]
    Audience,
    /// It is not in its time.
    #[error("it is not within its time range, which is to end within a day ('exp', 'nbf', 'iat')")]
    Time,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    jti: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl ClientAssertion {
    /// An assertion as a client sends it.
    pub fn from_client(assertion: String) -> Self {
        Self(assertion.into())
    }

    /// Whose it says it is: to look its certificates up by, and nothing else.
    pub fn subject(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Subject {
            sub: String,
        }
        let text = self.0.expose_secret();
        if text.len() > MAX_LENGTH {
            return None;
        }
        let payload = text.split('.').nth(1)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let subject: Subject = serde_json::from_slice(&payload).ok()?;
        Some(subject.sub)
    }

    /// Verifies that it is a client's, for this service, and in its time. That it was not used before is for the caller
    /// to see, by its digest.
    pub fn verify(
        &self,
        (tenant, client): (&str, &str),
        certificates: &[ClientCertificate],
        is_audience: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Result<VerifiedAssertion, AssertionError> {
        let text = self.0.expose_secret();
        if text.len() > MAX_LENGTH {
            return Err(AssertionError::Malformed);
        }
        let header = jsonwebtoken::decode_header(text).map_err(|_| AssertionError::Malformed)?;
        // What it says must be understood, is not understood here.
        if header.crit.is_some() {
            return Err(AssertionError::Malformed);
        }
        let algorithm = header.alg;
        if !matches!(algorithm, Algorithm::RS256 | Algorithm::PS256) {
            return Err(AssertionError::Algorithm);
        }
        let certificate = find(&header, certificates)?;
        let mut validation = Validation::new(algorithm);
        // Looked at below: against the caller's clock, and in any case.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(text, &certificate.key(), &validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidSignature => AssertionError::Signature,
                _ => AssertionError::Malformed,
            })?
            .claims;
        if now < certificate.not_before() || now > certificate.not_after() {
            let (from, until) = (certificate.not_before(), certificate.not_after());
            return Err(AssertionError::CertificateTime(from, until));
        }
        if ![&claims.iss, &claims.sub]
            .iter()
            .all(|id| id.eq_ignore_ascii_case(client))
        {
            return Err(AssertionError::Client);
        }
        // One that is for others too could be one that others handed on.
        match &claims.aud {
            Audience::One(one) if is_audience(one) => {}
            Audience::Several(several) if matches!(&several[..], [one] if is_audience(one)) => {}
            _ => return Err(AssertionError::Audience),
        }
        let expires = in_time(&claims, now)?;
        // Without a `jti`, what was signed is itself what is known again.
        let signed = text.rsplit_once('.').map_or(text, |(signed, _)| signed);
        let own = claims.jti.as_deref().unwrap_or(signed);
        let mut hasher = blake3::Hasher::new_derive_key("kbgap 2026 used client assertions");
        for part in [tenant, client, own] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Ok(VerifiedAssertion {
            digest: *hasher.finalize().as_bytes(),
            expires,
        })
    }
}

/// The certificate that a header names. Where it names one in two ways, both must be right.
fn find<'a>(
    header: &jsonwebtoken::Header,
    certificates: &'a [ClientCertificate],
) -> Result<&'a ClientCertificate, AssertionError> {
    if header.x5t.is_none() && header.x5t_s256.is_none() {
        return Err(AssertionError::NoThumbprint);
    }
    // Some libraries pad.
    let is = |named: &Option<String>, thumbprint: &[u8]| {
        named.as_deref().is_none_or(|named| {
            URL_SAFE_NO_PAD
                .decode(named.trim_end_matches('='))
                .is_ok_and(|named| named == thumbprint)
        })
    };
    certificates
        .iter()
        .find(|own| is(&header.x5t, own.sha1()) && is(&header.x5t_s256, own.sha256()))
        .ok_or(AssertionError::UnknownCertificate)
}

/// When an assertion ends that is within its time, leeway and all.
fn in_time(claims: &Claims, now: Timestamp) -> Result<Timestamp, AssertionError> {
    // Some libraries state fractions of a second; these are exact far beyond any year.
    let now = now.as_duration().as_secs_f64();
    let begun = |from: Option<f64>| from.is_none_or(|from| from <= now + LEEWAY);
    let ends = claims.exp + LEEWAY;
    let fits = ends > now
        && claims.exp <= now + LONGEST + LEEWAY
        && begun(claims.nbf)
        && begun(claims.iat);
    if !fits {
        return Err(AssertionError::Time);
    }
    let ends = jiff::SignedDuration::try_from_secs_f64(ends).map_err(|_| AssertionError::Time)?;
    Timestamp::from_duration(ends).map_err(|_| AssertionError::Time)
}

#[cfg(test)]
pub(crate) mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use rcgen::{Certificate, CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
    use serde_json::{Value, json};

    use super::*;

    const CLIENT: &str = "c1";
    const ENDPOINT: &str = "https://kbgap.example/t/oauth2/v2.0/token";

    /// An application's certificate with its key.
    pub(crate) struct Owner {
        pub(crate) key: KeyPair,
        pub(crate) certificate: Certificate,
    }

    impl Owner {
        pub(crate) fn new() -> Self {
            Self::until(2100)
        }

        fn until(year: i32) -> Self {
            let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
            let mut params = CertificateParams::default();
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            let certificate = params.self_signed(&key).unwrap();
            Self { key, certificate }
        }

        fn own(&self) -> ClientCertificate {
            ClientCertificate::read(self.certificate.der()).unwrap()
        }

        fn header(&self, algorithm: Algorithm) -> Header {
            let mut header = Header::new(algorithm);
            header.x5t = Some(URL_SAFE_NO_PAD.encode(self.own().sha1()));
            header
        }

        fn sign(&self, header: &Header, claims: &Value) -> ClientAssertion {
            let key = EncodingKey::from_rsa_pem(self.key.serialize_pem().as_bytes()).unwrap();
            ClientAssertion::from_client(jsonwebtoken::encode(header, claims, &key).unwrap())
        }
    }

    fn claims() -> Value {
        let now = Timestamp::now().as_duration().as_secs_f64();
        json!({
            "iss": CLIENT, "sub": "C1", "aud": ENDPOINT, "jti": "j1",
            "iat": now, "nbf": now, "exp": now + 600.0,
        })
    }

    fn verify(
        assertion: &ClientAssertion,
        certificates: &[ClientCertificate],
    ) -> Result<VerifiedAssertion, AssertionError> {
        let is_audience = |text: &str| text == ENDPOINT;
        assertion.verify(("t", CLIENT), certificates, is_audience, Timestamp::now())
    }

    #[test]
    fn both_algorithms_and_both_thumbprints_count() {
        let owner = Owner::new();
        let own = [Owner::new().own(), owner.own()];
        let mut digests = Vec::new();
        for algorithm in [Algorithm::RS256, Algorithm::PS256] {
            let mut header = owner.header(algorithm);
            let first = verify(&owner.sign(&header, &claims()), &own).unwrap();
            // As MSAL for Python states it.
            let padded = format!("{}=", URL_SAFE_NO_PAD.encode(owner.own().sha256()));
            header.x5t_s256 = Some(padded);
            let both = verify(&owner.sign(&header, &claims()), &own).unwrap();
            header.x5t = None;
            let one = verify(&owner.sign(&header, &claims()), &own).unwrap();
            digests.extend([first.digest, both.digest, one.digest]);
            assert!(one.expires > Timestamp::now());
        }
        digests.dedup();
        assert_eq!(digests.len(), 1, "one jti is one assertion");
        let mut other = claims();
        other["jti"] = json!("j2");
        let header = owner.header(Algorithm::RS256);
        let other = verify(&owner.sign(&header, &other), &own).unwrap();
        assert_ne!(other.digest, digests[0]);
        // Without one, the assertion itself is known again.
        let mut bare = claims();
        bare.as_object_mut().unwrap().remove("jti");
        let bare = owner.sign(&header, &bare);
        let twice = [verify(&bare, &own).unwrap(), verify(&bare, &own).unwrap()];
        assert_eq!(twice[0].digest, twice[1].digest);
        assert_eq!(bare.subject().as_deref(), Some("C1"));
        assert!(!format!("{bare:?}").contains("eyJ"), "{bare:?}");
    }

    #[test]
    fn claims_that_do_not_fit_are_refused() {
        let owner = Owner::new();
        let own = [owner.own()];
        let now = claims()["iat"].as_f64().unwrap();
        let header = owner.header(Algorithm::RS256);
        for (name, value, refusal) in [
            ("iss", json!("c2"), AssertionError::Client),
            ("sub", json!("c2"), AssertionError::Client),
            (
                "aud",
                json!("https://evil.example/t/oauth2/v2.0/token"),
                AssertionError::Audience,
            ),
            (
                "aud",
                json!([ENDPOINT, "https://evil.example"]),
                AssertionError::Audience,
            ),
            ("aud", json!([]), AssertionError::Audience),
            ("exp", json!(now - 400.0), AssertionError::Time),
            ("exp", json!(now + 100_000.0), AssertionError::Time),
            ("exp", json!(1e300), AssertionError::Time),
            ("nbf", json!(now + 400.0), AssertionError::Time),
            ("iat", json!(now + 400.0), AssertionError::Time),
            ("exp", json!("never"), AssertionError::Malformed),
            ("exp", Value::Null, AssertionError::Malformed),
            ("aud", Value::Null, AssertionError::Malformed),
            ("iss", json!(7), AssertionError::Malformed),
        ] {
            let mut claims = claims();
            claims[name] = value.clone();
            let refused = verify(&owner.sign(&header, &claims), &own);
            assert_eq!(refused, Err(refusal), "{name}: {value}");
        }
        for leeway in [("exp", now - 200.0), ("nbf", now + 200.0)] {
            let mut claims = claims();
            claims[leeway.0] = json!(leeway.1);
            assert!(verify(&owner.sign(&header, &claims), &own).is_ok());
        }
        let mut one = claims();
        one["aud"] = json!([ENDPOINT]);
        assert!(verify(&owner.sign(&header, &one), &own).is_ok());
    }

    #[test]
    fn forged_assertions_are_refused() {
        let owner = Owner::new();
        let own = [owner.own()];
        let good = owner.header(Algorithm::RS256);
        // Another key under the known thumbprint.
        let forged = Owner::new().sign(&good, &claims());
        assert_eq!(verify(&forged, &own), Err(AssertionError::Signature));
        // A certificate that is not the application's.
        let other = Owner::new();
        let foreign = other.sign(&other.header(Algorithm::RS256), &claims());
        assert_eq!(
            verify(&foreign, &own),
            Err(AssertionError::UnknownCertificate)
        );
        assert_eq!(
            verify(&foreign, &[]),
            Err(AssertionError::UnknownCertificate)
        );
        // Two thumbprints of two certificates.
        let mut two = good.clone();
        two.x5t_s256 = Some(URL_SAFE_NO_PAD.encode(other.own().sha256()));
        let two = owner.sign(&two, &claims());
        assert_eq!(
            verify(&two, &[owner.own(), other.own()]),
            Err(AssertionError::UnknownCertificate)
        );
        let unnamed = owner.sign(&Header::new(Algorithm::RS256), &claims());
        assert_eq!(verify(&unnamed, &own), Err(AssertionError::NoThumbprint));
        for strange in [Algorithm::RS512, Algorithm::PS384] {
            let strange = owner.sign(&owner.header(strange), &claims());
            assert_eq!(verify(&strange, &own), Err(AssertionError::Algorithm));
        }
        // HMAC with the public key as its secret.
        let mut header = good.clone();
        header.alg = Algorithm::HS256;
        let public = EncodingKey::from_secret(own[0].der());
        let hmac = jsonwebtoken::encode(&header, &claims(), &public).unwrap();
        let hmac = ClientAssertion::from_client(hmac);
        assert_eq!(verify(&hmac, &own), Err(AssertionError::Algorithm));
        let mut critical = good.clone();
        critical.crit = Some(vec!["b64".to_owned()]);
        let critical = owner.sign(&critical, &claims());
        assert_eq!(verify(&critical, &own), Err(AssertionError::Malformed));
        let past = Owner::until(2021);
        let expired = past.sign(&past.header(Algorithm::RS256), &claims());
        assert!(matches!(
            verify(&expired, &[past.own()]),
            Err(AssertionError::CertificateTime(..))
        ));
        for junk in ["", "a.b.c", "....", &"x".repeat(100_000)] {
            let junk = ClientAssertion::from_client(junk.to_owned());
            assert_eq!(verify(&junk, &own), Err(AssertionError::Malformed));
            assert_eq!(junk.subject(), None);
        }
    }
}
