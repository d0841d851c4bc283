//! Entity sets, functions and actions of vulnerability management (API specification, section 0).

use kbgap_odata::edm::{EntitySet, Operation, Primitive, SchemaBuilder, Type};

/// The sets, and where their navigation properties lead.
pub(super) fn sets(builder: SchemaBuilder) -> SchemaBuilder {
    let (products, dto) = ("PublicProductDto", "PublicVulnerabilityDto");
    let sets = [
        EntitySet::new("Machines", "Machine")
            .bind("recommendations", "Recommendations")
            .bind("software", "Software")
            .bind("vulnerabilities", dto),
        EntitySet::new("Recommendations", "Recommendation")
            .bind("software", products)
            .bind("vulnerabilities", dto),
        EntitySet::new("Vulnerabilities", "Vulnerability"),
        EntitySet::new("Software", "Software").bind("vulnerabilities", dto),
        EntitySet::new("Firmware", "Firmware"),
        EntitySet::new("ExposureScore", "ConfigurationScore"),
        EntitySet::new("ConfigurationScore", "ConfigurationScore"),
        EntitySet::new("BaselineConfigurations", "BaselineConfiguration"),
        EntitySet::new("BaselineProfiles", "BaselineProfile"),
        EntitySet::new("BaselineExceptions", "BaselineException"),
        EntitySet::new(products, products).bind("Software/vulnerabilities", dto),
        EntitySet::new(dto, dto),
        EntitySet::new("RemediationTasks", "RemediationTask"),
        EntitySet::new("BrowserExtensions", "BrowserExtensions"),
    ];
    sets.into_iter().fold(builder, SchemaBuilder::set)
}

/// The functions and actions.
pub(super) fn operations(builder: SchemaBuilder) -> SchemaBuilder {
    let functions = ENTITY_FUNCTIONS.map(|(name, bound, returns)| {
        Operation::function(name)
            .bound_to(Type::named(bound))
            .returns(several(returns))
    });
    let of_sets = SET_FUNCTIONS.map(|(name, bound, returns)| {
        Operation::function(name)
            .bound_to(several(bound))
            .returns(several(returns))
    });
    let exports = EXPORTS.map(|name| {
        Operation::function(name)
            .bound_to(several("Machine"))
            .returns(Type::named("ExportFilesResponse"))
    });
    let all = functions.into_iter().chain(of_sets).chain(exports);
    all.chain(others()).fold(builder, SchemaBuilder::operation)
}

/// Functions of one entity that return several.
const ENTITY_FUNCTIONS: [(&str, &str, &str); 13] = [
    ("Recommendations", "Machine", "Recommendation"),
    ("Vulnerabilities", "Machine", "Vulnerability"),
    (
        "Vulnerabilities",
        "Recommendation",
        "PublicVulnerabilityDto",
    ),
    ("Vulnerabilities", "Software", "PublicVulnerabilityDto"),
    ("Software", "Machine", "Software"),
    ("GetMissingKbs", "Machine", "PublicProductFixDto"),
    ("GetMissingKbs", "Software", "PublicProductFixDto"),
    ("Firmware", "Machine", "Firmware"),
    ("MachineReferences", "Vulnerability", "PublicAssetDto"),
    ("MachineReferences", "Recommendation", "PublicAssetDto"),
    ("MachineReferences", "RemediationTask", "PublicAssetDto"),
    ("MachineReferences", "Software", "PublicAssetDto"),
    ("Distributions", "Software", "PublicDistributionDto"),
];

/// Functions of a set that return several and take no parameters.
const SET_FUNCTIONS: [(&str, &str, &str); 13] = [
    ("UnTaggedMachines", "Machine", "Machine"),
    ("BigPageSize", "Machine", "Machine"),
    (
        "SoftwareVulnerabilitiesByMachine",
        "Machine",
        "AssetVulnerability",
    ),
    (
        "SecureConfigurationsAssessmentByMachine",
        "Machine",
        "AssetConfiguration",
    ),
    (
        "SoftwareVulnerabilityChangesByMachine",
        "Machine",
        "DeltaAssetVulnerability",
    ),
    ("SoftwareInventoryByMachine", "Machine", "AssetSoftware"),
    (
        "SoftwareInventoryNoProductCodeByMachine",
        "Machine",
        "AssetNonCpeSoftware",
    ),
    (
        "BrowserExtensionsInventoryByMachine",
        "Machine",
        "AssetBrowserExtension",
    ),
    (
        "HardwareFirmwareInventoryByMachine",
        "Machine",
        "AssetHardwareFirmware",
    ),
    // The tag stands in the query; metadata does not tell of it.
    ("FindByTag", "Machine", "Machine"),
    (
        "MachinesVulnerabilities",
        "Vulnerability",
        "PublicAssetVulnerabilityDto",
    ),
    (
        "ByMachineGroups",
        "ConfigurationScore",
        "ConfigurationScore",
    ),
    ("PermissionsInfo", "BrowserExtensions", "BrowserExtensions"),
];

/// Exports as files, of all machines.
const EXPORTS: [&str; 9] = [
    "SoftwareVulnerabilitiesExport",
    "SecureConfigurationsAssessmentExport",
    "SoftwareInventoryExport",
    "SoftwareInventoryNonCpeExport",
    "BrowserExtensionsInventoryExport",
    "HardwareFirmwareInventoryExport",
    "InfoGatheringExport",
    "BaselineComplianceAssessmentExport",
    "CertificateAssessmentExport",
];

/// What is like nothing else.
fn others() -> [Operation; 8] {
    let machine = || Type::named("Machine");
    // Answers have several rows of these; metadata says one (API specification, section 9, 14).
    let one = |name: &'static str, of: &'static str| {
        Operation::function(name)
            .bound_to(several("Machine"))
            .returns(Type::named(of))
    };
    [
        Operation::function("Software")
            .bound_to(Type::named("Recommendation"))
            .returns(Type::named("PublicProductDto")),
        one(
            "BaselineComplianceAssessmentByMachine",
            "AssetBaselineAssessment",
        ),
        one(
            "CertificateAssessmentByMachine",
            "AssetCertificateAssessment",
        ),
        Operation::function("FindByIp")
            .bound_to(several("Machine"))
            .parameter("ip", Primitive::String)
            .parameter("timestamp", Primitive::DateTimeOffset)
            .required()
            .returns(several("Machine")),
        Operation::action("Tags")
            .bound_to(machine())
            .parameter("Value", Primitive::String)
            .parameter("Action", Type::named("TagAction"))
            .required()
            .returns(machine()),
        Operation::action("AddOrRemoveTagForMultipleMachines")
            .bound_to(several("Machine"))
            .parameter("Value", Primitive::String)
            .parameter("Action", Type::named("TagAction"))
            .required()
            .parameter("MachineIds", Type::from(Primitive::String).collection())
            .returns(several("Machine")),
        Operation::action("SetDeviceValue")
            .bound_to(machine())
            .parameter("DeviceValue", Type::named("DeviceValue"))
            .required()
            .returns(machine()),
        Operation::action("SetExclusion")
            .bound_to(machine())
            .parameter("IsExcluded", Primitive::Boolean)
            .required()
            .parameter("ExclusionReason", Type::named("ExclusionReason"))
            .optional()
            .returns(machine()),
    ]
}

fn several(name: &'static str) -> Type {
    Type::named(name).collection()
}
