//! Where each update stands on its line: by revision of the build, else by day.
//!
//! Documents state builds and days, the release history states revisions; people typed all three. Sorted by
//! revision, days must not fall. The longest run of updates in which they do not is taken as true; what stands
//! outside it is a slip, and takes its place by what is left: by its revision where the release history
//! confirms it, else by its day.

use kbgap_catalog::{Catalog, Day, UpdateIx, WindowsBuild, are_siblings};

use super::member::{Draft, Member, MemberIx, Revision, fixes, is_windows};
use crate::evidence::FactSource;
use crate::line::Line;
use crate::slip::{Slip, SlipKind, Stated};

/// An update that fixes this many vulnerabilities of one Windows at once is a cumulative one; those that
/// stand alone fix one or two.
const CUMULATIVE_FIXES: usize = 3;

/// Settles revision, day, line and order of every member.
pub(super) fn settle(
    catalog: &Catalog,
    mut drafts: Vec<Draft>,
    build: Option<WindowsBuild>,
    cumulative: bool,
    stated_edges: &[(MemberIx, MemberIx)],
) -> (Vec<Member>, Vec<Slip>) {
    let mut slips = Vec::new();
    for draft in &mut drafts {
        take_revision(draft, build, cumulative, &mut slips);
    }
    if cumulative {
        hotpatch_parts(catalog, &mut drafts);
        check_order(catalog, &mut drafts, build, &mut slips);
        single_out_standalone(catalog, &mut drafts, build, stated_edges, &mut slips);
    } else {
        check_history_days(&mut drafts, &mut slips);
    }
    let mut members: Vec<Member> = drafts.into_iter().map(|draft| draft.member).collect();
    if cumulative {
        order_by_revision(&mut members);
    } else {
        order_by_day(&mut members);
    }
    (members, slips)
}

/// Takes the revision that documents and release history state.
///
/// Where they differ, the lower: a machine at that revision has the update by one source at least, and the
/// slips seen so far raised numbers (`.1803` for `.1083`).
fn take_revision(
    draft: &mut Draft,
    build: Option<WindowsBuild>,
    cumulative: bool,
    slips: &mut Vec<Slip>,
) {
    let Some(build) = build else { return };
    let in_build = draft.member.line.is_in_build()
        || matches!(
            draft.member.line,
            Line::MonthlyRollup | Line::PreviewRollup | Line::SecurityOnly
        );
    let kb = draft.member.kb;
    let stated = |of: &dyn Fn(&WindowsBuild) -> bool| -> Vec<Revision> {
        let builds = draft.builds.iter().filter(|(stated, _)| of(stated));
        let revisions = builds.filter_map(|(stated, document)| {
            Some(Revision {
                ubr: stated.ubr?,
                source: FactSource::Document(*document),
            })
        });
        revisions.collect()
    };
    let mut candidates = stated(&|own| own.same_line(&build));
    if let Some((_, Some(ubr))) = draft.history {
        candidates.push(Revision {
            ubr,
            source: FactSource::ReleaseHistory,
        });
    }
    if candidates.is_empty() && cumulative {
        candidates =
            stated(&|other| other.major == build.major && are_siblings(other.build, build.build));
    }
    let taken = candidates
        .iter()
        .min_by_key(|candidate| candidate.ubr)
        .copied();
    let at = |ubr| WindowsBuild {
        ubr: Some(ubr),
        ..build
    };
    for other in &candidates {
        if let Some(taken) = taken.filter(|taken| taken.ubr != other.ubr) {
            slips.push(Slip {
                kind: SlipKind::RevisionsDisagree,
                kb,
                stated: Stated::Build {
                    build: at(other.ubr),
                    taken: Some(at(taken.ubr)),
                },
                document: other.source.document(),
            });
        }
    }
    if in_build {
        draft.member.revision = taken;
    }
    for (stated, document) in &draft.builds {
        let related = stated.same_line(&build) || are_siblings(stated.build, build.build);
        if !related && in_build {
            slips.push(Slip {
                kind: SlipKind::OtherBuild,
                kb,
                stated: Stated::Build {
                    build: *stated,
                    taken: taken.map(|taken| at(taken.ubr)),
                },
                document: Some(*document),
            });
        }
    }
}

/// A single fix with a hotpatch's revision is a part of that hotpatch, whatever it is called.
fn hotpatch_parts(catalog: &Catalog, drafts: &mut [Draft]) {
    let revisions: Vec<u32> = drafts
        .iter()
        .filter(|draft| draft.member.line == Line::Hotpatch)
        .filter_map(|draft| Some(draft.member.revision?.ubr))
        .collect();
    for draft in drafts {
        let shares = draft
            .member
            .revision
            .is_some_and(|revision| revisions.contains(&revision.ubr));
        if shares
            && draft.history.is_none()
            && draft.member.line == Line::Cumulative
            && !is_cumulative_somewhere(catalog, draft.member.update)
        {
            draft.member.line = Line::HotpatchPart;
        }
    }
}

