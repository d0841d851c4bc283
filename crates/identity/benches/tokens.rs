//! Verifying tokens: one that was seen before, and the whole of one that was not; beside the latter the JOSE library's own
//! decoding of the same tokens with the same checks, on the same thread. Of each the best of rounds that take turns.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench, whose figures are for people"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use kbgap_identity::{
    ApplicationRule, Audiences, ClaimList, ClaimMapping, ClaimPath, Client, ForeignIssuer, KeySet,
    MappedClaims, Permission, SignatureAlgorithm, SigningKey, TokenIssuer, Verifier,
};
use serde::Deserialize;
use serde_json::{Value, json};

const BASE: &str = "https://kbgap.example";
const TENANT: &str = "6f1d2c1e-0c56-4a7e-9d0a-6a4b6a2f9d11";
const REALM: &str = "https://sso.example/realms/corp";
const AUDIENCE: &str = "https://api.securitycenter.microsoft.com";
/// How many tokens there are of each issuer: each is verified once in a round. Rounds are short, so that in some of them
/// nothing else has the processor.
const TOKENS: usize = 40;
/// How often a token that was seen is verified in a round.
const SEEN: usize = 1_000;

/// What the library is asked for: the claims that we read.
#[derive(Deserialize)]
#[expect(dead_code, reason = "they are read to be read")]
struct Own {
    iss: String,
    tid: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    appid: Option<String>,
    oid: Option<String>,
    sub: Option<String>,
    roles: Option<Vec<String>>,
    scp: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "they are read to be read")]
struct Foreign {
    iss: String,
    iat: i64,
    exp: i64,
    azp: Option<String>,
    sub: Option<String>,
    scope: Option<String>,
    realm_access: Roles,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "they are read to be read")]
struct Roles {
    roles: Vec<String>,
}

/// Tokens of one issuer, with what the library needs to verify them.
struct Issued {
    tokens: Vec<String>,
    key: DecodingKey,
    validation: Validation,
}

fn main() {
    let rounds = std::env::var("KBGAP_BENCH_ROUNDS").ok();
    let rounds: u32 = rounds.map_or(400, |rounds| rounds.parse().unwrap());
    let key = SigningKey::generate().unwrap();
    let own = own(&key);
    let foreign_key = SigningKey::generate().unwrap();
    let foreign = foreign(&foreign_key);
    let verifier = || verifier(&key, &foreign_key);

    let mut best = [Duration::MAX; 5];
    for _ in 0..rounds {
        let measured = [
            seen(&verifier(), &own.tokens[0]),
            whole(&verifier(), &own.tokens),
            library::<Own>(&own),
            whole(&verifier(), &foreign.tokens),
            library::<Foreign>(&foreign),
        ];
        for (best, measured) in best.iter_mut().zip(measured) {
            *best = measured.min(*best);
        }
    }
    let [seen, own_whole, own_library, foreign_whole, foreign_library] =
        best.map(|time| time.as_secs_f64() * 1e6);
    let ratio = |own: f64, library: f64| round(own / library);
    println!("Microseconds a token, best of {rounds} rounds; RS256 by a key of 2048 bits");
    println!("                              kbgap   library   ratio   target");
    println!("seen before                {seen:>8.2}                       ≤ 5 µs");
    for (name, whole, library) in [
        ("our own, whole", own_whole, own_library),
        ("a foreign one, whole", foreign_whole, foreign_library),
    ] {
        let ratio = ratio(whole, library);
        println!("{name:<26} {whole:>8.2}  {library:>8.2}  {ratio:>6.3}   ≤ 1.1");
    }
    println!(
        "{}",
        json!({
            "bench": "tokens", "rounds": rounds, "seenMicroseconds": round(seen),
            "ownMicroseconds": round(own_whole), "ownLibraryMicroseconds": round(own_library),
            "ownRatio": ratio(own_whole, own_library),
            "foreignMicroseconds": round(foreign_whole),
            "foreignLibraryMicroseconds": round(foreign_library),
            "foreignRatio": ratio(foreign_whole, foreign_library),
        })
    );
}

fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// The time of one verification of a token that was verified before.
fn seen(verifier: &Verifier, token: &str) -> Duration {
    let now = Timestamp::now();
    verifier.verify(token, now).unwrap();
    let began = Instant::now();
    for _ in 0..SEEN {
        black_box(verifier.verify(black_box(token), now)).unwrap();
    }
    began.elapsed() / u32::try_from(SEEN).unwrap()
}

