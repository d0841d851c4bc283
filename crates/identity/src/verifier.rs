//! Verifying tokens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use quick_cache::sync::Cache;

use crate::algorithm::SignatureAlgorithm;
use crate::audience::Audiences;
use crate::caller::Caller;
use crate::claims::ClaimSet;
use crate::foreign::{ClaimMapping, ForeignIssuer};
use crate::issuer::issuer_of;
use crate::jwks::VerifyingKey;
use crate::jws::Jws;
use crate::reading;
use crate::signing_key::SigningKey;
use crate::unauthorized::Unauthorized;

/// How far clocks may differ, in seconds.
pub(crate) const LEEWAY: i64 = 60;
/// Larger than any token; looked at before anything is decoded.
const MAX_TOKEN: usize = 16 * 1024;

/// How many tokens are remembered.
const REMEMBERED: usize = 10_000;

/// Verifies tokens: those of the issuer at one base URL, and those of foreign issuers. Both may change while it is used.
///
/// A client sends its token with each request: one that was verified is remembered by its hash, and only its times
/// are looked at again, until a key or an issuer changes.
#[derive(Debug)]
pub struct Verifier {
    base: Box<str>,
    audiences: Audiences,
    trust: ArcSwap<Trust>,
    /// Held by who changes the trust: changes come one after the other.
    changing: Mutex<()>,
    verified: Cache<blake3::Hash, Verified>,
}

/// Whose signatures count.
#[derive(Debug, Clone, Default)]
struct Trust {
    /// Another one after each change: what was verified before counts no more.
    generation: u64,
    own: Arc<[SigningKey]>,
    /// By each name that a token may state.
    foreign: HashMap<Box<str>, Arc<Foreign>>,
}

/// A foreign issuer with its keys.
#[derive(Debug)]
struct Foreign {
    issuer: Arc<ForeignIssuer>,
    keys: Vec<VerifyingKey>,
}

/// A token whose signature, audience and issuer were verified.
#[derive(Debug, Clone)]
struct Verified {
    caller: Arc<Caller>,
    generation: u64,
    /// From when it is valid, in seconds since 1970.
    from: i64,
    /// From when it is not valid any more, in seconds since 1970.
    until: i64,
}

impl Verifier {
    /// A verifier for the issuer at a base URL, whose keys these are.
    pub fn new(base: &str, keys: Vec<SigningKey>, audiences: Audiences) -> Self {
        Self {
            base: base.trim_end_matches('/').into(),
            audiences,
            trust: ArcSwap::from_pointee(Trust {
                own: keys.into(),
                ..Trust::default()
            }),
            changing: Mutex::new(()),
            verified: Cache::new(REMEMBERED),
        }
    }

    /// The audiences accepted in tokens issued here.
    pub fn audiences(&self) -> &Audiences {
        &self.audiences
    }

    /// The keys of tokens issued here, whose public parts are published.
    pub fn keys(&self) -> Arc<[SigningKey]> {
        self.trust.load().own.clone()
    }

    /// Verifies with these keys from now on what is issued here.
    pub fn use_keys(&self, keys: Vec<SigningKey>) {
        self.change(|trust| {
            let ids = |keys: &[SigningKey]| -> Vec<Box<str>> {
                keys.iter().map(|key| key.kid().into()).collect()
            };
            let other = ids(&trust.own) != ids(&keys);
            if other {
                trust.own = keys.into();
            }
            other
        });
    }

    /// Accepts a foreign issuer's tokens, by these keys and no others of it.
    pub fn use_issuer(&self, issuer: &Arc<ForeignIssuer>, keys: Vec<VerifyingKey>) {
        self.change(|trust| {
            let mut before = trust
                .foreign
                .values()
                .filter(|known| known.issuer.name == issuer.name);
            if let Some(before) = before.next()
                && before.issuer == *issuer
                && before.keys == keys
            {
                return false;
            }
            trust.forget(&issuer.name);
            let foreign = Arc::new(Foreign {
                issuer: issuer.clone(),
                keys,
            });
            for name in &issuer.issuers {
                trust.foreign.insert(name.clone(), foreign.clone());
            }
            true
        });
    }

    /// Accepts a foreign issuer's tokens no more.
    pub fn forget_issuer(&self, name: &str) {
        self.change(|trust| trust.forget(name));
    }

    /// Changes the trust, where the change is one.
    fn change(&self, change: impl FnOnce(&mut Trust) -> bool) {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut trust = Trust::clone(&self.trust.load());
        if change(&mut trust) {
            trust.generation += 1;
            self.trust.store(Arc::new(trust));
            // Not what makes it safe: what is being verified meanwhile comes in later, with its generation.
            self.verified.clear();
        }
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
        let trust = self.trust.load();
        let hash = blake3::hash(token.as_bytes());
        if let Some(verified) = self.verified.get(&hash)
            && verified.generation == trust.generation
        {
            return verified.at(now);
        }
        let verified = self.verify_whole(&trust, token)?;
        let caller = verified.at(now)?;
        self.verified.insert(hash, verified);
        Ok(caller)
    }

