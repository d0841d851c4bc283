//! What the API answers with: for every resource the rows, and the description that gives their JSON, their filters and
//! the metadata.
//!
//! Types, names, nullability and the order of the JSON are those of the API specification, sections 2.1 to 2.18; what
//! may be filtered by, those of its section 1. What Defender answers but its metadata of May 2026 lacks is answered and
//! not declared.
#![allow(
    dead_code,
    reason = "types of Defender have members and parts that nothing here becomes"
)]

mod asset_configuration;
mod asset_software;
mod asset_vulnerability;
mod baseline;
mod browser_extension;
mod certificate;
mod export_files;
mod firmware;
mod machine;
mod machine_reference;
mod machine_vulnerability;
mod missing_kb;
mod operations;
mod recommendation;
mod remediation_task;
mod score;
mod shared;
mod software;
#[cfg(test)]
mod tests;
mod vulnerability;

pub(crate) use self::{
    asset_configuration::*, asset_software::*, asset_vulnerability::*, baseline::*,
    browser_extension::*, certificate::*, export_files::*, firmware::*, machine::*,
    machine_reference::*, machine_vulnerability::*, missing_kb::*, recommendation::*,
    remediation_task::*, score::*, shared::*, software::*, vulnerability::*,
};

use kbgap_odata::edm::{Entity, Schema, SchemaError, Type};

/// The namespace of all types (API specification, section 0).
pub(crate) const NAMESPACE: &str = "microsoft.windowsDefenderATP.api";

/// The descriptions of all types, and the schema they make.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) machine: Entity<Machine>,
    pub(crate) product: Entity<Product>,
    pub(crate) software: Entity<Software>,
    pub(crate) missing_kb: Entity<MissingKb>,
    pub(crate) vulnerability_dto: Entity<Vulnerability>,
    pub(crate) vulnerability: Entity<Vulnerability>,
    pub(crate) machine_vulnerability: Entity<MachineVulnerability>,
    pub(crate) machine_reference: Entity<MachineReference>,
    pub(crate) recommendation: Entity<Recommendation>,
    pub(crate) remediation_task: Entity<RemediationTask>,
    pub(crate) score: Entity<Score>,
    pub(crate) asset_software: Entity<AssetSoftware>,
    pub(crate) asset_non_cpe_software: Entity<AssetNonCpeSoftware>,
    pub(crate) asset_vulnerability: Entity<AssetVulnerability>,
    pub(crate) delta_asset_vulnerability: Entity<DeltaAssetVulnerability>,
    pub(crate) asset_configuration: Entity<AssetConfiguration>,
    pub(crate) asset_browser_extension: Entity<AssetBrowserExtension>,
    pub(crate) browser_extension_permission: Entity<BrowserExtensionPermission>,
    pub(crate) permission_info: Entity<PermissionInfo>,
    pub(crate) asset_hardware_firmware: Entity<AssetHardwareFirmware>,
    pub(crate) firmware: Entity<Firmware>,
    pub(crate) asset_certificate: Entity<AssetCertificate>,
    pub(crate) asset_baseline: Entity<AssetBaseline>,
    pub(crate) baseline_profile: Entity<BaselineProfile>,
    pub(crate) baseline_configuration: Entity<BaselineConfiguration>,
    pub(crate) baseline_exception: Entity<BaselineException>,
    pub(crate) export_files: Entity<ExportFiles>,
    /// All of them, with sets and operations.
    pub(crate) schema: Schema,
}

impl Model {
    /// Describes everything.
    ///
    /// # Errors
    /// Where the descriptions do not hold together: a slip in this module, which its test finds.
    pub(crate) fn new() -> Result<Self, SchemaError> {
        let (product, dto, asset) = (product(), vulnerability_dto(), asset_vulnerability());
        let mut model = Self {
            machine: machine(),
            software: software(&product),
            product,
            missing_kb: missing_kb(),
            vulnerability: vulnerability(&dto),
            vulnerability_dto: dto,
            machine_vulnerability: machine_vulnerability(),
            machine_reference: machine_reference(),
            recommendation: recommendation(),
            remediation_task: remediation_task(),
            score: score(),
            asset_software: asset_software(),
            asset_non_cpe_software: asset_non_cpe_software(),
            delta_asset_vulnerability: delta_asset_vulnerability(&asset),
            asset_vulnerability: asset,
            asset_configuration: asset_configuration(),
            asset_browser_extension: asset_browser_extension(),
            browser_extension_permission: browser_extension_permission(),
            permission_info: permission_info(),
            asset_hardware_firmware: asset_hardware_firmware(),
            firmware: firmware(),
            asset_certificate: asset_certificate(),
            asset_baseline: asset_baseline(),
            baseline_profile: baseline_profile(),
            baseline_configuration: baseline_configuration(),
            baseline_exception: baseline_exception(),
            export_files: export_files(),
            schema: Schema::default(),
        };
        model.schema = model.described()?;
        Ok(model)
    }

    fn described(&self) -> Result<Schema, SchemaError> {
        let builder = Schema::build(NAMESPACE)
            .entity(&self.machine)
            .entity(&self.recommendation)
            .entity(&self.vulnerability_dto)
            .entity(&self.vulnerability)
            .entity(&self.product)
            .entity(&self.software)
            .entity(&self.missing_kb)
            .entity(&self.machine_vulnerability)
            .entity(&self.machine_reference)
            .entity(&self.remediation_task)
            .entity(&self.score)
            .entity(&self.asset_software)
            .entity(&self.asset_non_cpe_software)
            .entity(&self.asset_vulnerability)
            .entity(&self.delta_asset_vulnerability)
            .entity(&self.asset_configuration)
            .entity(&self.asset_browser_extension)
            .entity(&self.browser_extension_permission)
            .entity(&self.permission_info)
            .entity(&self.asset_hardware_firmware)
            .entity(&self.firmware)
            .entity(&self.asset_certificate)
            .entity(&self.asset_baseline)
            .entity(&self.baseline_profile)
            .entity(&self.baseline_configuration)
            .entity(&self.baseline_exception)
            .entity(&self.export_files)
            .enumeration::<TagAction>();
        operations::operations(operations::sets(builder)).finish()
    }
}

/// The type of a collection of these entities, as the context of a function's answer names it
/// ([`Content::Of`](kbgap_odata::Content::Of)).
pub(crate) fn collection_of<T>(entity: &Entity<T>) -> Type {
    Type::Named(entity.shape().name.clone()).collection()
}
