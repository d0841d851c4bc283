//! Machines (API specification, section 2.17).

use jiff::Timestamp;
use kbgap_odata::edm::{Entity, Type};
use kbgap_odata::{Items, described, enumeration};
use uuid::Uuid;

use super::shared::{Group, Text};

/// Whether a machine reports, and all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum HealthStatus {
    #[default]
    Active,
    Inactive,
    ImpairedCommunication,
    NoSensorData,
    NoSensorDataImpairedCommunication,
    Unknown,
}
enumeration!(HealthStatus, "MachineHealthStatus", Int32, {
    Active = 0, Inactive = 1, ImpairedCommunication = 2, NoSensorData = 3,
    NoSensorDataImpairedCommunication = 4, Unknown = 5,
});

/// The risk that a machine's alerts tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RiskScore {
    None,
    Informational,
    Low,
    Medium,
    High,
}
enumeration!(RiskScore, "RiskScore", Byte, {
    None = 0, Informational = 5, Low = 10, Medium = 20, High = 30,
});

/// How exposed a machine is by its vulnerabilities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ExposureLevel {
    #[default]
    None,
    Low,
    Medium,
    High,
}
enumeration!(ExposureLevel, "ExposureLevel", Byte, { None = 0, Low = 10, Medium = 20, High = 30 });

/// What a machine is worth to those who run it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum DeviceValue {
    #[default]
    Normal,
    Low,
    High,
}
enumeration!(DeviceValue, "DeviceValue", Byte, { Normal = 0, Low = 1, High = 2 });

/// Why a machine is left out of the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExclusionReason {
    Other,
    InactiveDevice,
    DuplicateDevice,
    DeviceDoesNotExist,
    DeviceOutOfScope,
}
enumeration!(ExclusionReason, "ExclusionReason", Byte, {
    Other = 0, InactiveDevice = 1, DuplicateDevice = 2, DeviceDoesNotExist = 3, DeviceOutOfScope = 4,
});

/// Whether a machine was taken on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OnboardingStatus {
    InsufficientInfo,
    #[default]
    Onboarded,
    CanBeOnboarded,
    Unsupported,
}
enumeration!(OnboardingStatus, "OnboardingStatus", Byte, {
    InsufficientInfo = 0, Onboarded = 1, CanBeOnboarded = 2, Unsupported = 3,
});

/// What manages a machine's security settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ManagedBy {
    #[default]
    Unknown,
    Intune,
    SystemCenterConfigurationManager,
    MicrosoftDefenderForEndpoint,
}
enumeration!(ManagedBy, "DeviceManagedBy", Int32, {
    Unknown = 0, Intune = 1, SystemCenterConfigurationManager = 2, MicrosoftDefenderForEndpoint = 3,
});

/// Whether that succeeds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ManagedByStatus {
    #[default]
    Unknown,
    Success,
    Error,
}
enumeration!(ManagedByStatus, "DeviceManagedByStatus", Int32, { Unknown = 0, Success = 1, Error = 2 });

/// What an interface of a network is, by the numbers of IANA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::upper_case_acronyms, reason = "the service's names")]
pub(crate) enum InterfaceType {
    Unknown,
    Other,
    Ethernet,
    TokenRing,
    PPP,
    SoftwareLoopback,
    ATM,
    IEEE80211,
    Tunnel,
    IEEE1394,
}
enumeration!(InterfaceType, "InterfaceType", Int64, {
    Unknown = 0, Other = 1, Ethernet = 6, TokenRing = 9, PPP = 23, SoftwareLoopback = 24, ATM = 37,
    IEEE80211 = 71, Tunnel = 131, IEEE1394 = 144,
});

/// Whether an interface works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OperationalStatus {
    Up,
    Down,
    Testing,
    Unknown,
    Dormant,
    Present,
    LowerLayerDown,
}
enumeration!(OperationalStatus, "IpInterfaceOperationalStatus", Int32, {
    Up = 1, Down = 2, Testing = 3, Unknown = 4, Dormant = 5, Present = 6, LowerLayerDown = 7,
});

