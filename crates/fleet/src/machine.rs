//! A machine of a fleet.

use std::fmt;
use std::sync::Arc;

use kbgap_assessment::MachineState;

/// A machine's id: lower case, so that clients may write it in any.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(Arc<str>);

impl MachineId {
    /// The id of a text.
    pub fn new(id: &str) -> Self {
        Self(id.trim().to_lowercase().into())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A machine, as its last report shows it.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// Its DNS name.
    pub name: Option<Box<str>>,
    /// What is known of it.
    pub known: Known,
}

/// What is known of a machine.
#[derive(Debug, Clone)]
pub enum Known {
    /// Its product, and so its state.
    State(Box<MachineState>),
    /// Not even its product, for this reason. Such a machine counts nowhere.
    Unidentified(Box<str>),
}
