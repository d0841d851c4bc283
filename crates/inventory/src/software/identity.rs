//! What an entry of a software list is, in the terms of the software inventory.

use std::fmt;

use kbgap_catalog::SoftwareId;
use serde::Serialize;

/// An entry of a software list, as a machine reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported<'a> {
    /// Who publishes it: `Microsoft Corporation`; may be empty.
    pub vendor: &'a str,
    /// Its display name: `7-Zip 19.00 (x64)`.
    pub name: &'a str,
    /// Its version; may be empty.
    pub version: &'a str,
}

/// What an entry of a software list is: a software with an id that stays the same over its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoftwareIdentity {
    /// The software id, in Defender's form: `7-zip-_-7-zip`.
    pub software: SoftwareId,
    /// The vendor, as shown: `Mozilla`; `unknown` where the entry names none and the name tells none.
    pub vendor: Box<str>,
    /// The software's name, as shown, without versions, architectures and languages.
    pub name: Box<str>,
    /// The version: the reported one, else the one in the name; empty without both.
    pub version: Box<str>,
    /// Whether it is a software of its own.
    pub kind: EntryKind,
    /// What decided.
    pub decided_by: Decision,
}

/// What kind of entry of a software list it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// A software.
    #[default]
    Software,
    /// An update that is listed beside the software it is for; an inventory leaves it out.
    Update,
    /// A part of a software, such as a language pack; an inventory leaves it out.
    Part,
}

/// What decided what an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// It came as the parts of a software id already.
    Id,
    /// It is of Microsoft, and the catalog's own reading of names knows it.
    Catalog,
    /// A rule about names.
    Rule(RuleRef),
    /// No rule about names: vendor and name were only cleaned.
    Cleaned,
}

/// A rule, to be looked up by [`SoftwareRules::rule`](super::SoftwareRules::rule).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleRef(pub(super) u32);

/// A rule, as it is told to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo<'a> {
    /// Whether it came with kbgap, and not from the user.
    pub built_in: bool,
    /// The line of its pattern or table in its file, from 1.
    pub line: usize,
    /// Its first pattern.
    pub pattern: &'a str,
}

impl fmt::Display for RuleInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = if self.built_in { "built-in" } else { "your" };
        write!(f, "{source} rule '{}', line {}", self.pattern, self.line)
    }
}