/// Whose cloud a virtual machine is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CloudProvider {
    #[default]
    Unknown,
    Azure,
}
enumeration!(CloudProvider, "vmCloudProvider", Int32, { Unknown = 0, Azure = 1 });

/// Whether a tag is added or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagAction {
    Add,
    Remove,
}
enumeration!(TagAction, "TagAction", Int32, { Add = 0, Remove = 1 });

/// An address of a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct IpAddress {
    pub(crate) ip: Option<Box<str>>,
    /// Twelve hexadecimal digits without separators.
    pub(crate) mac: Option<Box<str>>,
    pub(crate) interface: Option<InterfaceType>,
    pub(crate) status: Option<OperationalStatus>,
}
described!(
    IpAddress,
    Entity::complex("MachineIpAddress")
        .about("an address of a network interface of a device")
        .string_or_null("ipAddress", |a: &IpAddress| a.ip.as_deref())
        .doc("the address, of either version of IP")
        .string_or_null("macAddress", |a| a.mac.as_deref())
        .doc("the address of the hardware: twelve hexadecimal digits without separators")
        .enumeration_or_null("type", |a| a.interface)
        .doc("the kind of interface")
        .enumeration_or_null("operationalStatus", |a| a.status)
        .doc("whether the interface works")
        .build()
);

/// What is known of a virtual machine in a cloud.
#[derive(Debug, Clone, Default)]
pub(crate) struct VmMetadata {
    pub(crate) id: Option<Box<str>>,
    pub(crate) cloud: CloudProvider,
    pub(crate) resource: Option<Box<str>>,
    pub(crate) subscription: Option<Box<str>>,
}
described!(
    VmMetadata,
    Entity::complex("VmMetadata")
        .about("what the cloud of a virtual machine calls it")
        .string_or_null("vmId", |v: &VmMetadata| v.id.as_deref())
        .doc("the id of the virtual machine")
        .enumeration("cloudProvider", |v| v.cloud)
        .doc("whose cloud it is")
        .string_or_null("resourceId", |v| v.resource.as_deref())
        .doc("the path of the resource")
        .string_or_null("subscriptionId", |v| v.subscription.as_deref())
        .doc("the subscription that pays for it")
        .build()
);

/// A machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    /// 40 hexadecimal digits.
    pub(crate) id: Text,
    /// The full DNS name.
    pub(crate) name: Option<Text>,
    pub(crate) first_seen: Option<Timestamp>,
    pub(crate) last_seen: Option<Timestamp>,
    /// `Windows10`, `WindowsServer2019`.
    pub(crate) os_platform: Option<Text>,
    /// `x64`.
    pub(crate) os_processor: Option<Text>,
    /// `64-bit`.
    pub(crate) os_architecture: Option<Text>,
    /// `22H2`.
    pub(crate) version: Option<Text>,
    pub(crate) os_build: Option<i64>,
    pub(crate) last_ip: Option<Text>,
    pub(crate) last_external_ip: Option<Text>,
    pub(crate) agent_version: Option<Text>,
    pub(crate) health: HealthStatus,
    pub(crate) value: DeviceValue,
    pub(crate) group: Group,
    pub(crate) exposure: ExposureLevel,
    pub(crate) aad_joined: Option<bool>,
    pub(crate) aad_device: Option<Uuid>,
    pub(crate) tags: Vec<Text>,
    pub(crate) onboarding: OnboardingStatus,
    /// Why it is left out of the counts, where it is.
    pub(crate) excluded: Option<ExclusionReason>,
    pub(crate) addresses: Vec<IpAddress>,
    pub(crate) vm: Option<VmMetadata>,
}

