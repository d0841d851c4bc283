//! The track a machine is serviced on, where there are alternatives.

use crate::host::{Host, MemberIx};
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
            .any(|&at| host.members[at].line == Line::Hotpatch);
        let newest = installed
            .iter()
            .map(|&at| &host.members[at])
            .filter(|member| {
                matches!(
                    member.line,
                    Line::MonthlyRollup | Line::PreviewRollup | Line::SecurityOnly
                )
            })
            // Of one day the rollup counts: it holds the other.
            .max_by_key(|member| (member.released, member.line != Line::SecurityOnly));
        Self {
            hotpatch: lists_hotpatch || at_hotpatch.is_some(),
            at_hotpatch,
            security_only: newest.is_some_and(|member| member.line == Line::SecurityOnly),
        }
    }

    /// How much an update of a line is preferred over alternatives of others; higher is better.
    ///
    /// `baseline_present`: whether the machine has what the newest hotpatch is applied to. Without it the
    /// machine is offered the cumulative update, hotpatches or not.
    pub(crate) fn preference(self, line: Line, baseline_present: bool) -> u8 {
        match line {
            Line::Hotpatch if self.hotpatch && baseline_present => 5,
            Line::Hotpatch => 1,
            Line::MonthlyRollup if self.security_only => 1,
            Line::Cumulative | Line::MonthlyRollup => 4,
            Line::DotNetSecurityOnly if self.security_only => 4,
            Line::SecurityOnly | Line::IeCumulative | Line::DotNetSecurityOnly => 2,
            _ => 3,
        }
    }
}
