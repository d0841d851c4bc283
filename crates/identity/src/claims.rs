//! The claims of a token (RFC 7519, section 4).

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::foreign::ClaimPath;
use crate::unauthorized::Unauthorized;

/// The last second of the year 9999: no date is later.
const LAST: i64 = 253_402_300_799;

/// The claims; each is there once.
#[derive(Debug)]
pub(crate) struct ClaimSet(Map<String, Value>);

impl ClaimSet {
    pub(crate) fn read(json: &[u8]) -> Result<Self, Unauthorized> {
        serde_json::from_slice(json).map_err(|_| Unauthorized::Malformed)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text, where the claim is there.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Unauthorized> {
        self.0.get(name).map(text).transpose()
    }

    /// A text at a path, where there is something.
    pub(crate) fn text_at(&self, path: &ClaimPath) -> Result<Option<&str>, Unauthorized> {
        self.at(path).map(text).transpose()
    }

    /// A moment in whole seconds since 1970, where the claim is there.
    pub(crate) fn time(&self, name: &str) -> Result<Option<i64>, Unauthorized> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let time = value.as_i64().filter(|time| *time <= LAST);
        time.map(Some).ok_or(Unauthorized::Malformed)
    }

    /// A list of texts, where the claim is there.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<Box<str>>, Unauthorized> {
        self.0.get(name).map_or(Ok(Vec::new()), texts)
    }

    /// A list of texts at a path; empty where there is nothing.
    pub(crate) fn texts_at(&self, path: &ClaimPath) -> Result<Vec<Box<str>>, Unauthorized> {
        self.at(path).map_or(Ok(Vec::new()), texts)
    }

    /// Words with spaces between them (RFC 8693, section 4.2), or a list of them, at a path; empty where there is nothing.
    pub(crate) fn words_at(&self, path: &ClaimPath) -> Result<Vec<Box<str>>, Unauthorized> {
        match self.at(path) {
            Some(Value::String(text)) => Ok(words(text)),
            Some(other) => texts(other),
            None => Ok(Vec::new()),
        }
    }

    /// The audiences: one or several (RFC 7519, section 4.1.3).
    pub(crate) fn audiences(&self) -> Result<Vec<&str>, Unauthorized> {
        match self.0.get("aud") {
            Some(Value::String(one)) => Ok(vec![one]),
            Some(Value::Array(several)) => several.iter().map(text).collect(),
            Some(_) => Err(Unauthorized::Malformed),
            None => Err(Unauthorized::Audience),
        }
    }

    pub(crate) fn at(&self, path: &ClaimPath) -> Option<&Value> {
        let (first, rest) = path.parts();
        rest.iter()
            .try_fold(self.0.get(first)?, |value, part| value.get(&**part))
    }
}

pub(crate) fn words(text: &str) -> Vec<Box<str>> {
    text.split_ascii_whitespace().map(Box::from).collect()
}

fn text(value: &Value) -> Result<&str, Unauthorized> {
    value.as_str().ok_or(Unauthorized::Malformed)
}

fn texts(value: &Value) -> Result<Vec<Box<str>>, Unauthorized> {
    let values = value.as_array().ok_or(Unauthorized::Malformed)?;
    values
        .iter()
        .map(|value| text(value).map(Box::from))
        .collect()
}

impl<'de> Deserialize<'de> for ClaimSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EachOnce).map(Self)
    }
}

struct EachOnce;

impl<'de> Visitor<'de> for EachOnce {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("claims, each once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut claims = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if claims.insert(name, value).is_some() {
                return Err(A::Error::custom("a claim is stated twice"));
            }
        }
        Ok(claims)
    }
}
