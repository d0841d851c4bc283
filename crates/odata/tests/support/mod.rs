//! Types of Defender's vulnerability management, as far as the tests speak of them: names and types are those of its
//! metadata.
#![allow(dead_code, reason = "each test uses a part")]

use std::sync::LazyLock;

use jiff::Timestamp;
use kbgap_odata::Items;
use kbgap_odata::edm::{Entity, EntitySet, Enumeration, Operation, Primitive, Schema, Type};
use uuid::Uuid;

pub(crate) const NAMESPACE: &str = "microsoft.windowsDefenderATP.api";

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Health {
    Active,
    Inactive,
    ImpairedCommunication,
    NoSensorData,
    NoSensorDataImpairedCommunication,
    Unknown,
}
kbgap_odata::enumeration!(Health, "MachineHealthStatus", Int32, {
    Active = 0, Inactive = 1, ImpairedCommunication = 2, NoSensorData = 3,
    NoSensorDataImpairedCommunication = 4, Unknown = 5,
});

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Risk {
    None,
    Informational,
    Low,
    Medium,
    High,
}
kbgap_odata::enumeration!(Risk, "RiskScore", Byte, {
    None = 0, Informational = 5, Low = 10, Medium = 20, High = 30,
});

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Exposure {
    None,
    Low,
    Medium,
    High,
}
kbgap_odata::enumeration!(Exposure, "ExposureLevel", Byte, { None = 0, Low = 10, Medium = 20, High = 30 });

#[derive(Debug, Clone, Copy)]
pub(crate) enum DeviceValue {
    Normal,
    Low,
    High,
}
kbgap_odata::enumeration!(DeviceValue, "DeviceValue", Byte, { Normal = 0, Low = 1, High = 2 });

#[derive(Debug, Clone, Copy)]
pub(crate) enum Cloud {
    Unknown,
    Azure,
}
kbgap_odata::enumeration!(Cloud, "vmCloudProvider", Int32, { Unknown = 0, Azure = 1 });

#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) ip: String,
    pub(crate) mac: Option<String>,
}

kbgap_odata::described!(
    Address,
    Entity::complex("MachineIpAddress")
        .string_or_null("ipAddress", |a: &Address| Some(&a.ip))
        .string_or_null("macAddress", |a| a.mac.as_deref())
        .build()
);

#[derive(Debug, Clone)]
pub(crate) struct Vm {
    pub(crate) id: String,
    pub(crate) cloud: Cloud,
    pub(crate) resource: Option<String>,
}

kbgap_odata::described!(
    Vm,
    Entity::complex("VmMetadata")
        .string_or_null("vmId", |v: &Vm| Some(&v.id))
        .enumeration("cloudProvider", |v| v.cloud)
        .string_or_null("resourceId", |v| v.resource.as_deref())
        .string_or_null("subscriptionId", |_| None)
        .build()
);

#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) last_seen: Option<Timestamp>,
    pub(crate) platform: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) build: Option<i64>,
    pub(crate) health: Health,
    pub(crate) value: DeviceValue,
    pub(crate) group: i32,
    pub(crate) risk: Option<Risk>,
    pub(crate) exposure: Exposure,
    pub(crate) joined: Option<bool>,
    pub(crate) aad: Option<Uuid>,
    pub(crate) tags: Vec<String>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) vm: Option<Vm>,
}

impl Machine {
    pub(crate) fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: Some(name.to_owned()),
            last_seen: None,
            platform: Some("Windows10".to_owned()),
            version: None,
            build: None,
            health: Health::Active,
            value: DeviceValue::Normal,
            group: 0,
            risk: None,
            exposure: Exposure::None,
            joined: None,
            aad: None,
            tags: Vec::new(),
            addresses: Vec::new(),
            vm: None,
        }
    }
}

