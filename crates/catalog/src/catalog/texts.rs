//! The texts of a catalog, kept apart from its facts.

use serde::{Deserialize, Serialize};

use super::VulnerabilityIx;

/// What people read of each vulnerability.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// By the vulnerability's position.
    pub(super) vulnerabilities: Vec<VulnerabilityText>,
}

/// The texts of a vulnerability.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VulnerabilityText {
    /// Its title.
    pub title: Box<str>,
    /// Its description, HTML as published.
    pub description: Box<str>,
    /// The part of Microsoft's software it is in.
    pub component: Option<Box<str>>,
}

impl Texts {
    /// The texts of a vulnerability of the catalog these belong to.
    pub fn of(&self, at: VulnerabilityIx) -> Option<&VulnerabilityText> {
        self.vulnerabilities.get(at.index())
    }
}
