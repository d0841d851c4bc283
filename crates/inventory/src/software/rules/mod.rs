//! The rules by which software is identified.

mod compile;

use kbgap_catalog::{
    Application, ApplicationFamily, ApplicationRelease, Platform, SoftwareId, Version,
};
use rustc_hash::FxHashMap;

use super::file::{RulesError, Source, VersionFrom};
use super::id_form;
use super::identity::{Decision, EntryKind, Reported, RuleInfo, RuleRef, SoftwareIdentity};
use super::microsoft::{self, MicrosoftEntry};
use super::pattern::{Captured, Pattern, begins_with_digit};
use super::template::Template;
use super::vendor::{Found, UNKNOWN, Vendors, begins, slug};
use super::words::{Noise, Words, bare, is_version, lower, normal};

/// The rules that come with kbgap.
const BUILT_IN: &str = include_str!("../rules.toml");
/// How many times a name is cleaned, as long as that leaves another.
const MAX_CLEANINGS: u8 = 8;
const MICROSOFT: &str = "microsoft";

/// The rules by which an entry of a software list becomes a software id.
#[derive(Debug, Clone)]
pub struct SoftwareRules {
    noise: Noise,
    vendors: Vendors,
    microsoft: Option<u32>,
    rules: Vec<Rule>,
    /// Patterns by their first word, in order.
    first: FxHashMap<Box<str>, Vec<Entry>>,
    /// Patterns by a word within, in order.
    inside: FxHashMap<Box<str>, Vec<Entry>>,
    /// Patterns that only the number of an update tells.
    by_kb: Vec<Entry>,
    /// Rules that name their software, by its id.
    by_id: FxHashMap<SoftwareId, u32>,
    /// How many files were read.
    files: u32,
}

#[derive(Debug, Clone)]
struct Rule {
    vendor: Option<u32>,
    software: Option<Named>,
    publishers: Publishers,
    version: VersionFrom,
    kind: EntryKind,
    file: u32,
    line: usize,
    pattern: Box<str>,
}

/// The software that a rule names.
#[derive(Debug, Clone)]
struct Named {
    name: Template,
    id: Template,
    /// Both, where they have no places.
    fixed: Option<(Box<str>, SoftwareId)>,
}

/// Whose entries a rule is for, beside those of its own vendor.
#[derive(Debug, Clone)]
enum Publishers {
    Any,
    These(Vec<u32>),
}

/// A pattern, in its order among all.
#[derive(Debug, Clone)]
struct Entry {
    /// The newest file first, in it the names of softwares themselves before patterns.
    order: (std::cmp::Reverse<u32>, bool, u32),
    rule: u32,
    pattern: Pattern,
}

/// An entry being identified.
struct Subject<'a> {
    reported: Reported<'a>,
    words: Words<'a>,
    vendor: Found,
    /// How many words at the front are the vendor's.
    front: usize,
}

impl SoftwareRules {
    /// The rules that come with kbgap.
    ///
    /// # Errors
    /// Never in a build that passed its tests; the rules are data, and are read like any.
    pub fn built_in() -> Result<Self, RulesError> {
        let mut rules = Self {
            noise: Noise::default(),
            vendors: Vendors::default(),
            microsoft: None,
            rules: Vec::new(),
            first: FxHashMap::default(),
            inside: FxHashMap::default(),
            by_kb: Vec::new(),
            by_id: FxHashMap::default(),
            files: 0,
        };
        rules.add(Source {
            text: BUILT_IN,
            built_in: true,
        })?;
        rules.microsoft = rules.vendors.named(MICROSOFT);
        Ok(rules)
    }

    /// These rules and those of a user's file, which come first.
    ///
    /// # Errors
    /// Where the file cannot be read; the line and the field are named.
    pub fn with(mut self, user: &str) -> Result<Self, RulesError> {
        self.add(Source {
            text: user,
            built_in: false,
        })?;
        Ok(self)
    }

