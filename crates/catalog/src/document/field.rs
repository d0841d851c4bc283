//! The fields of a document that are text with a meaning.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::oddity::{Oddities, OddityKind};
use crate::{Kb, Version};

/// What names a fix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FixId {
    /// A KB.
    Kb(Kb),
    /// Words: `Click to Run`, `Release Notes`, a package's name. Such a fix is matched by version.
    Named(Box<str>),
}

impl FixId {
    /// Reads a vendor fix's description: a KB where it is six or seven digits, else words.
    pub(super) fn of_description(text: &str) -> Self {
        let text = text.trim();
        kb_of_digits(text).map_or_else(|| Self::Named(text.into()), Self::Kb)
    }

    /// The KB, where there is one.
    pub fn kb(&self) -> Option<Kb> {
        match self {
            Self::Kb(kb) => Some(*kb),
            Self::Named(_) => None,
        }
    }
}

impl fmt::Display for FixId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kb(kb) => fmt::Display::fmt(kb, f),
            Self::Named(words) => f.write_str(words),
        }
    }
}

/// A KB written as its six or seven digits alone: what is shorter or longer in a document is a slip.
fn kb_of_digits(text: &str) -> Option<Kb> {
    let digits = (6..=7).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The kind of update a fix is, however the feed spelled it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SubType {
    /// `Security Update`: the cumulative update of Windows 10 and later, a single update before.
    SecurityUpdate,
    /// `Monthly Rollup`.
    MonthlyRollup,
    /// `Security Only`.
    SecurityOnly,
    /// `Preview Rollup`.
    PreviewRollup,
    /// `IE Cumulative`.
    IeCumulative,
    /// Any spelling of a hotpatch.
    Hotpatch,
    /// Any spelling of a servicing stack update.
    ServicingStack,
    /// `Cumulative Update`, `Alternate Cumulative`.
    CumulativeUpdate,
    /// `Standalone`.
    Standalone,
    /// `Setup DU`: a dynamic update for setup media, never for a running machine.
    SetupDynamicUpdate,
    /// `CBL-Mariner`: a Linux package.
    LinuxPackage,
    /// Not stated.
    Absent,
    /// Other words.
    Other(Box<str>),
}

impl SubType {
    pub(super) fn of_text(text: &str, oddities: &mut Oddities) -> Self {
        if let Some((_, known)) = SPELLINGS.iter().find(|(folded, _)| folds_to(text, folded)) {
            return known.clone();
        }
        oddities.note(OddityKind::SubTypeUnknown, text);
        Self::Other(text.trim().into())
    }
}

/// The spellings of kinds of updates, without blanks and in lower case; the frequent ones first.
const SPELLINGS: [(&str, SubType); 19] = [
    ("securityupdate", SubType::SecurityUpdate),
    ("monthlyrollup", SubType::MonthlyRollup),
    ("securityonly", SubType::SecurityOnly),
    ("cblmariner", SubType::LinuxPackage),
    ("iecumulative", SubType::IeCumulative),
    ("securityhotpatchupdate", SubType::Hotpatch),
    ("azurehotpatch", SubType::Hotpatch),
    ("hotpatch", SubType::Hotpatch),
    ("servicingstackupdate", SubType::ServicingStack),
    ("setupdu", SubType::SetupDynamicUpdate),
    ("", SubType::Absent),
    ("none", SubType::Absent),
    ("cumulativeupdate", SubType::CumulativeUpdate),
    ("alternatecumulative", SubType::CumulativeUpdate),
    ("previewrollup", SubType::PreviewRollup),
    ("standalone", SubType::Standalone),
    ("viaprocessorssecurityupdate", SubType::SecurityUpdate),
    ("viaprocessorsmonthlyrollup", SubType::MonthlyRollup),
    ("viaprocessorssecurityonly", SubType::SecurityOnly),
];

/// Whether a text is these letters and digits, whatever its case and what stands between them.
fn folds_to(text: &str, folded: &str) -> bool {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .eq(folded.chars())
}

impl fmt::Display for SubType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecurityUpdate => "security update",
            Self::MonthlyRollup => "monthly rollup",
            Self::SecurityOnly => "security only update",
            Self::PreviewRollup => "preview rollup",
            Self::IeCumulative => "Internet Explorer cumulative update",
            Self::Hotpatch => "hotpatch",
            Self::ServicingStack => "servicing stack update",
            Self::CumulativeUpdate => "cumulative update",
            Self::Standalone => "standalone update",
            Self::SetupDynamicUpdate => "setup dynamic update",
            Self::LinuxPackage => "Linux package",
            Self::Absent => "update",
            Self::Other(words) => words,
        })
    }
}

