//! What the verifier accepts, and what it must refuse.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod support;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use kbgap_identity::{
    ApplicationRule, Audiences, Caller, ClaimList, ClaimMapping, ClaimPath, ForeignIssuer, Grant,
    IssuerKind, KeySet, MappedClaims, Permission, Person, SignatureAlgorithm, SigningKey,
    Unauthorized, Verifier,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{AUDIENCE, ENTRA, FOREIGN, TID, World, attacks, own_pair, with, without};

const BASE: &str = "http://127.0.0.1:8080";
const TENANT: &str = "6f1d2c1e-0c56-4a7e-9d0a-6a4b6a2f9d11";
const REALM: &str = "https://sso.example/realms/corp";

struct Fixture {
    world: World,
    key: SigningKey,
    verifier: Verifier,
}

fn sso(world: &World) -> Arc<ForeignIssuer> {
    Arc::new(ForeignIssuer {
        name: FOREIGN.into(),
        issuers: vec![world.foreign.as_str().into()],
        tenant: TENANT.into(),
        audiences: Audiences::default(),
        algorithms: SignatureAlgorithm::ALL.to_vec(),
        claims: ClaimMapping::Mapped(Box::new(MappedClaims {
            applications: ApplicationRule::Claim {
                path: ClaimPath::top("idtyp"),
                value: Some("app".into()),
            },
            application_roles: ClaimList::Array("realm_access.roles".parse().unwrap()),
            roles: "realm_access.roles".parse().unwrap(),
            name: ClaimPath::top("preferred_username"),
            ..MappedClaims::default()
        })),
    })
}

fn entra() -> Arc<ForeignIssuer> {
    Arc::new(ForeignIssuer {
        name: ENTRA.into(),
        issuers: vec![
            format!("https://sts.windows.net/{TID}/").into(),
            format!("https://login.microsoftonline.com/{TID}/v2.0").into(),
        ],
        tenant: TENANT.into(),
        audiences: Audiences::default(),
        algorithms: vec![SignatureAlgorithm::RS256],
        claims: ClaimMapping::Entra {
            tid: TID.parse().unwrap(),
        },
    })
}

fn keys(published: &Value, issuer: &ForeignIssuer) -> Vec<kbgap_identity::VerifyingKey> {
    let set = KeySet::read(published.to_string().as_bytes(), &issuer.algorithms);
    set.unwrap().keys
}

