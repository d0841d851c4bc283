//! Tokens that tell where a paged export goes on.
//!
//! They are opaque to clients, and of the shape of Defender's (API specification, section 4): base64url of
//! `{"ExportDefinition":{"TimePath":"…"},"ExportFileIndex":0,"LineStoppedAt":5}`. Here they also name the row they
//! stopped after, by its keys, so that rows that come and go between two pages shift nothing; and they are sealed, so
//! that only what was given comes back.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::seal::{Purpose, SealError, SealKeys};

/// The longest token that is read.
const MAX_TOKEN: usize = 16 << 10;

/// The seal in a token: 32 bytes in base64url.
const SEAL_TEXT: usize = 43;

/// What comes before the seal, and after it.
const BEFORE_SEAL: &[u8] = b",\"Seal\":\"";
const AFTER_SEAL: &[u8] = b"\"}";

/// Where a paged export goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SkipToken {
    /// The snapshot, as a path of time: `2021-01-25/0200/`.
    pub time_path: String,
    /// Which file, for exports that are read from files.
    pub file_index: u32,
    /// How many rows were given so far. For people: `after_machine` and `after_row` tell the place.
    pub line: u64,
    /// The machine whose row was the last that was given.
    pub after_machine: Option<String>,
    /// The key of that row within the machine.
    pub after_row: Option<String>,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SkipTokenError {
    /// It is none.
    #[error("the $skiptoken is none that this server gives")]
    Malformed,
    /// It is sealed with a key that is not known, or no more.
    #[error("the $skiptoken was given too long ago")]
    UnknownKey,
    /// It was changed, or given for something else.
    #[error("the $skiptoken was changed, or given for another request")]
    BadSeal,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    export_definition: Definition<'a>,
    export_file_index: u32,
    line_stopped_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_machine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_row: Option<String>,
    key_version: String,
    // Read, and verified before.
    #[serde(skip_serializing, default, rename = "Seal")]
    _seal: serde::de::IgnoredAny,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Definition<'a> {
    time_path: std::borrow::Cow<'a, str>,
}

impl SkipToken {
    /// The token as a client gets it, for one context: the tenant, the route and whatever else must be the same when
    /// it comes back.
    pub fn encode(&self, context: &str, keys: &SealKeys) -> String {
        let body = Body {
            export_definition: Definition {
                time_path: self.time_path.as_str().into(),
            },
            export_file_index: self.file_index,
            line_stopped_at: self.line,
            after_machine: self.after_machine.clone(),
            after_row: self.after_row.clone(),
            key_version: keys.version().to_owned(),
            _seal: serde::de::IgnoredAny,
        };
        // A struct of texts and numbers is always written.
        let mut json = serde_json::to_vec(&body).unwrap_or_default();
        json.pop();
        let seal = keys.seal(Purpose::SkipToken, &[context.as_bytes(), &json]);
        json.extend_from_slice(BEFORE_SEAL);
        json.extend_from_slice(URL_SAFE_NO_PAD.encode(seal).as_bytes());
        json.extend_from_slice(AFTER_SEAL);
        URL_SAFE_NO_PAD.encode(json)
    }

    /// The token that a client sent, in the context it was given for.
    pub fn decode(text: &str, context: &str, keys: &SealKeys) -> Result<Self, SkipTokenError> {
        let malformed = SkipTokenError::Malformed;
        if text.len() > MAX_TOKEN {
            return Err(malformed);
        }
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed)?;
        // The bytes themselves are what is sealed, not what they mean: no two texts are the same token.
        let sealed = json.strip_suffix(AFTER_SEAL).ok_or(malformed)?;
        let (rest, seal) = sealed
            .split_at_checked(sealed.len().saturating_sub(SEAL_TEXT))
            .ok_or(malformed)?;
        let body = rest.strip_suffix(BEFORE_SEAL).ok_or(malformed)?;
        let seal = URL_SAFE_NO_PAD.decode(seal).map_err(|_| malformed)?;
        let read: Body<'_> = serde_json::from_slice(&json).map_err(|_| malformed)?;
        keys.verify(
            &read.key_version,
            Purpose::SkipToken,
            &[context.as_bytes(), body],
            &seal,
        )
        .map_err(|error| match error {
            SealError::UnknownKey => SkipTokenError::UnknownKey,
            SealError::Wrong => SkipTokenError::BadSeal,
        })?;
        Ok(Self {
            time_path: read.export_definition.time_path.into_owned(),
            file_index: read.export_file_index,
            line: read.line_stopped_at,
            after_machine: read.after_machine,
            after_row: read.after_row,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SealKey;

    fn keys(version: &str) -> SealKeys {
        SealKeys::new(SealKey::new(version, &[7; 32]).unwrap())
    }

    #[test]
    fn a_token_is_of_defenders_shape() {
        let token = SkipToken {
            time_path: "2021-01-25/0200/".to_owned(),
            line: 5,
            ..SkipToken::default()
        };
        let text = token.encode("t", &keys("1"));
        let json = String::from_utf8(URL_SAFE_NO_PAD.decode(&text).unwrap()).unwrap();
        let start = "{\"ExportDefinition\":{\"TimePath\":\"2021-01-25/0200/\"},\"ExportFileIndex\":0,\
                     \"LineStoppedAt\":5,\"KeyVersion\":\"1\",\"Seal\":\"";
        assert!(json.starts_with(start), "{json}");
        assert_eq!(SkipToken::decode(&text, "t", &keys("1")), Ok(token.clone()));
        let elsewhere = SkipToken::decode(&text, "u", &keys("1"));
        assert_eq!(elsewhere, Err(SkipTokenError::BadSeal));
        let unknown = SkipToken::decode(&text, "t", &keys("2"));
        assert_eq!(unknown, Err(SkipTokenError::UnknownKey));
        for bad in ["", "e30", "{}", "=", &format!("{text}="), &text[1..]] {
            let read = SkipToken::decode(bad, "t", &keys("1"));
            assert_eq!(read, Err(SkipTokenError::Malformed), "{bad}");
        }
        // Defender's own, which has no seal.
        let bare = &json[..json.find(",\"KeyVersion").unwrap()];
        let bare = URL_SAFE_NO_PAD.encode(format!("{bare}}}"));
        let read = SkipToken::decode(&bare, "t", &keys("1"));
        assert_eq!(read, Err(SkipTokenError::Malformed));
    }
}