/// The time of one verification of tokens that were not.
fn whole(verifier: &Verifier, tokens: &[String]) -> Duration {
    let began = Instant::now();
    for token in tokens {
        black_box(verifier.verify(black_box(token), Timestamp::now())).unwrap();
    }
    began.elapsed() / u32::try_from(tokens.len()).unwrap()
}

/// The time of one decoding by the library.
fn library<T: serde::de::DeserializeOwned>(issued: &Issued) -> Duration {
    let began = Instant::now();
    for token in &issued.tokens {
        let decoded = jsonwebtoken::decode::<T>(black_box(token), &issued.key, &issued.validation);
        black_box(decoded).unwrap();
    }
    began.elapsed() / u32::try_from(issued.tokens.len()).unwrap()
}

fn verifier(key: &SigningKey, foreign: &SigningKey) -> Verifier {
    let verifier = Verifier::new(BASE, vec![key.clone()], Audiences::default());
    let issuer = Arc::new(ForeignIssuer {
        name: "sso".into(),
        issuers: vec![REALM.into()],
        tenant: TENANT.into(),
        audiences: Audiences::default(),
        algorithms: SignatureAlgorithm::ALL.to_vec(),
        claims: ClaimMapping::Mapped(Box::new(MappedClaims {
            applications: ApplicationRule::Claim {
                path: ClaimPath::top("client_id"),
                value: None,
            },
            application_roles: ClaimList::Array("realm_access.roles".parse().unwrap()),
            ..MappedClaims::default()
        })),
    });
    let published = json!({ "keys": [foreign.jwk()] }).to_string();
    let keys = KeySet::read(published.as_bytes(), &issuer.algorithms).unwrap();
    verifier.use_issuer(&issuer, keys.keys);
    verifier
}

fn validation(issuer: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_nbf = true;
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[
        AUDIENCE,
        "https://api.securitycenter.windows.com",
        "https://api.security.microsoft.com",
        "https://securitycenter.onmicrosoft.com/windowsatpservice",
        "fc780465-2017-40d4-a0c5-307022471b92",
    ]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation
}

fn own(key: &SigningKey) -> Issued {
    let provider = TokenIssuer::new(BASE, key.clone());
    let token = |number: usize| {
        let client = Client {
            tenant: TENANT,
            id: &format!("0b2a6a3e-1f7e-4d0b-9a44-{number:012}"),
            name: "SIEM",
            proved_by: kbgap_identity::ProvedBy::Secret,
            permissions: &[Permission::SoftwareRead, Permission::MachineRead],
        };
        let issued = provider.issue(&client, AUDIENCE, Timestamp::now());
        issued.unwrap().access_token
    };
    Issued {
        tokens: (0..TOKENS).map(token).collect(),
        key: DecodingKey::from_jwk(key.jwk()).unwrap(),
        validation: validation(&provider.name(TENANT)),
    }
}

/// As Keycloak issues them to a client of its own.
fn foreign(key: &SigningKey) -> Issued {
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(key.pkcs8())
    );
    let signing = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(key.kid().to_owned());
    let token = |number: usize| {
        let now = Timestamp::now().as_second();
        let claims: Value = json!({
            "exp": now + 300, "iat": now, "jti": format!("trrtcc:{number:036}"), "iss": REALM,
            "aud": [AUDIENCE, "account"], "sub": "3d9e0a7c-58f4-4d0e-9d0c-0c2b6a6c7b11", "typ": "Bearer", "azp": "siem",
            "acr": "1", "realm_access": { "roles": ["default-roles-corp", "offline_access", "Software.Read.All"] },
            "resource_access": { "account": { "roles": ["manage-account", "view-profile"] } },
            "scope": "profile email", "clientHost": "192.0.2.7", "email_verified": false,
            "preferred_username": "service-account-siem", "clientAddress": "192.0.2.7", "client_id": "siem",
        });
        jsonwebtoken::encode(&header, &claims, &signing).unwrap()
    };
    Issued {
        tokens: (0..TOKENS).map(token).collect(),
        key: DecodingKey::from_jwk(key.jwk()).unwrap(),
        validation: validation(REALM),
    }
}
