//! Tokens of expressions.

use std::borrow::Cow;

use jiff::Timestamp;
use uuid::Uuid;

use super::literal;
use crate::error::{ODataError, excerpt};
use crate::limits::Limits;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token<'a> {
    /// A name or word: also with dots, as a type with its namespace, or `$count`.
    Word(&'a str),
    /// A quoted text.
    Text(Cow<'a, str>),
    /// A name directly before a quoted text.
    Typed(&'a str, Cow<'a, str>),
    Int(i64),
    Double(f64),
    Time(Timestamp),
    Date(Timestamp),
    Guid(Uuid),
    Open,
    Close,
    Comma,
    Slash,
    Colon,
    Minus,
    End,
}

impl Token<'_> {
    /// The token in a message.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("'{}'", excerpt(word)),
            Self::Text(text) => format!("the text '{}'", excerpt(text)),
            Self::Typed(of, _) => format!("a literal of type '{}'", excerpt(of)),
            Self::Int(number) => format!("the number {number}"),
            Self::Double(number) => format!("the number {number}"),
            Self::Time(_) | Self::Date(_) => "a date".to_owned(),
            Self::Guid(_) => "a GUID".to_owned(),
            Self::Open => "'('".to_owned(),
            Self::Close => "')'".to_owned(),
            Self::Comma => "','".to_owned(),
            Self::Slash => "'/'".to_owned(),
            Self::Colon => "':'".to_owned(),
            Self::Minus => "'-'".to_owned(),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Reads tokens one at a time, with one to look at before it is taken.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    /// Where the next token after `token` is looked for.
    next: usize,
    token: Token<'a>,
    at: usize,
    literal: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str, limits: &Limits) -> Result<Self, ODataError> {
        if text.len() > limits.option {
            return Err(ODataError::new(format!(
                "the text has {} bytes, at most {} are read",
                text.len(),
                limits.option
            )));
        }
        let mut lexer = Self {
            text,
            next: 0,
            token: Token::End,
            at: 0,
            literal: limits.literal,
        };
        lexer.advance()?;
        Ok(lexer)
    }

    /// The token that comes next.
    pub(crate) fn peek(&self) -> &Token<'a> {
        &self.token
    }

    /// Where the next token begins.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Takes the next token.
    pub(crate) fn take(&mut self) -> Result<Token<'a>, ODataError> {
        let token = std::mem::replace(&mut self.token, Token::End);
        self.advance()?;
        Ok(token)
    }

    /// Takes the next token if it is this one.
    pub(crate) fn take_if(&mut self, token: &Token<'_>) -> Result<bool, ODataError> {
        let is = self.token == *token;
        if is {
            self.take()?;
        }
        Ok(is)
    }

    /// Takes the token that has to come here.
    pub(crate) fn expect(&mut self, token: &Token<'_>) -> Result<(), ODataError> {
        if self.take_if(token)? {
            return Ok(());
        }
        Err(self.unexpected(&token.describe()))
    }

    /// The error that something else was expected here.
    pub(crate) fn unexpected(&self, expected: &str) -> ODataError {
        let found = self.token.describe();
        ODataError::at(self.at, format!("expected {expected}, found {found}"))
    }

    fn advance(&mut self) -> Result<(), ODataError> {
        let bytes = self.text.as_bytes();
        let blank = bytes[self.next..]
            .iter()
            .take_while(|b| b.is_ascii_whitespace());
        self.at = self.next + blank.count();
        let rest = &bytes[self.at..];
        let Some(&first) = rest.first() else {
            self.next = self.at;
            self.token = Token::End;
            return Ok(());
        };
        let (token, length) = match first {
            b'(' => (Token::Open, 1),
            b')' => (Token::Close, 1),
            b',' => (Token::Comma, 1),
            b'/' => (Token::Slash, 1),
            b':' => (Token::Colon, 1),
            b'\'' => {
                let (text, length) = self.quoted(self.at)?;
                (Token::Text(text), length)
            }
            b'-' if rest.get(1).is_some_and(u8::is_ascii_digit) => self.number(rest)?,
            b'-' if rest.starts_with(b"-INF")
                && !rest.get(4).is_some_and(u8::is_ascii_alphanumeric) =>
            {
                (Token::Double(f64::NEG_INFINITY), 4)
            }
            b'-' => (Token::Minus, 1),
            _ => self.word_or_number(rest)?,
        };
        self.token = token;
        self.next = self.at + length;
        Ok(())
    }

    fn word_or_number(&self, rest: &'a [u8]) -> Result<(Token<'a>, usize), ODataError> {
        if let Some(guid) = literal::guid(rest) {
            return Ok((Token::Guid(guid), 36));
        }
        if literal::begins_date(rest) {
            let moment = literal::moment(rest).map_err(|text| ODataError::at(self.at, text))?;
            self.ends(self.at + moment.length)?;
            let token = if moment.is_date {
                Token::Date(moment.time)
            } else {
                Token::Time(moment.time)
            };
            return Ok((token, moment.length));
        }
        if rest[0].is_ascii_digit() {
            return self.number(rest);
        }
        self.word()
    }

    fn word(&self) -> Result<(Token<'a>, usize), ODataError> {
        let rest = &self.text[self.at..];
        let end = rest.char_indices().find(|&(at, c)| {
            let inside = c == '_' || c.is_alphanumeric() || (c == '.' && at > 0);
            !(inside || (c == '$' && at == 0))
        });
        let length = end.map_or(rest.len(), |(at, _)| at);
        if length == 0 {
            let found: String = rest.chars().take(1).collect();
            return Err(ODataError::at(
                self.at,
                format!("'{}' does not belong here", excerpt(&found)),
            ));
        }
        let word = &rest[..length];
        if rest[length..].starts_with('\'') {
            let (text, quoted) = self.quoted(self.at + length)?;
            return Ok((Token::Typed(word, text), length + quoted));
        }
        Ok((Token::Word(word), length))
    }

    /// A quoted text whose quote stands here, in which two quotes are one.
    fn quoted(&self, at: usize) -> Result<(Cow<'a, str>, usize), ODataError> {
        let inside = &self.text[at + 1..];
        let mut from = 0;
        let mut doubled = false;
        while let Some(quote) = inside[from..].find('\'') {
            let end = from + quote;
            if end > self.literal {
                break;
            }
            if inside[end + 1..].starts_with('\'') {
                doubled = true;
                from = end + 2;
                continue;
            }
            let text = &inside[..end];
            let text = if doubled {
                Cow::Owned(text.replace("''", "'"))
            } else {
                Cow::Borrowed(text)
            };
            return Ok((text, end + 2));
        }
        Err(if inside.len() > self.literal {
            let most = self.literal;
            ODataError::at(at, format!("a text has more than {most} bytes, or no end"))
        } else {
            ODataError::at(at, "the text has no closing quote")
        })
    }

    /// A number, whole or not; the letters that OData 2 has behind numbers are left out.
    fn number(&self, rest: &'a [u8]) -> Result<(Token<'a>, usize), ODataError> {
        let digits = |from: usize| {
            let digits = rest.get(from..).unwrap_or_default().iter();
            digits.take_while(|b| b.is_ascii_digit()).count()
        };
        let mut at = usize::from(rest[0] == b'-');
        at += digits(at);
        let mut whole = true;
        if rest.get(at) == Some(&b'.') && digits(at + 1) > 0 {
            whole = false;
            at += 1 + digits(at + 1);
        }
        if matches!(rest.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(at + 1), Some(b'+' | b'-')));
            if digits(at + 1 + sign) > 0 {
                whole = false;
                at += 1 + sign + digits(at + 1 + sign);
            }
        }
        let text = &self.text[self.at..self.at + at];
        if at > 64 {
            return Err(ODataError::at(self.at, "the number has too many digits"));
        }
        let suffix = match rest.get(at).map(u8::to_ascii_lowercase) {
            Some(b'l') if whole => 1,
            Some(b'm' | b'f' | b'd') => {
                whole = false;
                1
            }
            _ => 0,
        };
        self.ends(self.at + at + suffix)?;
        let token = if whole {
            text.parse().map(Token::Int).ok()
        } else {
            text.parse().map(Token::Double).ok()
        };
        match token {
            Some(token) => Ok((token, at + suffix)),
            None => Err(ODataError::at(self.at, "the number is out of range")),
        }
    }

    /// A literal has to end here: not within a word.
    fn ends(&self, at: usize) -> Result<(), ODataError> {
        let next = self.text[at..].chars().next();
        if next.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '\'' | '$')) {
            return Err(ODataError::at(
                at,
                format!(
                    "'{}' is neither a number nor a date; texts stand in single quotes",
                    excerpt(&self.text[self.at..])
                ),
            ));
        }
        Ok(())
    }
}
