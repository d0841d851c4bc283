//! Verifying tokens.

use std::sync::Arc;

use jiff::Timestamp;
use jsonwebtoken::Validation;
use quick_cache::sync::Cache;

use crate::audience::Audiences;
use crate::issuer::{Claims, issuer_of};
use crate::permission::Permission;
use crate::signing_key::{ALGORITHM, SigningKey};

/// How far clocks may differ, in seconds.
const LEEWAY: u64 = 60;
/// Larger than any token; looked at before anything is decoded.
const MAX_TOKEN: usize = 16 * 1024;

/// How many tokens are remembered.
const REMEMBERED: usize = 10_000;

/// Verifies tokens of the issuer at one base URL.
///
/// A client sends its token with each request: one that was verified is remembered by its hash, and only its times
/// are looked at again.
#[derive(Debug)]
pub struct Verifier {
    base: Box<str>,
    keys: Vec<SigningKey>,
    audiences: Audiences,
    verified: Cache<blake3::Hash, Verified>,
}

/// A token whose signature, audience and issuer were verified.
#[derive(Debug, Clone)]
struct Verified {
    caller: Arc<Caller>,
    /// From when it is valid, in seconds since 1970.
    from: i64,
    /// From when it is not valid any more, in seconds since 1970.
    until: i64,
}

/// Who asks, as a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant.
    pub tenant: Box<str>,
    /// The application, where the token names it.
    pub application: Option<Box<str>>,
    /// What was granted.
    pub grant: Grant,
}

/// What a token grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// To an application: its `roles`.
    Application(Vec<Box<str>>),
    /// To a person through an application: its `scp`.
    Delegated(Vec<Box<str>>),
}

/// Why a token is not accepted. The words are for logs and the caller; they tell nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unauthorized {
    /// There is none.
    #[error("no bearer token in the Authorization header")]
    Missing,
    /// It is not a signed token of this issuer's form.
    #[error("the token is malformed")]
    Malformed,
    /// It is signed by a key not known here, or by another algorithm.
    #[error("the token is signed by a key or algorithm not accepted here")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYet,
    /// It is for something else.
    #[error("the token is for another audience")]
    Audience,
    /// It is of another issuer than its tenant's here.
    #[error("the token is of another issuer")]
    Issuer,
}

impl Verifier {
    /// A verifier for the issuer at a base URL, whose keys these are.
    pub fn new(base: &str, keys: Vec<SigningKey>, audiences: Audiences) -> Self {
        Self {
            base: base.trim_end_matches('/').into(),
            keys,
            audiences,
            verified: Cache::new(REMEMBERED),
        }
    }

    /// The audiences accepted.
    pub fn audiences(&self) -> &Audiences {
        &self.audiences
    }

    /// The keys, whose public parts are published.
    pub fn keys(&self) -> &[SigningKey] {
        &self.keys
    }

    /// Verifies the token of an `Authorization` header.
    pub fn verify_header(
        &self,
        header: Option<&str>,
        now: Timestamp,
    ) -> Result<Arc<Caller>, Unauthorized> {
        let header = header.ok_or(Unauthorized::Missing)?.trim();
        let (scheme, token) = header.split_once(' ').ok_or(Unauthorized::Missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Unauthorized::Missing);
        }
        self.verify(token.trim(), now)
    }

    /// Verifies a token.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Caller>, Unauthorized> {
        if token.len() > MAX_TOKEN {
            return Err(Unauthorized::Malformed);
        }
        let hash = blake3::hash(token.as_bytes());
        if let Some(verified) = self.verified.get(&hash) {
            return verified.at(now);
        }
        let verified = self.verify_whole(token)?;
        let caller = verified.at(now)?;
        self.verified.insert(hash, verified);
        Ok(caller)
    }

    fn verify_whole(&self, token: &str) -> Result<Verified, Unauthorized> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Unauthorized::Malformed)?;
        // The algorithm is ours to choose, never the token's.
        let key = header
            .kid
            .filter(|_| header.alg == ALGORITHM)
            .and_then(|kid| self.keys.iter().find(|key| key.kid() == kid))
            .ok_or(Unauthorized::UnknownKey)?;
        let mut validation = Validation::new(ALGORITHM);
        // Times and audience are looked at below: against the caller's clock, and in any case.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::InvalidSignature => Unauthorized::Signature,
                _ => Unauthorized::Malformed,
            })?
            .claims;
        self.accept(claims)
    }

    fn accept(&self, claims: Claims) -> Result<Verified, Unauthorized> {
        if !self.audiences.accept(&claims.aud) {
            return Err(Unauthorized::Audience);
        }
        if claims.iss != issuer_of(&self.base, &claims.tid) {
            return Err(Unauthorized::Issuer);
        }
        let boxed = |names: Vec<String>| names.into_iter().map(String::into_boxed_str).collect();
        let grant = match (claims.scp, claims.roles) {
            (Some(scopes), _) => Grant::Delegated(boxed(
                scopes.split_whitespace().map(str::to_owned).collect(),
            )),
            (None, roles) => Grant::Application(boxed(roles.unwrap_or_default())),
        };
        Ok(Verified {
            caller: Arc::new(Caller {
                tenant: claims.tid.into(),
                application: claims.appid.map(String::into_boxed_str),
                grant,
            }),
            from: claims.nbf,
            until: claims.exp,
        })
    }
}

