//! Missing updates (API specification, sections 2.3 and 10).

use std::borrow::Cow;

use kbgap_catalog::Kb;
use kbgap_fleet::MissingUpdate;
use kbgap_odata::Items;
use kbgap_odata::edm::Entity;

use super::shared::catalog_link;

/// An update that is missing.
#[derive(Debug, Clone)]
pub(crate) struct MissingKb {
    pub(crate) kb: Kb,
    /// `March 2020 Security Updates`.
    pub(crate) name: Box<str>,
    pub(crate) os_build: Option<i64>,
    /// The names of the products it is for, without their vendors.
    pub(crate) products: Vec<Box<str>>,
    pub(crate) machines: i64,
    pub(crate) cves: i64,
}

impl From<&MissingUpdate> for MissingKb {
    fn from(update: &MissingUpdate) -> Self {
        Self {
            kb: update.kb,
            name: update.name.clone(),
            os_build: update.os_build.map(i64::from),
            products: update.products.clone(),
            machines: i64::try_from(update.machines).unwrap_or(i64::MAX),
            cves: i64::try_from(update.cves).unwrap_or(i64::MAX),
        }
    }
}

/// `PublicProductFixDto`; no filter is known for it.
pub(crate) fn missing_kb() -> Entity<MissingKb> {
    Entity::complex("PublicProductFixDto")
        .about("a security update that devices lack")
        .text_or_null("id", |k: &MissingKb| {
            Some(Cow::Owned(k.kb.number().to_string()))
        })
        .doc("the number of the KB, without the letters")
        .string_or_null("name", |k| Some(&k.name))
        .doc("the month's bundle of updates, as March 2020 Security Updates")
        .int64_or_null("osBuild", |k| k.os_build)
        .optional()
        .doc("the build of Windows the update is for")
        .strings("productsNames", |k| Items::of(&k.products))
        .doc("the names, without vendors, of what the update mends among what was asked for")
        .text_or_null("url", |k| Some(Cow::Owned(catalog_link(k.kb))))
        .doc("where Microsoft's update catalog has the update")
        .int64("machineMissedOn", |k| k.machines)
        .doc("how many devices lack it among those asked for")
        .int64("cveAddressed", |k| k.cves)
        .doc("how many vulnerabilities it mends among those asked for")
        .build()
}
