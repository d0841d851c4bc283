//! What a product name in Microsoft's documents says.
//!
//! Names are text written by people (`Windows 10 for x64-based Systems`,
//! `Internet Explorer 11 on Windows Server 2019  (Server Core installation)`). They are read word by
//! word, never by searching for a part of them, so that no product is taken for another whose
//! name contains its own.

mod application;
mod component;
mod windows;

use serde::{Deserialize, Serialize};

pub use application::{Application, ApplicationFamily, ApplicationRelease, Branch, Platform};
pub use component::{Component, DotNetVersions};
pub use windows::{
    Architecture, Release, WindowsFamily, WindowsProduct, are_siblings, release_of_build,
};

use crate::SoftwareId;

/// What a product is, read from its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProductIdentity {
    /// An operating system.
    Windows(WindowsProduct),
    /// A component that sits on an operating system.
    OnWindows {
        /// The component.
        component: Component,
        /// The operating system under it.
        host: WindowsProduct,
    },
    /// A package of Azure Linux or CBL-Mariner, which share Microsoft's documents.
    LinuxPackage,
    /// An application whose name was understood: Office, SQL Server, a developer tool.
    Application(Application),
    /// Anything else: what no machine reports, a cloud service, a name not understood.
    Other,
}

impl ProductIdentity {
    /// Reads a product's name.
    pub fn of_name(name: &str) -> Self {
        if let Some(windows) = WindowsProduct::of_name(name) {
            return Self::Windows(windows);
        }
        if let Some((component, host)) = split_at_host(name) {
            return Self::OnWindows {
                component: Component::of_name(component),
                host,
            };
        }
        if is_linux(name) {
            return Self::LinuxPackage;
        }
        Application::of_name(name).map_or(Self::Other, Self::Application)
    }

    /// The application of the product.
    pub fn application(&self) -> Option<&Application> {
        match self {
            Self::Application(application) => Some(application),
            _ => None,
        }
    }

    /// The operating system of the product, or under it.
    pub fn windows(&self) -> Option<&WindowsProduct> {
        match self {
            Self::Windows(windows) | Self::OnWindows { host: windows, .. } => Some(windows),
            Self::LinuxPackage | Self::Application(_) | Self::Other => None,
        }
    }

    /// The software id under which the Defender API lists the product of this name.
    pub fn software_id(&self, name: &str) -> SoftwareId {
        match self {
            Self::Windows(windows) => windows.family.software_id(),
            Self::OnWindows { component, .. } => component.software_id(),
            Self::LinuxPackage | Self::Application(_) | Self::Other => {
                application::software_id(name)
            }
        }
    }
}

/// Splits `<component> on <Windows product>`; the last `on` before a Windows name counts.
fn split_at_host(name: &str) -> Option<(&str, WindowsProduct)> {
    name.rmatch_indices(" on ").find_map(|(at, on)| {
        let host = WindowsProduct::of_name(&name[at + on.len()..])?;
        Some((name[..at].trim(), host))
    })
}

fn is_linux(name: &str) -> bool {
    let host = name.rsplit(" on ").next().unwrap_or(name);
    ["CBL Mariner", "Azure Linux", "CBL-Mariner"]
        .iter()
        .any(|linux| host.starts_with(linux))
        || std::path::Path::new(name)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("rpm"))
}

/// Takes phrases off the front of a name, whatever their case, at word ends only.
#[derive(Clone, Copy)]
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Self {
        Self(text.trim())
    }

    /// Takes `phrase` if the rest begins with it and a word ends there.
    fn take(&mut self, phrase: &str) -> bool {
        let Some(head) = self.0.get(..phrase.len()) else {
            return false;
        };
        if !head.eq_ignore_ascii_case(phrase) {
            return false;
        }
        let rest = &self.0[phrase.len()..];
        let word_ends = |c: char| c.is_whitespace() || c == ',' || c == '(';
        if !rest.is_empty() && !rest.starts_with(word_ends) {
            return false;
        }
        self.0 = rest.trim_start();
        true
    }

    /// Takes the next word.
    fn word(&mut self) -> Option<&'a str> {
        let end = self.0.find(char::is_whitespace).unwrap_or(self.0.len());
        let word = &self.0[..end];
        self.0 = self.0[end..].trim_start();
        (!word.is_empty()).then_some(word)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composite_names_have_a_host() {
        let identity = ProductIdentity::of_name(
            "Internet Explorer 11 on Windows 10 Version 1909 for x64-based Systems",
        );
        let ProductIdentity::OnWindows { component, host } = &identity else {
            panic!("{identity:?}");
        };
        assert_eq!(*component, Component::InternetExplorer { version: 11 });
        assert_eq!(host.family, WindowsFamily::Windows10);
        assert_eq!(host.release, Some(Release::new("1909")));
        assert_eq!(
            identity.software_id("").as_str(),
            "microsoft-_-internet_explorer"
        );
    }

    #[test]
    fn a_name_that_mentions_windows_is_not_windows() {
        for name in [
            "Windows Terminal for Windows 10",
            "Windows App Client for Windows Desktop",
            "Windows 10 Version 1607 for HoloLens",
            "Windows Admin Center",
            ".NET 6.0 installed on Windows",
            "Microsoft ODBC Driver 17 for SQL Server on Windows",
            "Windows 10 Mobile",
        ] {
            assert_eq!(ProductIdentity::of_name(name).windows(), None, "{name}");
        }
    }

    #[test]
    fn linux_packages_are_their_own_kind() {
        for name in [
            "cbl2 mysql 8.0.43-1 on CBL Mariner 2.0 x64",
            "Azure Linux 3.0 ARM",
        ] {
            assert_eq!(
                ProductIdentity::of_name(name),
                ProductIdentity::LinuxPackage
            );
        }
    }
}
