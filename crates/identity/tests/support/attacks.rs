//! Tokens that must be refused, each with the reason.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey};
use kbgap_identity::Unauthorized::{
    self, Audience, Expired, Issuer, Kind, Malformed, NotYet, Signature, Subject, UnknownKey,
    UnknownKeyOf,
};
use serde_json::{Value, json};

use super::keys::KeyPair;
use super::{ENTRA, FOREIGN, TID, World, encode, signed, with, without};

/// A token that must be refused.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) token: String,
    pub(crate) refusal: Unauthorized,
    /// Whether it is of Entra ID, which a server in a test does not reach.
    pub(crate) entra: bool,
}

fn attack(name: &'static str, refusal: Unauthorized, token: impl Into<String>) -> Attack {
    Attack {
        name,
        token: token.into(),
        refusal,
        entra: false,
    }
}

/// All of them.
pub(crate) fn attacks(world: &World) -> Vec<Attack> {
    [
        algorithms(world),
        key_ids(world),
        keys_in_the_header(world),
        extensions(world),
        kinds(world),
        signatures(world),
        encodings(world),
        times(world),
        audiences(world),
        issuers(world),
        foreign_issuers(world),
        grants(world),
        sizes(world),
        foreign_keys(world),
        foreign_claims(world),
        entra(world),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A header of the server's key with a field changed.
fn header(world: &World, name: &str, value: Value) -> Value {
    with(&world.own.header(), name, value)
}

/// A token of the server's claims that says another algorithm than the one it is signed by.
fn saying(world: &World, algorithm: &str, signature: &str) -> String {
    let header = header(world, "alg", json!(algorithm)).to_string();
    let claims = world.own_claims().to_string();
    format!("{}.{}.{signature}", encode(header), encode(claims))
}

/// A token that is signed with a secret.
fn hmac(world: &World, algorithm: Algorithm, secret: &[u8]) -> String {
    let pair = KeyPair {
        kid: world.own.kid.clone(),
        algorithm,
        encoding: EncodingKey::from_secret(secret),
        jwk: Value::Null,
        public: Vec::new(),
    };
    pair.sign(&world.own_claims())
}

fn algorithms(world: &World) -> Vec<Attack> {
    let modulus = world.own.jwk["n"].as_str().unwrap();
    let der = &world.own.public;
    let lines = STANDARD.encode(der);
    let lines: Vec<_> = lines
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    );
    let signature = world.own_token().rsplit_once('.').unwrap().1.to_owned();
    let by = |algorithm: Algorithm| {
        let name = format!("{algorithm:?}");
        let header = header(world, "alg", json!(name)).to_string();
        let claims = world.own_claims().to_string();
        signed(header.as_bytes(), claims.as_bytes(), &world.own, algorithm)
    };
    let hs = Algorithm::HS256;
    vec![
        attack("algorithm none", Malformed, saying(world, "none", "")),
        attack("algorithm None", Malformed, saying(world, "None", "")),
        attack("algorithm NONE", Malformed, saying(world, "NONE", "")),
        attack("algorithm nOnE", Malformed, saying(world, "nOnE", "")),
        attack(
            "no algorithm, but a signature",
            Malformed,
            saying(world, "none", &signature),
        ),
        attack(
            "an empty algorithm",
            Malformed,
            saying(world, "", &signature),
        ),
        attack(
            "an algorithm in small letters",
            Malformed,
            saying(world, "rs256", &signature),
        ),
        attack(
            "the algorithm left out",
            Malformed,
            world
                .own
                .sign_as(&without(&world.own.header(), "alg"), &world.own_claims()),
        ),
        attack(
            "the public key as PEM is the secret of HMAC",
            UnknownKey,
            hmac(world, hs, pem.as_bytes()),
        ),
        attack(
            "the public key as DER is the secret of HMAC",
            UnknownKey,
            hmac(world, hs, der),
        ),
        attack(
            "the modulus of the JWK is the secret of HMAC",
            UnknownKey,
            hmac(world, hs, modulus.as_bytes()),
        ),
        attack(
            "the JWK is the secret of HMAC with SHA-512",
            UnknownKey,
            hmac(
                world,
                Algorithm::HS512,
                world.own.jwk.to_string().as_bytes(),
            ),
        ),
        attack("an empty secret of HMAC", UnknownKey, hmac(world, hs, b"")),
        attack("RS384 by a key of RS256", UnknownKey, by(Algorithm::RS384)),
        attack("RS512 by a key of RS256", UnknownKey, by(Algorithm::RS512)),
        attack("PS256 by a key of RS256", UnknownKey, by(Algorithm::PS256)),
        attack(
            "ES256 said of a key of RSA",
            UnknownKey,
            saying(world, "ES256", &signature),
        ),
        attack(
            "EdDSA said of a key of RSA",
            UnknownKey,
            saying(world, "EdDSA", &signature),
        ),
    ]
}

fn key_ids(world: &World) -> Vec<Attack> {
    let named = |kid: Value| {
        let header = header(world, "kid", kid);
        world.own.sign_as(&header, &world.own_claims())
    };
    let claims = world.own_claims().to_string();
    let twice = format!(
        r#"{{"alg":"RS256","kid":"{}","kid":"{}"}}"#,
        world.attacker.kid, world.own.kid
    );
    let key = &world.own;
    let sign = |header: &str| signed(header.as_bytes(), claims.as_bytes(), key, key.algorithm);
    vec![
        attack(
            "no key named",
            UnknownKey,
            key.sign_as(&without(&key.header(), "kid"), &world.own_claims()),
        ),
        attack("an unknown key named", UnknownKey, named(json!("unknown"))),
        attack("an empty name of a key", UnknownKey, named(json!(""))),
        attack(
            "the key named in other letters",
            UnknownKey,
            named(json!(swapped_case(&key.kid))),
        ),
        attack("the key named twice", Malformed, sign(&twice)),
        attack(
            "the name of the key is a path",
            UnknownKey,
            named(json!("../../../../dev/null")),
        ),
        attack(
            "the name of the key is a URL",
            UnknownKey,
            named(json!("https://evil.example/key.pem")),
        ),
        attack(
            "the name of the key is SQL",
            UnknownKey,
            named(json!("x' UNION SELECT 'key' --")),
        ),
        attack(
            "the name of the key has a zero in it",
            UnknownKey,
            named(json!(format!("{}\0", key.kid))),
        ),
        attack(
            "the name of the key is a number",
            Malformed,
            named(json!(1)),
        ),
        attack(
            "the name of the key is a list",
            Malformed,
            named(json!([key.kid])),
        ),
        attack(
            "a key that signed long ago",
            UnknownKey,
            world.spent.sign(&world.own_claims()),
        ),
        attack(
            "another's key under its own name",
            UnknownKey,
            world.attacker.sign(&world.own_claims()),
        ),
        attack(
            "another's key under the name of ours",
            Signature,
            world.attacker.sign_as(&key.header(), &world.own_claims()),
        ),
    ]
}

fn swapped_case(text: &str) -> String {
    let swap = |letter: char| {
        if letter.is_ascii_lowercase() {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        }
    };
    text.chars().map(swap).collect()
}

fn keys_in_the_header(world: &World) -> Vec<Attack> {
    let attacker = &world.attacker;
    let brought = |name: &str, value: Value, kid: &str| {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": kid, name: value });
        attacker.sign_as(&header, &world.own_claims())
    };
    let own = &*world.own.kid;
    let url = json!("https://evil.example/keys");
    vec![
        attack(
            "its own key beside (jwk)",
            UnknownKey,
            brought("jwk", attacker.jwk.clone(), &attacker.kid),
        ),
        attack(
            "its own key under the name of ours (jwk)",
            Signature,
            brought("jwk", attacker.jwk.clone(), own),
        ),
        attack(
            "an address of its keys (jku)",
            UnknownKey,
            brought("jku", url.clone(), &attacker.kid),
        ),
        attack(
            "an address of its keys, under the name of ours (jku)",
            Signature,
            brought("jku", url.clone(), own),
        ),
        attack(
            "an address of its certificate (x5u)",
            Signature,
            brought("x5u", url, own),
        ),
        attack(
            "its certificate beside (x5c)",
            Signature,
            brought("x5c", json!(["MIIB"]), own),
        ),
        attack(
            "a thumbprint of its certificate (x5t)",
            UnknownKey,
            brought("x5t", json!("dGh1bWI"), ""),
        ),
    ]
}

fn extensions(world: &World) -> Vec<Attack> {
    let extended = |name: &str, value: Value| {
        let header = header(world, name, value);
        world.own.sign_as(&header, &world.own_claims())
    };
    let mut unencoded = header(world, "b64", json!(false));
    unencoded["crit"] = json!(["b64"]);
    vec![
        attack(
            "an extension that must be understood (crit)",
            Malformed,
            extended("crit", json!(["exp"])),
        ),
        attack(
            "an empty list of extensions (crit)",
            Malformed,
            extended("crit", json!([])),
        ),
        attack(
            "a list of extensions that is none (crit)",
            Malformed,
            extended("crit", json!("b64")),
        ),
        attack(
            "a payload that is not encoded (b64)",
            Malformed,
            extended("b64", json!(false)),
        ),
        attack(
            "the same, said to be critical (b64)",
            Malformed,
            world.own.sign_as(&unencoded, &world.own_claims()),
        ),
        attack(
            "a packed payload (zip)",
            Malformed,
            extended("zip", json!("DEF")),
        ),
        attack(
            "a token in the token (cty)",
            Malformed,
            extended("cty", json!("JWT")),
        ),
        attack(
            "a token as the payload",
            Malformed,
            signed(
                world.own.header().to_string().as_bytes(),
                world.own_token().as_bytes(),
                &world.own,
                Algorithm::RS256,
            ),
        ),
        attack(
            "an encrypted token (JWE)",
            Malformed,
            format!(
                "{}.a2V5.aXY.Y2lwaGVy.dGFn",
                encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#)
            ),
        ),
        attack(
            "an encrypted token's header (enc)",
            Malformed,
            extended("enc", json!("A256GCM")),
        ),
    ]
}

fn kinds(world: &World) -> Vec<Attack> {
    let typed = |typ: &str| {
        let header = header(world, "typ", json!(typ));
        world.own.sign_as(&header, &world.own_claims())
    };
    let claims = world.own_claims();
    let claimed = |name: &str, value: Value| world.own.sign(&with(&claims, name, value));
    let id_token = without(&without(&claims, "appid"), "roles");
    vec![
        attack("a logout token (typ)", Kind, typed("logout+jwt")),
        attack("a proof of possession (typ)", Kind, typed("dpop+jwt")),
        attack("an event (typ)", Kind, typed("secevent+jwt")),
        attack("a refresh token (typ)", Kind, typed("refresh+jwt")),
        attack("an ID token (typ)", Kind, typed("application/id_token+jwt")),
        attack(
            "an ID token, by its nonce",
            Kind,
            claimed("nonce", json!("n")),
        ),
        attack(
            "an ID token, by the hash of an access token",
            Kind,
            claimed("at_hash", json!("h")),
        ),
        attack(
            "an ID token, by the hash of a code",
            Kind,
            claimed("c_hash", json!("h")),
        ),
        attack(
            "a logout token, by its events",
            Kind,
            claimed("events", json!({})),
        ),
        attack(
            "a token bound to a key",
            Kind,
            claimed("cnf", json!({ "jkt": "t" })),
        ),
        attack(
            "an ID token without any sign but what it lacks",
            Subject,
            world.own.sign(&id_token),
        ),
    ]
}

fn signatures(world: &World) -> Vec<Attack> {
    let token = world.own_token();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let other = world
        .own
        .sign(&with(&world.own_claims(), "uti", json!("other")));
    let other = other.rsplit_once('.').unwrap().1;
    let (head, _) = message.split_once('.').unwrap();
    let claims = with(
        &world.own_claims(),
        "roles",
        json!(["Machine.ReadWrite.All"]),
    );
    let altered = format!("{head}.{}.{signature}", encode(claims.to_string()));
    // 255 bytes, without bits left over.
    let shorter = &signature[..signature.len() - 2];
    vec![
        attack("the signature left out", Signature, format!("{message}.")),
        attack("the signature and its point left out", Malformed, message),
        attack(
            "the signature cut",
            Signature,
            format!("{message}.{shorter}"),
        ),
        attack(
            "the signature extended",
            Signature,
            format!("{message}.AAAA{signature}"),
        ),
        attack(
            "the signature of another token",
            Signature,
            format!("{message}.{other}"),
        ),
        attack(
            "a signature of zeros",
            Signature,
            format!("{message}.{}", encode([0; 256])),
        ),
        attack("claims altered behind the signature", Signature, altered),
        attack("a fourth part", Malformed, format!("{token}.AAAA")),
        attack("a part before", Malformed, format!("AAAA.{token}")),
    ]
}

fn encodings(world: &World) -> Vec<Attack> {
    let token = world.own_token();
    let (message, signature) = token.rsplit_once('.').unwrap();
    // 256 bytes leave four bits of the last letter unused.
    let last = if signature.ends_with('A') {
        'B'
    } else {
        next(signature)
    };
    let same_bytes = format!("{message}.{}{last}", &signature[..signature.len() - 1]);
    let header = world.own.header().to_string();
    let claims = world.own_claims().to_string();
    let sign = |header: &[u8], claims: &[u8]| signed(header, claims, &world.own, Algorithm::RS256);
    let twice = claims.replacen('{', r#"{"roles":["Software.Read.All"],"#, 1);
    let escaped = claims.replacen('{', r#"{"r\u006fles":["Machine.ReadWrite.All"],"#, 1);
    let invalid = [
        &claims.as_bytes()[..claims.len() - 1],
        b",\"name\":\"\xff\xfe\"}",
    ]
    .concat();
    let surrogate = claims.replacen('{', r#"{"name":"\ud800","#, 1);
    vec![
        attack("padding", Malformed, format!("{token}==")),
        attack(
            "unused bits of the signature changed",
            Malformed,
            same_bytes,
        ),
        attack(
            "the other alphabet of base64",
            Malformed,
            token.replace('-', "+").replace('_', "/"),
        ),
        attack(
            "blanks in the token",
            Malformed,
            token.replacen('.', ". ", 1),
        ),
        attack(
            "a claim stated twice",
            Malformed,
            sign(header.as_bytes(), twice.as_bytes()),
        ),
        attack(
            "a claim stated twice, once in disguise",
            Malformed,
            sign(header.as_bytes(), escaped.as_bytes()),
        ),
        attack(
            "bytes that are no text",
            Malformed,
            sign(header.as_bytes(), &invalid),
        ),
        attack(
            "half a character",
            Malformed,
            sign(header.as_bytes(), surrogate.as_bytes()),
        ),
        attack(
            "something behind the claims",
            Malformed,
            sign(header.as_bytes(), format!("{claims}{{}}").as_bytes()),
        ),
        attack(
            "claims that are a list",
            Malformed,
            sign(header.as_bytes(), format!("[{claims}]").as_bytes()),
        ),
        attack("no claims", Malformed, sign(header.as_bytes(), b"")),
        attack(
            "a header that is a list",
            Malformed,
            sign(format!("[{header}]").as_bytes(), claims.as_bytes()),
        ),
        attack("points alone", Malformed, ".."),
        attack("not a token", Malformed, "secret"),
    ]
}

/// Another letter that differs from the last one in the unused bits only.
fn next(signature: &str) -> char {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = signature.as_bytes().last().unwrap();
    let place = ALPHABET.iter().position(|letter| letter == last).unwrap();
    char::from(ALPHABET[place ^ 1])
}

fn times(world: &World) -> Vec<Attack> {
    let claims = world.own_claims();
    let now = Timestamp::now().as_second();
    let at = |name: &str, value: Value| world.own.sign(&with(&claims, name, value));
    vec![
        attack(
            "no end",
            Malformed,
            world.own.sign(&without(&claims, "exp")),
        ),
        attack("an end that is null", Malformed, at("exp", Value::Null)),
        attack(
            "an end that is a text",
            Malformed,
            at("exp", json!((now + 3000).to_string())),
        ),
        attack(
            "an end that is a fraction",
            Malformed,
            at(
                "exp",
                serde_json::from_str(&format!("{}.5", now + 3000)).unwrap(),
            ),
        ),
        attack(
            "an end beyond every number",
            Malformed,
            at("exp", json!(u64::MAX)),
        ),
        attack(
            "an end beyond every date",
            Malformed,
            at("exp", json!(i64::MAX)),
        ),
        attack("an end before 1970", Expired, at("exp", json!(-1))),
        attack("an end at 1970", Expired, at("exp", json!(0))),
        attack("ended a while ago", Expired, at("exp", json!(now - 120))),
        attack("a beginning to come", NotYet, at("nbf", json!(now + 300))),
        attack(
            "a beginning that is a text",
            Malformed,
            at("nbf", json!("now")),
        ),
        attack("issued in the future", NotYet, at("iat", json!(now + 300))),
        attack("issued at no time", Malformed, at("iat", json!({}))),
    ]
}

fn audiences(world: &World) -> Vec<Attack> {
    let claims = world.own_claims();
    let to = |value: Value| world.own.sign(&with(&claims, "aud", value));
    vec![
        attack(
            "for another API",
            Audience,
            to(json!("https://graph.microsoft.com")),
        ),
        attack(
            "for no one",
            Audience,
            world.own.sign(&without(&claims, "aud")),
        ),
        attack("for an empty list", Audience, to(json!([]))),
        attack(
            "for a list of others",
            Audience,
            to(json!(["https://graph.microsoft.com", "account"])),
        ),
        attack(
            "for a host that begins like ours",
            Audience,
            to(json!(format!("{}.evil.example", super::AUDIENCE))),
        ),
        attack(
            "for a path below ours",
            Audience,
            to(json!(format!("{}/x", super::AUDIENCE))),
        ),
        attack("for a number", Malformed, to(json!(1))),
        attack(
            "for a list with a number",
            Malformed,
            to(json!([super::AUDIENCE, 1])),
        ),
        attack("for anyone", Audience, to(json!("*"))),
    ]
}

fn issuers(world: &World) -> Vec<Attack> {
    let claims = world.own_claims();
    let name = claims["iss"].as_str().unwrap();
    let of = |value: Value| world.own.sign(&with(&claims, "iss", value));
    let host = world.base.split_once("://").unwrap().1;
    vec![
        attack(
            "of no issuer",
            Issuer,
            world.own.sign(&without(&claims, "iss")),
        ),
        attack(
            "of another issuer",
            Issuer,
            of(json!("https://evil.example")),
        ),
        attack(
            "of several issuers",
            Malformed,
            of(json!([name, "https://evil.example"])),
        ),
        attack(
            "of our issuer with a slash behind",
            Issuer,
            of(json!(format!("{name}/"))),
        ),
        attack(
            "of our issuer in capitals",
            Issuer,
            of(json!(name.to_uppercase())),
        ),
        attack(
            "of our issuer with a blank behind",
            Issuer,
            of(json!(format!("{name} "))),
        ),
        attack(
            "of a host that begins like ours",
            Issuer,
            of(json!(name.replace(host, &format!("{host}.evil.example")))),
        ),
        attack(
            "of a user at another host",
            Issuer,
            of(json!(name.replace(host, &format!("{host}@evil.example")))),
        ),
        attack(
            "of another tenant, by our issuer of this",
            Issuer,
            world.own.sign(&with(
                &claims,
                "tid",
                json!("11111111-2222-4333-8444-555555555555"),
            )),
        ),
        attack(
            "of no tenant",
            Issuer,
            world.own.sign(&without(&claims, "tid")),
        ),
        attack(
            "of several tenants",
            Malformed,
            world.own.sign(&with(&claims, "tid", json!([world.tenant]))),
        ),
    ]
}

fn foreign_issuers(world: &World) -> Vec<Attack> {
    let claims = world.own_claims();
    let name = claims["iss"].as_str().unwrap();
    let foreign = world.foreign_claims();
    vec![
        attack(
            "of ours, by a foreign issuer's key",
            UnknownKey,
            world.rsa.sign(&claims),
        ),
        attack(
            "of ours, by a foreign issuer's key under the name of ours",
            Signature,
            world.rsa.sign_as(&world.own.header(), &claims),
        ),
        attack(
            "of a foreign issuer, by our key",
            UnknownKeyOf(FOREIGN.into()),
            world.own.sign(&foreign),
        ),
        attack(
            "of a foreign issuer, by our key under the name of its",
            Signature,
            world.own.sign_as(&world.rsa.header(), &foreign),
        ),
        attack(
            "of another realm of a foreign provider",
            Issuer,
            world.rsa.sign(&with(
                &foreign,
                "iss",
                json!(world.foreign.replace("corp", "other")),
            )),
        ),
        attack(
            "of a foreign issuer with a slash behind",
            Issuer,
            world
                .rsa
                .sign(&with(&foreign, "iss", json!(format!("{}/", world.foreign)))),
        ),
        attack(
            "of a foreign issuer that is not configured",
            Issuer,
            world
                .rsa
                .sign(&with(&foreign, "iss", json!("https://removed.example"))),
        ),
        attack(
            "of a foreign issuer, for the tenant of another",
            Issuer,
            world.rsa.sign(&with(
                &with(
                    &foreign,
                    "iss",
                    json!(name.replace(&world.tenant, "11111111-2222-4333-8444-555555555555")),
                ),
                "tid",
                json!(world.tenant),
            )),
        ),
    ]
}

fn grants(world: &World) -> Vec<Attack> {
    let claims = world.own_claims();
    let granted = |name: &str, value: Value| world.own.sign(&with(&claims, name, value));
    let role = "Software.Read.All";
    let of_person = with(&without(&claims, "roles"), "scp", json!("Software.Read"));
    vec![
        attack(
            "roles that are a text",
            Malformed,
            granted("roles", json!(role)),
        ),
        attack(
            "roles that are nested",
            Malformed,
            granted("roles", json!([[role]])),
        ),
        attack(
            "roles that are null",
            Malformed,
            granted("roles", Value::Null),
        ),
        attack(
            "roles that are an object",
            Malformed,
            granted("roles", json!({ "0": role })),
        ),
        attack(
            "roles with a number",
            Malformed,
            granted("roles", json!([role, 1])),
        ),
        attack(
            "scopes that are a list",
            Malformed,
            granted("scp", json!(["Software.Read"])),
        ),
        attack(
            "scopes that are null",
            Malformed,
            granted("scp", Value::Null),
        ),
        attack(
            "scopes of nobody",
            Subject,
            world.own.sign(&without(&without(&of_person, "oid"), "sub")),
        ),
        attack(
            "a person's id that is a number",
            Malformed,
            world.own.sign(&with(&of_person, "oid", json!(7))),
        ),
        attack(
            "groups that are a text",
            Malformed,
            world.own.sign(&with(&of_person, "groups", json!("admins"))),
        ),
        attack(
            "an application that is nobody's",
            Subject,
            world.own.sign(&without(&claims, "appid")),
        ),
        attack(
            "an application with another subject",
            Subject,
            granted("sub", json!("person")),
        ),
    ]
}

fn sizes(world: &World) -> Vec<Attack> {
    let claims = world.own_claims();
    let mut deep = json!("x");
    for _ in 0..300 {
        deep = json!([deep]);
    }
    let long = world
        .own
        .sign(&with(&claims, "name", json!("x".repeat(20_000))));
    vec![
        attack("longer than any token", Malformed, long),
        attack(
            "deeper than any token",
            Malformed,
            world.own.sign(&with(&claims, "name", deep)),
        ),
    ]
}

fn foreign_keys(world: &World) -> Vec<Attack> {
    let claims = world.foreign_claims();
    let unknown = || UnknownKeyOf(FOREIGN.into());
    let other = |pair: &KeyPair, algorithm: &str, signature: &[u8]| {
        let header = with(&pair.header(), "alg", json!(algorithm)).to_string();
        format!(
            "{}.{}.{}",
            encode(header),
            encode(claims.to_string()),
            encode(signature)
        )
    };
    let by = |pair: &KeyPair, algorithm: Algorithm| {
        let header = with(&pair.header(), "alg", json!(format!("{algorithm:?}"))).to_string();
        signed(
            header.as_bytes(),
            claims.to_string().as_bytes(),
            pair,
            algorithm,
        )
    };
    let weak = json!({ "alg": "RS256", "kid": "weak" });
    // An ASN.1 sequence of two integers, which is not the form of JOSE (RFC 7518, section 3.4).
    let der = [
        &[0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01][..],
        &[0; 56],
    ]
    .concat();
    let mut order = hex_of_order();
    order.extend(hex_of_order());
    vec![
        attack(
            "by a weak key of RSA",
            unknown(),
            world.attacker.sign_as(&weak, &claims),
        ),
        attack(
            "by a key that is for encryption",
            unknown(),
            world.for_encryption.sign(&claims),
        ),
        attack(
            "by one of two keys of one name",
            unknown(),
            world.twin.sign(&claims),
        ),
        attack(
            "by a key not published",
            unknown(),
            world.attacker.sign(&claims),
        ),
        attack(
            "by no key named, where one could be guessed",
            UnknownKey,
            world.rsa.sign_as(&json!({ "alg": "RS256" }), &claims),
        ),
        attack(
            "by RS256 with a key of PS256",
            UnknownKey,
            by(&world.pss, Algorithm::RS256),
        ),
        attack(
            "by an elliptic curve's zeros",
            Signature,
            other(&world.p256, "ES256", &[0; 64]),
        ),
        attack(
            "by an elliptic curve's order",
            Signature,
            other(&world.p256, "ES256", &order),
        ),
        attack(
            "by an elliptic curve, in DER",
            Signature,
            other(&world.p256, "ES256", &der),
        ),
        attack(
            "by an elliptic curve, cut",
            Signature,
            other(&world.p256, "ES256", &[1; 63]),
        ),
        attack(
            "by a key of another curve",
            UnknownKey,
            other(&world.p384, "ES256", &[1; 64]),
        ),
        attack(
            "by a key of a smaller curve",
            UnknownKey,
            other(&world.p256, "ES384", &[1; 96]),
        ),
        attack(
            "by Ed25519's zeros",
            Signature,
            other(&world.ed25519, "EdDSA", &[0; 64]),
        ),
        attack(
            "by HMAC with the point of a curve",
            UnknownKey,
            other(&world.p256, "HS256", &[1; 32]),
        ),
    ]
}

/// The order of P-256 (SEC 2, section 2.4.2): as a number of a signature it is zero.
fn hex_of_order() -> Vec<u8> {
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let byte = |place: usize| u8::from_str_radix(&order[place..place + 2], 16).unwrap();
    (0..order.len()).step_by(2).map(byte).collect()
}

fn foreign_claims(world: &World) -> Vec<Attack> {
    let claims = world.foreign_claims();
    let key = &world.rsa;
    let with = |name: &str, value: Value| key.sign(&with(&claims, name, value));
    let person = without(&claims, "idtyp");
    vec![
        attack(
            "a foreign ID token, by its kind",
            Kind,
            with("typ", json!("ID")),
        ),
        attack(
            "a foreign refresh token, by its kind",
            Kind,
            with("typ", json!("Refresh")),
        ),
        attack(
            "a foreign offline token, by its kind",
            Kind,
            with("typ", json!("Offline")),
        ),
        attack(
            "a foreign ID token, by its nonce",
            Kind,
            with("nonce", json!("n")),
        ),
        attack(
            "a foreign token bound to a certificate",
            Kind,
            with("cnf", json!({ "x5t#S256": "t" })),
        ),
        attack(
            "a foreign token for another",
            Audience,
            with("aud", json!("account")),
        ),
        attack(
            "foreign roles that are a text",
            Malformed,
            with("realm_access", json!({ "roles": "Software.Read.All" })),
        ),
        attack(
            "foreign roles that are null",
            Malformed,
            with("realm_access", json!({ "roles": null })),
        ),
        attack(
            "a foreign application without a name",
            Subject,
            key.sign(&without(&claims, "azp")),
        ),
        attack(
            "a foreign person without an id",
            Subject,
            key.sign(&without(&person, "sub")),
        ),
        attack(
            "a foreign token without an end",
            Malformed,
            key.sign(&without(&claims, "exp")),
        ),
        attack(
            "a foreign token issued in the future",
            NotYet,
            with("iat", json!(Timestamp::now().as_second() + 600)),
        ),
    ]
}

fn entra(world: &World) -> Vec<Attack> {
    let claims = World::entra_claims();
    let key = &world.entra;
    let of = |name: &str, value: Value| key.sign(&with(&claims, name, value));
    let v2 = json!(format!("https://login.microsoftonline.com/{TID}/v2.0"));
    let other = "11111111-2222-4333-8444-555555555555";
    let id_token = json!({
        "aud": claims["aud"], "iss": v2, "tid": TID, "iat": claims["iat"], "exp": claims["exp"],
        "oid": "person", "sub": "pairwise", "roles": ["Software.Read.All"], "ver": "2.0",
    });
    let mut all = vec![
        attack(
            "Entra: the tenant of another",
            Issuer,
            of("tid", json!(other)),
        ),
        attack(
            "Entra: the issuer of another tenant",
            Issuer,
            of("iss", json!(format!("https://sts.windows.net/{other}/"))),
        ),
        attack(
            "Entra: no tenant",
            Issuer,
            key.sign(&without(&claims, "tid")),
        ),
        attack(
            "Entra: version 1 without its slash",
            Issuer,
            of("iss", json!(format!("https://sts.windows.net/{TID}"))),
        ),
        attack(
            "Entra: the issuer for any tenant",
            Issuer,
            of("iss", json!("https://sts.windows.net/{tenantid}/")),
        ),
        attack(
            "Entra: a host that begins like it",
            Issuer,
            of(
                "iss",
                json!(format!("https://sts.windows.net.evil.example/{TID}/")),
            ),
        ),
        attack(
            "Entra: a person's ID token with roles",
            Subject,
            key.sign(&id_token),
        ),
        attack(
            "Entra: a person's token without scopes",
            Subject,
            of("idtyp", json!("user")),
        ),
        attack(
            "Entra: an application's token with scopes",
            Subject,
            key.sign(&with(
                &with(&claims, "idtyp", json!("app")),
                "scp",
                json!("Software.Read"),
            )),
        ),
        attack(
            "Entra: by the key of another provider",
            UnknownKeyOf(ENTRA.into()),
            world.rsa.sign(&claims),
        ),
        attack(
            "Entra: by PS256",
            UnknownKey,
            key.sign_as(&with(&key.header(), "alg", json!("PS256")), &claims),
        ),
        attack(
            "Entra: for Microsoft Graph",
            Audience,
            of("aud", json!("00000003-0000-0000-c000-000000000000")),
        ),
    ];
    for attack in &mut all {
        attack.entra = true;
    }
    all
}
