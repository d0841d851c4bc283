//! How much a request may ask of the server before it is refused.

use jiff::Timestamp;

use crate::edm::Schema;

/// Bounds of what is read of a query. All work on it is bounded by them: what is too long or too deep is refused, not
/// tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole query as it stands in the URL.
    pub query: usize,
    /// Bytes of the text of one option, decoded.
    pub option: usize,
    /// How deep parentheses, functions and conditions on collections may be nested.
    pub depth: usize,
    /// How deep conditions on collections may be nested: each multiplies the work on a row by the members.
    pub quantifiers: usize,
    /// Parts of one expression: properties, literals, operators, functions.
    pub nodes: usize,
    /// Members of one `in (...)`; they are not counted as parts.
    pub members: usize,
    /// Bytes of one text literal.
    pub literal: usize,
    /// Names in one `$select`, keys in one `$orderby`, items in one `$expand`.
    pub names: usize,
    /// How deep `$expand` may be nested.
    pub expand: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            query: 32 << 10,
            option: 16 << 10,
            depth: 64,
            quantifiers: 2,
            nodes: 512,
            members: 1_000,
            literal: 2 << 10,
            names: 128,
            expand: 3,
        }
    }
}

/// What a query is read against beside the type of the rows.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The schema: its namespace may stand before names, and `$expand` leads to its types.
    pub schema: &'a Schema,
    /// What is refused for its size.
    pub limits: Limits,
    /// The most that `$top` may ask for: for Defender 8,000 vulnerabilities, 10,000 of others.
    pub max_top: u64,
    /// What `now()` is.
    pub now: Timestamp,
}

impl<'a> Rules<'a> {
    /// The usual limits, and 10,000 as the most of `$top`.
    pub fn new(schema: &'a Schema, now: Timestamp) -> Self {
        Self {
            schema,
            limits: Limits::default(),
            max_top: 10_000,
            now,
        }
    }
}
