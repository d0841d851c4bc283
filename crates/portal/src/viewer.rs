//! Who reads a page.

/// What a reader may do. Each may all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read.
    View,
    /// Create tasks, tag machines, import reports.
    Manage,
    /// Everything: people, applications, sources.
    Administer,
}

impl Role {
    /// The message that names it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::View => "role-view",
            Self::Manage => "role-manage",
            Self::Administer => "role-administer",
        }
    }
}

/// Who reads a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The name shown.
    pub name: String,
    /// What may be done.
    pub role: Role,
    /// The device groups seen; `None`: all of them.
    pub groups: Option<Vec<String>>,
    /// Whether there is a session that can be signed out of.
    pub session: bool,
}

impl Viewer {
    /// Whether the reader may do what a role may.
    pub fn may(&self, role: Role) -> bool {
        self.role >= role
    }
}
