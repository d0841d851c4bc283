//! Components that sit on Windows and are serviced with or beside it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Words;
use crate::SoftwareId;

/// A component named `<component> on <Windows product>` in Microsoft's documents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Component {
    /// Internet Explorer of this version.
    InternetExplorer {
        /// 9, 10 or 11.
        version: u8,
    },
    /// Microsoft Edge before Chromium.
    EdgeHtml,
    /// Microsoft Edge (Chromium-based) in Internet Explorer mode: serviced by the operating system's update.
    EdgeIeMode,
    /// Adobe Flash Player as Windows carried it.
    FlashPlayer,
    /// The .NET Framework.
    DotNetFramework(DotNetVersions),
    /// Windows Defender, the antimalware platform.
    WindowsDefender,
    /// Microsoft Defender for Endpoint, its sensor.
    DefenderForEndpoint,
    /// Microsoft XML Core Services.
    XmlCoreServices,
    /// The `VBScript` engine.
    VbScript,
    /// Another component, by its name.
    Other(Box<str>),
}

impl Component {
    /// Reads the part of a product name before `on <Windows product>`.
    pub fn of_name(name: &str) -> Self {
        let mut words = Words::new(name);
        words.take("Microsoft");
        if words.take("Internet Explorer")
            && let Some(version) = words.word().and_then(|w| w.parse().ok())
        {
            return Self::InternetExplorer { version };
        }
        // The feed called it plain Edge until there was another.
        if words.take("Edge (EdgeHTML-based)") || words.0.eq_ignore_ascii_case("Edge") {
            return Self::EdgeHtml;
        }
        if words.take("Edge (Chromium-based) in IE Mode") {
            return Self::EdgeIeMode;
        }
        if words.take("Adobe Flash Player") {
            return Self::FlashPlayer;
        }
        if words.take(".NET Framework") {
            return Self::DotNetFramework(DotNetVersions(words.0.into()));
        }
        if words.take("Windows Defender") {
            return Self::WindowsDefender;
        }
        if words.take("Defender for Endpoint") {
            return Self::DefenderForEndpoint;
        }
        if words.take("XML Core Services") {
            return Self::XmlCoreServices;
        }
        if words.take("VBScript") {
            return Self::VbScript;
        }
        Self::Other(name.trim().into())
    }

    /// The Defender software id: `microsoft-_-edge`, `adobe-_-flash_player`.
    pub fn software_id(&self) -> SoftwareId {
        match self {
            Self::InternetExplorer { .. } => SoftwareId::of("microsoft", "internet explorer"),
            Self::EdgeHtml => SoftwareId::of("microsoft", "edge"),
            Self::EdgeIeMode => SoftwareId::of("microsoft", "edge chromium-based"),
            Self::FlashPlayer => SoftwareId::of("adobe", "flash player"),
            Self::DotNetFramework(_) => SoftwareId::of("microsoft", ".net framework"),
            Self::WindowsDefender => SoftwareId::of("microsoft", "windows defender"),
            Self::DefenderForEndpoint => SoftwareId::of("microsoft", "defender for endpoint"),
            Self::XmlCoreServices => SoftwareId::of("microsoft", "xml core services"),
            Self::VbScript => SoftwareId::of("microsoft", "vbscript"),
            Self::Other(name) => {
                let name = name.strip_prefix("Microsoft ").unwrap_or(name);
                SoftwareId::of("microsoft", name)
            }
        }
    }
}

/// The .NET Framework versions one product name stands for, as the feed spells them:
/// `3.5 AND 4.8`, `4.6/4.6.1/4.6.2`, `3.5.1`, `3.0 Service Pack 2`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DotNetVersions(Box<str>);

impl DotNetVersions {
    /// The versions of a text of the feed.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Each single version named, without service pack.
    pub fn each(&self) -> impl Iterator<Item = &str> {
        self.0
            .split(['/', ' '])
            .filter(|part| part.starts_with(|c: char| c.is_ascii_digit()) && part.contains('.'))
    }

    /// Whether this version is among them.
    pub fn contains(&self, version: &str) -> bool {
        self.each().any(|one| one == version)
    }
}

impl fmt::Display for DotNetVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DotNetVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_components_of_the_feed() {
        let of = Component::of_name;
        assert_eq!(
            of("Internet Explorer 9"),
            Component::InternetExplorer { version: 9 }
        );
        assert_eq!(of("Microsoft Edge (EdgeHTML-based)"), Component::EdgeHtml);
        assert_eq!(of("Microsoft Edge"), Component::EdgeHtml);
        assert_eq!(
            of("Adobe Flash Player").software_id().as_str(),
            "adobe-_-flash_player"
        );
        assert_eq!(
            of("Microsoft Edge (Chromium-based) in IE Mode")
                .software_id()
                .as_str(),
            "microsoft-_-edge_chromium-based"
        );
        assert_eq!(
            of("Excel Services"),
            Component::Other("Excel Services".into())
        );
    }

    #[test]
    fn dot_net_versions_are_told_apart() {
        let Component::DotNetFramework(versions) =
            Component::of_name("Microsoft .NET Framework 3.5 AND 4.6/4.6.1/4.6.2")
        else {
            panic!();
        };
        assert_eq!(
            versions.each().collect::<Vec<_>>(),
            ["3.5", "4.6", "4.6.1", "4.6.2"]
        );
        assert!(!versions.contains("4.7"));
    }
}
