//! The facts as they are written: TOML beside the code.

use std::collections::BTreeMap;

use jiff::civil::Date;
use kbgap_catalog::Architecture;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::fleet::Era;

const SPRING_2020: &str = include_str!("facts/spring-2020.toml");
const WINTER_2026: &str = include_str!("facts/winter-2026.toml");
const SOFTWARE: &str = include_str!("facts/software.toml");
const IMAGES: &str = include_str!("facts/images.toml");

/// Why the facts that came with the program do not hold together.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// A file is not as it should be.
    #[error("{file}: {error}")]
    Toml {
        /// The file's name.
        file: &'static str,
        /// What is wrong, and where.
        error: Box<toml::de::Error>,
    },
    /// An entry is wrong by itself, or names what is not there.
    #[error("{entry}: {reason}")]
    Entry {
        /// The entry.
        entry: Box<str>,
        /// What is wrong.
        reason: Box<str>,
    },
}

impl FactsError {
    pub(crate) fn entry(entry: &str, reason: impl Into<Box<str>>) -> Self {
        Self::Entry {
            entry: entry.into(),
            reason: reason.into(),
        }
    }
}

/// Windows in an era.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WindowsFacts {
    pub(crate) today: Date,
    pub(crate) releases: Vec<ReleaseFact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseFact {
    pub(crate) name: Box<str>,
    pub(crate) version: Box<str>,
    pub(crate) display: Option<Box<str>>,
    pub(crate) kind: Kind,
    pub(crate) share: u32,
    pub(crate) editions: BTreeMap<Box<str>, u32>,
    pub(crate) architectures: BTreeMap<Architecture, u32>,
    /// How many earlier levels' updates are still listed.
    #[serde(default)]
    pub(crate) keeps: usize,
    /// Updates beside those that make the level.
    pub(crate) also: Vec<AlsoFact>,
    /// Revision, KB, day; oldest first.
    pub(crate) levels: Vec<(u32, u32, Date)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlsoFact {
    pub(crate) kb: u32,
    pub(crate) day: Date,
    pub(crate) kind: AlsoKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AlsoKind {
    Ssu,
    Net,
    Other,
}

/// What a machine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Client,
    Server,
}

/// The software there is, in both eras.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SoftwareFacts {
    /// Lists that names are put together from.
    pub(crate) lists: BTreeMap<Box<str>, Vec<Box<str>>>,
    pub(crate) packs: BTreeMap<Box<str>, PackFact>,
}

/// Software that goes together, the most widespread first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackFact {
    /// How often it is installed on a whim, on machines of a kind; 0 for never.
    #[serde(default)]
    pub(crate) client: u32,
    #[serde(default)]
    pub(crate) server: u32,
    pub(crate) software: Vec<SoftwareFact>,
}

/// A product, or a family of products whose names are put together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SoftwareFact {
    #[serde(default)]
    pub(crate) vendor: Box<str>,
    /// With `{v}` for the version, `{0}` for its first number, `{a}` and `{b}` for entries of lists.
    pub(crate) name: Box<str>,
    /// The versions of spring 2020; absent where it was not there.
    pub(crate) spring: Option<VersionsFact>,
    pub(crate) winter: Option<VersionsFact>,
    /// The versions of both, where they are the same.
    pub(crate) ever: Option<VersionsFact>,
    /// The version as the list shows it, where that is not the one of the name.
    pub(crate) shown: Option<Box<str>>,
    /// How many versions are around, where they are derived from the newest.
    #[serde(default = "depth")]
    pub(crate) depth: u16,
    /// Whether it updates itself, so that most have the newest.
    #[serde(default)]
    pub(crate) fresh: bool,
    pub(crate) a: Option<Box<str>>,
    pub(crate) b: Option<Box<str>>,
    /// Whether all of a family have the same versions.
    #[serde(default)]
    pub(crate) together: bool,
}

fn depth() -> u16 {
    100
}

/// The newest version, from which older ones are derived; or the versions that there were, newest first.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum VersionsFact {
    Newest(Box<str>),
    Stated(Vec<Box<str>>),
}

impl SoftwareFact {
    pub(crate) fn versions(&self, era: Era) -> Option<&VersionsFact> {
        let own = match era {
            Era::Spring2020 => &self.spring,
            Era::Winter2026 => &self.winter,
        };
        own.as_ref().or(self.ever.as_ref())
    }
}

/// The base images of the fleet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageFacts {
    pub(crate) images: Vec<ImageFact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageFact {
    pub(crate) name: Box<str>,
    /// What its machines' names begin with.
    pub(crate) prefix: Box<str>,
    pub(crate) kind: Kind,
    pub(crate) share: u32,
    pub(crate) group: Box<str>,
    #[serde(default)]
    pub(crate) tags: Vec<Box<str>>,
    /// How many products of which packs it has.
    pub(crate) packs: BTreeMap<Box<str>, usize>,
}

pub(crate) fn windows(era: Era) -> Result<WindowsFacts, FactsError> {
    match era {
        Era::Spring2020 => read("spring-2020.toml", SPRING_2020),
        Era::Winter2026 => read("winter-2026.toml", WINTER_2026),
    }
}

pub(crate) fn software() -> Result<SoftwareFacts, FactsError> {
    read("software.toml", SOFTWARE)
}

pub(crate) fn images() -> Result<ImageFacts, FactsError> {
    read("images.toml", IMAGES)
}

fn read<T: DeserializeOwned>(file: &'static str, text: &str) -> Result<T, FactsError> {
    toml::from_str(text).map_err(|error| FactsError::Toml {
        file,
        error: Box::new(error),
    })
}
