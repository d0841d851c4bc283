//! What the API tells of a machine's Windows.

use std::fmt;
use std::sync::Arc;

use kbgap_assessment::MachineState;
use kbgap_catalog::{Architecture, Release, WindowsBuild, WindowsFamily, WindowsProduct};

/// What is told of a machine's Windows: shared by all machines whose Windows is in the same state.
#[derive(Clone)]
pub struct WindowsFacts(Arc<MachineState>);

impl PartialEq for WindowsFacts {
    /// Whether both tell the same; what is installed is none of it.
    fn eq(&self, other: &Self) -> bool {
        self.product() == other.product() && self.build() == other.build()
    }
}

impl Eq for WindowsFacts {}

impl fmt::Debug for WindowsFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.product(), self.build())
    }
}

impl WindowsFacts {
    pub(crate) fn new(state: Arc<MachineState>) -> Self {
        Self(state)
    }

    /// The product.
    pub fn product(&self) -> &WindowsProduct {
        &self.0.windows
    }

    /// The build with its revision, as far as the machine reported it: shown, it is the full text, `10.0.19045.5608`.
    pub fn build(&self) -> Option<WindowsBuild> {
        self.0.build
    }

    /// Defender's `osPlatform` (API specification, section 2.17).
    pub fn os_platform(&self) -> &'static str {
        platform(self.product().family)
    }

    /// Defender's `version`: the label of the release, as `1809` or `22H2`. Windows before 10 has none.
    ///
    /// Microsoft names the servers by year, and Defender shows the release that they were built with: 1607 for Server
    /// 2016 (<https://learn.microsoft.com/defender-xdr/api-list-incidents>, the device of the response's example).
    pub fn version(&self) -> Option<&str> {
        let product = self.product();
        let release = product.release.as_ref().map(Release::label);
        release.or(match product.family {
            WindowsFamily::Server2016 => Some("1607"),
            WindowsFamily::Server2019 => Some("1809"),
            WindowsFamily::Server2022 => Some("21H2"),
            WindowsFamily::Server2025 => Some("24H2"),
            _ => None,
        })
    }

    /// Defender's `osBuild`: `19045`. `None` where the machine did not report it.
    pub fn os_build(&self) -> Option<u32> {
        Some(self.build()?.build)
    }

    /// Defender's `osProcessor`.
    pub fn os_processor(&self) -> &'static str {
        match self.product().architecture {
            Architecture::X86 => "x86",
            Architecture::X64 => "x64",
            Architecture::Arm64 => "arm64",
            Architecture::Arm => "arm",
            Architecture::Itanium => "ia64",
        }
    }

    /// Defender's `osArchitecture`.
    pub fn os_architecture(&self) -> &'static str {
        match self.product().architecture {
            Architecture::X86 | Architecture::Arm => "32-bit",
            Architecture::X64 | Architecture::Arm64 | Architecture::Itanium => "64-bit",
        }
    }
}

/// Defender's name of a Windows: the product's without blanks. The semi-annual servers are plain Windows Server, of
/// which `version` tells the release.
fn platform(family: WindowsFamily) -> &'static str {
    match family {
        WindowsFamily::Windows2000 => "Windows2000",
        WindowsFamily::WindowsXp => "WindowsXP",
        WindowsFamily::WindowsVista => "WindowsVista",
        WindowsFamily::Windows7 => "Windows7",
        WindowsFamily::Windows8 => "Windows8",
        WindowsFamily::Windows81 => "Windows8.1",
        WindowsFamily::WindowsRt => "WindowsRT",
        WindowsFamily::WindowsRt81 => "WindowsRT8.1",
        WindowsFamily::Windows10 => "Windows10",
        WindowsFamily::Windows11 => "Windows11",
        WindowsFamily::Server2003 => "WindowsServer2003",
        WindowsFamily::Server2003R2 => "WindowsServer2003R2",
        WindowsFamily::Server2008 => "WindowsServer2008",
        WindowsFamily::Server2008R2 => "WindowsServer2008R2",
        WindowsFamily::Server2012 => "WindowsServer2012",
        WindowsFamily::Server2012R2 => "WindowsServer2012R2",
        WindowsFamily::Server2016 => "WindowsServer2016",
        WindowsFamily::Server2019 => "WindowsServer2019",
        WindowsFamily::Server2022 => "WindowsServer2022",
        WindowsFamily::Server2025 => "WindowsServer2025",
        WindowsFamily::ServerSemiAnnual => "WindowsServer",
    }
}

#[cfg(test)]
mod tests {
    use kbgap_catalog::release_of_build;

    use super::*;

