//! What a machine is worth, and why it is excluded.

/// What a machine is worth, which weighs its exposure (API specification, section 2.17: `deviceValue`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceValue {
    /// As most are.
    #[default]
    Normal,
    /// Less.
    Low,
    /// More.
    High,
}

/// Why a machine is excluded (API specification, section 2.17: `exclusionReason`): it stays listed, and is in no count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExclusionReason {
    /// Another reason.
    Other,
    /// It does not report any more.
    InactiveDevice,
    /// It is known under another id too.
    DuplicateDevice,
    /// There is no such device.
    DeviceDoesNotExist,
    /// It is none of those that are looked after.
    DeviceOutOfScope,
}
