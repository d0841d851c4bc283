//! `$orderby`.

use std::cmp::Ordering;

use crate::edm::StructuredType;
use crate::error::ODataError;
use crate::filter::{Lexer, Term, Token, bind_term, parse_part, value_of};
use crate::limits::Rules;
use crate::value::{Record, Value};

/// One key that rows are ordered by.
#[derive(Debug, Clone)]
pub struct OrderKey {
    term: Term,
    /// Whether the largest comes first.
    pub descending: bool,
}

impl OrderKey {
    /// The value of a row.
    pub fn value<'a, R: Record + ?Sized>(&'a self, row: &'a R) -> Value<'a> {
        value_of(&self.term, row)
    }

    /// The place of the property in the type, if the key is just that.
    pub fn property(&self) -> Option<usize> {
        self.term.property()
    }

    /// How two values of this key are ordered: null before all others, or after them in descending order.
    pub(crate) fn compare(&self, a: &Value<'_>, b: &Value<'_>) -> Ordering {
        let order = compare(a, b);
        if self.descending {
            order.reverse()
        } else {
            order
        }
    }
}

/// A total order of values of one type: null first, then what is not a number.
pub(crate) fn compare(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    if let Some(order) = a.compare(b) {
        return order;
    }
    let rank = |value: &Value<'_>| {
        if value.is_null() {
            0
        } else {
            1 + u8::from(!value.as_double().is_some_and(f64::is_nan))
        }
    };
    rank(a).cmp(&rank(b))
}

pub(super) fn parse(
    text: &str,
    shape: &StructuredType,
    rules: &Rules<'_>,
) -> Result<Vec<OrderKey>, ODataError> {
    let mut lexer = Lexer::new(text, &rules.limits)?;
    let mut keys = Vec::new();
    loop {
        if keys.len() == rules.limits.names {
            let message = format!("more than {} keys are named", rules.limits.names);
            return Err(ODataError::at(lexer.at(), message));
        }
        let expression = parse_part(&mut lexer, &rules.limits)?;
        let term = bind_term(&expression, shape, rules)?;
        let descending = match *lexer.peek() {
            Token::Word(word) if word.eq_ignore_ascii_case("asc") => Some(false),
            Token::Word(word) if word.eq_ignore_ascii_case("desc") => Some(true),
            _ => None,
        };
        if descending.is_some() {
            lexer.take()?;
        }
        let descending = descending.unwrap_or(false);
        keys.push(OrderKey { term, descending });
        if lexer.take_if(&Token::Comma)? {
            continue;
        }
        if *lexer.peek() == Token::End {
            return Ok(keys);
        }
        return Err(lexer.unexpected("'asc', 'desc', ',' or the end"));
    }
}
