//! Windows in an era: releases, and the levels of updates on the way through each.

use kbgap_catalog::{Architecture, Day, Kb, Release, WindowsBuild};

use crate::choice::{Choice, Draw};
use crate::facts::{AlsoKind, FactsError, Kind, ReleaseFact};

/// How many servicing stack and other updates a machine lists beside the newest cumulative one, and how many of .NET.
const KEPT: (usize, usize) = (5, 3);
/// How many different lists of updates there are at one level.
pub(crate) const LISTS: u32 = 4;

/// A release of Windows.
pub(crate) struct WindowsRelease {
    pub(crate) kind: Kind,
    pub(crate) share: u32,
    names: Vec<Box<str>>,
    editions: Choice,
    architectures: Vec<Architecture>,
    processors: Choice,
    pub(crate) build: WindowsBuild,
    pub(crate) display: Option<Release>,
    pub(crate) levels: Vec<Level>,
}

/// Where updates bring a release to.
pub(crate) struct Level {
    pub(crate) revision: Option<u32>,
    pub(crate) day: Day,
    /// What a machine at this level may list, each with the day it was published.
    pub(crate) lists: [Vec<(Kb, Day)>; LISTS as usize],
}

impl WindowsRelease {
    pub(crate) fn new(fact: &ReleaseFact) -> Result<Self, FactsError> {
        let wrong = |reason: String| FactsError::entry(&fact.name, reason);
        let kb = |kb: u32| Kb::new(kb).ok_or_else(|| wrong(format!("{kb} is no KB")));
        let mut also = Vec::new();
        for update in &fact.also {
            also.push((kb(update.kb)?, Day::of_date(update.day), update.kind));
        }
        also.sort_unstable_by_key(|(kb, day, _)| (*day, *kb));
        let mut levels: Vec<Level> = Vec::new();
        let mut before: Vec<(Kb, Day)> = Vec::new();
        for (revision, number, day) in &fact.levels {
            let own = (kb(*number)?, Day::of_date(*day));
            if levels.last().is_some_and(|level| level.day > own.1) {
                return Err(wrong(format!("KB{number} is older than the level before")));
            }
            levels.push(Level {
                revision: (*revision != 0).then_some(*revision),
                day: own.1,
                lists: lists(own, &also, &before, fact.keeps),
            });
            before.push(own);
        }
        if levels.is_empty() {
            return Err(wrong("it has no levels".to_owned()));
        }
        let name = |edition: &str| fact.name.replace("{edition}", edition).into();
        Ok(Self {
            kind: fact.kind,
            share: fact.share,
            names: fact.editions.keys().map(|edition| name(edition)).collect(),
            editions: Choice::new(&fact.name, fact.editions.values().copied())?,
            architectures: fact.architectures.keys().copied().collect(),
            processors: Choice::new(&fact.name, fact.architectures.values().copied())?,
            build: fact
                .version
                .parse()
                .map_err(|_| wrong(format!("{} is no build", fact.version)))?,
            display: fact.display.as_deref().map(Release::new),
            levels,
        })
    }

    /// A name with an edition.
    pub(crate) fn name(&self, draw: &mut Draw) -> &str {
        &self.names[self.editions.pick(draw)]
    }

    pub(crate) fn architecture(&self, draw: &mut Draw) -> Architecture {
        self.architectures[self.processors.pick(draw)]
    }

    /// The number of levels that were published by a day; at least one.
    pub(crate) fn published(&self, day: Day) -> usize {
        self.levels.partition_point(|level| level.day <= day).max(1)
    }
}

/// The lists of a level: all; without .NET's; with the level before, too; and the bare minimum.
fn lists(
    own: (Kb, Day),
    also: &[(Kb, Day, AlsoKind)],
    before: &[(Kb, Day)],
    keeps: usize,
) -> [Vec<(Kb, Day)>; LISTS as usize] {
    let newest = |kept: usize, net: bool| {
        let fitting = also
            .iter()
            .filter(|(_, day, kind)| *day <= own.1 && (*kind == AlsoKind::Net) == net)
            .map(|(kb, day, _)| (*kb, *day));
        let mut fitting: Vec<_> = fitting.rev().take(kept).collect();
        fitting.reverse();
        fitting
    };
    // Where each level's update stays listed, all that came with the release does, too.
    let others = newest(if keeps == 0 { KEPT.0 } else { usize::MAX }, false);
    let net = newest(KEPT.1, true);
    let earlier = |count: usize| before[before.len().saturating_sub(count)..].to_vec();
    let whole = [net.clone(), others.clone(), earlier(keeps), vec![own]].concat();
    [
        whole,
        [others.clone(), earlier(keeps), vec![own]].concat(),
        [net, others.clone(), earlier(keeps.max(1)), vec![own]].concat(),
        [
            others.last().copied().into_iter().collect(),
            earlier(keeps),
            vec![own],
        ]
        .concat(),
    ]
}
