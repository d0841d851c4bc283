//! Builds a document from the facts a reader finds, whatever the format.

use std::borrow::Cow;

use jiff::Timestamp;
use rustc_hash::FxHashMap;

use super::field::{ExploitStatus, FixId, FixedBuild, Restart, Severity, SubType, Supersedence};
use super::oddity::{Oddities, OddityKind};
use super::{Cvss, Document, DocumentError, Fix, ProductEntry, ProductRef, Rating, Vulnerability};
use crate::day::parse_moment;
use crate::{Day, VulnerabilityId};

/// The parts of a document that come once.
#[derive(Default)]
pub(super) struct Head<'a> {
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) title: Option<Cow<'a, str>>,
    pub(super) initial_release: Option<Cow<'a, str>>,
    pub(super) current_release: Option<Cow<'a, str>>,
    pub(super) revision: Option<Cow<'a, str>>,
}

/// The parts of a vulnerability entry that come once.
#[derive(Default)]
pub(super) struct EntryHead<'a> {
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) title: Option<Cow<'a, str>>,
    pub(super) description: Option<Cow<'a, str>>,
    pub(super) component: Option<Cow<'a, str>>,
}

/// A vendor fix as its format wrote it.
#[derive(Default)]
pub(super) struct RawFix<'a> {
    pub(super) description: Option<Cow<'a, str>>,
    pub(super) sub_type: Option<Cow<'a, str>>,
    pub(super) fixed_build: Option<Cow<'a, str>>,
    pub(super) supersedence: Option<Cow<'a, str>>,
    pub(super) restart: Option<Cow<'a, str>>,
    pub(super) url: Option<Cow<'a, str>>,
}

/// What a remediation is, as its type says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RemediationKind {
    VendorFix,
    NotAFix,
    Unknown,
}

/// What a threat states.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ThreatKind {
    Impact,
    ExploitStatus,
    Severity,
    Other,
}

/// What is said of one product in the entry being read; positions are into the builder's tables.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Said {
    severity: Option<Severity>,
    impact: Option<usize>,
    cvss: Option<usize>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// The entry this slot was last written for, so that slots need no clearing.
    entry: u32,
    said: Said,
}

pub(super) struct Builder<'a> {
    positions: FxHashMap<&'a str, ProductRef>,
    ids: Vec<&'a str>,
    names: Vec<Option<Box<str>>>,
    /// By position: the product that was named after it the last time.
    next: Vec<ProductRef>,
    /// The position last named.
    previous: usize,
    vulnerabilities: Vec<Vulnerability>,
    oddities: Oddities,
    impacts: Vec<Box<str>>,
    slots: Vec<Slot>,
    entry: Entry<'a>,
}

/// The entry being read.
#[derive(Default)]
struct Entry<'a> {
    number: u32,
    affected: Vec<ProductRef>,
    said_of_all: Said,
    scores: Vec<(&'a str, &'a str, Cow<'a, str>)>,
    exploit: Option<ExploitStatus>,
    first_revision: Option<Timestamp>,
    last_revision: Option<Timestamp>,
    fixes: Vec<Fix>,
}

impl<'a> Builder<'a> {
    pub(super) fn new() -> Self {
        Self {
            positions: FxHashMap::default(),
            ids: Vec::new(),
            names: Vec::new(),
            next: Vec::new(),
            previous: 0,
            vulnerabilities: Vec::new(),
            oddities: Oddities::default(),
            impacts: Vec::new(),
            slots: Vec::new(),
            entry: Entry {
                number: 1,
                ..Entry::default()
            },
        }
    }

    /// The position of the product of this id, named or not yet.
    pub(super) fn product(&mut self, id: &'a str) -> ProductRef {
        // Lists of products repeat: after one comes the one that came after it the last time.
        let previous = std::mem::take(&mut self.previous);
        if let Some(&guess) = self.next.get(previous)
            && self.ids.get(guess as usize) == Some(&id)
        {
            self.previous = guess as usize;
            return guess;
        }
        let position = self.look_up(id);
        if let Some(next) = self.next.get_mut(previous) {
            *next = position;
        }
        self.previous = position as usize;
        position
    }

