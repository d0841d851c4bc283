//! Days of publication that cannot be right.
//!
//! An update is dated by the entries it fixes. Where the document of its own month is not known, or only in
//! a revision from before that month's updates came out, those are entries of other documents: older ones
//! that a later revision added it to, or newer ones. The release history tells: on a line, a later update is
//! not published before an earlier one. Of the days of a line those are taken as true that never fall and have
//! most entries behind them. An update outside them was published between its neighbors: on the day one of its
//! entries was revised, else on the month's update day (the second Tuesday), else the day after the neighbor before.

use std::collections::BTreeSet;

use jiff::civil::Weekday;
use rustc_hash::FxHashMap;

use super::Update;
use crate::document::Document;
use crate::{Day, HistoryLine, Kb, ReleaseHistory};

/// An update with how many entries of its home document it fixes.
pub(super) struct Dated {
    pub(super) update: Update,
    pub(super) entries: u32,
}

/// The days between which an update was published: after the first, and before the second.
type Between = (Day, Option<Day>);

/// Corrects the days that the release history contradicts.
pub(super) fn correct(
    dated: Vec<Dated>,
    documents: &[Document],
    history: &ReleaseHistory,
) -> Vec<Update> {
    let mut doubted: FxHashMap<Kb, Between> = FxHashMap::default();
    for line in &history.lines {
        doubted.extend(doubted_on(line, &dated));
    }
    let revised = revisions(documents, &doubted);
    let updates = dated.into_iter().map(|dated| {
        let mut update = dated.update;
        if let Some(&(floor, ceiling)) = doubted.get(&update.kb) {
            let inside = |day: &Day| *day > floor && ceiling.is_none_or(|ceiling| *day < ceiling);
            let days = revised.get(&update.kb).into_iter().flatten().copied();
            let between = days.filter(inside).min();
            let update_day = between.or_else(|| update_day_after(floor).filter(inside));
            update.released = update_day.unwrap_or(floor.tomorrow());
        }
        update
    });
    updates.collect()
}

/// The updates of a line whose days contradict the others'.
fn doubted_on(line: &HistoryLine, dated: &[Dated]) -> Vec<(Kb, Between)> {
    let known: Vec<&Dated> = line
        .entries
        .iter()
        .filter_map(|entry| {
            let at = dated.binary_search_by_key(&entry.kb, |dated| dated.update.kb);
            Some(&dated[at.ok()?])
        })
        .collect();
    let days: Vec<(Day, u32)> = known
        .iter()
        .map(|dated| (dated.update.released, dated.entries))
        .collect();
    let in_run = heaviest_run(&days);
    let mut doubted = Vec::new();
    let mut floor = None;
    for (at, dated) in known.iter().enumerate() {
        if in_run[at] {
            floor = Some(dated.update.released);
            continue;
        }
        let later = (at + 1..known.len()).find(|&later| in_run[later]);
        let ceiling = later.map(|later| known[later].update.released);
        // Before all that is known there is nothing to go by.
        if let Some(floor) = floor {
            doubted.push((dated.update.kb, (floor, ceiling)));
        }
    }
    doubted
}

/// Of a sequence of days, those that make up the run that never falls and weighs most.
fn heaviest_run(days: &[(Day, u32)]) -> Vec<bool> {
    let mut best: Vec<(u64, Option<usize>)> = Vec::with_capacity(days.len());
    for (at, (day, weight)) in days.iter().enumerate() {
        let before = (0..at)
            .filter(|&before| days[before].0 <= *day)
            .max_by_key(|&before| best[before].0);
        let so_far = before.map_or(0, |before| best[before].0);
        best.push((so_far + u64::from(*weight), before));
    }
    let mut in_run = vec![false; days.len()];
    let mut at = (0..days.len()).max_by_key(|&at| best[at].0);
    while let Some(item) = at {
        in_run[item] = true;
        at = best[item].1;
    }
    in_run
}

/// The first second Tuesday of a month after a day.
fn update_day_after(day: Day) -> Option<Day> {
    let mut month = day.date().first_of_month();
    for _ in 0..2 {
        let second_tuesday = month.nth_weekday_of_month(2, Weekday::Tuesday).ok()?;
        let found = Day::of_date(second_tuesday);
        if found > day {
            return Some(found);
        }
        month = month.last_of_month().tomorrow().ok()?;
    }
    None
}

/// The days on which entries that these updates fix were last revised.
fn revisions(
    documents: &[Document],
    doubted: &FxHashMap<Kb, Between>,
) -> FxHashMap<Kb, BTreeSet<Day>> {
    let mut revised: FxHashMap<Kb, BTreeSet<Day>> = FxHashMap::default();
    if doubted.is_empty() {
        return revised;
    }
    for vulnerability in documents
        .iter()
        .flat_map(|document| &document.vulnerabilities)
    {
        for kb in vulnerability.fixes.iter().filter_map(|fix| fix.id.kb()) {
            if doubted.contains_key(&kb) {
                revised.entry(kb).or_default().extend(vulnerability.updated);
            }
        }
    }
    revised
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn what_weighs_most_is_true() {
        let days = [
            (day("2025-09-09"), 59),
            (day("2025-12-09"), 2),
            (day("2025-11-11"), 30),
            (day("2025-12-09"), 33),
        ];
        assert_eq!(heaviest_run(&days), [true, false, true, true]);
        assert_eq!(heaviest_run(&[]), [false; 0]);
    }

    #[test]
    fn updates_come_out_on_the_second_tuesday() {
        assert_eq!(update_day_after(day("2018-06-12")), Some(day("2018-07-10")));
        assert_eq!(update_day_after(day("2025-09-09")), Some(day("2025-10-14")));
        assert_eq!(update_day_after(day("2025-12-31")), Some(day("2026-01-13")));
    }
}
