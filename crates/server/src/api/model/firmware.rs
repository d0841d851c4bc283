//! Hardware and firmware (API specification, section 2.15).

use std::sync::Arc;

use kbgap_odata::edm::Entity;

use super::shared::{Device, Text, of_group};

/// A part of a machine's hardware, or its firmware.
#[derive(Debug, Clone, Default)]
pub(crate) struct AssetHardwareFirmware {
    pub(crate) device: Arc<Device>,
    /// `Hardware`, `Bios`.
    pub(crate) kind: Option<Text>,
    pub(crate) manufacturer: Option<Text>,
    pub(crate) name: Option<Text>,
    pub(crate) version: Option<Text>,
    /// More, as JSON.
    pub(crate) more: Option<Text>,
}

/// `AssetHardwareFirmware`.
pub(crate) fn asset_hardware_firmware() -> Entity<AssetHardwareFirmware> {
    let builder = Entity::complex("AssetHardwareFirmware");
    of_group(builder, |row: &AssetHardwareFirmware| &row.device)
        .about("a part of a device's hardware, or its firmware")
        .string_or_null("deviceName", |f| f.device.name.as_deref())
        .doc("the full DNS name of the device")
        .string_or_null("componentType", |f| f.kind.as_deref())
        .doc("what part it is")
        .string_or_null("manufacturer", |f| f.manufacturer.as_deref())
        .doc("who made it")
        .string_or_null("componentName", |f| f.name.as_deref())
        .doc("its name")
        .string_or_null("componentVersion", |f| f.version.as_deref())
        .doc("its version")
        .string_or_null("additionalFields", |f| f.more.as_deref())
        .doc("what else is known of it, as a text of JSON")
        .build()
}

/// The firmware of one machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Firmware {
    pub(crate) name: Text,
    pub(crate) kind: Option<Text>,
    pub(crate) vendor: Option<Text>,
    pub(crate) family: Option<Text>,
    pub(crate) version: Option<Text>,
    /// More, as JSON.
    pub(crate) more: Option<Text>,
}

/// `Firmware`; not documented.
pub(crate) fn firmware() -> Entity<Firmware> {
    Entity::named("Firmware")
        .about("the firmware of a device")
        .string("name", |f: &Firmware| &f.name)
        .key()
        .doc("its name")
        .string_or_null("type", |f| f.kind.as_deref())
        .doc("what part it is of")
        .string_or_null("vendor", |f| f.vendor.as_deref())
        .doc("who made it")
        .string_or_null("family", |f| f.family.as_deref())
        .doc("the family of devices it is for")
        .string_or_null("version", |f| f.version.as_deref())
        .doc("its version")
        .string_or_null("additionalFields", |f| f.more.as_deref())
        .doc("what else is known of it, as a text of JSON")
        .build()
}
