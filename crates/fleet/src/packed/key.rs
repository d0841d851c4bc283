//! What tells states from each other in the history, in few bytes.

use kbgap_assessment::ApplicationGroup;
use kbgap_catalog::Kb;

use super::list;

/// What tells one state of a machine from all others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StateKey {
    /// Of Windows.
    pub windows: WindowsKey,
    /// The software that tells applications, by its numbers in the tenant's dictionary: in order.
    pub applications: Vec<u32>,
}

/// What tells one state of Windows from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowsKey([u8; 32]);

/// What tells one state of a group of applications from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationsKey([u8; 16]);

impl StateKey {
    /// The key as bytes, as the store keeps it with a machine.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.windows.0.to_vec();
        list::write(&self.applications, &mut bytes);
        bytes
    }

    /// The key of bytes; `None` where they are none.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (windows, applications) = bytes.split_first_chunk::<32>()?;
        Some(Self {
            windows: WindowsKey(*windows),
            applications: list::Numbers::new(applications).collect(),
        })
    }
}

impl WindowsKey {
    /// The key as bytes, as findings are kept by it.
    pub fn to_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }

    pub(crate) fn new(tenant: &str, reported: &[u8], software: &[u32]) -> Self {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&short(&[reported]));
        key[16..].copy_from_slice(&short(&[tenant.as_bytes(), &bytes(software)]));
        Self(key)
    }
}

impl ApplicationsKey {
    /// The key of the applications of a group: `software` are those of the group among the machine's, `listed` the
    /// updates listed for it, both in order.
    pub fn new(tenant: &str, group: ApplicationGroup, software: &[u32], listed: &[Kb]) -> Self {
        let listed: Vec<u32> = listed.iter().map(|kb| kb.number()).collect();
        let group = format!("{group:?}");
        let parts = [
            tenant.as_bytes(),
            group.as_bytes(),
            &bytes(software),
            &bytes(&listed),
        ];
        Self(short(&parts))
    }

    /// The key as bytes, as findings are kept by it.
    pub fn to_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

fn bytes(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|at| at.to_le_bytes()).collect()
}

/// A digest of some parts.
pub(crate) fn short(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = blake3::Hasher::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hash.finalize().as_bytes()[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_number_their_software_each_for_itself() {
        let key = |tenant| WindowsKey::new(tenant, b"windows", &[1]);
        assert_ne!(key("a"), key("b"));
        let state = StateKey {
            windows: key("a"),
            applications: vec![3, 700],
        };
        assert_eq!(StateKey::of_bytes(&state.to_bytes()), Some(state));
        assert_eq!(StateKey::of_bytes(b"no key"), None);
    }
}