/// A fixed build: the versions in it, and the text where it says more than they do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FixedBuild {
    /// The versions, in the text's order; empty where none could be read.
    pub versions: Vec<Version>,
    /// The text as published, unless it is just the one version.
    pub text: Option<Box<str>>,
}

impl FixedBuild {
    /// Reads a fixed build; `None` for blank text.
    ///
    /// Two versions may be joined by `;`, `,`, `&`, `/` or `and`; a doubled dot and stray blanks
    /// are forgiven; words before a version are passed over.
    pub(super) fn of_text(text: &str, oddities: &mut Oddities) -> Option<Self> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return None;
        }
        if let Ok(version) = trimmed.parse::<Version>() {
            let text = (version.to_string() != text).then(|| text.into());
            return Some(Self {
                versions: vec![version],
                text,
            });
        }
        let versions = if trimmed.contains("://") {
            Vec::new()
        } else {
            versions_in(trimmed)
        };
        if versions.is_empty() {
            oddities.note(OddityKind::FixedBuildUnread, trimmed);
        }
        Some(Self {
            versions,
            text: Some(text.into()),
        })
    }
}

fn versions_in(text: &str) -> Vec<Version> {
    let joined = text.replace("..", ".").replace(". ", ".");
    joined
        .split([';', ',', '&', '/', ' ', '\t', '\n', '>', ':'])
        .map(|part| part.trim_end_matches('.'))
        .filter_map(|part| part.parse().ok())
        .collect()
}

/// What an update says it replaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Supersedence {
    /// The KBs named, in order, each once.
    pub kbs: Vec<Kb>,
}

impl Supersedence {
    /// Reads a supersedence in any of the feed's shapes: numbers joined by blanks, commas,
    /// semicolons or markup, with security bulletins (`MS16-148`) between them.
    pub(super) fn of_text(text: &str, oddities: &mut Oddities) -> Self {
        // Most name one KB and nothing else.
        if let Some(kb) = kb_of_digits(text.trim()) {
            return Self { kbs: vec![kb] };
        }
        let mut kbs = Vec::new();
        for part in text.split(|c: char| c.is_whitespace() || matches!(c, ';' | ',' | '<' | '>')) {
            let part = part.trim_start_matches("KB");
            if part.is_empty() || is_bulletin(part) || is_markup(part) {
                continue;
            }
            match kb_of_digits(part) {
                Some(kb) if !kbs.contains(&kb) => kbs.push(kb),
                Some(_) => {}
                None if part.eq_ignore_ascii_case("none") => {}
                None => oddities.note(OddityKind::SupersedenceUnread, text),
            }
        }
        Self { kbs }
    }
}

fn is_bulletin(part: &str) -> bool {
    part.strip_prefix("MS")
        .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
}

fn is_markup(part: &str) -> bool {
    ["br", "br/", "/br", "p", "/p"]
        .iter()
        .any(|tag| part.eq_ignore_ascii_case(tag))
}

/// Microsoft's severity of a vulnerability, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Low.
    Low,
    /// Moderate.
    Moderate,
    /// Important.
    Important,
    /// Critical.
    Critical,
}

impl Severity {
    pub(super) fn of_text(text: &str, oddities: &mut Oddities) -> Option<Self> {
        let text = text.trim();
        [Self::Low, Self::Moderate, Self::Important, Self::Critical]
            .into_iter()
            .find(|severity| severity.name().eq_ignore_ascii_case(text))
            .or_else(|| {
                if !text.is_empty() && !text.eq_ignore_ascii_case("none") {
                    oddities.note(OddityKind::SeverityUnknown, text);
                }
                None
            })
    }

    /// Microsoft's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Moderate => "Moderate",
            Self::Important => "Important",
            Self::Critical => "Critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whether installing an update needs a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Restart {
    /// Yes.
    Required,
    /// Sometimes.
    MayBe,
    /// No.
    No,
}

impl Restart {
    pub(super) fn of_text(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "yes" | "required" => Some(Self::Required),
            "maybe" => Some(Self::MayBe),
            "no" => Some(Self::No),
            _ => None,
        }
    }
}

