//! A machine in the index.

use std::sync::Arc;

use crate::classes::WindowsIx;
use crate::labels::LabelIx;
use crate::machine::MachineId;
use crate::packed::list::Numbers;
use crate::value::{DeviceValue, ExclusionReason};

/// What the index keeps of a machine.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: MachineId,
    pub(crate) tail: Tail,
    pub(crate) windows: WindowsIx,
    /// Microseconds since 1970.
    pub(crate) first_seen: i64,
    /// Microseconds since 1970.
    pub(crate) last_seen: i64,
    /// The number of the change that wrote the row.
    pub(crate) sequence: i64,
    pub(crate) group: LabelIx,
    pub(crate) tags: LabelIx,
    pub(crate) value: DeviceValue,
    pub(crate) exclusion: Option<ExclusionReason>,
    /// Whether it is in the sets: a machine that is excluded, or not seen for long, is not.
    pub(crate) counted: bool,
}

/// What differs in length from machine to machine, in one piece: name and software list.
#[derive(Debug, Clone)]
pub(crate) struct Tail(Arc<[u8]>);

impl Tail {
    pub(crate) fn new(name: Option<&str>, software: &[u8]) -> Self {
        let name = name.unwrap_or_default().as_bytes();
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
        let name = &name[..usize::from(length)];
        let parts = [&length.to_le_bytes(), name, software];
        Self(parts.concat().into())
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        let Some((length, rest)) = self.0.split_first_chunk::<2>() else {
            return (&[], &[]);
        };
        let length = usize::from(u16::from_le_bytes(*length));
        rest.split_at_checked(length).unwrap_or_default()
    }

    /// The name; empty where there is none.
    pub(crate) fn name(&self) -> &str {
        std::str::from_utf8(self.parts().0).unwrap_or_default()
    }

    pub(crate) fn software(&self) -> Numbers<'_> {
        Numbers::new(self.parts().1)
    }

    /// Whether both have the same software.
    pub(crate) fn has_software_of(&self, other: &Self) -> bool {
        self.parts().1 == other.parts().1
    }
}

impl Entry {
    pub(crate) fn name(&self) -> Option<&str> {
        Some(self.tail.name()).filter(|name| !name.is_empty())
    }

    pub(crate) fn software(&self) -> Numbers<'_> {
        self.tail.software()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million of them are in memory.
    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 80, "{}", size_of::<Entry>());
        assert_eq!(size_of::<Option<ExclusionReason>>(), 1);
    }
}
