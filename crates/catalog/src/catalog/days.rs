//! Days of publication that cannot be right.
//!
//! An update is dated by the entries it fixes. Where the document of its own month is not known, those are
//! entries of older documents, which later revisions added it to, and its day comes out too early. The
//! release history tells: on a line, a later update is not published before an earlier one. One that seems
//! to be takes the day on which one of its entries was revised between its neighbors' days, else the day
//! after the neighbor before it.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::Update;
use crate::document::Document;
use crate::{Day, Kb, ReleaseHistory};

/// With how many updates before it one is compared.
const NEIGHBORS: usize = 5;
/// How many of them must be dated later for its day to be doubted: at least, where there are few, and at most.
const WITNESSES: (usize, usize) = (2, 3);

pub(super) fn correct(updates: &mut [Update], documents: &[Document], history: &ReleaseHistory) {
    let mut doubted: FxHashMap<Kb, (Day, Option<Day>)> = FxHashMap::default();
    for line in &history.lines {
        let dated: Vec<(Kb, Day)> = line
            .entries
            .iter()
            .filter_map(|entry| {
                let at = updates.binary_search_by_key(&entry.kb, |update| update.kb);
                Some((entry.kb, updates[at.ok()?].released))
            })
            .collect();
        for (at, &(kb, day)) in dated.iter().enumerate() {
            // Compared with several that stand before it, so that one day that is too late does not
            // put all that follow in doubt.
            let before = dated[..at].iter().map(|(_, day)| *day).rev().take(NEIGHBORS);
            let earlier: Vec<Day> = before.filter(|before| *before > day).collect();
            if earlier.len() < at.clamp(WITNESSES.0, WITNESSES.1) {
                continue;
            }
            let after = dated[at + 1..].iter().map(|(_, day)| *day);
            let Some(floor) = earlier.into_iter().max() else {
                continue;
            };
            let ceiling = after.filter(|after| *after > floor).min();
            doubted.insert(kb, (floor, ceiling));
        }
    }
    if doubted.is_empty() {
        return;
    }
    let revised = revisions(documents, &doubted);
    for update in updates {
        if let Some((floor, ceiling)) = doubted.get(&update.kb) {
            let days = revised.get(&update.kb).into_iter().flatten().copied();
            let between = days
                .filter(|day| day > floor && ceiling.is_none_or(|ceiling| *day <= ceiling))
                .min();
            update.released = between.unwrap_or(floor.tomorrow());
        }
    }
}

/// The days on which entries that these updates fix were last revised.
fn revisions(
    documents: &[Document],
    doubted: &FxHashMap<Kb, (Day, Option<Day>)>,
) -> FxHashMap<Kb, BTreeSet<Day>> {
    let mut revised: FxHashMap<Kb, BTreeSet<Day>> = FxHashMap::default();
    for vulnerability in documents.iter().flat_map(|document| &document.vulnerabilities) {
        for kb in vulnerability.fixes.iter().filter_map(|fix| fix.id.kb()) {
            if doubted.contains_key(&kb) {
                revised.entry(kb).or_default().extend(vulnerability.updated);
            }
        }
    }
    revised
}
