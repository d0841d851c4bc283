//! What a machine is worth, and why it is excluded.

use crate::numbered::numbered;

numbered! {
    /// What a machine is worth, which weighs its exposure (API specification, section 2.17: `deviceValue`).
    #[derive(Default)]
    pub enum DeviceValue {
        /// As most are.
        #[default]
        Normal = 0,
        /// Less.
        Low = 1,
        /// More.
        High = 2,
    }
}

numbered! {
    /// Why a machine is excluded (API specification, section 2.17: `exclusionReason`): it stays listed and reports as
    /// before, but is in no count.
    pub enum ExclusionReason {
        /// Another reason.
        Other = 0,
        /// It does not report any more.
        InactiveDevice = 1,
        /// It is known under another id too.
        DuplicateDevice = 2,
        /// There is no such device.
        DeviceDoesNotExist = 3,
        /// It is none of those that are looked after.
        DeviceOutOfScope = 4,
    }
}
