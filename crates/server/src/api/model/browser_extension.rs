//! Extensions of browsers (API specification, section 2.14). Reports tell of none: there are rows of it nowhere yet.

use std::sync::Arc;

use jiff::Timestamp;
use kbgap_odata::edm::{Entity, Type};

use super::shared::{Device, Text, of_group};

/// An extension of a browser on a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct AssetBrowserExtension {
    pub(crate) device: Arc<Device>,
    pub(crate) installed: Option<Timestamp>,
    pub(crate) browser: Option<Text>,
    pub(crate) id: Option<Text>,
    pub(crate) name: Option<Text>,
    pub(crate) description: Option<Text>,
    pub(crate) version: Option<Text>,
    pub(crate) risk: Option<Text>,
    pub(crate) vendor: Option<Text>,
    pub(crate) activated: bool,
}

/// `AssetBrowserExtension`.
pub(crate) fn asset_browser_extension() -> Entity<AssetBrowserExtension> {
    let builder = Entity::complex("AssetBrowserExtension");
    of_group(builder, |row: &AssetBrowserExtension| &row.device)
        .about("an extension of a browser on a device; this service has none")
        .time_or_null("installationTime", |e| e.installed)
        .doc("when it was installed")
        .string_or_null("browserName", |e| e.browser.as_deref())
        .doc("the browser")
        .string_or_null("extensionId", |e| e.id.as_deref())
        .doc("the id that the browser's store gave it")
        .string_or_null("extensionName", |e| e.name.as_deref())
        .doc("the name of the extension")
        .string_or_null("extensionDescription", |e| e.description.as_deref())
        .doc("what its maker says it does")
        .string_or_null("extensionVersion", |e| e.version.as_deref())
        .doc("the version of the extension")
        .string_or_null("extensionRisk", |e| e.risk.as_deref())
        .doc("how much its permissions allow: None, Low, Medium, High or Critical")
        .string_or_null("extensionVendor", |e| e.vendor.as_deref())
        .doc("who made it")
        .boolean("isActivated", |e| e.activated)
        .doc("whether it is switched on")
        .navigation(
            "permissions",
            Type::named("BrowserExtensionPermission").collection(),
        )
        .build()
}

/// A permission that an extension asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct BrowserExtensionPermission {
    pub(crate) id: Text,
    pub(crate) required: bool,
    pub(crate) risk: Option<Text>,
}

/// `BrowserExtensionPermission`.
pub(crate) fn browser_extension_permission() -> Entity<BrowserExtensionPermission> {
    Entity::named("BrowserExtensionPermission")
        .about("a permission that an extension of a browser asks for")
        .string("id", |p: &BrowserExtensionPermission| &p.id)
        .key()
        .doc("the permission")
        .boolean("isRequired", |p| p.required)
        .doc("whether the extension does not work without it")
        .string_or_null("risk", |p| p.risk.as_deref())
        .doc("how much it allows")
        .build()
}

/// What a permission allows.
#[derive(Debug, Clone, Default)]
pub(crate) struct PermissionInfo {
    pub(crate) key: Text,
    pub(crate) name: Option<Text>,
    pub(crate) description: Option<Text>,
}

/// `BrowserExtensions`. The documentation's list of filters is that of vulnerabilities, by mistake (section 1i): its own
/// texts may be filtered by.
pub(crate) fn permission_info() -> Entity<PermissionInfo> {
    Entity::named("BrowserExtensions")
        .about("what a permission of an extension of a browser allows")
        .string("key", |p: &PermissionInfo| &p.key)
        .key()
        .filterable()
        .doc("the permission")
        .string_or_null("permissionName", |p| p.name.as_deref())
        .filterable()
        .doc("the permission by the name that people know it by")
        .string_or_null("description", |p| p.description.as_deref())
        .filterable()
        .doc("what it allows")
        .build()
}
