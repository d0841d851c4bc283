//! Slips of the documents: facts that contradict each other or the order of things.
//!
//! A slip is found while the lines of a Windows product are worked out. It is reported, and does not bend the line.

use std::fmt;

use kbgap_catalog::{Day, DocumentIx, Kb, WindowsBuild};
use serde::Serialize;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SlipKind {
    /// The fixed build is another Windows release's.
    OtherBuild,
    /// The fixed build is the recovery image's or a tool's, not that of the running Windows.
    OtherImage,
    /// Two sources, or two entries, give one update different revisions: transposed digits, mostly.
    RevisionsDisagree,
    /// Revision and day of publication contradict each other.
    OutOfOrder,
    /// The update is said to replace itself.
    ReplacesItself,
    /// The update is said to replace one that came after it.
    ReplacesLater,
    /// The update is said to replace one that is for other Windows releases.
    ReplacesOtherProducts,
    /// The update is said to replace one that no document describes.
    ReplacesUnknown,
    /// The fix is the update of another Windows release.
    OtherProductsFix,
    /// Two updates of one line are said to replace the same one, and neither the other.
    Fork,
    /// A cumulative update names nothing that it replaces.
    ReplacesNothing,
}

/// A slip on one Windows product.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slip {
    /// What is wrong.
    pub kind: SlipKind,
    /// The update it is about.
    pub kb: Kb,
    /// What is stated.
    pub stated: Stated,
    /// The document that states it; `None` where the release history does.
    pub document: Option<DocumentIx>,
}

/// What a slip states.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stated {
    /// A build, where the line is at another.
    Build {
        /// The stated one.
        build: WindowsBuild,
        /// The one that is taken instead; `None` where the update takes its place by day.
        taken: Option<WindowsBuild>,
    },
    /// A day of publication that the revision contradicts.
    Day(Day),
    /// Another update.
    Update(Kb),
    /// Two updates that replace the same one.
    Fork {
        /// The other that replaces it.
        other: Kb,
        /// The one replaced.
        replaced: Kb,
    },
    /// Nothing.
    Nothing,
}

impl SlipKind {
    /// Every kind, in order.
    pub const ALL: [Self; 11] = [
        Self::OtherBuild,
        Self::OtherImage,
        Self::RevisionsDisagree,
        Self::OutOfOrder,
        Self::ReplacesItself,
        Self::ReplacesLater,
        Self::ReplacesOtherProducts,
        Self::ReplacesUnknown,
        Self::OtherProductsFix,
        Self::Fork,
        Self::ReplacesNothing,
    ];

    /// The name that commands and answers have for the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::OtherBuild => "otherBuild",
            Self::OtherImage => "otherImage",
            Self::RevisionsDisagree => "revisionsDisagree",
            Self::OutOfOrder => "outOfOrder",
            Self::ReplacesItself => "replacesItself",
            Self::ReplacesLater => "replacesLater",
            Self::ReplacesOtherProducts => "replacesOtherProducts",
            Self::ReplacesUnknown => "replacesUnknown",
            Self::OtherProductsFix => "otherProductsFix",
            Self::Fork => "fork",
            Self::ReplacesNothing => "replacesNothing",
        }
    }

    /// The kind of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind in words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::OtherBuild => "fixed build of another Windows release",
            Self::OtherImage => "fixed build of another image than the running Windows",
            Self::RevisionsDisagree => "different revisions for one update",
            Self::OutOfOrder => "revision and day of publication contradict each other",
            Self::ReplacesItself => "replaces itself",
            Self::ReplacesLater => "replaces a later update",
            Self::ReplacesOtherProducts => "replaces an update of other Windows releases",
            Self::ReplacesUnknown => "replaces an update that no document describes",
            Self::OtherProductsFix => "the fix is another Windows release's update",
            Self::Fork => "two updates replace one, and neither the other",
            Self::ReplacesNothing => "a cumulative update that names nothing it replaces",
        }
    }
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kb = self.kb;
        match &self.stated {
            Stated::Build { build, taken } => {
                write!(f, "{kb} is stated as build {build}")?;
                match taken {
                    Some(taken) => write!(f, "; {taken} is taken"),
                    None => write!(f, "; its place is told by its day"),
                }
            }
            Stated::Day(day) => write!(f, "{kb} is dated {day}; its revision tells its place"),
            Stated::Update(other) => match self.kind {
                SlipKind::OtherProductsFix => write!(f, "{kb} is stated as the fix"),
                _ => write!(f, "{kb} is said to replace {other}"),
            },
            Stated::Fork { other, replaced } => {
                write!(f, "{kb} and {other} are both said to replace {replaced}")
            }
            Stated::Nothing => write!(f, "{kb} names nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_name_everywhere() {
        for kind in SlipKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(SlipKind::of_name(kind.name()), Some(kind));
        }
    }
}
