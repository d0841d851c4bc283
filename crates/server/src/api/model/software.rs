//! Software (API specification, sections 2.1 and 2.2).

use kbgap_odata::edm::{Entity, Type};
use kbgap_odata::{Items, described};

use super::shared::Text;

/// A version of a software that is installed somewhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Distribution {
    pub(crate) version: Option<Text>,
    pub(crate) installations: i64,
    pub(crate) vulnerabilities: i64,
}
described!(
    Distribution,
    Entity::complex("PublicDistributionDto")
        .about("a version of a software, and how far it is spread")
        .string_or_null("version", |d: &Distribution| d.version.as_deref())
        .doc("the version")
        .int64("installations", |d| d.installations)
        .doc("how many devices have it")
        .int64("vulnerabilities", |d| d.vulnerabilities)
        .doc("how many vulnerabilities it has")
        .build()
);

/// A software as the organization has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Product {
    /// `{vendor}-_-{name}`.
    pub(crate) id: Text,
    pub(crate) name: Text,
    pub(crate) vendor: Text,
    pub(crate) weaknesses: i64,
    pub(crate) public_exploit: bool,
    pub(crate) exposed_machines: i64,
    pub(crate) installed_machines: i64,
    /// Its share of the exposure score.
    pub(crate) impact: f32,
    /// Whether the name is known, not taken from the machine as it stands.
    pub(crate) normalized: bool,
    pub(crate) tags: Vec<Text>,
}

/// A software with its versions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Software {
    pub(crate) product: Product,
    pub(crate) distributions: Vec<Distribution>,
}

/// `PublicProductDto`; filters as section 1a lists them for software.
pub(crate) fn product() -> Entity<Product> {
    Entity::named("PublicProductDto")
        .about("a software installed in the organization")
        .string("id", |p: &Product| &p.id)
        .key()
        .filterable()
        .doc("vendor and name with -_- between them")
        .string_or_null("name", |p| Some(&p.name))
        .filterable()
        .doc("the name, in lower case with underscores")
        .string_or_null("vendor", |p| Some(&p.vendor))
        .filterable()
        .doc("the vendor, in lower case with underscores")
        .int64("weaknesses", |p| p.weaknesses)
        .doc("how many vulnerabilities its installations have")
        .boolean("publicExploit", |p| p.public_exploit)
        .doc("whether there is a public exploit for one of them")
        .boolean("activeAlert", |_| false)
        .doc("always false: this service has no alerts")
        .int64("exposedMachines", |p| p.exposed_machines)
        .doc("how many devices have one of the vulnerabilities")
        .int64("installedMachines", |p| p.installed_machines)
        .doc("how many devices have the software")
        .single("impactScore", |p| p.impact)
        .doc("the share of the software in the exposure score")
        .boolean("isNormalized", |p| p.normalized)
        .doc("whether the software is one that names are kept for")
        .string_or_null("category", |_| Some(""))
        .doc("always empty, as Defender answers it")
        .strings("tags", |p| Items::of(&p.tags))
        .undeclared()
        .doc("the tags of the software; part of Defender's metadata since August 2026 only")
        .build()
}

/// `Software`.
pub(crate) fn software(product: &Entity<Product>) -> Entity<Software> {
    Entity::named("Software")
        .about("a software installed in the organization, with its versions")
        .extends(product, |s: &Software| &s.product)
        .nested_list::<Distribution>("distributions", |s| Items::of(&s.distributions))
        .doc("the versions installed; empty in lists, as Defender answers them")
        .navigation(
            "vulnerabilities",
            Type::named("PublicVulnerabilityDto").collection(),
        )
        .build()
}