    fn look_up(&mut self, id: &'a str) -> ProductRef {
        if let Some(position) = self.positions.get(id) {
            return *position;
        }
        // A document of four thousand million products does not fit in the size limit.
        let position = ProductRef::try_from(self.ids.len()).unwrap_or(ProductRef::MAX);
        self.positions.insert(id, position);
        self.ids.push(id);
        self.names.push(None);
        self.next.push(position);
        self.slots.push(Slot::default());
        position
    }

    pub(super) fn name_product(&mut self, id: &'a str, name: &str) {
        let position = self.product(id) as usize;
        if let Some(slot) = self.names.get_mut(position)
            && slot.is_none()
        {
            *slot = Some(name.trim().into());
        }
    }

    pub(super) fn affected(&mut self, product: ProductRef) {
        self.entry.affected.push(product);
    }

    pub(super) fn status_ignored(&mut self, text: &str) {
        self.oddities.note(OddityKind::StatusIgnored, text);
    }

    pub(super) fn threat(&mut self, kind: ThreatKind, text: &str, products: &[ProductRef]) {
        match kind {
            ThreatKind::Severity => {
                let severity = Severity::of_text(text, &mut self.oddities);
                self.say(products, |said| said.severity = severity);
            }
            ThreatKind::Impact => {
                let impact = self.impact(text.trim());
                self.say(products, |said| said.impact = impact);
            }
            ThreatKind::ExploitStatus => {
                let status = ExploitStatus::of_text(text);
                let before = self.entry.exploit.unwrap_or_default();
                self.entry.exploit = Some(before.and(status));
            }
            ThreatKind::Other => {}
        }
    }

