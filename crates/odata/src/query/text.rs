//! The raw query of a URL as pairs of names and values.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::error::{ODataError, excerpt};
use crate::limits::Limits;

/// A name and a value.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Names and values, decoded: a plus sign is a blank.
pub(super) fn pairs<'a>(raw: &'a str, limits: &Limits) -> Result<Vec<Pair<'a>>, ODataError> {
    if raw.len() > limits.query {
        return Err(ODataError::new(format!(
            "the query has {} bytes, at most {} are read",
            raw.len(),
            limits.query
        )));
    }
    let raw = raw.strip_prefix('?').unwrap_or(raw);
    let pairs = raw.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// A part of a query, decoded.
pub(super) fn decode(text: &str) -> Result<Cow<'_, str>, ODataError> {
    if !text.contains('+') {
        let decoded = percent_decode_str(text).decode_utf8();
        return decoded.map_err(|_| not_text(text));
    }
    let blanks = text.replace('+', " ");
    let decoded = percent_decode_str(&blanks).decode_utf8();
    decoded
        .map(|text| Cow::Owned(text.into_owned()))
        .map_err(|_| not_text(text))
}

fn not_text(text: &str) -> ODataError {
    let text = excerpt(text);
    ODataError::new(format!("'{text}' is not UTF-8 in percent encoding"))
}
