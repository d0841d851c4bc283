//! Security recommendations (API specification, section 2.7).

use kbgap_odata::edm::{Entity, Type};
use kbgap_odata::{Items, enumeration};

use super::shared::{NO_TEXTS, Text};

/// Whether a recommendation is to be followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum RecommendationStatus {
    #[default]
    Active,
    Exception,
    PartialException,
}
enumeration!(RecommendationStatus, "PublicRecommendationExceptionStatus", Int32, {
    Active = 0, Exception = 1, PartialException = 2,
});

/// A recommendation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recommendation {
    /// `va-_-{vendor}-_-{product}`.
    pub(crate) id: Text,
    pub(crate) product: Text,
    pub(crate) vendor: Text,
    /// `Update Chrome`.
    pub(crate) name: Text,
    /// The display name of the software.
    pub(crate) component: Text,
    pub(crate) weaknesses: i64,
    pub(crate) recommended_version: Text,
    pub(crate) recommended_vendor: Text,
    pub(crate) recommended_program: Text,
    /// `Application`, `OS`.
    pub(crate) category: Text,
    pub(crate) subcategory: Text,
    /// The weight in the secure score; 0 for updates.
    pub(crate) severity: f64,
    pub(crate) public_exploit: bool,
    /// `Update`, `Upgrade`, `Uninstall`.
    pub(crate) remediation: Text,
    pub(crate) status: RecommendationStatus,
    pub(crate) config_impact: f64,
    pub(crate) exposure_impact: f64,
    pub(crate) machines: i64,
    pub(crate) exposed_machines: i64,
    pub(crate) unpatchable_cve: bool,
    pub(crate) tags: Vec<Text>,
    pub(crate) exposed_critical_devices: i64,
}

/// `Recommendation`; filters as section 1d lists them.
pub(crate) fn recommendation() -> Entity<Recommendation> {
    Entity::named("Recommendation")
        .about("what can be done to be less exposed")
        .string("id", |r: &Recommendation| &r.id)
        .key()
        .filterable()
        .doc("va for an update, vendor and software, with -_- between them")
        .string_or_null("productName", |r| Some(&r.product))
        .filterable()
        .doc("the name of the software")
        .string_or_null("recommendationName", |r| Some(&r.name))
        .doc("the recommendation in a few words, as Update Chrome")
        .int64("weaknesses", |r| r.weaknesses)
        .doc("how many vulnerabilities it is against")
        .string_or_null("vendor", |r| Some(&r.vendor))
        .filterable()
        .doc("the vendor of the software")
        .string_or_null("recommendedVersion", |r| Some(&r.recommended_version))
        .filterable()
        .doc("the version to update to; empty where there is no single one")
        .string_or_null("recommendedVendor", |r| Some(&r.recommended_vendor))
        .filterable()
        .doc("whose software to use instead; empty for an update")
        .string_or_null("recommendedProgram", |r| Some(&r.recommended_program))
        .filterable()
        .doc("what software to use instead; empty for an update")
        .string_or_null("recommendationCategory", |r| Some(&r.category))
        .filterable()
        .doc("what it is about: Application or OS")
        .string_or_null("subCategory", |r| Some(&r.subcategory))
        .filterable()
        .doc("what it is about, more closely; often empty")
        .double("severityScore", |r| r.severity)
        .filterable()
        .doc("the weight in the secure score; 0 for an update")
        .boolean("publicExploit", |r| r.public_exploit)
        .doc("whether there is a public exploit for one of the vulnerabilities")
        .boolean("activeAlert", |_| false)
        .doc("always false: this service has no alerts")
        .strings("associatedThreats", |_| Items::of(&NO_TEXTS))
        .doc("always empty: this service has no reports of threats")
        .string_or_null("remediationType", |r| Some(&r.remediation))
        .filterable()
        .doc("what to do: Update, Upgrade, Uninstall or ConfigurationChange")
        .enumeration("status", |r| r.status)
        .filterable()
        .doc("whether it is to be followed")
        .double("configScoreImpact", |r| r.config_impact)
        .doc("what following it adds to the secure score")
        .double("exposureImpact", |r| r.exposure_impact)
        .doc("what following it takes from the exposure score")
        .int64("totalMachineCount", |r| r.machines)
        .doc("how many devices have the software; 0 where asked for of one device")
        .int64("exposedMachinesCount", |r| r.exposed_machines)
        .doc("how many devices have one of the vulnerabilities")
        .int64("nonProductivityImpactedAssets", |_| 0)
        .doc("always 0: what users would notice is not known here")
        .string_or_null("relatedComponent", |r| Some(&r.component))
        .doc("the software by the name that people know it by")
        .boolean("hasUnpatchableCve", |r| r.unpatchable_cve)
        .doc("whether there is no update against one of the vulnerabilities")
        .strings("tags", |r| Items::of(&r.tags))
        .doc("the tags of the recommendation")
        .int64("exposedCriticalDevices", |r| r.exposed_critical_devices)
        .doc("how many of the exposed devices are of more value than others")
        .navigation("software", Type::named("PublicProductDto"))
        .navigation(
            "vulnerabilities",
            Type::named("PublicVulnerabilityDto").collection(),
        )
        .build()
}