impl Verified {
    /// The caller, where the token is valid at a moment.
    fn at(&self, now: Timestamp) -> Result<Arc<Caller>, Unauthorized> {
        let now = now.as_second();
        let leeway = LEEWAY.cast_signed();
        if self.until.saturating_add(leeway) <= now {
            return Err(Unauthorized::Expired);
        }
        if self.from.saturating_sub(leeway) > now {
            return Err(Unauthorized::NotYet);
        }
        Ok(self.caller.clone())
    }
}

impl Caller {
    /// Whether any one of these permissions is granted (API specification, section 3.4).
    pub fn may(&self, any_of: &[Permission]) -> bool {
        any_of.iter().any(|permission| match &self.grant {
            Grant::Application(roles) => roles.iter().any(|role| **role == *permission.role()),
            Grant::Delegated(scopes) => scopes.iter().any(|scope| **scope == *permission.scope()),
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{Algorithm, EncodingKey, Header};

    use super::*;
    use crate::issuer::{Client, ProvedBy, TokenIssuer};

    const BASE: &str = "http://127.0.0.1:8080";
    const TENANT: &str = "11111111-2222-4333-8444-555555555555";

    struct Fixture {
        key: SigningKey,
        issuer: TokenIssuer,
        verifier: Verifier,
    }

    fn fixture() -> Fixture {
        let key = SigningKey::generate().unwrap();
        Fixture {
            issuer: TokenIssuer::new(BASE, key.clone()),
            verifier: Verifier::new(BASE, vec![key.clone()], Audiences::default()),
            key,
        }
    }

    impl Fixture {
        fn refusal(&self, change: impl FnOnce(&mut Claims)) -> Option<Unauthorized> {
            let token = self.issuer.sign_claims(change);
            self.verifier.verify(&token, Timestamp::now()).err()
        }
    }

    #[test]
    fn an_application_gets_what_it_was_granted() {
        let fixture = fixture();
        let client = Client {
            tenant: TENANT,
            id: "c",
            name: "SIEM",
            permissions: &[Permission::SoftwareRead],
            proved_by: ProvedBy::Secret,
        };
        let audience = "https://api.securitycenter.microsoft.com";
        let issued = fixture.issuer.issue(&client, audience, Timestamp::now());
        let token = issued.unwrap().access_token;
        let header = format!("bearer  {token}");
        let caller = fixture
            .verifier
            .verify_header(Some(&header), Timestamp::now())
            .unwrap();
        assert_eq!(&*caller.tenant, TENANT);
        assert!(caller.may(&[Permission::MachineRead, Permission::SoftwareRead]));
        assert!(!caller.may(&[Permission::InventoryWrite]));
        // Remembered, and yet its time ends.
        let again = fixture.verifier.verify(&token, Timestamp::now());
        assert_eq!(again, Ok(caller));
        let later = Timestamp::now() + std::time::Duration::from_secs(3_700);
        assert_eq!(
            fixture.verifier.verify(&token, later),
            Err(Unauthorized::Expired)
        );
        // The same key kept and read again verifies it too.
        let read = SigningKey::from_pkcs8(fixture.key.pkcs8()).unwrap();
        let verifier = Verifier::new(BASE, vec![read], Audiences::default());
        assert!(verifier.verify(&token, Timestamp::now()).is_ok());
    }

    #[test]
    fn scopes_are_a_persons_and_roles_an_applications() {
        let fixture = fixture();
        let caller = |change: fn(&mut Claims)| {
            let token = fixture.issuer.sign_claims(change);
            fixture.verifier.verify(&token, Timestamp::now()).unwrap()
        };
        let person = caller(|claims| claims.scp = Some("openid Software.Read".to_owned()));
        assert!(person.may(&[Permission::SoftwareRead]));
        let confused = caller(|claims| claims.scp = Some("Software.Read.All".to_owned()));
        assert!(!confused.may(&[Permission::SoftwareRead]));
        let bare = caller(|_| ());
        assert!(!bare.may(&Permission::ALL));
        let confused = caller(|claims| claims.roles = Some(vec!["Software.Read".to_owned()]));
        assert!(!confused.may(&[Permission::SoftwareRead]));
    }

    #[test]
    fn claims_that_do_not_fit_are_refused() {
        let fixture = fixture();
        assert_eq!(fixture.refusal(|_| ()), None);
        for (refusal, change) in [
            (
                Unauthorized::Audience,
                (|c| c.aud = "https://graph.microsoft.com".to_owned()) as fn(&mut Claims),
            ),
            (Unauthorized::NotYet, |c| c.nbf += 300),
            (Unauthorized::Expired, |c| c.exp -= 4_000),
            (Unauthorized::Issuer, |c| c.iss.push('x')),
            (Unauthorized::Issuer, |c| c.tid = "another".to_owned()),
        ] {
            assert_eq!(fixture.refusal(change), Some(refusal));
        }
    }

    #[test]
    fn forged_tokens_are_refused() {
        let fixture = fixture();
        let verify = |token: &str| fixture.verifier.verify(token, Timestamp::now());
        let good = fixture.issuer.sign_claims(|_| ());
        let mut parts = good.split('.');
        let (head, body) = (parts.next().unwrap(), parts.next().unwrap());
        let signature = parts.next().unwrap();

        // No algorithm.
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        assert_eq!(
            verify(&format!("{none}.{body}.")),
            Err(Unauthorized::Malformed)
        );
        // HMAC with the public key as its secret.
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(fixture.key.kid().to_owned());
        let public = serde_json::to_vec(fixture.key.jwk()).unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
        let hmac =
            jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&public)).unwrap();
        assert_eq!(verify(&hmac), Err(Unauthorized::UnknownKey));
        // Another key, under its own id and under the known one's.
        let other = SigningKey::generate().unwrap();
        let foreign = TokenIssuer::new(BASE, other.clone()).sign_claims(|_| ());
        assert_eq!(verify(&foreign), Err(Unauthorized::UnknownKey));
        let mut header = Header::new(ALGORITHM);
        header.kid = Some(fixture.key.kid().to_owned());
        let forged = jsonwebtoken::encode(&header, &claims, &other.encoding).unwrap();
        assert_eq!(verify(&forged), Err(Unauthorized::Signature));
        // Altered claims.
        let mut altered = claims.clone();
        altered["roles"] = serde_json::json!(["Software.Read.All"]);
        let altered = URL_SAFE_NO_PAD.encode(altered.to_string());
        assert_eq!(
            verify(&format!("{head}.{altered}.{signature}")),
            Err(Unauthorized::Signature)
        );
        for junk in ["", "a", "a.b.c", "....", &"x".repeat(100_000)] {
            assert_eq!(verify(junk), Err(Unauthorized::Malformed), "{}", junk.len());
        }
        for header in [None, Some("Basic abc"), Some("Bearer"), Some("")] {
            assert_eq!(
                fixture.verifier.verify_header(header, Timestamp::now()),
                Err(Unauthorized::Missing)
            );
        }
    }
}
