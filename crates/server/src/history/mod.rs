//! When what was found on a machine was first found, and when it was gone.
//!
//! Nothing of this is kept for each machine and update: the store has the states a machine was in, and what was found
//! for each state with each catalogue. Both are put together when somebody asks.

mod found;
mod record;
mod timeline;

use std::collections::BTreeMap;

use jiff::Timestamp;
use kbgap_catalog::{Kb, VulnerabilityId};
use kbgap_store::StoreError;
use serde::Serialize;

pub(crate) use found::Found;
pub(crate) use record::Recorder;
pub(crate) use timeline::{ChangeOnMachine, Knowledge, OpenIn, Status, Timeline};

use timeline::Moment;

/// Something that was found on a machine, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detection {
    /// What.
    #[serde(flatten)]
    pub what: Detected,
    /// Since when: the machine's report came, or what is known of its state changed.
    pub detected: Timestamp,
    /// When it was gone; `None` while it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Timestamp>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Detected {
    /// An update to be installed.
    #[serde(serialize_with = "number")]
    Kb(Kb),
    /// An open vulnerability.
    #[serde(serialize_with = "text")]
    Vulnerability(VulnerabilityId),
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn number<S: serde::Serializer>(kb: &Kb, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&kb.number())
}

fn text<S: serde::Serializer>(id: &VulnerabilityId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// What was found on a machine since it is known, each for how long: in order of what, then of time.
///
/// Updates that its software list names count as the catalogue in use knows them.
pub(crate) async fn of_machine(
    found: &mut Found,
    machine: &str,
    knowledge: &Knowledge<'_>,
) -> Result<Vec<Detection>, StoreError> {
    let timeline = Timeline::read(found, machine, knowledge).await?;
    Ok(intervals(timeline.moments()))
}

fn intervals(moments: &[Moment]) -> Vec<Detection> {
    let mut open: BTreeMap<Detected, Timestamp> = BTreeMap::new();
    let mut all = Vec::new();
    for moment in moments {
        let there = moment.there.detected();
        open.retain(|what, since| {
            let stays = there.contains(what);
            if !stays {
                all.push(Detection {
                    what: what.clone(),
                    detected: *since,
                    fixed: Some(moment.at),
                });
            }
            stays
        });
        for what in there {
            open.entry(what).or_insert(moment.at);
        }
    }
    let still = open.into_iter();
    all.extend(still.map(|(what, since)| Detection {
        what,
        detected: since,
        fixed: None,
    }));
    all.sort_by(|one, other| (&one.what, one.detected).cmp(&(&other.what, other.detected)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::timeline::There;

    #[test]
    fn what_comes_back_is_found_anew() {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let kb = |number: u32| Kb::new(4_000_000 + number).unwrap();
        let moment = |hour, kbs: &[u32]| Moment {
            at: at(hour),
            there: There {
                missing: kbs.iter().map(|number| kb(*number)).collect(),
                ..There::default()
            },
            again: false,
        };
        let moments = [moment(1, &[1, 2]), moment(2, &[2]), moment(3, &[1, 2])];
        let found: Vec<_> = intervals(&moments)
            .into_iter()
            .map(|found| (found.what, found.detected, found.fixed))
            .collect();
        let kb = |number| Detected::Kb(kb(number));
        assert_eq!(
            found,
            [
                (kb(1), at(1), Some(at(2))),
                (kb(1), at(3), None),
                (kb(2), at(1), None)
            ]
        );
    }
}
