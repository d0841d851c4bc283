//! The rules by which software is identified.

use kbgap_catalog::{
    Application, ApplicationFamily, ApplicationRelease, Platform, SoftwareId, Version,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::file::{
    KindName, RulesError, SoftwareTable, Source, VendorTable, VersionFrom, WordLists,
};
use super::id_form;
use super::identity::{Decision, EntryKind, Reported, RuleInfo, RuleRef, SoftwareIdentity};
use super::microsoft::{self, MicrosoftEntry};
use super::pattern::{Captured, Pattern, begins_with_digit};
use super::template::Template;
use super::vendor::{Found, UNKNOWN, Vendors, begins, id_part, slug};
use super::words::{Noise, Words, bare, is_version, lower, normal, split};

/// The rules that come with kbgap.
const BUILT_IN: &str = include_str!("rules.toml");
/// How many rules there may be.
const MAX_RULES: usize = 100_000;
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
        let words = subject.words.lower.get(subject.front..).unwrap_or_default();
        let mut found: Vec<&Entry> = Vec::new();
        if let Some(first) = words.first() {
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
        let words = subject.words.lower.get(subject.front..level)?;
        candidates.iter().find_map(|entry| {
            let rule = self.rules.get(entry.rule as usize)?;
            if !rule.is_for(&subject.vendor, !entry.order.1) {
                return None;
            }
            let captured = entry.pattern.captures(words)?;
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
        let (name, software) = match &named.fixed {
            Some((name, software)) => (name.clone(), software.clone()),
            None => {
                let id = slug(&named.id.filled(captured)?);
                (
                    named.name.filled(captured)?.into(),
                    SoftwareId::of(&vendor.id, &id),
                )
            }
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
            return self.of_entry(subject, level, entry);
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
    ) -> Option<SoftwareIdentity> {
        use ApplicationFamily as F;
        let of = |family, release| Application {
            release,
            ..Application::new(family)
        };
        let identity = match entry {
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
        };
        Some(identity)
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
            name = UNKNOWN.to_owned();
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

    fn add(&mut self, source: Source<'_>) -> Result<(), RulesError> {
        let file = source.parse()?;
        if let Some(words) = file.words {
            self.noise = noise(words.into_inner());
        }
        for table in file.vendor {
            self.add_vendor(source, table.get_ref())?;
        }
        for table in file.software {
            let at = table.span().start;
            self.add_software(source, at, table.get_ref())?;
        }
        self.files += 1;
        for entries in self.first.values_mut().chain(self.inside.values_mut()) {
            entries.sort_by_key(|entry| entry.order);
        }
        Ok(())
    }

    fn add_vendor(&mut self, source: Source<'_>, table: &VendorTable) -> Result<(), RulesError> {
        let id = table.id.get_ref();
        if **id != *id_part(id) {
            let reason = format!(
                "'{id}' is no part of a software id; did you mean '{}'?",
                id_part(id)
            );
            return Err(source.error(table.id.span().start, "id", &reason));
        }
        if table.name.get_ref().trim().is_empty() {
            return Err(source.error(table.name.span().start, "name", "the name is empty"));
        }
        let aliases: Vec<&str> = table
            .aliases
            .iter()
            .map(|alias| &**alias.get_ref())
            .collect();
        let name = table.name.get_ref();
        let index = self
            .vendors
            .add(id, name, &aliases, table.keeps_name, &self.noise);
        for start in &table.starts {
            self.vendors.add_start(start.get_ref(), index);
        }
        Ok(())
    }

    fn add_software(
        &mut self,
        source: Source<'_>,
        at: usize,
        table: &SoftwareTable,
    ) -> Result<(), RulesError> {
        if self.rules.len() >= MAX_RULES {
            let reason = format!("there are more than {MAX_RULES} rules");
            return Err(source.error(at, "software", &reason));
        }
        let vendor = table
            .vendor
            .as_ref()
            .map(|vendor| self.vendor_of(vendor.get_ref()));
        let software = self.named(source, table, vendor)?;
        if software.is_none() && table.kind == KindName::Software {
            let reason = "a rule says at least the name of its software, or another kind";
            return Err(source.error(at, "name", reason));
        }
        let mut publishers = Publishers::These(Vec::new());
        for publisher in &table.publishers {
            if &**publisher.get_ref() == "*" {
                publishers = Publishers::Any;
            } else {
                let index = self.vendor_of(publisher.get_ref());
                if let Publishers::These(these) = &mut publishers {
                    these.push(index);
                }
            }
        }
        let number = u32::try_from(self.rules.len()).unwrap_or(u32::MAX);
        let Some(first) = table.patterns.first() else {
            return Err(source.error(at, "match", "a rule has at least one pattern"));
        };
        for pattern in &table.patterns {
            self.add_pattern(pattern.get_ref(), number, vendor, true)
                .map_err(|reason| source.error(pattern.span().start, "match", &reason))?;
        }
        // Its own name as shown is the software again.
        let whole = software
            .as_ref()
            .filter(|_| table.kind == KindName::Software);
        if let Some(own) = whole.and_then(|named| named.name.pattern()) {
            let _no_pattern_of_its_own = self.add_pattern(&own, number, vendor, false);
        }
        if let Some((_, id)) = whole.and_then(|named| named.fixed.as_ref()) {
            self.by_id.insert(id.clone(), number);
        }
        self.rules.push(Rule {
            vendor,
            software,
            publishers,
            version: table.version,
            kind: table.kind.into(),
            file: self.files,
            line: source.line(at),
            pattern: first.get_ref().clone(),
        });
        Ok(())
    }

    /// The software that a table names.
    fn named(
        &self,
        source: Source<'_>,
        table: &SoftwareTable,
        vendor: Option<u32>,
    ) -> Result<Option<Named>, RulesError> {
        let Some(name) = &table.name else {
            return match &table.id {
                Some(id) => Err(source.error(id.span().start, "id", "an id needs a name")),
                None => Ok(None),
            };
        };
        let at = name.span().start;
        let Some(vendor) = vendor.and_then(|vendor| self.vendors.get(vendor)) else {
            return Err(source.error(at, "vendor", "a software that is named needs its vendor"));
        };
        let wrong = |reason: String| source.error(at, "name", &reason);
        let shown = Template::new(name.get_ref()).map_err(wrong)?;
        let id = match &table.id {
            Some(id) => Template::new(id.get_ref())
                .map_err(|reason| source.error(id.span().start, "id", &reason))?,
            None => shown.clone(),
        };
        let fixed = match (shown.fixed(), id.fixed()) {
            (Some(name), Some(id)) => {
                let id = slug(id);
                // Such a name is read as the parts of an id.
                if id_form::is(&vendor.name, name) && (id != *name || *vendor.id != *vendor.name) {
                    let reason = format!("'{name}' in lower case is an id, but not '{id}'");
                    return Err(source.error(at, "name", &reason));
                }
                Some((name.into(), SoftwareId::of(&vendor.id, &id)))
            }
            _ => None,
        };
        Ok(Some(Named {
            name: shown,
            id,
            fixed,
        }))
    }

    fn vendor_of(&mut self, name: &str) -> u32 {
        match self.vendors.named(name) {
            Some(index) => index,
            None => self.vendors.add(name, name, &[], false, &self.noise),
        }
    }

    /// Adds a pattern, as written and without its vendor's name in front.
    fn add_pattern(
        &mut self,
        text: &str,
        rule: u32,
        vendor: Option<u32>,
        written: bool,
    ) -> Result<(), String> {
        let lower = lower(&normal(text));
        // Names are looked at without architectures.
        let words = Words::new(&lower, &lower, &self.noise).lower;
        if words.is_empty() {
            return Err("the pattern is empty".to_owned());
        }
        let pattern = Pattern::new(&words)?;
        let fronts = vendor.and_then(|vendor| self.vendors.get(vendor));
        let fronts = fronts.filter(|vendor| !vendor.keeps_name).into_iter();
        let short = fronts
            .flat_map(|vendor| &vendor.fronts)
            .find_map(|front| pattern.without_front(front));
        for pattern in [Some(pattern), short].into_iter().flatten() {
            let entry = Entry {
                order: (std::cmp::Reverse(self.files), written, rule),
                rule,
                pattern,
            };
            let anchor = entry
                .pattern
                .anchor()
                .map(|(words, first)| (words.to_vec(), first));
            match anchor {
                None => self.by_kb.push(entry),
                Some((words, first)) => {
                    let index = if first {
                        &mut self.first
                    } else {
                        &mut self.inside
                    };
                    for word in words {
                        index.entry(word).or_default().push(entry.clone());
                    }
                }
            }
        }
        Ok(())
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
    let rest = match words {
        ["microsoft", rest @ ..] => rest,
        rest => rest,
    };
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

fn noise(lists: WordLists) -> Noise {
    let set = |list: Vec<Box<str>>| -> FxHashSet<Box<str>> {
        list.into_iter().map(|word| lower(&word).into()).collect()
    };
    // Languages are looked for word by word.
    let languages = lists.languages.iter().flat_map(|name| split(name));
    let languages: Vec<Box<str>> = languages
        .map(|word| word.trim_matches(['(', ')']).into())
        .collect();
    Noise {
        architectures: set(lists.architectures),
        languages: set(languages),
        language_tags: set(lists.language_tags),
        in_parentheses: set(lists.in_parentheses),
        legal_forms: set(lists.legal_forms),
        no_vendor: set(lists.no_vendor),
    }
}
