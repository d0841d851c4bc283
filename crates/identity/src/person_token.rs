//! Tokens for people.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::issuer::{BEFORE, IssueError, IssuedToken, LIFETIME, ProvedBy, TokenIssuer};

/// Who signed in through which application, for a token.
#[derive(Debug, Clone)]
pub struct PersonToken<'a> {
    /// The tenant's id.
    pub tenant: &'a str,
    /// The application's client id.
    pub client: &'a str,
    /// The application's name.
    pub application: &'a str,
    /// By what the application showed who it is.
    pub proved_by: ProvedBy,
    /// The person's id.
    pub person: &'a str,
    /// The name the person signs in with.
    pub user_name: &'a str,
    /// The person's name.
    pub name: &'a str,
    /// The names of the scopes granted.
    pub scopes: &'a [&'a str],
    /// When the person signed in.
    pub signed_in_at: Timestamp,
}

/// What an ID token says beyond who signed in.
#[derive(Debug, Clone)]
pub struct IdToken<'a> {
    /// What the client sent with its request, to know its answer by.
    pub nonce: Option<&'a str>,
    /// The person's name may be told.
    pub profile: bool,
}

/// The claims of an access token for a person (API specification, section 3.3).
#[derive(Serialize)]
struct AccessClaims<'a> {
    aud: &'a str,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    appid: &'a str,
    appidacr: &'static str,
    app_displayname: &'a str,
    oid: &'a str,
    sub: &'a str,
    upn: &'a str,
    unique_name: &'a str,
    name: &'a str,
    scp: String,
    tid: &'a str,
    uti: String,
    ver: &'static str,
}

/// The claims of an ID token (`OpenID` Connect Core 1.0, section 2, with Entra ID's own).
#[derive(Serialize)]
struct IdClaims<'a> {
    aud: &'a str,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    oid: &'a str,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    tid: &'a str,
    uti: String,
    ver: &'static str,
}

impl TokenIssuer {
    /// Issues an access token for an audience in a person's name.
    pub fn issue_to_person(
        &self,
        person: &PersonToken<'_>,
        audience: &str,
        now: Timestamp,
    ) -> Result<IssuedToken, IssueError> {
        let now = now.as_second();
        let claims = AccessClaims {
            aud: audience,
            iss: self.name(person.tenant),
            iat: now - BEFORE,
            nbf: now - BEFORE,
            exp: now + LIFETIME,
            appid: person.client,
            appidacr: person.proved_by.claim(),
            app_displayname: person.application,
            oid: person.person,
            sub: person.person,
            upn: person.user_name,
            unique_name: person.user_name,
            name: person.name,
            scp: person.scopes.join(" "),
            tid: person.tenant,
            uti: Uuid::new_v4().simple().to_string(),
            ver: "1.0",
        };
        self.issued(&claims, now)
    }

    /// Issues an ID token: who signed in, for the application itself.
    pub fn issue_id_token(
        &self,
        person: &PersonToken<'_>,
        about: &IdToken<'_>,
        now: Timestamp,
    ) -> Result<String, IssueError> {
        let now = now.as_second();
        self.encode(&IdClaims {
            aud: person.client,
            iss: self.name(person.tenant),
            iat: now,
            nbf: now - BEFORE,
            exp: now + LIFETIME,
            auth_time: person.signed_in_at.as_second(),
            nonce: about.nonce,
            oid: person.person,
            sub: person.person,
            preferred_username: about.profile.then_some(person.user_name),
            name: about.profile.then_some(person.name),
            tid: person.tenant,
            uti: Uuid::new_v4().simple().to_string(),
            ver: "2.0",
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use crate::{Audiences, Grant, Permission, SigningKey, Verifier};

    #[test]
    fn a_token_for_a_person_carries_scopes_and_an_id_token_is_none_for_the_api() {
        let key = SigningKey::generate().unwrap();
        let base = "https://kbgap.example";
        let issuer = TokenIssuer::new(base, key.clone());
        let verifier = Verifier::new(base, vec![key], Audiences::default());
        let now = Timestamp::now();
        let person = PersonToken {
            tenant: "11111111-2222-4333-8444-555555555555",
            client: "c",
            application: "app",
            proved_by: ProvedBy::Nothing,
            person: "o",
            user_name: "alice@contoso",
            name: "Alice",
            scopes: &["Software.Read", "Score.Read"],
            signed_in_at: now,
        };
        let audience = "https://api.securitycenter.microsoft.com";
        let access = issuer.issue_to_person(&person, audience, now).unwrap();
        let caller = verifier.verify(&access.access_token, now).unwrap();
        let scopes = ["Software.Read".into(), "Score.Read".into()];
        assert_eq!(caller.grant, Grant::Delegated(scopes.into()));
        let known = caller.person.as_ref().unwrap();
        assert_eq!((&*known.id, known.name.as_deref()), ("o", Some("Alice")));
        assert!(caller.may(&[Permission::ScoreRead]) && !caller.may(&[Permission::MachineRead]));
        let payload = access.access_token.split('.').nth(1).unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        for (name, value) in [
            ("upn", "alice@contoso"),
            ("name", "Alice"),
            ("oid", "o"),
            ("sub", "o"),
            ("appid", "c"),
            ("appidacr", "0"),
            ("ver", "1.0"),
        ] {
            assert_eq!(claims[name], value);
        }
        let about = IdToken {
            nonce: Some("n"),
            profile: true,
        };
        let id = issuer.issue_id_token(&person, &about, now).unwrap();
        assert!(verifier.verify(&id, now).is_err(), "it is for the client");
    }
}