    pub(super) fn score(
        &mut self,
        base: &'a str,
        temporal: &'a str,
        vector: Cow<'a, str>,
        products: &[ProductRef],
    ) {
        let scores = &mut self.entry.scores;
        let same =
            |(b, t, v): &(&str, &str, Cow<'_, str>)| *b == base && *t == temporal && *v == vector;
        let position = scores.iter().position(same).unwrap_or_else(|| {
            scores.push((base, temporal, vector));
            scores.len() - 1
        });
        self.say(products, |said| said.cvss = Some(position));
    }

    pub(super) fn revision(&mut self, date: &str) {
        let Some(moment) = parse_moment(date) else {
            self.oddities.note(OddityKind::DateUnread, date);
            return;
        };
        let entry = &mut self.entry;
        entry.first_revision = Some(entry.first_revision.map_or(moment, |m| m.min(moment)));
        entry.last_revision = Some(entry.last_revision.map_or(moment, |m| m.max(moment)));
    }

    pub(super) fn remediation(
        &mut self,
        kind: RemediationKind,
        kind_text: &str,
        raw: RawFix<'a>,
        products: &[ProductRef],
    ) {
        match kind {
            RemediationKind::VendorFix => {
                if let Some(fix) = self.fix(raw, products) {
                    self.entry.fixes.push(fix);
                }
            }
            RemediationKind::NotAFix => self.oddities.note(OddityKind::NotAFix, kind_text),
            RemediationKind::Unknown => {
                self.oddities
                    .note(OddityKind::RemediationTypeUnknown, kind_text);
            }
        }
    }

    fn fix(&mut self, raw: RawFix<'a>, products: &[ProductRef]) -> Option<Fix> {
        let oddities = &mut self.oddities;
        let fixed_build = raw
            .fixed_build
            .and_then(|text| FixedBuild::of_text(&text, oddities));
        let description = raw.description.as_deref().unwrap_or_default().trim();
        if description.is_empty() && fixed_build.is_none() {
            oddities.note(
                OddityKind::FixWithoutName,
                raw.url.as_deref().unwrap_or_default(),
            );
            return None;
        }
        let id = FixId::of_description(description);
        if id.kb().is_none() {
            oddities.note(OddityKind::FixWithoutKb, description);
        }
        let url = raw.url.filter(|url| {
            let url = url.trim();
            !url.is_empty() && id.kb().is_none_or(|kb| !is_catalog_link(url, kb.number()))
        });
        let mut products = products.to_vec();
        products.sort_unstable();
        products.dedup();
        Some(Fix {
            id,
            sub_type: SubType::of_text(raw.sub_type.as_deref().unwrap_or_default(), oddities),
            fixed_build,
            supersedes: Supersedence::of_text(
                raw.supersedence.as_deref().unwrap_or_default(),
                oddities,
            ),
            restart: raw.restart.and_then(|text| Restart::of_text(&text)),
            url: url.map(|url| url.trim().into()),
            products,
        })
    }

    pub(super) fn end_entry(&mut self, head: EntryHead<'a>) {
        let number = self.entry.number;
        let mut entry = std::mem::take(&mut self.entry);
        self.entry.number = number.wrapping_add(1);
        let id = head.id.as_deref().unwrap_or_default();
        let Ok(id) = id.parse::<VulnerabilityId>() else {
            let title = head.title.as_deref().unwrap_or_default();
            self.oddities.note(OddityKind::EntryWithoutId, title);
            return;
        };
        entry.affected.sort_unstable();
        entry.affected.dedup();
        let ratings = self.ratings(&entry);
        let text = |text: Option<Cow<'a, str>>| text.as_deref().unwrap_or_default().trim().into();
        self.vulnerabilities.push(Vulnerability {
            id,
            title: text(head.title),
            description: text(head.description),
            component: head
                .component
                .as_deref()
                .map(str::trim)
                .filter(|component| !component.is_empty())
                .map(Box::from),
            published: entry.first_revision.map(Day::of_timestamp),
            updated: entry.last_revision.map(Day::of_timestamp),
            exploit: entry.exploit,
            ratings,
            fixes: entry.fixes,
        });
    }

    /// Groups the affected products by what is said of them.
    fn ratings(&mut self, entry: &Entry<'a>) -> Vec<Rating> {
        let mut groups: Vec<(Said, Vec<ProductRef>)> = Vec::new();
        for &product in &entry.affected {
            let all = entry.said_of_all;
            let said = match self.slots.get(product as usize) {
                Some(slot) if slot.entry == entry.number => Said {
                    severity: slot.said.severity.or(all.severity),
                    impact: slot.said.impact.or(all.impact),
                    cvss: slot.said.cvss.or(all.cvss),
                },
                _ => all,
            };
            match groups.iter_mut().find(|(group, _)| *group == said) {
                Some((_, products)) => products.push(product),
                None => groups.push((said, vec![product])),
            }
        }
        let mut ratings = Vec::with_capacity(groups.len());
        for (said, products) in groups {
            let score = said.cvss.and_then(|position| entry.scores.get(position));
            ratings.push(Rating {
                severity: said.severity,
                impact: said.impact.and_then(|at| self.impacts.get(at).cloned()),
                cvss: score.and_then(|score| self.cvss(score)),
                products,
            });
        }
        ratings
    }

    fn cvss(&mut self, (base, temporal, vector): &(&str, &str, Cow<'_, str>)) -> Option<Cvss> {
        let Some(base_tenths) = tenths(base) else {
            self.oddities.note(OddityKind::ScoreUnread, base);
            return None;
        };
        // Scores of zero without a vector stand for "not scored".
        if base_tenths == 0 && vector.trim().is_empty() {
            return None;
        }
        Some(Cvss {
            base_tenths,
            temporal_tenths: tenths(temporal),
            vector: vector.trim().into(),
        })
    }

    fn impact(&mut self, text: &str) -> Option<usize> {
        if text.is_empty() {
            return None;
        }
        let known = self.impacts.iter().position(|known| **known == *text);
        Some(known.unwrap_or_else(|| {
            self.impacts.push(text.into());
            self.impacts.len() - 1
        }))
    }

    fn say(&mut self, products: &[ProductRef], say: impl Fn(&mut Said)) {
        if products.is_empty() {
            say(&mut self.entry.said_of_all);
        }
        for &product in products {
            let Some(slot) = self.slots.get_mut(product as usize) else {
                continue;
            };
            if slot.entry != self.entry.number {
                *slot = Slot {
                    entry: self.entry.number,
                    said: Said::default(),
                };
            }
            say(&mut slot.said);
        }
    }

    pub(super) fn finish(mut self, head: Head<'a>) -> Result<Document, DocumentError> {
        let missing = |missing| DocumentError::NotCvrf { missing };
        let text = |text: Option<Cow<'a, str>>, what| {
            text.map(|text| Box::<str>::from(text.trim()))
                .filter(|text| !text.is_empty())
                .ok_or(missing(what))
        };
        let id = text(
            head.id,
            "the document's id (DocumentTracking/Identification/ID)",
        )?;
        let title = text(head.title, "the title (DocumentTitle)")?;
        let moment = |text: Option<Cow<'a, str>>| text.as_deref().and_then(parse_moment);
        let initial_release =
            moment(head.initial_release).ok_or(missing("a readable InitialReleaseDate"))?;
        let current_release =
            moment(head.current_release).ok_or(missing("a readable CurrentReleaseDate"))?;
        self.leave_out_unnamed();
        let products = self
            .ids
            .iter()
            .zip(self.names)
            .filter_map(|(id, name)| {
                Some(ProductEntry {
                    id: (*id).into(),
                    name: name?,
                })
            })
            .collect();
        Ok(Document {
            id,
            title,
            initial_release,
            current_release,
            revision: head.revision.as_deref().unwrap_or_default().trim().into(),
            products,
            vulnerabilities: self.vulnerabilities,
            oddities: self.oddities,
        })
    }

    /// Drops references to products the document never names, and closes the gaps they leave.
    fn leave_out_unnamed(&mut self) {
        if self.names.iter().all(Option::is_some) {
            return;
        }
        let mut next = 0;
        let mut moved: Vec<Option<ProductRef>> = Vec::with_capacity(self.names.len());
        for (id, name) in self.ids.iter().zip(&self.names) {
            if name.is_some() {
                moved.push(Some(next));
                next += 1;
            } else {
                moved.push(None);
                self.oddities.note(OddityKind::ProductUnnamed, id);
            }
        }
        let keep = |products: &mut Vec<ProductRef>| {
            *products = products
                .iter()
                .filter_map(|&product| moved.get(product as usize).copied().flatten())
                .collect();
        };
        for vulnerability in &mut self.vulnerabilities {
            for rating in &mut vulnerability.ratings {
                keep(&mut rating.products);
            }
            vulnerability.ratings.retain(|r| !r.products.is_empty());
            for fix in &mut vulnerability.fixes {
                keep(&mut fix.products);
            }
            vulnerability.fixes.retain(|f| !f.products.is_empty());
        }
    }
}

/// Whether a link is just a search for this KB in Microsoft's update catalog.
fn is_catalog_link(url: &str, kb: u32) -> bool {
    url.contains("catalog.update.microsoft.com")
        && url
            .rsplit_once("q=KB")
            .is_some_and(|(_, number)| number.parse() == Ok(kb))
}

/// A score from 0 to 10 in tenths: `9.8` is 98. More decimals are cut off.
fn tenths(text: &str) -> Option<u8> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let whole: u8 = whole.parse().ok()?;
    let tenth = fraction.chars().next().and_then(|c| c.to_digit(10))?;
    let tenths = whole
        .checked_mul(10)?
        .checked_add(u8::try_from(tenth).ok()?)?;
    (tenths <= 100).then_some(tenths)
}

#[cfg(test)]
mod tests {
    use super::tenths;

    #[test]
    fn scores_are_tenths() {
        assert_eq!(tenths("9.8"), Some(98));
        assert_eq!(tenths("10.0"), Some(100));
        assert_eq!(tenths("7"), Some(70));
        for text in ["", "11", "-1", "x", "10.1", "300"] {
            assert_eq!(tenths(text), None, "{text}");
        }
    }
}
