//! The files of rules, as written.

use serde::Deserialize;
use toml::Spanned;

use super::identity::EntryKind;

/// How large a file of rules may be, in bytes.
const MAX_FILE: usize = 4 << 20;

/// Why a file of rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}line {line}, field {field}: {reason}", if *built_in { "built-in rules, " } else { "" })]
pub struct RulesError {
    /// Whether it is in the rules that come with kbgap.
    pub built_in: bool,
    /// The line, from 1.
    pub line: usize,
    /// The field.
    pub field: Box<str>,
    /// What is wrong.
    pub reason: Box<str>,
}

/// A file of rules.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct RulesFile {
    /// Words that do not tell softwares apart; only in the built-in rules.
    pub(super) words: Option<Spanned<WordLists>>,
    pub(super) vendor: Vec<Spanned<VendorTable>>,
    pub(super) software: Vec<Spanned<SoftwareTable>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WordLists {
    pub(super) architectures: Vec<Box<str>>,
    pub(super) languages: Vec<Box<str>>,
    pub(super) language_tags: Vec<Box<str>>,
    pub(super) in_parentheses: Vec<Box<str>>,
    pub(super) legal_forms: Vec<Box<str>>,
    pub(super) no_vendor: Vec<Box<str>>,
}

/// A vendor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct VendorTable {
    /// The vendor's part of software ids.
    pub(super) id: Spanned<Box<str>>,
    /// As shown.
    pub(super) name: Spanned<Box<str>>,
    /// What entries call it, without legal forms.
    #[serde(default)]
    pub(super) aliases: Vec<Spanned<Box<str>>>,
    /// The first words of names that tell the vendor where an entry names none.
    #[serde(default)]
    pub(super) starts: Vec<Spanned<Box<str>>>,
    /// Whether its name stays at the front of its softwares' names.
    #[serde(default)]
    pub(super) keeps_name: bool,
}

/// A software.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SoftwareTable {
    /// The id or name of its vendor; any vendor without one.
    pub(super) vendor: Option<Spanned<Box<str>>>,
    /// Its name, as shown; the cleaned name without one.
    pub(super) name: Option<Spanned<Box<str>>>,
    /// The name's part of its id, where it is another.
    pub(super) id: Option<Spanned<Box<str>>>,
    /// The names it goes by.
    #[serde(rename = "match")]
    pub(super) patterns: Vec<Spanned<Box<str>>>,
    /// Other vendors whose entries it is; `*` is any.
    #[serde(default)]
    pub(super) publishers: Vec<Spanned<Box<str>>>,
    /// Where its version is.
    #[serde(default)]
    pub(super) version: VersionFrom,
    /// What kind of entry it is.
    #[serde(default)]
    pub(super) kind: KindName,
}

/// Where the version of a software is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum VersionFrom {
    /// In the entry; in its name where the entry has none.
    #[default]
    Entry,
    /// In its name; in the entry where the name has none.
    Name,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum KindName {
    #[default]
    Software,
    Update,
    Part,
}

impl From<KindName> for EntryKind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Software => Self::Software,
            KindName::Update => Self::Update,
            KindName::Part => Self::Part,
        }
    }
}

/// The text of a file of rules, to tell places in it.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) built_in: bool,
}

impl Source<'_> {
    pub(super) fn parse(self) -> Result<RulesFile, RulesError> {
        if self.text.len() > MAX_FILE {
            let reason = format!("the file is larger than {} MiB", MAX_FILE >> 20);
            return Err(self.error(0, ".", &reason));
        }
        let file: RulesFile = toml::from_str(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let field = self.field(at);
            self.error(at, &field, error.message())
        })?;
        if let (Some(words), false) = (&file.words, self.built_in) {
            let reason = "the words that tell nothing come with kbgap; write a rule instead";
            return Err(self.error(words.span().start, "words", reason));
        }
        Ok(file)
    }

    /// The line of a place, from 1.
    pub(super) fn line(self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    pub(super) fn error(self, at: usize, field: &str, reason: &str) -> RulesError {
        RulesError {
            built_in: self.built_in,
            line: self.line(at),
            field: field.into(),
            reason: reason.trim().into(),
        }
    }

    /// The key of the line at a place; `.` where there is none.
    fn field(self, at: usize) -> String {
        let start = self.text.get(..at).and_then(|text| text.rfind('\n'));
        let line = self.text.get(start.map_or(0, |start| start + 1)..);
        let line = line.and_then(|line| line.lines().next()).unwrap_or("");
        let key = line.split('=').next().unwrap_or("");
        let key = key.trim_matches(|c: char| c.is_whitespace() || matches!(c, '[' | ']'));
        if key.is_empty() {
            ".".to_owned()
        } else {
            key.to_owned()
        }
    }
}