    /// What a rule is, to be told to people; `None` where it is none of these rules.
    pub fn rule(&self, rule: RuleRef) -> Option<RuleInfo<'_>> {
        let rule = self.rules.get(rule.0 as usize)?;
        Some(RuleInfo {
            built_in: rule.file == 0,
            line: rule.line,
            pattern: &rule.pattern,
        })
    }

    /// What an entry of a software list is.
    ///
    /// The same entry always has the same identity; versions, architectures and languages at the
    /// end of a name do not change the id.
    pub fn identify(&self, reported: Reported<'_>) -> SoftwareIdentity {
        self.identify_within(reported, MAX_CLEANINGS)
    }

    fn identify_within(&self, reported: Reported<'_>, cleanings: u8) -> SoftwareIdentity {
        if let Some(identity) = self.of_id(reported) {
            return identity;
        }
        let shown = normal(reported.name);
        let lower = lower(&shown);
        let words = Words::new(&shown, &lower, &self.noise);
        let vendor = self
            .vendors
            .find(reported.vendor, &words.lower, &self.noise);
        let levels = words.levels(&self.noise);
        let last = levels.last().copied().unwrap_or_default();
        let front = self.front(&vendor, &words.lower, last);
        let subject = Subject {
            reported,
            words,
            vendor,
            front,
        };
        let candidates = self.candidates(&subject);
        let (own, built_in) =
            candidates.split_at(candidates.partition_point(|entry| entry.order.0.0 > 0));
        for &level in &levels {
            let found = self
                .ruled(&subject, own, level)
                .or_else(|| self.of_catalog(&subject, level))
                .or_else(|| self.ruled(&subject, built_in, level));
            if let Some(identity) = found {
                return identity;
            }
        }
        let cleaned = self.cleaned(&subject, last, EntryKind::Software, Decision::Cleaned);
        let inner = subject
            .words
            .lower
            .get(subject.front..last)
            .unwrap_or_default();
        if cleanings == 0 || !inner.iter().skip(1).any(|word| is_version(word)) {
            return cleaned;
        }
        // Without the versions in its middle it may be another name.
        let again = Reported {
            vendor: &cleaned.vendor,
            name: &cleaned.name,
            version: &cleaned.version,
        };
        self.identify_within(again, cleanings - 1)
    }

    /// An entry that is the parts of a software id.
    fn of_id(&self, reported: Reported<'_>) -> Option<SoftwareIdentity> {
        let (vendor, name) = (reported.vendor.trim(), reported.name.trim());
        let nobody = vendor != UNKNOWN && self.noise.no_vendor.contains(vendor);
        if nobody || !id_form::is(vendor, name) {
            return None;
        }
        let known = self
            .vendors
            .named(vendor)
            .and_then(|index| self.vendors.get(index));
        if known.is_some_and(|known| *known.id != *vendor) {
            return None;
        }
        let software = SoftwareId::of(vendor, name);
        let named = self.by_id.get(&software).and_then(|rule| {
            let rule = self.rules.get(*rule as usize)?;
            rule.software.as_ref()?.fixed.as_ref()
        });
        Some(SoftwareIdentity {
            vendor: known.map_or_else(|| vendor.into(), |known| known.name.clone()),
            name: named.map_or_else(|| name.into(), |(name, _)| name.clone()),
            version: reported.version.trim().into(),
            kind: EntryKind::Software,
            decided_by: Decision::Id,
            software,
        })
    }

    /// How many words at the front of a name are its vendor's and are left out.
    fn front(&self, vendor: &Found, words: &[&str], last: usize) -> usize {
        let known = vendor.index.and_then(|index| self.vendors.get(index));
        let length = match known {
            Some(known) if known.keeps_name => 0,
            Some(known) => {
                let front = known.fronts.iter().find(|front| begins(words, front));
                front.map_or(0, Vec::len)
            }
            None if begins(words, &vendor.front) => vendor.front.len(),
            None => 0,
        };
        let dashes = words.get(length..).unwrap_or_default().iter();
        let dashes = dashes
            .take_while(|word| matches!(**word, "-" | "–" | "—"))
            .count();
        let length = if length > 0 { length + dashes } else { 0 };
        // The name is more than its vendor's, and does not begin with a version then.
        match words.get(length) {
            Some(next) if length < last && !begins_with_digit(next) && !next.starts_with('(') => {
                length
            }
            _ => 0,
        }
    }

    /// The patterns that a name may be of, in order.
    fn candidates(&self, subject: &Subject<'_>) -> Vec<&Entry> {
        let words = &subject.words.lower;
        let mut found: Vec<&Entry> = Vec::new();
        let starts = if subject.front > 0 {
            &[0, subject.front][..]
        } else {
            &[0]
        };
        for first in starts.iter().filter_map(|at| words.get(*at)) {
            found.extend(self.first.get(*first).into_iter().flatten());
        }
        for word in words {
            found.extend(self.inside.get(*word).into_iter().flatten());
        }
        if words
            .iter()
            .any(|word| word.trim_start_matches('(').starts_with("kb"))
        {
            found.extend(&self.by_kb);
        }
        if found.len() > 1 {
            found.sort_unstable_by_key(|entry| entry.order);
        }
        found
    }

    /// What the first fitting pattern says.
    fn ruled(
        &self,
        subject: &Subject<'_>,
        candidates: &[&Entry],
        level: usize,
    ) -> Option<SoftwareIdentity> {
        // Patterns may have the vendor's name in front, or not.
        let whole = subject.words.lower.get(..level)?;
        let short = whole.get(subject.front..)?;
        candidates.iter().find_map(|entry| {
            let rule = self.rules.get(entry.rule as usize)?;
            if !rule.is_for(&subject.vendor, !entry.order.1) {
                return None;
            }
            let captured = entry.pattern.captures(short).or_else(|| {
                let other = subject.front > 0;
                other.then(|| entry.pattern.captures(whole)).flatten()
            })?;
            self.of_rule(subject, entry.rule, &captured)
        })
    }

    fn of_rule(
        &self,
        subject: &Subject<'_>,
        number: u32,
        captured: &Captured<'_>,
    ) -> Option<SoftwareIdentity> {
        let rule = self.rules.get(number as usize)?;
        let decided_by = Decision::Rule(RuleRef(number));
        let Some(named) = &rule.software else {
            let levels = subject.words.levels(&self.noise);
            let last = levels.last().copied().unwrap_or_default();
            return Some(self.cleaned(subject, last, rule.kind, decided_by));
        };
        let vendor = rule.vendor.and_then(|vendor| self.vendors.get(vendor))?;
        let (name, software) = if let Some((name, software)) = &named.fixed {
            (name.clone(), software.clone())
        } else {
            let id = slug(&named.id.filled(captured)?);
            let name = named.name.filled(captured)?;
            (name.into(), SoftwareId::of(&vendor.id, &id))
        };
        Some(SoftwareIdentity {
            software,
            vendor: vendor.name.clone(),
            name,
            version: subject.version(rule.version),
            kind: rule.kind,
            decided_by,
        })
    }

    /// What the catalog's reading of Microsoft's names says.
    fn of_catalog(&self, subject: &Subject<'_>, level: usize) -> Option<SoftwareIdentity> {
        let stated = subject.vendor.index.is_some() && subject.vendor.index == self.microsoft;
        if !stated && !subject.vendor.is_none() {
            return None;
        }
        let words = subject.words.lower.get(..level)?;
        if let Some((name, software, version)) = component(subject, words) {
            return Some(SoftwareIdentity {
                software,
                vendor: self.microsoft_name(),
                name: name.into(),
                version: version.into(),
                kind: EntryKind::Software,
                decided_by: Decision::Catalog,
            });
        }
        if let Some(entry) = microsoft::read(words, subject.reported.version) {
            return Some(self.of_entry(subject, level, entry));
        }
        // A name of Microsoft's documents themselves; a version they state would be another's here.
        if words.contains(&"version") {
            return None;
        }
        let text = subject.words.shown.get(..level)?.join(" ");
        let application = stated.then(|| Application::of_name(&text)).flatten()?;
        (application.platform == Platform::Windows)
            .then(|| self.of_application(subject, &application, None, EntryKind::Software))
    }

    fn of_entry(
        &self,
        subject: &Subject<'_>,
        level: usize,
        entry: MicrosoftEntry,
    ) -> SoftwareIdentity {
        use ApplicationFamily as F;
        let of = |family, release| Application {
            release,
            ..Application::new(family)
        };
        match entry {
            MicrosoftEntry::Application(installed) => {
                let mut application = installed.application;
                if matches!(
                    application.family,
                    F::DotNet | F::AspNetCore | F::PowerShell
                ) && application.release.is_none()
                    && let Some(version) = installed.version
                {
                    application.release = release(&version);
                }
                // The entry's version of a runtime is that of its installer.
                let runtime = matches!(application.family, F::DotNet | F::AspNetCore);
                let version = installed.version.filter(|_| runtime);
                self.of_application(subject, &application, version, EntryKind::Software)
            }
            MicrosoftEntry::Suite { suite, .. } => {
                self.of_application(subject, &suite, None, EntryKind::Software)
            }
            MicrosoftEntry::SqlEngine(release, _) | MicrosoftEntry::SqlSetup(release) => {
                let server = of(F::SqlServer, Some(release));
                self.of_application(subject, &server, None, EntryKind::Software)
            }
            MicrosoftEntry::Component(family, release) => {
                self.of_application(subject, &of(family, Some(release)), None, EntryKind::Part)
            }
            MicrosoftEntry::Update(update) | MicrosoftEntry::SqlPatch { update, .. } => {
                match update.of {
                    Some((family, release)) => {
                        self.of_application(subject, &of(family, release), None, EntryKind::Update)
                    }
                    None => self.cleaned(subject, level, EntryKind::Update, Decision::Catalog),
                }
            }
        }
    }

    fn of_application(
        &self,
        subject: &Subject<'_>,
        application: &Application,
        version: Option<Version>,
        kind: EntryKind,
    ) -> SoftwareIdentity {
        SoftwareIdentity {
            software: application.software_id(),
            vendor: self.microsoft_name(),
            name: application.product_name().into(),
            version: version.map_or_else(
                || subject.version(VersionFrom::Entry),
                |version| version.to_string().into(),
            ),
            kind,
            decided_by: Decision::Catalog,
        }
    }

    fn microsoft_name(&self) -> Box<str> {
        let vendor = self.microsoft.and_then(|index| self.vendors.get(index));
        vendor.map_or_else(|| MICROSOFT.into(), |vendor| vendor.name.clone())
    }

    /// Vendor and name without what does not tell softwares apart.
    fn cleaned(
        &self,
        subject: &Subject<'_>,
        last: usize,
        kind: EntryKind,
        decided_by: Decision,
    ) -> SoftwareIdentity {
        let known = subject
            .vendor
            .index
            .and_then(|index| self.vendors.get(index));
        let (vendor_id, vendor) = match known {
            Some(known) => (&*known.id, known.name.clone()),
            None if subject.vendor.is_none() => (UNKNOWN, UNKNOWN.into()),
            None => (&*subject.vendor.id, subject.vendor.name.clone()),
        };
        let mut name = subject.words.without_versions(subject.front, last);
        let kept = bare(&name).len();
        name.truncate(kept);
        if name.trim().is_empty() {
            UNKNOWN.clone_into(&mut name);
        }
        SoftwareIdentity {
            software: SoftwareId::of(vendor_id, &slug(&name)),
            vendor,
            name: name.into(),
            version: subject.version(VersionFrom::Entry),
            kind,
            decided_by,
        }
    }
}