    fn verify_whole(&self, trust: &Trust, token: &str) -> Result<Verified, Unauthorized> {
        let jws = Jws::read(token)?;
        let claims = &jws.claims;
        // What the token says of its issuer decides only whose keys are tried.
        let issuer = claims.text("iss")?.ok_or(Unauthorized::Issuer)?;
        let foreign = trust.foreign.get(issuer);
        let caller = if let Some(foreign) = foreign {
            foreign.verify(&jws)?
        } else {
            self.verify_own(trust, issuer, &jws)?
        };
        let from = claims.time("nbf")?.max(claims.time("iat")?);
        Ok(Verified {
            caller: Arc::new(caller),
            generation: trust.generation,
            from: from.unwrap_or(0),
            until: claims.time("exp")?.ok_or(Unauthorized::Malformed)?,
        })
    }

    fn verify_own(
        &self,
        trust: &Trust,
        issuer: &str,
        jws: &Jws<'_>,
    ) -> Result<Caller, Unauthorized> {
        let tenant = jws.claims.text("tid")?.ok_or(Unauthorized::Issuer)?;
        if issuer != issuer_of(&self.base, tenant) {
            return Err(Unauthorized::Issuer);
        }
        let kid = jws.kid().ok_or(Unauthorized::UnknownKey)?;
        let key = trust.own.iter().find(|key| key.kid() == kid);
        let key = key.ok_or(Unauthorized::UnknownKey)?;
        jws.signed_by(&key.decoding, &[SignatureAlgorithm::RS256])?;
        check(jws, &self.audiences)?;
        reading::own(&jws.claims, tenant)
    }
}

/// What is asked of every token whose signature is right.
fn check(jws: &Jws<'_>, audiences: &Audiences) -> Result<(), Unauthorized> {
    if !jws.is_access_token() {
        return Err(Unauthorized::Kind);
    }
    let named = jws.claims.audiences()?;
    if !named.into_iter().any(|audience| audiences.accept(audience)) {
        return Err(Unauthorized::Audience);
    }
    Ok(())
}

impl Trust {
    fn forget(&mut self, name: &str) -> bool {
        let before = self.foreign.len();
        self.foreign
            .retain(|_, foreign| *foreign.issuer.name != *name);
        before != self.foreign.len()
    }
}

impl Foreign {
    fn verify(&self, jws: &Jws<'_>) -> Result<Caller, Unauthorized> {
        let issuer = &*self.issuer;
        if let ClaimMapping::Entra { tid } = &issuer.claims
            && !is_tenant(&jws.claims, tid)?
        {
            return Err(Unauthorized::Issuer);
        }
        let kid = jws.kid().ok_or(Unauthorized::UnknownKey)?;
        let key = self.keys.iter().find(|key| *key.kid == *kid);
        let key = key.ok_or_else(|| Unauthorized::UnknownKeyOf(issuer.name.clone()))?;
        jws.signed_by(&key.decoding, &key.algorithms)?;
        check(jws, &issuer.audiences)?;
        reading::foreign(&jws.claims, issuer)
    }
}

fn is_tenant(claims: &ClaimSet, tenant: &uuid::Uuid) -> Result<bool, Unauthorized> {
    let mut text = uuid::Uuid::encode_buffer();
    let tenant = &*tenant.hyphenated().encode_lower(&mut text);
    Ok(claims.text("tid")? == Some(tenant))
}

impl Verified {
    /// The caller, where the token is valid at a moment.
    fn at(&self, now: Timestamp) -> Result<Arc<Caller>, Unauthorized> {
        let now = now.as_second();
        if self.until.saturating_add(LEEWAY) <= now {
            return Err(Unauthorized::Expired);
        }
        if self.from.saturating_sub(LEEWAY) > now {
            return Err(Unauthorized::NotYet);
        }
        Ok(self.caller.clone())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{Algorithm, EncodingKey, Header};

    use super::*;
    use crate::caller::IssuerKind;
    use crate::issuer::{Claims, Client, ProvedBy, TokenIssuer};
    use crate::permission::Permission;
    use crate::signing_key::ALGORITHM;

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
        let person = caller(|claims| {
            claims.scp = Some("openid Software.Read".to_owned());
            claims.oid = Some("p".to_owned());
            // Roles beside scopes are the person's.
            claims.roles = Some(vec!["Machine.Read.All".to_owned()]);
        });
        assert!(person.may(&[Permission::SoftwareRead]));
        assert!(!person.may(&[Permission::MachineRead]));
        assert_eq!(person.issuer, IssuerKind::Own);
        let who = person.person.as_ref().unwrap();
        assert_eq!(
            (&*who.id, &*who.roles),
            ("p", &["Machine.Read.All".into()][..])
        );
        let confused = caller(|claims| claims.scp = Some("Software.Read.All".to_owned()));
        assert!(!confused.may(&[Permission::SoftwareRead]));
        let bare = caller(|_| ());
        assert!(!bare.may(&Permission::ALL));
        assert_eq!(bare.person, None);
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
