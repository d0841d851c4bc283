//! Servicing lines: the series an update belongs to.

use std::fmt;

use kbgap_catalog::document::SubType;
use kbgap_catalog::{Component, ProductIdentity};

/// The servicing line of an update on one Windows: what it is a member of, and so what a later
/// member covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Line {
    /// The cumulative update of a Windows 10 or later release.
    Cumulative,
    /// Its hotpatches.
    Hotpatch,
    /// A part of a month's hotpatch that comes by itself, with the same revision.
    HotpatchPart,
    /// The monthly rollup of Server 2008 to 2012 R2, Windows 7 and 8.1.
    MonthlyRollup,
    /// Its previews.
    PreviewRollup,
    /// The security only update beside the rollup.
    SecurityOnly,
    /// The cumulative update of Internet Explorer beside the security only update.
    IeCumulative,
    /// A single update from before there were rollups.
    Single,
    /// The rollup of the .NET Framework.
    DotNet,
    /// The security only update of the .NET Framework.
    DotNetSecurityOnly,
    /// Adobe Flash Player.
    Flash,
    /// The servicing stack.
    ServicingStack,
    /// An update on no line: later members of others do not cover it.
    Standalone,
    /// An optional preview that Microsoft lists as a fix but offers to nobody unasked.
    Optional,
    /// A dynamic update for setup media; never for a running machine.
    SetupMedia,
}

impl Line {
    /// The line of a fix for the operating system itself.
    pub(crate) fn of_windows(sub_type: &SubType, cumulative_family: bool) -> Self {
        match sub_type {
            SubType::SecurityUpdate | SubType::CumulativeUpdate | SubType::Absent => {
                if cumulative_family {
                    Self::Cumulative
                } else {
                    Self::Single
                }
            }
            SubType::MonthlyRollup => Self::MonthlyRollup,
            SubType::SecurityOnly if cumulative_family => Self::HotpatchPart,
            SubType::SecurityOnly => Self::SecurityOnly,
            SubType::PreviewRollup => Self::PreviewRollup,
            SubType::IeCumulative => Self::IeCumulative,
            SubType::Hotpatch => Self::Hotpatch,
            SubType::ServicingStack => Self::ServicingStack,
            SubType::Standalone | SubType::LinuxPackage => Self::Standalone,
            SubType::SetupDynamicUpdate => Self::SetupMedia,
            // "Update" and the like: what is not a security update is offered as optional.
            SubType::Other(_) => Self::Optional,
        }
    }

    /// The line of a fix for a component, where it does not fix the operating system as well.
    pub(crate) fn of_component(
        component: &Component,
        sub_type: &SubType,
        cumulative_family: bool,
    ) -> Self {
        match component {
            Component::FlashPlayer => Self::Flash,
            Component::DotNetFramework(_) => match sub_type {
                SubType::SecurityOnly => Self::DotNetSecurityOnly,
                SubType::SetupDynamicUpdate => Self::SetupMedia,
                _ => Self::DotNet,
            },
            _ => Self::of_windows(sub_type, cumulative_family),
        }
    }

    /// The line of a fix of this kind for this product.
    pub(crate) fn of(identity: &ProductIdentity, sub_type: &SubType, cumulative: bool) -> Self {
        match identity {
            ProductIdentity::Windows(_) => Self::of_windows(sub_type, cumulative),
            ProductIdentity::OnWindows { component, .. } => {
                Self::of_component(component, sub_type, cumulative)
            }
            ProductIdentity::LinuxPackage
            | ProductIdentity::Application(_)
            | ProductIdentity::Other => Self::Standalone,
        }
    }

    /// Whether an update of this line is ever asked for.
    pub(crate) fn is_demanded(self) -> bool {
        !matches!(
            self,
            Self::SetupMedia | Self::Optional | Self::PreviewRollup
        )
    }

    /// Whether an update of this line is for machines serviced by hotpatches alone.
    pub(crate) fn is_hotpatch(self) -> bool {
        matches!(self, Self::Hotpatch | Self::HotpatchPart)
    }

    /// Whether the members of this line hold the ones before, so that only the newest is offered.
    pub(crate) fn is_offered_by_newest(self) -> bool {
        matches!(
            self,
            Self::Cumulative
                | Self::Hotpatch
                | Self::MonthlyRollup
                | Self::IeCumulative
                | Self::DotNet
                | Self::Flash
                | Self::ServicingStack
        )
    }

    /// Whether the build of Windows tells if an update of this line is present.
    pub(crate) fn is_in_build(self) -> bool {
        matches!(
            self,
            Self::Cumulative | Self::Hotpatch | Self::HotpatchPart | Self::Optional
        )
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cumulative => "cumulative updates",
            Self::Hotpatch => "hotpatches",
            Self::HotpatchPart => "parts of hotpatches",
            Self::MonthlyRollup => "monthly rollups",
            Self::PreviewRollup => "preview rollups",
            Self::SecurityOnly => "security only updates",
            Self::IeCumulative => "Internet Explorer cumulative updates",
            Self::Single => "single updates",
            Self::DotNet => ".NET Framework updates",
            Self::DotNetSecurityOnly => ".NET Framework security only updates",
            Self::Flash => "Flash Player updates",
            Self::ServicingStack => "servicing stack updates",
            Self::Standalone => "standalone updates",
            Self::Optional => "optional previews",
            Self::SetupMedia => "setup media updates",
        })
    }
}
