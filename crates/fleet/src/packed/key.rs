//! What tells states from each other in the history, in few bytes.

/// What tells one state of a machine from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateKey {
    /// Of Windows.
    pub windows: WindowsKey,
    /// Of the software that tells applications.
    pub applications: SoftwareKey,
}

/// What tells one state of Windows from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowsKey(pub(crate) [u8; 32]);

/// What tells one list of software from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SoftwareKey(pub(crate) [u8; 16]);

/// The length of a [`StateKey`] in bytes.
const LENGTH: usize = 48;

impl StateKey {
    /// The key as bytes, as the store keeps it with a machine.
    pub fn to_bytes(self) -> Vec<u8> {
        [&self.windows.0[..], &self.applications.0].concat()
    }

    /// The key of bytes; `None` where they are none.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let (windows, applications) = bytes.split_first_chunk::<32>()?;
        Some(Self {
            windows: WindowsKey(*windows),
            applications: SoftwareKey(applications.try_into().ok()?),
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
        key[16..].copy_from_slice(&SoftwareKey::new(tenant, software).0);
        Self(key)
    }
}

impl SoftwareKey {
    pub(crate) fn new(tenant: &str, numbers: &[u32]) -> Self {
        let numbers: Vec<u8> = numbers.iter().flat_map(|at| at.to_le_bytes()).collect();
        Self(short(&[tenant.as_bytes(), &numbers]))
    }
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
        let key = |tenant| SoftwareKey::new(tenant, &[1, 2]);
        assert_ne!(key("a"), key("b"));
        let state = StateKey {
            windows: WindowsKey::new("a", b"windows", &[1]),
            applications: key("a"),
        };
        assert_eq!(StateKey::of_bytes(&state.to_bytes()), Some(state));
        assert_eq!(StateKey::of_bytes(b"no key"), None);
    }
}
