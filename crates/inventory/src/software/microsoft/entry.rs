//! What an entry of a software list is.

use kbgap_catalog::{Application, ApplicationFamily, ApplicationRelease, Kb, Version};

/// What one entry of a software list is, where it is of Microsoft and known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MicrosoftEntry {
    /// An application.
    Application(InstalledApplication),
    /// A suite of Office, and the applications every installation of its edition can carry.
    Suite {
        /// The suite.
        suite: Application,
        /// The version that setup left.
        version: Option<Version>,
        /// The applications its edition has.
        parts: &'static [ApplicationFamily],
    },
    /// An application of a suite, by the language part that is installed with it.
    Component(ApplicationFamily, ApplicationRelease),
    /// An update.
    Update(ListedUpdate),
    /// An engine of SQL Server.
    SqlEngine(ApplicationRelease, Version),
    /// The entry of SQL Server's setup, in a list that shows its patches too.
    SqlSetup(ApplicationRelease),
    /// A patch of SQL Server.
    SqlPatch {
        /// The update.
        update: ListedUpdate,
        /// The release it is for.
        release: ApplicationRelease,
        /// The version it raises the engine to.
        version: Option<Version>,
    },
}

/// An application as installed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstalledApplication {
    /// What its name, and where needed its version, tell of it.
    pub application: Application,
    /// Its version.
    pub version: Option<Version>,
    /// What that version says.
    pub kind: VersionKind,
}

/// What a reported version says of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionKind {
    /// The version that runs.
    Running,
    /// The version that setup left; updates may have raised what runs without changing it.
    Setup,
}

/// An update that the software list names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListedUpdate {
    /// Its KB.
    pub kb: Kb,
    /// The application its title names.
    pub of: Option<(ApplicationFamily, Option<ApplicationRelease>)>,
}