/// Finds the updates whose revision and day contradict the others'.
fn check_order(
    catalog: &Catalog,
    drafts: &mut [Draft],
    build: Option<WindowsBuild>,
    slips: &mut Vec<Slip>,
) {
    for lines in [&[Line::Cumulative, Line::Optional][..], &[Line::Hotpatch]] {
        let mut dated: Vec<(u32, Day, MemberIx)> = drafts
            .iter()
            .enumerate()
            .filter(|(_, draft)| lines.contains(&draft.member.line))
            .filter_map(|(at, draft)| {
                Some((draft.member.revision?.ubr, draft.member.released?, at))
            })
            .collect();
        dated.sort_unstable();
        let days: Vec<Day> = dated.iter().map(|(_, day, _)| *day).collect();
        let in_run = longest_run(&days);
        let mut before = None;
        for (place, &(ubr, day, at)) in dated.iter().enumerate() {
            if in_run[place] {
                before = Some(day);
                continue;
            }
            let draft = &mut drafts[at];
            let confirmed = draft
                .history
                .is_some_and(|(_, revision)| revision.is_some());
            if confirmed || is_cumulative_somewhere(catalog, draft.member.update) {
                let after = (place + 1..dated.len())
                    .find(|&later| in_run[later])
                    .map(|later| dated[later].1);
                draft.member.released = before.or(after);
                slips.push(Slip {
                    kind: SlipKind::OutOfOrder,
                    kb: draft.member.kb,
                    stated: Stated::Day(day),
                    document: draft.member.documents.first().copied(),
                });
            } else {
                draft.member.revision = None;
                draft.member.other_image = true;
                slips.extend(build.map(|build| Slip {
                    kind: SlipKind::OtherImage,
                    kb: draft.member.kb,
                    stated: Stated::Build {
                        build: WindowsBuild {
                            ubr: Some(ubr),
                            ..build
                        },
                        taken: None,
                    },
                    document: draft.member.documents.first().copied(),
                }));
            }
        }
    }
}