/// What Microsoft knows of a vulnerability's exploitation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExploitStatus {
    /// It was known to the public before the fix.
    pub publicly_disclosed: bool,
    /// It has been exploited, or exploitation was detected.
    pub exploited: bool,
}

impl ExploitStatus {
    /// Reads `Publicly Disclosed:Yes;Exploited:No;Latest Software Release:…`.
    pub(super) fn of_text(text: &str) -> Self {
        let mut status = Self::default();
        for part in text.split(';') {
            let Some((key, value)) = part.split_once(':') else {
                continue;
            };
            let value = value.trim();
            let yes = value.eq_ignore_ascii_case("yes");
            match key.trim().to_ascii_lowercase().as_str() {
                "publicly disclosed" => status.publicly_disclosed |= yes,
                "exploited" => status.exploited |= yes,
                "latest software release" | "older software release" => {
                    status.exploited |= value.eq_ignore_ascii_case("exploitation detected");
                }
                _ => {}
            }
        }
        status
    }

    /// Adds what another statement of the same vulnerability says.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            publicly_disclosed: self.publicly_disclosed || other.publicly_disclosed,
            exploited: self.exploited || other.exploited,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kbs(text: &str) -> (Vec<u32>, u64) {
        let mut oddities = Oddities::default();
        let read = Supersedence::of_text(text, &mut oddities);
        let numbers = read.kbs.iter().map(|kb| kb.number()).collect();
        (numbers, oddities.count(OddityKind::SupersedenceUnread))
    }

    #[test]
    fn supersedence_is_read_in_all_its_shapes() {
        for (text, expected) in [
            ("4487020", vec![4_487_020]),
            ("4487020; 4487021", vec![4_487_020, 4_487_021]),
            ("4487020, 4487021\n", vec![4_487_020, 4_487_021]),
            ("4487020<br><br>4487021", vec![4_487_020, 4_487_021]),
            ("MS16-148, 3205383; MS16-007", vec![3_205_383]),
            ("KB4487020 4487020", vec![4_487_020]),
            ("None", vec![]),
            (" \n", vec![]),
        ] {
            assert_eq!(kbs(text), (expected, 0), "{text:?}");
        }
    }

    #[test]
    fn a_supersedence_that_is_no_kb_is_counted() {
        assert_eq!(kbs("16.0.1"), (vec![], 1));
        assert_eq!(kbs("44870; 4487021"), (vec![4_487_021], 1));
    }

    fn build(text: &str) -> (Vec<String>, u64) {
        let mut oddities = Oddities::default();
        let read = FixedBuild::of_text(text, &mut oddities);
        let versions = read
            .iter()
            .flat_map(|build| &build.versions)
            .map(Version::to_string)
            .collect();
        (versions, oddities.count(OddityKind::FixedBuildUnread))
    }

    #[test]
    fn fixed_builds_are_read_in_their_shapes() {
        for (text, expected) in [
            ("10.0.17763.7314", vec!["10.0.17763.7314"]),
            ("10.0.14393..5648", vec!["10.0.14393.5648"]),
            ("\t\n10.0.1.2", vec!["10.0.1.2"]),
            ("10.0.1.2; 10.0.3.4", vec!["10.0.1.2", "10.0.3.4"]),
            ("10.0.1.2 and 10.0.3.4", vec!["10.0.1.2", "10.0.3.4"]),
            (
                "App Build 1.2.3, Platform Build 4.5.6.",
                vec!["1.2.3", "4.5.6"],
            ),
            ("> 16.0.2", vec!["16.0.2"]),
        ] {
            let expected = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(build(text), (expected, 0), "{text:?}");
        }
        for text in [
            "1",
            "https://aka.ms/OfficeSecurityReleases",
            "KB5001",
            "8.0.43-1",
        ] {
            assert_eq!(build(text), (vec![], 1), "{text:?}");
        }
    }

    #[test]
    fn exploitation_is_known_by_either_statement() {
        let status = ExploitStatus::of_text(
            "Publicly Disclosed:No;Exploited:No;Latest Software Release:Exploitation Detected;DOS:N/A",
        );
        assert!(status.exploited && !status.publicly_disclosed);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            let mut oddities = Oddities::default();
            Supersedence::of_text(&text, &mut oddities);
            FixedBuild::of_text(&text, &mut oddities);
            SubType::of_text(&text, &mut oddities);
            ExploitStatus::of_text(&text);
            FixId::of_description(&text);
        }
    }
}
