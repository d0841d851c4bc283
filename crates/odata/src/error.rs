//! What is wrong with a request.

use std::borrow::Cow;
use std::fmt;

/// A query option that cannot be answered: which one, what is wrong with it, and where.
///
/// Defender answers it with status 400, the code `ODataError` and the message in the error body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ODataError {
    /// The option, as `$filter`; `None` where the fault is of the query as a whole.
    pub option: Option<Cow<'static, str>>,
    /// What is wrong, without option and position.
    pub message: String,
    /// The place in the decoded text of the option, in bytes from its start.
    pub position: Option<usize>,
}

impl ODataError {
    /// An error of the query as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            option: None,
            message: message.into(),
            position: None,
        }
    }

    /// An error at a place.
    pub(crate) fn at(position: usize, message: impl Into<String>) -> Self {
        Self {
            position: Some(position),
            ..Self::new(message)
        }
    }

    /// The same error, said of this option unless it names one already.
    #[must_use]
    pub(crate) fn of(mut self, option: &'static str) -> Self {
        self.option.get_or_insert(Cow::Borrowed(option));
        self
    }

    /// The same error in a text that starts at `offset` of a longer one.
    pub(crate) fn moved(mut self, offset: usize) -> Self {
        self.position = self.position.map(|position| position + offset);
        self
    }
}

impl fmt::Display for ODataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(option) = &self.option {
            write!(f, "{option}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(position) = self.position {
            write!(f, ", at position {position}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ODataError {}

/// A text of the request as it is repeated in a message: short, and on one line.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut chars = text.chars();
    let mut short: String = chars
        .by_ref()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