pub(crate) fn machine() -> Entity<Machine> {
    Entity::named("Machine")
        .about("a device")
        .string("id", |m: &Machine| &m.id)
        .key()
        .filterable()
        .doc("40 hexadecimal digits")
        .string_or_null("computerDnsName", |m| m.name.as_deref())
        .filterable()
        .time_or_null("lastSeen", |m| m.last_seen)
        .filterable()
        .string_or_null("osPlatform", |m| m.platform.as_deref())
        .filterable()
        .string_or_null("osVersion", |_| None)
        .undeclared()
        .string_or_null("version", |m| m.version.as_deref())
        .filterable()
        .int64_or_null("osBuild", |m| m.build)
        .filterable()
        .enumeration("healthStatus", |m| m.health)
        .filterable()
        .enumeration("deviceValue", |m| m.value)
        .filterable()
        .int32("rbacGroupId", |m| m.group)
        .filterable()
        .string_or_null("rbacGroupName", |_| None)
        .doc("the group; | may be null")
        .enumeration_or_null("riskScore", |m| m.risk)
        .filterable()
        .enumeration("exposureLevel", |m| m.exposure)
        .filterable()
        .boolean_or_null("isAadJoined", |m| m.joined)
        .filterable()
        .guid_or_null("aadDeviceId", |m| m.aad)
        .filterable()
        .strings("machineTags", |m| Items::of(&m.tags))
        .filterable()
        .nested_list::<Address>("ipAddresses", |m| Items::of(&m.addresses))
        .filterable()
        .nested("vmMetadata", |m| m.vm.as_ref())
        .filterable()
        .navigation("software", Type::named("Software").collection())
        .navigation(
            "vulnerabilities",
            Type::named("PublicVulnerabilityDto").collection(),
        )
        .build()
}

#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) weaknesses: i64,
    pub(crate) exploit: bool,
    pub(crate) impact: f32,
}

impl Product {
    pub(crate) fn new(id: &str, weaknesses: i64, impact: f32) -> Self {
        Self {
            id: id.to_owned(),
            weaknesses,
            exploit: weaknesses > 100,
            impact,
        }
    }
}

pub(crate) fn product() -> Entity<Product> {
    let part = |id: &str, at| id.split("-_-").nth(at).map(|part| part.to_owned().into());
    Entity::named("PublicProductDto")
        .string("id", |p: &Product| &p.id)
        .key()
        .filterable()
        .text_or_null("name", move |p: &Product| part(&p.id, 1))
        .filterable()
        .text_or_null("vendor", move |p: &Product| part(&p.id, 0))
        .filterable()
        .int64("weaknesses", |p| p.weaknesses)
        .filterable()
        .boolean("publicExploit", |p| p.exploit)
        .filterable()
        .boolean("activeAlert", |_| false)
        .int64("exposedMachines", |_| 0)
        .int64("installedMachines", |_| 0)
        .single("impactScore", |p| p.impact)
        .filterable()
        .boolean("isNormalized", |_| false)
        .string_or_null("category", |_| Some(""))
        .build()
}

pub(crate) struct Distribution;

kbgap_odata::described!(
    Distribution,
    Entity::complex("PublicDistributionDto")
        .string_or_null("version", |_: &Distribution| None)
        .int64("installations", |_| 0)
        .int64("vulnerabilities", |_| 0)
        .build()
);

pub(crate) fn software() -> Entity<Product> {
    Entity::named("Software")
        .extends(&product(), |p: &Product| p)
        .nested_list::<Distribution>("distributions", |_| Items::made(Vec::<Distribution>::new()))
        .navigation(
            "vulnerabilities",
            Type::named("PublicVulnerabilityDto").collection(),
        )
        .build()
}

#[derive(Debug, Clone)]
pub(crate) struct Vulnerability {
    pub(crate) id: String,
    pub(crate) severity: Option<String>,
    pub(crate) cvss: f64,
    pub(crate) published: Timestamp,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum ExceptionStatus {
    RemediationRequired,
}

impl Enumeration for ExceptionStatus {
    fn description() -> &'static std::sync::Arc<kbgap_odata::edm::EnumType> {
        static DESCRIPTION: LazyLock<std::sync::Arc<kbgap_odata::edm::EnumType>> =
            LazyLock::new(|| {
                let members = [
                    "RemediationRequired",
                    "NoActionRequired",
                    "UnderException",
                    "PartialException",
                ];
                std::sync::Arc::new(kbgap_odata::edm::EnumType {
                    name: "PublicVulnerabilityExceptionStatusDto".into(),
                    underlying: Primitive::Int32,
                    flags: false,
                    members: members.into_iter().map(Into::into).zip(0..).collect(),
                })
            });
        &DESCRIPTION
    }