/// `Machine`: filters as section 1j lists them, the order of the JSON as section 2.17 saw it.
pub(crate) fn machine() -> Entity<Machine> {
    Entity::named("Machine")
        .about("a device whose reports this service has")
        .string("id", |m: &Machine| &m.id)
        .key()
        .filterable()
        .doc("40 hexadecimal digits that a device keeps for good")
        .string_or_null("mergedIntoMachineId", |_| None)
        .doc("always null: devices are not merged here")
        .boolean("isPotentialDuplication", |_| false)
        .doc("always false: duplicates are not looked for here")
        .boolean("isExcluded", |m| m.excluded.is_some())
        .doc("whether the device is left out of the counts")
        .enumeration_or_null("exclusionReason", |m| m.excluded)
        .doc("why the device is left out of the counts")
        .string_or_null("computerDnsName", |m| m.name.as_deref())
        .filterable()
        .doc("the full DNS name")
        .time_or_null("firstSeen", |m| m.first_seen)
        .doc("when the first report came in")
        .time_or_null("lastSeen", |m| m.last_seen)
        .filterable()
        .doc("when the last report came in")
        .string_or_null("osPlatform", |m| m.os_platform.as_deref())
        .filterable()
        .doc("the platform of the operating system, as Windows10 or WindowsServer2019")
        .string_or_null("osVersion", |_| None)
        .undeclared()
        .doc("always null, as Defender answers it; version and osBuild tell the version")
        .string_or_null("osProcessor", |m| m.os_processor.as_deref())
        .doc("the architecture of the processor, as x64")
        .string_or_null("version", |m| m.version.as_deref())
        .filterable()
        .doc("the version of the operating system, as 22H2")
        .string_or_null("lastIpAddress", |m| m.last_ip.as_deref())
        .filterable()
        .doc("the last address inside the network")
        .string_or_null("lastExternalIpAddress", |m| m.last_external_ip.as_deref())
        .doc("the last address seen from outside the network")
        .string_or_null("agentVersion", |m| m.agent_version.as_deref())
        .doc("the version of what reports for the device")
        .int64_or_null("osBuild", |m| m.os_build)
        .doc("the build of the operating system, as 19045")
        .enumeration("healthStatus", |m| m.health)
        .filterable()
        .doc("whether the device still reports")
        .enumeration("deviceValue", |m| m.value)
        .filterable()
        .doc("what the device is worth; weighs in the exposure score")
        .int32("rbacGroupId", |m| m.group.id)
        .filterable()
        .doc("the number of the device group; 0 for a device in none")
        .string_or_null("rbacGroupName", |m| m.group.name.as_deref())
        .doc("the name of the device group")
        .enumeration_or_null::<RiskScore>("riskScore", |_| None)
        .filterable()
        .doc("always null: it comes from alerts, which this service has none of")
        .enumeration("exposureLevel", |m| m.exposure)
        .filterable()
        .doc("how exposed the device is by its open vulnerabilities")
        .boolean_or_null("isAadJoined", |m| m.aad_joined)
        .doc("whether the device is joined to Entra ID")
        .guid_or_null("aadDeviceId", |m| m.aad_device)
        .filterable()
        .doc("the id of the device in Entra ID")
        .strings("machineTags", |m| Items::of(&m.tags))
        .filterable()
        .doc("the tags of the device")
        .enumeration("onboardingStatus", |m| m.onboarding)
        .filterable()
        .doc("whether the device was taken on; those that report were")
        .string_or_null("osArchitecture", |m| m.os_architecture.as_deref())
        .doc("the architecture of the operating system: 64-bit or 32-bit")
        .enumeration("managedBy", |_| ManagedBy::Unknown)
        .doc("always Unknown: security settings are not managed here")
        .enumeration("managedByStatus", |_| ManagedByStatus::Unknown)
        .doc("always Unknown: security settings are not managed here")
        .nested_list::<IpAddress>("ipAddresses", |m| Items::of(&m.addresses))
        .doc("the addresses of the network interfaces")
        .nested("vmMetadata", |m| m.vm.as_ref())
        .doc("what the cloud calls the device, where it is a virtual machine of one")
        .navigation(
            "vulnerabilities",
            Type::named("PublicVulnerabilityDto").collection(),
        )
        .navigation(
            "recommendations",
            Type::named("Recommendation").collection(),
        )
        .navigation("software", Type::named("Software").collection())
        .build()
}
