//! The track a machine is serviced on, where there are alternatives.

use crate::host::{Host, Member, MemberIx};
use crate::line::Line;
use crate::state::MachineState;

/// The tracks of one machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tracks {
    /// By hotpatches between baselines, not by cumulative updates.
    pub(crate) hotpatch: bool,
    /// The hotpatch whose revision the machine's build is.
    pub(crate) at_hotpatch: Option<MemberIx>,
    /// By security only updates, not by rollups.
    pub(crate) security_only: bool,
}

impl Tracks {
    /// The tracks of a machine, from its build and the members it lists.
    pub(crate) fn of(host: &Host, state: &MachineState, installed: &[MemberIx]) -> Self {
        let build = state.build.filter(|build| host.is_on_line(build));
        let at_hotpatch = build
            .and_then(|build| build.ubr)
            .and_then(|ubr| host.hotpatch_of(ubr));
        let lists_hotpatch = installed
            .iter()
            .any(|&at| host.members[at].line.is_hotpatch());
        Self {
            hotpatch: lists_hotpatch || at_hotpatch.is_some(),
            at_hotpatch,
            security_only: is_security_only(host, installed),
        }
    }

    /// How much an update of a line is preferred over alternatives of others; higher is better.
    ///
    /// `baseline_present`: whether the machine has what the newest hotpatch is applied to. Without it the
    /// machine is offered the cumulative update, hotpatches or not.
    pub(crate) fn preference(self, line: Line, baseline_present: bool) -> u8 {
        match line {
            line if line.is_hotpatch() => {
                if self.hotpatch && baseline_present {
                    5
                } else {
                    1
                }
            }
            Line::MonthlyRollup if self.security_only => 1,
            Line::Cumulative | Line::MonthlyRollup => 4,
            Line::SecurityOnly | Line::IeCumulative | Line::DotNetSecurityOnly => 2,
            _ => 3,
        }
    }
}

/// Whether a machine's newest update of the operating system is a security only one, of those where there was
/// a choice: a rollup came out on the same day.
fn is_security_only(host: &Host, installed: &[MemberIx]) -> bool {
    let was_choice = |member: &Member| {
        host.members
            .iter()
            .any(|other| other.line == Line::MonthlyRollup && other.released == member.released)
    };
    let members = installed.iter().map(|&at| &host.members[at]);
    let newest = members
        .filter(|member| match member.line {
            Line::MonthlyRollup | Line::PreviewRollup => true,
            Line::SecurityOnly => was_choice(member),
            _ => false,
        })
        // Of one day the rollup counts: it holds the other.
        .max_by_key(|member| (member.released, member.line != Line::SecurityOnly));
    newest.is_some_and(|member| member.line == Line::SecurityOnly)
}