/// Moves what is called a security update but is no cumulative one to a line of its own.
fn single_out_standalone(
    catalog: &Catalog,
    drafts: &mut [Draft],
    build: Option<WindowsBuild>,
    stated_edges: &[(MemberIx, MemberIx)],
    slips: &mut Vec<Slip>,
) {
    let mut proven: Vec<bool> = drafts
        .iter()
        .map(|draft| {
            draft.member.line == Line::Cumulative
                && !draft.member.other_image
                && (draft.member.revision.is_some()
                    || draft.history.is_some()
                    || is_cumulative_somewhere(catalog, draft.member.update))
        })
        .collect();
    // An out-of-band update may fix one vulnerability only; it replaces the cumulative update
    // before it, or is replaced by the one after.
    loop {
        let mut changed = false;
        for &(newer, older) in stated_edges {
            for (one, other) in [(newer, older), (older, newer)] {
                let member = &drafts[one].member;
                let joins = member.line == Line::Cumulative && !member.other_image;
                if proven[other] && !proven[one] && joins {
                    proven[one] = true;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    let has_history = drafts.iter().any(|draft| draft.history.is_some());
    for (draft, proven) in drafts.iter_mut().zip(proven) {
        if draft.member.line != Line::Cumulative {
            continue;
        }
        if proven {
            let foreign = draft.member.revision.is_none() && draft.history.is_none();
            draft.member.other_release = foreign && has_history;
            if foreign && (has_history || !draft.builds.is_empty()) {
                slips.push(Slip {
                    kind: SlipKind::OtherProductsFix,
                    kb: draft.member.kb,
                    stated: Stated::Update(draft.member.kb),
                    document: draft.member.documents.first().copied(),
                });
            }
            continue;
        }
        draft.member.line = Line::Standalone;
        if build.is_some() && draft.member.revision.is_none() && !draft.builds.is_empty() {
            draft.member.other_image = true;
        }
    }
}

/// Whether an update fixes so much of any one Windows that it must be a cumulative one.
fn is_cumulative_somewhere(catalog: &Catalog, update: Option<UpdateIx>) -> bool {
    let Some(update) = update else { return true };
    catalog
        .all_products()
        .filter(|&product| is_windows(catalog, product))
        .any(|product| {
            fixes(catalog, product).any(|fix| fix.update() == Some(update))
                && catalog.fixed_by(update, [product]).len() >= CUMULATIVE_FIXES
        })
}

/// In a release history without revisions, days must not fall; those that do are taken from the neighbor.
fn check_history_days(drafts: &mut [Draft], slips: &mut Vec<Slip>) {
    for lines in [
        &[Line::MonthlyRollup, Line::PreviewRollup][..],
        &[Line::SecurityOnly],
    ] {
        let mut listed: Vec<(usize, MemberIx)> = drafts
            .iter()
            .enumerate()
            .filter(|(_, draft)| lines.contains(&draft.member.line))
            .filter_map(|(at, draft)| Some((draft.history?.0, at)))
            .collect();
        listed.sort_unstable();
        let dated: Vec<(Day, MemberIx)> = listed
            .iter()
            .filter_map(|&(_, at)| Some((drafts[at].member.released?, at)))
            .collect();
        let days: Vec<Day> = dated.iter().map(|(day, _)| *day).collect();
        let in_run = longest_run(&days);
        let doubted = dated.iter().zip(in_run).filter(|(_, in_run)| !in_run);
        for (&(day, at), _) in doubted {
            drafts[at].member.released = None;
            slips.push(Slip {
                kind: SlipKind::OutOfOrder,
                kb: drafts[at].member.kb,
                stated: Stated::Day(day),
                document: drafts[at].member.documents.first().copied(),
            });
        }
        let mut before = None;
        for &(_, at) in &listed {
            let member = &mut drafts[at].member;
            member.released = member.released.or(before);
            before = member.released;
        }
    }
}

/// Puts members in order of revision; one without takes its place after the highest revision published
/// before its day.
fn order_by_revision(members: &mut [Member]) {
    let mut published: Vec<(Day, u32)> = members
        .iter()
        .filter(|member| member.line.is_in_build())
        .filter_map(|member| Some((member.released?, member.revision?.ubr)))
        .collect();
    published.sort_unstable();
    let highest_before = |day: Day| {
        let before = published.iter().take_while(|(known, _)| *known < day);
        before.map(|(_, ubr)| *ubr).max().unwrap_or_default()
    };
    let mut keyed: Vec<_> = members
        .iter()
        .enumerate()
        .map(|(at, member)| {
            let stated = member.revision.map(|revision| revision.ubr);
            let ubr = stated.or_else(|| member.released.map(highest_before));
            (
                ubr.unwrap_or_default(),
                stated.is_none(),
                member.released,
                member.kb,
                at,
            )
        })
        .collect();
    keyed.sort_unstable();
    for (order, (.., at)) in keyed.into_iter().enumerate() {
        members[at].order = order;
    }
}

fn order_by_day(members: &mut [Member]) {
    let mut keyed: Vec<_> = members
        .iter()
        .enumerate()
        .map(|(at, member)| {
            let listed_at = member.listed_at.unwrap_or(usize::MAX);
            let ubr = member.revision.map(|revision| revision.ubr);
            (member.released, listed_at, ubr, member.kb, at)
        })
        .collect();
    keyed.sort_unstable();
    for (order, (.., at)) in keyed.into_iter().enumerate() {
        members[at].order = order;
    }
}

/// Of a sequence, which items make up its longest run that never falls.
fn longest_run<T: Ord + Copy>(items: &[T]) -> Vec<bool> {
    // The last item of the best run of each length, and from which item each was reached.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; items.len()];
    for (at, item) in items.iter().enumerate() {
        let length = tails.partition_point(|&tail| items[tail] <= *item);
        before[at] = length.checked_sub(1).map(|shorter| tails[shorter]);
        if length == tails.len() {
            tails.push(at);
        } else {
            tails[length] = at;
        }
    }
    let mut in_run = vec![false; items.len()];
    let mut at = tails.last().copied();
    while let Some(item) = at {
        in_run[item] = true;
        at = before[item];
    }
    in_run
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::longest_run;

    #[test]
    fn a_slip_stands_outside_the_longest_run() {
        assert_eq!(
            longest_run(&[1, 2, 9, 3, 4]),
            [true, true, false, true, true]
        );
        assert_eq!(longest_run(&[1, 1, 1]), [true; 3]);
        assert_eq!(longest_run::<u8>(&[]), [false; 0]);
    }

    proptest! {
        #[test]
        fn the_run_never_falls_and_none_is_longer(items in prop::collection::vec(0u8..20, 0..12)) {
            let run = longest_run(&items);
            let kept: Vec<u8> = items.iter().zip(&run).filter(|(_, kept)| **kept).map(|(item, _)| *item).collect();
            prop_assert!(kept.is_sorted());
            let longest = (0u32..1 << items.len())
                .filter(|mask| {
                    let picked = (0..items.len()).filter(|at| mask >> at & 1 == 1);
                    picked.map(|at| items[at]).is_sorted()
                })
                .map(u32::count_ones)
                .max();
            prop_assert_eq!(longest, u32::try_from(kept.len()).ok());
        }
    }
}