    const FAMILIES: [WindowsFamily; 21] = [
        WindowsFamily::Windows2000,
        WindowsFamily::WindowsXp,
        WindowsFamily::WindowsVista,
        WindowsFamily::Windows7,
        WindowsFamily::Windows8,
        WindowsFamily::Windows81,
        WindowsFamily::WindowsRt,
        WindowsFamily::WindowsRt81,
        WindowsFamily::Windows10,
        WindowsFamily::Windows11,
        WindowsFamily::Server2003,
        WindowsFamily::Server2003R2,
        WindowsFamily::Server2008,
        WindowsFamily::Server2008R2,
        WindowsFamily::Server2012,
        WindowsFamily::Server2012R2,
        WindowsFamily::Server2016,
        WindowsFamily::Server2019,
        WindowsFamily::Server2022,
        WindowsFamily::Server2025,
        WindowsFamily::ServerSemiAnnual,
    ];

    fn facts(name: &str, build: Option<&str>) -> WindowsFacts {
        let mut state = MachineState::new(WindowsProduct::of_name(name).unwrap());
        state.build = build.map(|build| build.parse().unwrap());
        WindowsFacts::new(Arc::new(state))
    }

    #[test]
    fn a_platform_is_the_name_without_blanks() {
        for family in FAMILIES {
            assert_eq!(platform(family), family.name().replace(' ', ""));
        }
    }

    #[test]
    fn windows_is_told_as_defender_tells_it() {
        for (name, build, platform, version, os_build) in [
            (
                "Windows 10 Version 22H2 for x64-based Systems",
                Some("10.0.19045.5608"),
                "Windows10",
                Some("22H2"),
                Some(19045),
            ),
            (
                "Windows 11 for x64-based Systems",
                Some("10.0.22000"),
                "Windows11",
                Some("21H2"),
                Some(22000),
            ),
            (
                "Windows 7 for x64-based Systems Service Pack 1",
                Some("6.1.7601"),
                "Windows7",
                None,
                Some(7601),
            ),
            (
                "Windows 8.1 for x64-based systems",
                None,
                "Windows8.1",
                None,
                None,
            ),
            (
                "Windows Server 2012 R2",
                None,
                "WindowsServer2012R2",
                None,
                None,
            ),
            (
                "Windows Server 2016",
                None,
                "WindowsServer2016",
                Some("1607"),
                None,
            ),
            (
                "Windows Server 2019 (Server Core installation)",
                Some("10.0.17763.316"),
                "WindowsServer2019",
                Some("1809"),
                Some(17763),
            ),
            (
                "Windows Server 2022",
                None,
                "WindowsServer2022",
                Some("21H2"),
                None,
            ),
            (
                "Windows Server 2022, 23H2 Edition (Server Core installation)",
                None,
                "WindowsServer2022",
                Some("23H2"),
                None,
            ),
            (
                "Windows Server 2025",
                None,
                "WindowsServer2025",
                Some("24H2"),
                None,
            ),
            (
                "Windows Server, version 1909 (Server Core installation)",
                None,
                "WindowsServer",
                Some("1909"),
                None,
            ),
        ] {
            let facts = facts(name, build);
            let told = (facts.os_platform(), facts.version(), facts.os_build());
            assert_eq!(told, (platform, version, os_build), "{name}");
            assert_eq!(
                facts.build().map(|build| build.to_string()).as_deref(),
                build
            );
            assert_eq!(
                (facts.os_processor(), facts.os_architecture()),
                ("x64", "64-bit")
            );
        }
    }

    #[test]
    fn servers_have_the_release_of_their_build() {
        for (name, build) in [
            ("Windows Server 2016", 14393),
            ("Windows Server 2019", 17763),
            ("Windows Server 2025", 26100),
        ] {
            let client = release_of_build(build, false).and_then(|(_, release)| release);
            let told = facts(name, None);
            assert_eq!(told.version(), client.as_ref().map(Release::label));
        }
    }

    #[test]
    fn architectures_are_told() {
        for (name, processor, bits) in [
            ("Windows 10 for 32-bit Systems", "x86", "32-bit"),
            ("Windows 11 for ARM64-based Systems", "arm64", "64-bit"),
            ("Windows RT 8.1", "arm", "32-bit"),
            (
                "Windows Server 2008 R2 for Itanium-Based Systems Service Pack 1",
                "ia64",
                "64-bit",
            ),
        ] {
            let facts = facts(name, None);
            assert_eq!(
                (facts.os_processor(), facts.os_architecture()),
                (processor, bits)
            );
        }
    }

    #[test]
    fn what_is_installed_makes_no_difference() {
        let name = "Windows Server 2016";
        let mut state = MachineState::new(WindowsProduct::of_name(name).unwrap());
        state.pending = vec![kbgap_catalog::Kb::new(5_000_001).unwrap()];
        assert_eq!(facts(name, None), WindowsFacts::new(Arc::new(state)));
        assert_ne!(facts(name, None), facts(name, Some("10.0.14393.1")));
        assert_ne!(facts(name, None), facts("Windows Server 2019", None));
    }
}
