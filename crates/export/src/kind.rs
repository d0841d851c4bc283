//! What is exported.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An assessment that is exported as files. Their names in paths are those of Defender's URLs (API specification,
/// section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ExportKind {
    /// Vulnerabilities of software, by machine.
    #[serde(rename = "VaExport")]
    SoftwareVulnerabilities,
    /// Software that has a CPE, by machine.
    #[serde(rename = "SoftwareInventory")]
    SoftwareInventory,
    /// Software without a CPE, by machine.
    #[serde(rename = "NonCpeSoftwareInventory")]
    NonCpeSoftwareInventory,
    /// Secure configurations, by machine.
    #[serde(rename = "ScaExport")]
    SecureConfigurations,
    /// Browser extensions, by machine.
    #[serde(rename = "BrowserExtensions")]
    BrowserExtensions,
    /// Hardware and firmware, by machine.
    #[serde(rename = "FirmwareHardwareExport")]
    HardwareFirmware,
    /// Certificates, by machine.
    #[serde(rename = "CertificateAssessmentExport")]
    Certificates,
    /// Security baselines, by machine.
    #[serde(rename = "BaselineAssessmentExport")]
    Baselines,
    /// Gathered facts, by machine.
    #[serde(rename = "InfoGatheringExport")]
    InfoGathering,
}

impl ExportKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::SoftwareVulnerabilities,
        Self::SoftwareInventory,
        Self::NonCpeSoftwareInventory,
        Self::SecureConfigurations,
        Self::BrowserExtensions,
        Self::HardwareFirmware,
        Self::Certificates,
        Self::Baselines,
        Self::InfoGathering,
    ];

    /// Its segment of a path.
    pub fn segment(self) -> &'static str {
        match self {
            Self::SoftwareVulnerabilities => "VaExport",
            Self::SoftwareInventory => "SoftwareInventory",
            Self::NonCpeSoftwareInventory => "NonCpeSoftwareInventory",
            Self::SecureConfigurations => "ScaExport",
            Self::BrowserExtensions => "BrowserExtensions",
            Self::HardwareFirmware => "FirmwareHardwareExport",
            Self::Certificates => "CertificateAssessmentExport",
            Self::Baselines => "BaselineAssessmentExport",
            Self::InfoGathering => "InfoGatheringExport",
        }
    }

    /// The kind with a segment.
    pub fn of_segment(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.segment() == segment)
    }
}

impl fmt::Display for ExportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.segment())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_read_back_and_are_those_of_the_manifest() {
        for kind in ExportKind::ALL {
            assert_eq!(ExportKind::of_segment(kind.segment()), Some(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
        }
        assert_eq!(ExportKind::of_segment("vaexport"), None);
    }
}
