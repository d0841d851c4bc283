//! What a document held that could be kept only as text, or not at all.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of irregularity in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OddityKind {
    /// A vendor fix is named by words, not by a KB number; kept, matched by version only.
    FixWithoutKb,
    /// A vendor fix has neither a name nor a fixed build; left out.
    FixWithoutName,
    /// A fixed build is not a version; kept as text.
    FixedBuildUnread,
    /// A part of a supersedence is neither a KB nor a bulletin; left out.
    SupersedenceUnread,
    /// A kind of update not known here; kept as text.
    SubTypeUnknown,
    /// A severity not known here; left out.
    SeverityUnknown,
    /// A score is not a number from 0 to 10; left out.
    ScoreUnread,
    /// A date could not be read; left out.
    DateUnread,
    /// A remediation of a type not known here; left out.
    RemediationTypeUnknown,
    /// A status other than known affected; left out.
    StatusIgnored,
    /// A product id is used that the document does not name; left out.
    ProductUnnamed,
    /// An entry has no id; left out.
    EntryWithoutId,
    /// A remediation other than a vendor fix: a known issue, release notes, a workaround, a
    /// mitigation. It fixes nothing and is counted only.
    NotAFix,
}

impl OddityKind {
    /// What the kind means, in words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::FixWithoutKb => "fixes named by words, not by a KB",
            Self::FixWithoutName => "fixes without name and build, left out",
            Self::FixedBuildUnread => "fixed builds kept as text",
            Self::SupersedenceUnread => "supersedence parts that are no KB, left out",
            Self::SubTypeUnknown => "kinds of update not known, kept as text",
            Self::SeverityUnknown => "severities not known, left out",
            Self::ScoreUnread => "scores that are no number, left out",
            Self::DateUnread => "dates that could not be read, left out",
            Self::RemediationTypeUnknown => "remediations of unknown type, left out",
            Self::StatusIgnored => "statuses other than known affected, left out",
            Self::ProductUnnamed => "products used but not named, left out",
            Self::EntryWithoutId => "entries without an id, left out",
            Self::NotAFix => "remediations that are no fix (known issues, notes, workarounds)",
        }
    }
}

/// How often a kind occurred, with its first examples.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oddity {
    /// How often.
    pub count: u64,
    /// Up to [`Oddity::EXAMPLES`] different texts.
    pub examples: Vec<Box<str>>,
}

impl Oddity {
    /// How many examples are kept.
    pub const EXAMPLES: usize = 3;
    /// How long an example may be, in characters.
    const EXAMPLE_LENGTH: usize = 60;

    fn note(&mut self, count: u64, example: &str) {
        self.count += count;
        let example = example.trim();
        if self.examples.len() >= Self::EXAMPLES || example.is_empty() {
            return;
        }
        let end = example.char_indices().nth(Self::EXAMPLE_LENGTH);
        let example = &example[..end.map_or(example.len(), |(at, _)| at)];
        if !self.examples.iter().any(|known| **known == *example) {
            self.examples.push(example.into());
        }
    }
}

/// The irregularities of one document or of several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Oddities(BTreeMap<OddityKind, Oddity>);

impl Oddities {
    /// Counts one, with the text it stands in.
    pub(crate) fn note(&mut self, kind: OddityKind, example: &str) {
        self.0.entry(kind).or_default().note(1, example);
    }

    /// Adds another document's.
    pub fn add(&mut self, other: &Self) {
        for (kind, oddity) in &other.0 {
            let own = self.0.entry(*kind).or_default();
            own.note(oddity.count, "");
            for example in &oddity.examples {
                own.note(0, example);
            }
        }
    }

    /// Each kind that occurred.
    pub fn iter(&self) -> impl Iterator<Item = (OddityKind, &Oddity)> {
        self.0.iter().map(|(kind, oddity)| (*kind, oddity))
    }

    /// How often a kind occurred.
    pub fn count(&self, kind: OddityKind) -> u64 {
        self.0.get(&kind).map_or(0, |oddity| oddity.count)
    }
}

impl fmt::Display for Oddities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, oddity) in self.iter() {
            writeln!(f, "{:>8}  {}", oddity.count, kind.meaning())?;
        }
        Ok(())
    }
}
