//! Rules from files become tables.

use std::cmp::Reverse;

use kbgap_catalog::SoftwareId;
use rustc_hash::FxHashSet;

use super::super::file::{KindName, RulesError, SoftwareTable, Source, VendorTable, WordLists};
use super::super::id_form;
use super::super::pattern::Pattern;
use super::super::template::Template;
use super::super::vendor::{id_part, slug};
use super::super::words::{Noise, Words, lower, normal, split};
use super::{Entry, Named, Publishers, Rule, SoftwareRules};

/// How many rules there may be.
const MAX_RULES: usize = 100_000;

impl SoftwareRules {
    pub(super) fn add(&mut self, source: Source<'_>) -> Result<(), RulesError> {
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
                order: (Reverse(self.files), written, rule),
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
