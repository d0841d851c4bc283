//! Answers already written out.

use std::sync::Arc;

use axum::body::Bytes;
use kbgap_catalog::SoftwareId;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// How many bytes of answers are kept.
const ROOM: u64 = 64 << 20;
/// About how large an answer is.
const USUAL: usize = 4 << 10;

/// What was asked, of whom and when: an answer stands as long as the tenant's machines do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) tenant: Arc<str>,
    /// Of the machines' snapshot.
    pub(crate) generation: u64,
    /// The URL that stands in the answer.
    pub(crate) root: Box<str>,
    pub(crate) software: SoftwareId,
}

/// Answers as bytes, the most asked for kept.
pub(crate) struct Answers(Cache<Question, Bytes, ByLength>);

#[derive(Clone)]
struct ByLength;

impl Weighter<Question, Bytes> for ByLength {
    fn weight(&self, question: &Question, answer: &Bytes) -> u64 {
        let key = question.root.len() + question.software.as_str().len();
        // Nothing is free: each has an entry.
        (key + answer.len() + 128) as u64
    }
}

impl Default for Answers {
    fn default() -> Self {
        let entries = usize::try_from(ROOM).unwrap_or(usize::MAX) / USUAL;
        Self(Cache::with_weighter(entries, ROOM, ByLength))
    }
}

impl Answers {
    pub(crate) fn get(&self, question: &Question) -> Option<Bytes> {
        self.0.get(question)
    }

    pub(crate) fn put(&self, question: Question, answer: Bytes) {
        self.0.insert(question, answer);
    }
}
