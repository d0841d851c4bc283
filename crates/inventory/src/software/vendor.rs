//! Vendors: the many names of one.

use rustc_hash::FxHashMap;

use super::words::{self, Noise, bare, is_punctuation};

/// A vendor of the rules.
#[derive(Debug, Clone)]
pub(super) struct Vendor {
    /// Its part of software ids.
    pub(super) id: Box<str>,
    /// As shown.
    pub(super) name: Box<str>,
    /// The words in front of its softwares' names that are left out; one list for each name it was given.
    pub(super) fronts: Vec<Vec<Box<str>>>,
    /// Whether they stay.
    pub(super) keeps_name: bool,
}

/// All vendors of the rules.
#[derive(Debug, Clone, Default)]
pub(super) struct Vendors {
    all: Vec<Vendor>,
    by_name: FxHashMap<Box<str>, u32>,
    /// By the first word of names.
    starts: FxHashMap<Box<str>, Vec<Start>>,
}

/// The first words of names, and whose they are.
type Start = (Vec<Box<str>>, u32);

/// A vendor, of the rules or not.
pub(super) struct Found {
    /// Its place in the rules.
    pub(super) index: Option<u32>,
    /// Its id and name, where it is not of the rules; blank where the entry names none.
    pub(super) id: Box<str>,
    pub(super) name: Box<str>,
    /// The words of its name, where it is not of the rules.
    pub(super) front: Vec<Box<str>>,
}

/// What the vendor of an entry that names none is called.
pub(super) const UNKNOWN: &str = "unknown";

impl Vendors {
    pub(super) fn get(&self, index: u32) -> Option<&Vendor> {
        self.all.get(index as usize)
    }

    /// The vendor that goes by exactly this name or id.
    pub(super) fn named(&self, name: &str) -> Option<u32> {
        self.by_name.get(key(name).as_str()).copied()
    }

    /// Adds a vendor, or adds to the one of the same id.
    pub(super) fn add(
        &mut self,
        id: &str,
        name: &str,
        aliases: &[&str],
        keeps: bool,
        noise: &Noise,
    ) -> u32 {
        let id = id_part(id);
        let known = self.all.iter().position(|vendor| *vendor.id == *id);
        let index = known.unwrap_or(self.all.len());
        if known.is_none() {
            self.all.push(Vendor {
                id: id.clone(),
                name: name.into(),
                fronts: Vec::new(),
                keeps_name: keeps,
            });
        }
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        if let Some(vendor) = self.all.get_mut(index) {
            vendor.name = name.into();
            vendor.keeps_name = keeps;
            let front = front(name, noise);
            if !front.is_empty() && !vendor.fronts.contains(&front) {
                vendor.fronts.push(front);
            }
        }
        for name in [&*id, name].iter().chain(aliases) {
            self.by_name.insert(key(name).into(), number);
            let bare = front(name, noise).join(" ");
            self.by_name.entry(bare.into()).or_insert(number);
        }
        number
    }

    /// Names that begin so are of the vendor, where an entry names none.
    pub(super) fn add_start(&mut self, start: &str, vendor: u32) {
        let lower = words::lower(&words::normal(start));
        let words: Vec<Box<str>> = words::split(&lower).into_iter().map(Box::from).collect();
        if let Some(first) = words.first() {
            let starts = self.starts.entry(first.clone()).or_default();
            starts.retain(|(known, _)| *known != words);
            starts.push((words, vendor));
            starts.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
        }
    }

    /// The vendor of an entry; of a lower-case name where the entry names none.
    pub(super) fn find(&self, vendor: &str, name: &[&str], noise: &Noise) -> Found {
        let vendor = words::normal(vendor);
        let lower = words::lower(&vendor);
        let lower_words = bare_words(&lower);
        let whole = lower_words.join(" ");
        if whole.is_empty() || noise.no_vendor.contains(whole.as_str()) {
            return self.of_name(name);
        }
        if let Some(index) = self.by_name.get(whole.as_str()) {
            return Found::of_rules(*index);
        }
        let length = without_legal_form(&lower_words, noise);
        let short = lower_words[..length].join(" ");
        if let Some(index) = self.by_name.get(short.as_str()) {
            return Found::of_rules(*index);
        }
        let shown_words = bare_words(&vendor);
        let shown = shown_words.get(..length).unwrap_or(&shown_words).join(" ");
        Found {
            index: None,
            id: id_part(&short),
            name: shown.into(),
            front: lower_words[..length]
                .iter()
                .copied()
                .map(Box::from)
                .collect(),
        }
    }

    fn of_name(&self, name: &[&str]) -> Found {
        let starts = name.first().and_then(|first| self.starts.get(*first));
        let found = starts
            .into_iter()
            .flatten()
            .find(|(words, _)| begins(name, words));
        match found {
            Some((_, index)) => Found::of_rules(*index),
            None => Found::none(),
        }
    }
}

impl Found {
    fn of_rules(index: u32) -> Self {
        Self {
            index: Some(index),
            ..Self::none()
        }
    }

    fn none() -> Self {
        Self {
            index: None,
            id: Box::default(),
            name: Box::default(),
            front: Vec::new(),
        }
    }

    /// Whether the entry names no vendor, and its name tells none.
    pub(super) fn is_none(&self) -> bool {
        self.index.is_none() && self.id.is_empty()
    }
}

/// Whether words begin with others.
pub(super) fn begins(words: &[&str], front: &[Box<str>]) -> bool {
    words.len() >= front.len() && front.iter().zip(words).all(|(one, other)| **one == **other)
}

/// The part of a software id that a vendor's name makes.
pub(super) fn id_part(name: &str) -> Box<str> {
    let mut id = slug(name);
    while id.contains("-_-") {
        id = id.replace("-_-", "-");
    }
    let id = id.trim_end_matches(['_', '-']);
    if id.is_empty() {
        UNKNOWN.into()
    } else {
        id.into()
    }
}

/// Lower case, blanks and what parts paths as underscores.
pub(super) fn slug(text: &str) -> String {
    let lower = words::lower(text);
    let mut slug = String::with_capacity(lower.len());
    for word in lower.split_whitespace() {
        if !slug.is_empty() {
            slug.push('_');
        }
        slug.extend(
            word.chars()
                .map(|c| if matches!(c, '/' | '\\') { '_' } else { c }),
        );
    }
    slug
}

fn key(name: &str) -> String {
    let lower = words::lower(&words::normal(name));
    bare_words(&lower).join(" ")
}

/// The words of a vendor's name, without punctuation behind and between them.
fn bare_words(text: &str) -> Vec<&str> {
    let words = words::split(text).into_iter().map(bare);
    words.filter(|word| !is_punctuation(word)).collect()
}

fn front(name: &str, noise: &Noise) -> Vec<Box<str>> {
    let key = key(name);
    let words: Vec<&str> = key.split(' ').filter(|word| !word.is_empty()).collect();
    let length = without_legal_form(&words, noise);
    words[..length].iter().copied().map(Box::from).collect()
}

/// How many words of a vendor's name stay without `Inc.`, `GmbH & Co. KG`; at least one.
fn without_legal_form(words: &[&str], noise: &Noise) -> usize {
    let mut length = words.len();
    while length > 1 {
        let word = words[length - 1];
        let without_dots: String;
        let word = if word.contains('.') {
            without_dots = word.replace('.', "");
            without_dots.as_str()
        } else {
            word
        };
        if !noise.legal_forms.contains(word) {
            break;
        }
        length -= 1;
    }
    length
}