    fn number(self) -> i64 {
        0
    }
}

pub(crate) fn vulnerability() -> Entity<Vulnerability> {
    Entity::named("PublicVulnerabilityDto")
        .string("id", |v: &Vulnerability| &v.id)
        .key()
        .filterable()
        .string_or_null("name", |v| Some(&v.id))
        .filterable()
        .string_or_null("description", |_| None)
        .filterable()
        .string_or_null("severity", |v| v.severity.as_deref())
        .filterable()
        .double("cvssV3", |v| v.cvss)
        .filterable()
        .string_or_null("cvssVector", |_| None)
        .int64("exposedMachines", |_| 0)
        .time("publishedOn", |v| v.published)
        .filterable()
        .time("updatedOn", |v| v.published)
        .filterable()
        .time_or_null("firstDetected", |_| None)
        .time_or_null("patchFirstAvailable", |_| None)
        .boolean("publicExploit", |_| false)
        .boolean("exploitVerified", |_| false)
        .boolean("exploitInKit", |_| false)
        .strings("exploitTypes", |_| Items::made(Vec::<String>::new()))
        .strings("exploitUris", |_| Items::made(Vec::<String>::new()))
        .string_or_null("cveSupportability", |_| None)
        .strings("tags", |_| Items::made(Vec::<String>::new()))
        .double("epss", |_| 0.0)
        .enumeration("status", |_| ExceptionStatus::RemediationRequired)
        .build()
}

#[derive(Debug, Clone)]
pub(crate) struct Fix {
    pub(crate) id: String,
    pub(crate) products: Vec<String>,
    pub(crate) missed: i64,
}

pub(crate) fn fix() -> Entity<Fix> {
    Entity::complex("PublicProductFixDto")
        .string_or_null("id", |f: &Fix| Some(&f.id))
        .string_or_null("name", |_| None)
        .int64_or_null("osBuild", |_| None)
        .strings("productsNames", |f| Items::of(&f.products))
        .string_or_null("url", |_| None)
        .int64("machineMissedOn", |f| f.missed)
        .int64("cveAddressed", |_| 0)
        .build()
}

pub(crate) fn schema() -> Schema {
    let derived: Entity<Vulnerability> = Entity::named("Vulnerability")
        .extends(&vulnerability(), |v: &Vulnerability| v)
        .build();
    let fixes = || Type::named("PublicProductFixDto").collection();
    Schema::build(NAMESPACE)
        .entity(&machine())
        .entity(&product())
        .entity(&software())
        .entity(&vulnerability())
        .entity(&derived)
        .entity(&fix())
        .set(
            EntitySet::new("Machines", "Machine")
                .bind("software", "Software")
                .bind("vulnerabilities", "PublicVulnerabilityDto"),
        )
        .set(EntitySet::new("Vulnerabilities", "Vulnerability"))
        .set(
            EntitySet::new("Software", "Software")
                .bind("vulnerabilities", "PublicVulnerabilityDto"),
        )
        .set(
            EntitySet::new("PublicProductDto", "PublicProductDto")
                .bind("Software/vulnerabilities", "PublicVulnerabilityDto"),
        )
        .set(EntitySet::new(
            "PublicVulnerabilityDto",
            "PublicVulnerabilityDto",
        ))
        .operation(
            Operation::function("GetMissingKbs")
                .bound_to(Type::named("Machine"))
                .returns(fixes()),
        )
        .operation(
            Operation::function("GetMissingKbs")
                .bound_to(Type::named("Software"))
                .returns(fixes()),
        )
        .operation(
            Operation::function("FindByIp")
                .bound_to(Type::named("Machine").collection())
                .parameter("ip", Primitive::String)
                .parameter("timestamp", Primitive::DateTimeOffset)
                .required()
                .returns(Type::named("Machine").collection()),
        )
        .operation(
            Operation::action("SetDeviceValue")
                .bound_to(Type::named("Machine"))
                .parameter("DeviceValue", Type::named("DeviceValue"))
                .required()
                .returns(Type::named("Machine")),
        )
        .finish()
        .unwrap()
}

pub(crate) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}
