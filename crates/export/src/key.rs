//! Which export: what makes two asks the same.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::kind::ExportKind;

/// What an export is of. Two asks with equal keys are served with the same files while these are fresh.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportKey {
    /// Whose machines: the `OrgId` of the path.
    tenant: String,
    /// What about them.
    kind: ExportKind,
    /// Of which state of the data: a number or name that changes with it.
    generation: String,
    /// What of it the caller may see, as one word: equal words, equal rows.
    visibility: String,
}

/// A tenant that cannot stand in a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tenant '{0}' cannot stand in a path: 1 to 64 letters, digits, '-' and '_' can")]
pub struct BadTenant(pub String);

impl ExportKey {
    /// A key.
    pub fn new(
        tenant: &str,
        kind: ExportKind,
        generation: &(impl ToString + ?Sized),
        visibility: &str,
    ) -> Result<Self, BadTenant> {
        if !is_tenant(tenant) {
            return Err(BadTenant(tenant.to_owned()));
        }
        Ok(Self {
            tenant: tenant.to_owned(),
            kind,
            generation: generation.to_string(),
            visibility: visibility.to_owned(),
        })
    }

    /// Whose machines.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// What about them.
    pub fn kind(&self) -> ExportKind {
        self.kind
    }

    /// The key as a name of fixed length, for it may hold anything.
    pub(crate) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for part in [
            self.tenant.as_str(),
            self.kind.segment(),
            &self.generation,
            &self.visibility,
        ] {
            // Lengths first: no two keys run together.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut name = String::with_capacity(64);
        for byte in hash.finalize() {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// Whether a tenant can stand in a path.
pub(crate) fn is_tenant(tenant: &str) -> bool {
    (1..=64).contains(&tenant.len())
        && tenant
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_where_any_part_does_and_parts_do_not_run_together() {
        let key = |tenant: &str, kind, generation: &str, visibility: &str| {
            ExportKey::new(tenant, kind, generation, visibility)
                .unwrap()
                .digest()
        };
        let kind = ExportKind::SoftwareInventory;
        let one = key("t", kind, "12", "3");
        assert_eq!(one, key("t", kind, "12", "3"));
        assert_ne!(one, key("t", kind, "1", "23"));
        assert_ne!(one, key("u", kind, "12", "3"));
        assert_ne!(one, key("t", ExportKind::Baselines, "12", "3"));
        assert_eq!(one.len(), 64);
    }

    #[test]
    fn tenants_that_would_leave_their_folder_are_refused() {
        for tenant in ["", "..", "a/b", "a%2Fb", "a b", "ü", &"a".repeat(65)] {
            assert!(ExportKey::new(tenant, ExportKind::Baselines, "1", "").is_err());
        }
    }
}
