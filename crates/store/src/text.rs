//! Which texts can be kept.
//!
//! PostgreSQL knows no NUL in a text, and its indexes hold no key above some 2,700 bytes. Both hold for SQLite too, so that
//! what one takes the other does.

use crate::StoreError;

/// How many bytes a text in a key may have.
const LONGEST_KEY: usize = 1000;

/// Refuses a text that cannot be a part of a key.
pub(crate) fn key(what: &'static str, text: &str) -> Result<(), StoreError> {
    let why = if text.is_empty() {
        "it is empty"
    } else if text.len() > LONGEST_KEY {
        "it is longer than 1,000 bytes"
    } else {
        return plain(what, text);
    };
    Err(StoreError::Unfit { what, why })
}

/// Refuses a text of more than some bytes; `why` says how many.
pub(crate) fn bounded(
    what: &'static str,
    text: &str,
    longest: usize,
    why: &'static str,
) -> Result<(), StoreError> {
    if text.len() > longest {
        return Err(StoreError::Unfit { what, why });
    }
    plain(what, text)
}

/// Refuses a text that cannot be kept.
pub(crate) fn plain(what: &'static str, text: &str) -> Result<(), StoreError> {
    if text.contains('\0') {
        return Err(StoreError::Unfit {
            what,
            why: "it has a NUL in it",
        });
    }
    Ok(())
}