fn fixture() -> Fixture {
    let key = SigningKey::generate().unwrap();
    let world = World::new(BASE, TENANT, own_pair(&key), REALM);
    let verifier = Verifier::new(BASE, vec![key.clone()], Audiences::default());
    let issuer = sso(&world);
    verifier.use_issuer(&issuer, keys(&world.foreign_keys(), &issuer));
    let issuer = entra();
    let published = json!({ "keys": [world.entra.jwk] });
    verifier.use_issuer(&issuer, keys(&published, &issuer));
    Fixture {
        world,
        key,
        verifier,
    }
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(fixture);

impl Fixture {
    fn verify(&self, token: &str) -> Result<Arc<Caller>, Unauthorized> {
        self.verifier.verify(token, Timestamp::now())
    }
}

#[test]
fn every_attack_is_refused_for_its_reason() {
    let world = &FIXTURE.world;
    for good in [
        world.own_token(),
        world.rsa.sign(&world.foreign_claims()),
        world.pss.sign(&world.foreign_claims()),
        world.p256.sign(&world.foreign_claims()),
        world.p384.sign(&world.foreign_claims()),
        world.ed25519.sign(&world.foreign_claims()),
        world.entra.sign(&World::entra_claims()),
    ] {
        let caller = FIXTURE.verify(&good).unwrap();
        assert!(caller.may(&[Permission::SoftwareRead]), "{caller:?}");
    }
    let mut wrong = Vec::new();
    let all = attacks(world);
    for attack in &all {
        let answer = FIXTURE.verify(&attack.token);
        println!("{:<58} {answer:?}", attack.name);
        if answer != Err(attack.refusal.clone()) {
            wrong.push((attack.name, answer, attack.refusal.clone()));
        }
    }
    let mut names: Vec<_> = all.iter().map(|attack| attack.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len(), "each attack has a name of its own");
    println!("{} attacks", all.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tokens_of_entra_id_say_who_asks() {
    let world = &FIXTURE.world;
    let of = |claims: &Value| FIXTURE.verify(&world.entra.sign(claims)).unwrap();
    let application = of(&World::entra_claims());
    assert_eq!(&*application.tenant, TENANT, "ours, not Entra ID's");
    assert_eq!(application.application.as_deref(), Some("app"));
    assert_eq!(application.issuer, IssuerKind::Foreign(ENTRA.into()));
    assert_eq!(application.person, None);

    // Version 2, of a person, whose roles stand beside the scopes.
    let mut claims = without(&World::entra_claims(), "appid");
    claims["iss"] = json!(format!("https://login.microsoftonline.com/{TID}/v2.0"));
    claims["ver"] = json!("2.0");
    claims["azp"] = json!("portal");
    claims["sub"] = json!("pairwise");
    claims["scp"] = json!("Software.Read Machine.Read");
    claims["preferred_username"] = json!("ann@example.org");
    claims["groups"] = json!(["g1", "g2"]);
    let person = of(&claims);
    assert_eq!(person.application.as_deref(), Some("portal"));
    assert!(matches!(&person.grant, Grant::Delegated(scopes) if scopes.len() == 2));
    assert!(person.may(&[Permission::MachineRead]));
    assert_eq!(
        person.person,
        Some(Person {
            id: "obj".into(),
            name: Some("ann@example.org".into()),
            groups: vec!["g1".into(), "g2".into()],
            roles: vec!["Software.Read.All".into()],
        })
    );
}

#[test]
fn tokens_of_other_providers_are_read_as_configured() {
    let world = &FIXTURE.world;
    let mut claims = without(&world.foreign_claims(), "idtyp");
    claims["scope"] = json!("openid Software.Read");
    claims["preferred_username"] = json!("ann");
    claims["groups"] = json!(["/it"]);
    claims["aud"] = json!(["account", format!("{AUDIENCE}/")]);
    let person = FIXTURE.verify(&world.rsa.sign(&claims)).unwrap();
    assert!(person.may(&[Permission::SoftwareRead]));
    assert!(!person.may(&[Permission::MachineRead]));
    let who = person.person.clone().unwrap();
    assert_eq!((&*who.id, who.name.as_deref()), ("0f1e", Some("ann")));
    assert_eq!(
        (who.groups, who.roles),
        (vec!["/it".into()], vec!["Software.Read.All".into()])
    );

    // The same token, at a provider of which nothing is said: it is a person's, whatever it looks like.
    let reader = |mapped: MappedClaims| {
        let issuer = Arc::new(ForeignIssuer {
            claims: ClaimMapping::Mapped(Box::new(mapped)),
            ..(*sso(world)).clone()
        });
        let verifier = Verifier::new(BASE, Vec::new(), Audiences::default());
        verifier.use_issuer(&issuer, keys(&world.foreign_keys(), &issuer));
        verifier
    };
    let now = Timestamp::now();
    let mut credentials = world.foreign_claims();
    credentials["sub"] = json!("svc");
    credentials["client_id"] = json!("svc");
    credentials["scope"] = json!("Software.Read.All");
    let token = world.p256.sign(&without(&credentials, "azp"));
    let never = reader(MappedClaims::default()).verify(&token, now).unwrap();
    assert!(matches!(never.grant, Grant::Delegated(_)));
    assert!(!never.may(&Permission::ALL), "a role is no scope");
    // Said so, its subject or a claim tells that it is the application's own.
    let by_subject = MappedClaims {
        applications: ApplicationRule::SubjectIsApplication,
        application_roles: ClaimList::Words(ClaimPath::top("scope")),
        ..MappedClaims::default()
    };
    let reader_by_subject = reader(by_subject);
    let application = reader_by_subject.verify(&token, now).unwrap();
    assert_eq!(application.application.as_deref(), Some("svc"));
    assert!(application.may(&[Permission::SoftwareRead]));
    let person = world.p256.sign(&with(&credentials, "sub", json!("ann")));
    let person = reader_by_subject.verify(&person, now).unwrap();
    assert!(matches!(person.grant, Grant::Delegated(_)));
    let by_claim = reader(MappedClaims {
        applications: ApplicationRule::Claim {
            path: ClaimPath::of(["svc".to_owned(), "a.b".to_owned()]).unwrap(),
            value: None,
        },
        ..MappedClaims::default()
    });
    let marked = world
        .p256
        .sign(&with(&credentials, "svc", json!({ "a.b": true })));
    let application = by_claim.verify(&marked, now).unwrap();
    assert!(matches!(application.grant, Grant::Application(_)));
}

#[test]
fn what_is_remembered_ends_with_its_time_its_key_and_its_issuer() {
    let fixture = fixture();
    let world = &fixture.world;
    let (own, foreign) = (world.own_token(), world.p256.sign(&world.foreign_claims()));
    for token in [&own, &foreign] {
        assert!(fixture.verify(token).is_ok());
        assert!(fixture.verify(token).is_ok(), "remembered");
    }
    let later = Timestamp::now() + Duration::from_secs(3_700);
    for token in [&own, &foreign] {
        let answer = fixture.verifier.verify(token, later);
        assert_eq!(answer, Err(Unauthorized::Expired), "remembered, and over");
    }
    // The provider withdraws the key.
    let issuer = sso(world);
    let fewer = json!({ "keys": [world.rsa.jwk] });
    fixture.verifier.use_issuer(&issuer, keys(&fewer, &issuer));
    assert_eq!(
        fixture.verify(&foreign),
        Err(Unauthorized::UnknownKeyOf(FOREIGN.into()))
    );
    // It gives the name of the key to another one.
    let renamed = json!({ "keys": [with(&support::KeyPair::p256("x").jwk, "kid", json!("p256"))] });
    fixture
        .verifier
        .use_issuer(&issuer, keys(&renamed, &issuer));
    assert_eq!(fixture.verify(&foreign), Err(Unauthorized::Signature));
    // It is for another tenant from now on.
    let all = || keys(&world.foreign_keys(), &issuer);
    fixture.verifier.use_issuer(&issuer, all());
    assert_eq!(&*fixture.verify(&foreign).unwrap().tenant, TENANT);
    let moved = Arc::new(ForeignIssuer {
        tenant: "another".into(),
        ..(*issuer).clone()
    });
    fixture.verifier.use_issuer(&moved, all());
    assert_eq!(&*fixture.verify(&foreign).unwrap().tenant, "another");
    // It is removed.
    fixture.verifier.forget_issuer(FOREIGN);
    assert_eq!(fixture.verify(&foreign), Err(Unauthorized::Issuer));
    assert!(fixture.verify(&own).is_ok());
    // Our own key is exchanged, kept a while, and gone.
    let next = SigningKey::generate().unwrap();
    fixture
        .verifier
        .use_keys(vec![next.clone(), fixture.key.clone()]);
    assert!(fixture.verify(&own).is_ok());
    assert!(
        fixture
            .verify(&own_pair(&next).sign(&world.own_claims()))
            .is_ok()
    );
    fixture.verifier.use_keys(vec![next]);
    assert_eq!(fixture.verify(&own), Err(Unauthorized::UnknownKey));
}

/// Something that may look like a token.
fn bytes() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        any::<Vec<u8>>().prop_map(support::encode),
        Just(support::encode(r#"{"alg":"RS256","kid":"rsa"}"#)),
        "[A-Za-z0-9_=+/. -]{0,40}",
    ];
    prop_oneof![
        any::<String>(),
        prop::collection::vec(part, 0..6).prop_map(|parts| parts.join(".")),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_is_refused_without_a_panic(token in bytes(), header in any::<String>()) {
        let now = Timestamp::now();
        prop_assert!(FIXTURE.verifier.verify(&token, now).is_err());
        prop_assert!(FIXTURE.verifier.verify_header(Some(&header), now).is_err());
    }

    #[test]
    fn no_changed_token_is_accepted(place in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_.-]", which in 0..3) {
        static TOKENS: LazyLock<[String; 3]> = LazyLock::new(|| {
            let world = &FIXTURE.world;
            [world.own_token(), world.p256.sign(&world.foreign_claims()), world.ed25519.sign(&world.foreign_claims())]
        });
        let token = &TOKENS[usize::try_from(which).unwrap()];
        let place = place.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(place..=place, &letter);
        let answer = FIXTURE.verify(&changed);
        prop_assert_eq!(answer.is_ok(), changed == *token, "{:?}", answer);
    }

    #[test]
    fn claims_of_any_form_do_no_harm(name in "aud|iss|tid|exp|nbf|iat|appid|oid|sub|scp|roles|azp|idtyp|groups|realm_access", value in value()) {
        let world = &FIXTURE.world;
        for (pair, claims) in [
            (&world.own, world.own_claims()),
            (&world.rsa, world.foreign_claims()),
            (&world.entra, World::entra_claims()),
        ] {
            let token = pair.sign(&with(&claims, &name, value.clone()));
            let now = Timestamp::now();
            let first = FIXTURE.verifier.verify(&token, now);
            // Remembered or not, it is the same answer, for as long as the token lives.
            prop_assert_eq!(&FIXTURE.verifier.verify(&token, now), &first);
            if first.is_ok() {
                let end = if name == "exp" { value.as_i64().unwrap() } else { claims["exp"].as_i64().unwrap() };
                let last = Timestamp::from_second(end + 59).unwrap();
                prop_assert_eq!(&FIXTURE.verifier.verify(&token, last), &first);
                let over = Timestamp::from_second(end + 60).unwrap();
                prop_assert_eq!(FIXTURE.verifier.verify(&token, over), Err(Unauthorized::Expired));
            }
        }
    }
}

/// Any JSON.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0i64..4_000_000_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!(TENANT)),
        Just(json!(AUDIENCE)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map("roles|a", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
