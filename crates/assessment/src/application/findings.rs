//! What an assessment of applications finds.

use std::fmt;

use kbgap_catalog::{
    Application, Day, DocumentIx, FixIx, Kb, ProductIx, UpdateIx, Version, VulnerabilityIx,
};

/// What the applications of one machine lack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicationFindings {
    /// The servicing lines looked at; the other lists point here by position.
    pub scope: Vec<ApplicationInScope>,
    /// What is missing: of each line the newest, of packages the newest of each; in order of the scope.
    pub missing: Vec<ApplicationMissing>,
    /// What cannot be told to be present or missing, in order of the scope.
    pub unknown: Vec<ApplicationUnknown>,
    /// Applications that were recognized, but stand on no line of the catalog.
    pub unplaced: Vec<Unplaced>,
}

/// A servicing line in scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationInScope {
    /// The line: an application without what is not told apart on it.
    pub application: Application,
    /// The version the machine reports, or its listed updates prove, where that is higher.
    pub version: Option<Version>,
    /// The products of the documents it is, in order.
    pub products: Vec<ProductIx>,
    /// The vulnerabilities known to be open, in order.
    pub open: Vec<VulnerabilityIx>,
    /// The vulnerabilities for which the documents name no fix of this line at all; in order.
    pub without_fix: Vec<VulnerabilityIx>,
}

/// A fix an application lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationMissing {
    /// The line, by its position in the scope.
    pub line: usize,
    /// What to install.
    pub fix: ApplicationFix,
    /// The version it brings the application to, where a document states it.
    pub version: Option<Version>,
    /// The open vulnerabilities it closes, itself or by what it brings; in order.
    pub closes: Vec<VulnerabilityIx>,
    /// Why it is known to be missing.
    pub absence: ApplicationAbsence,
}

/// What fixes an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApplicationFix {
    /// An update with a KB.
    Update(UpdateIx),
    /// A version to reach, where there is no KB.
    Version(Version),
    /// A release of which the documents state neither KB nor version.
    Release(FixIx),
}

/// Why a fix counts as missing from an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationAbsence {
    /// The installed version is below the one a document states as fixed.
    VersionBelow {
        /// The machine's.
        installed: Version,
        /// The one from which the application is fixed.
        fixed: Version,
        /// The document that states it.
        document: DocumentIx,
    },
    /// It came out after this version of the same line, which is not reached either.
    EarlierNotReached {
        /// The machine's.
        installed: Version,
        /// The version of the earlier fix.
        earlier: Version,
        /// The document that states the fix itself.
        document: DocumentIx,
    },
    /// The lists show updates of this application, but neither it nor one that brings it.
    NotListed {
        /// The document that states the fix.
        document: DocumentIx,
    },
}

/// Why a fix counts as present in an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationPresence {
    /// The machine lists it.
    Listed,
    /// The installed version is not below the one a document states as fixed.
    Version {
        /// The machine's.
        installed: Version,
        /// The one from which the application is fixed.
        fixed: Version,
        /// The document that states it.
        document: DocumentIx,
    },
    /// A later fix of the same line is reached.
    LaterReached {
        /// The machine's.
        installed: Version,
        /// The version of the later fix.
        later: Version,
    },
    /// This listed update brings it.
    BroughtBy(Kb),
}

/// What of an application cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationUnknown {
    /// The line, by its position in the scope.
    pub line: usize,
    /// What is lacking to tell.
    pub cause: UnknownCause,
    /// The vulnerabilities that may be open for this cause; in order.
    pub vulnerabilities: Vec<VulnerabilityIx>,
    /// The newest fix that may be missing; `None` where there is none for the line.
    pub fix: Option<ApplicationFix>,
}

/// What is lacking to tell whether a fix is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnknownCause {
    /// The machine reports no version.
    NoVersion,
    /// The reported version is not numbered as the documents number the application.
    VersionNotComparable,
    /// The documents state no build, or one of another line, and the lists do not have the KB.
    NoBuildStated,
    /// The reported version is the one that setup left; updates do not change it, and the lists
    /// show no update of the application.
    VersionOfSetup,
    /// The lists show no update of the application at all; they may leave such updates out.
    UpdatesNotShown,
    /// This listed update may bring it; the documents do not say.
    MayBeBroughtBy(Kb),
    /// The installation may be on either of two channels, and only on one of them lacks it.
    ChannelNotTold,
    /// The line has had no update since this day, while newer lines had: it is probably out of
    /// support, and nothing is said of it any more.
    LineEnded(Day),
    /// The documents know the application, but not in this release, service pack or step.
    NotInCatalog,
}

/// An application that stands on no line of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaced {
    /// The application, as far as its name tells.
    pub application: Application,
    /// The reported version.
    pub version: Option<Version>,
    /// Why it stands on none.
    pub cause: UnknownCause,
}

/// What is found of one fix of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixFinding {
    /// The line, by its position in the scope.
    pub line: usize,
    /// The fix.
    pub fix: ApplicationFix,
    /// What is found.
    pub verdict: ApplicationVerdict,
}

/// What is found of a fix, for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationVerdict {
    /// It is present.
    Present(ApplicationPresence),
    /// It is missing; a newer one may be named in its stead.
    Missing(ApplicationAbsence),
    /// It cannot be told.
    Unknown(UnknownCause),
}

impl fmt::Display for UnknownCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVersion => f.write_str("no version is reported"),
            Self::VersionNotComparable => {
                f.write_str("the reported version is not numbered as the documents do it")
            }
            Self::NoBuildStated => f.write_str("the documents state no build for this line"),
            Self::VersionOfSetup => f.write_str(
                "the reported version is the one of setup, and no update of it is listed",
            ),
            Self::UpdatesNotShown => f.write_str("the lists show no update of it at all"),
            Self::MayBeBroughtBy(kb) => write!(f, "the listed {kb} may bring it"),
            Self::ChannelNotTold => f.write_str("it may be on the Extended Stable channel"),
            Self::LineEnded(day) => {
                write!(
                    f,
                    "nothing is said of this line since {day}, but of newer ones"
                )
            }
            Self::NotInCatalog => f.write_str("the documents do not know this release of it"),
        }
    }
}
