//! The export of settings by machine (API specification, section 2.13). This service assesses no settings: there are
//! rows of it nowhere yet.

use std::sync::Arc;

use jiff::Timestamp;
use kbgap_odata::edm::Entity;

use super::shared::{Device, Text, assessment, moment_or_null};

/// A setting of a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct AssetConfiguration {
    pub(crate) device: Arc<Device>,
    pub(crate) time: Option<Timestamp>,
    /// `scid-10000`.
    pub(crate) id: Text,
    pub(crate) category: Option<Text>,
    pub(crate) subcategory: Option<Text>,
    pub(crate) impact: f64,
    pub(crate) compliant: bool,
    pub(crate) applicable: bool,
    pub(crate) user_impact: bool,
    pub(crate) name: Option<Text>,
}

/// `AssetConfiguration`.
pub(crate) fn asset_configuration() -> Entity<AssetConfiguration> {
    assessment("AssetConfiguration", |row: &AssetConfiguration| &row.device)
        .about("a setting of a device; this service has none")
        .string_or_null("osVersion", |c| c.device.os_version.as_deref())
        .doc("the full version of the operating system")
        .text_or_null("timestamp", |c| moment_or_null(c.time))
        .doc("when it was last looked at, in UTC without a zone")
        .string_or_null("configurationId", |c| Some(&c.id))
        .doc("the number of the setting, as scid-10000")
        .string_or_null("configurationCategory", |c| c.category.as_deref())
        .doc("what the setting is about")
        .string_or_null("configurationSubcategory", |c| c.subcategory.as_deref())
        .doc("what the setting is about, more closely")
        .double("configurationImpact", |c| c.impact)
        .doc("the weight of the setting, from 1 to 10")
        .boolean("isCompliant", |c| c.compliant)
        .doc("whether the setting is as recommended")
        .boolean("isApplicable", |c| c.applicable)
        .doc("whether the setting means anything on the device")
        .boolean("isExpectedUserImpact", |c| c.user_impact)
        .doc("whether users would notice a change")
        .string_or_null("configurationName", |c| c.name.as_deref())
        .doc("the setting by the name that people know it by")
        .text_or_null("recommendationReference", |c| {
            Some(format!("sca-_-{}", c.id).into())
        })
        .doc("the recommendation about it, as in Recommendation")
        .build()
}