impl Rule {
    /// Whether entries of a vendor can be the rule's; its own name is so only for its own vendor.
    fn is_for(&self, vendor: &Found, own_name: bool) -> bool {
        let Some(own) = self.vendor else {
            return match &self.publishers {
                Publishers::These(these) if !these.is_empty() => {
                    vendor.index.is_some_and(|index| these.contains(&index))
                }
                _ => true,
            };
        };
        if vendor.index == Some(own) {
            return true;
        }
        !own_name
            && (vendor.is_none()
                || match &self.publishers {
                    Publishers::Any => true,
                    Publishers::These(these) => {
                        vendor.index.is_some_and(|index| these.contains(&index))
                    }
                })
    }
}

impl Subject<'_> {
    fn version(&self, from: VersionFrom) -> Box<str> {
        let reported = self.reported.version.trim();
        let in_name = || self.words.version();
        let version = match from {
            VersionFrom::Entry if !reported.is_empty() => reported,
            VersionFrom::Entry => in_name().unwrap_or_default(),
            VersionFrom::Name => in_name().unwrap_or(reported),
        };
        version.into()
    }
}

/// The component of Windows that words name, as shown.
fn component<'a>(
    subject: &Subject<'a>,
    words: &[&'a str],
) -> Option<(&'static str, SoftwareId, String)> {
    let rest = words.strip_prefix(&["microsoft"]).unwrap_or(words);
    let name = match rest {
        [".net", "framework", ..] => ".NET Framework",
        ["internet", "explorer"] => "Internet Explorer",
        ["edge"] | ["edge", "chromium-based"] => "Edge Chromium-based",
        _ => return None,
    };
    // The vendor was found to be Microsoft, or none.
    let text = rest.join(" ").replace("edge chromium-based", "edge");
    let (software, version) = microsoft::component("", &text, subject.reported.version.trim())?;
    Some((name, software, version.to_owned()))
}

/// The release of a family that goes by the first numbers of its version.
fn release(version: &Version) -> Option<ApplicationRelease> {
    match *version.parts() {
        [major, minor, ..] => Some(ApplicationRelease::Version {
            major: u16::try_from(major).ok()?,
            minor: u16::try_from(minor).ok()?,
        }),
        _ => None,
    }
}
