//! Windows products: family, release, architecture, service pack, Server Core.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Words;
use crate::{SoftwareId, WindowsBuild};

/// A line of Windows with a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name is the product's own")]
pub enum WindowsFamily {
    Windows2000,
    WindowsXp,
    WindowsVista,
    Windows7,
    Windows8,
    Windows81,
    WindowsRt,
    WindowsRt81,
    Windows10,
    Windows11,
    Server2003,
    Server2003R2,
    Server2008,
    Server2008R2,
    Server2012,
    Server2012R2,
    Server2016,
    Server2019,
    Server2022,
    Server2025,
    /// The semi-annual channel: `Windows Server, version 1909`.
    ServerSemiAnnual,
}

impl WindowsFamily {
    /// The name people use, without edition or release.
    pub fn name(self) -> &'static str {
        match self {
            Self::Windows2000 => "Windows 2000",
            Self::WindowsXp => "Windows XP",
            Self::WindowsVista => "Windows Vista",
            Self::Windows7 => "Windows 7",
            Self::Windows8 => "Windows 8",
            Self::Windows81 => "Windows 8.1",
            Self::WindowsRt => "Windows RT",
            Self::WindowsRt81 => "Windows RT 8.1",
            Self::Windows10 => "Windows 10",
            Self::Windows11 => "Windows 11",
            Self::Server2003 => "Windows Server 2003",
            Self::Server2003R2 => "Windows Server 2003 R2",
            Self::Server2008 => "Windows Server 2008",
            Self::Server2008R2 => "Windows Server 2008 R2",
            Self::Server2012 => "Windows Server 2012",
            Self::Server2012R2 => "Windows Server 2012 R2",
            Self::Server2016 => "Windows Server 2016",
            Self::Server2019 => "Windows Server 2019",
            Self::Server2022 => "Windows Server 2022",
            Self::Server2025 => "Windows Server 2025",
            Self::ServerSemiAnnual => "Windows Server",
        }
    }

    /// The family of this name, whatever its case.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|family| family.name().eq_ignore_ascii_case(name.trim()))
    }

    const ALL: [Self; 21] = [
        Self::Windows2000,
        Self::WindowsXp,
        Self::WindowsVista,
        Self::Windows7,
        Self::Windows8,
        Self::Windows81,
        Self::WindowsRt,
        Self::WindowsRt81,
        Self::Windows10,
        Self::Windows11,
        Self::Server2003,
        Self::Server2003R2,
        Self::Server2008,
        Self::Server2008R2,
        Self::Server2012,
        Self::Server2012R2,
        Self::Server2016,
        Self::Server2019,
        Self::Server2022,
        Self::Server2025,
        Self::ServerSemiAnnual,
    ];

    /// The Defender software id: `microsoft-_-windows_10`.
    pub fn software_id(self) -> SoftwareId {
        SoftwareId::of("microsoft", self.name())
    }

    /// Whether the family is a server's.
    pub fn is_server(self) -> bool {
        matches!(
            self,
            Self::Server2003
                | Self::Server2003R2
                | Self::Server2008
                | Self::Server2008R2
                | Self::Server2012
                | Self::Server2012R2
                | Self::Server2016
                | Self::Server2019
                | Self::Server2022
                | Self::Server2025
                | Self::ServerSemiAnnual
        )
    }

    /// Whether the operating system is serviced by one cumulative update (Windows 10 and
    /// Server 2016 on), not by rollups beside single updates.
    pub fn is_cumulative(self) -> bool {
        matches!(
            self,
            Self::Windows10
                | Self::Windows11
                | Self::Server2016
                | Self::Server2019
                | Self::Server2022
                | Self::Server2025
                | Self::ServerSemiAnnual
        )
    }
}

/// A processor architecture of Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// 32-bit Intel.
    X86,
    /// 64-bit Intel and AMD.
    X64,
    /// 64-bit ARM.
    Arm64,
    /// 32-bit ARM (Windows RT).
    Arm,
    /// Itanium.
    Itanium,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86 => "x86",
            Self::X64 => "x64",
            Self::Arm64 => "ARM64",
            Self::Arm => "ARM",
            Self::Itanium => "Itanium",
        })
    }
}

/// The release of a family that has several: `1909`, `22H2`; upper case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Release(Box<str>);

impl Release {
    /// The release of this label, whatever its case.
    pub fn new(label: &str) -> Self {
        Self(label.trim().to_uppercase().into_boxed_str())
    }

    /// A release label as a word of a product name: `1909`, `22H2`, `21h2`; four characters,
    /// digits but for an `H`.
    fn of_word(word: &str) -> Option<Self> {
        let is_label = word.len() == 4
            && word
                .bytes()
                .enumerate()
                .all(|(i, b)| b.is_ascii_digit() || (i == 2 && b.eq_ignore_ascii_case(&b'h')));
        is_label.then(|| Self::new(word))
    }

    /// The label.
    pub fn label(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A Windows product as Microsoft's documents tell them apart.
///
/// Two are equal when they are one product, however the feed spelled it: `Windows 11 for
/// x64-based Systems` is release 21H2, `Windows 10 for x64-based Systems` is release 1507.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WindowsProduct {
    /// The family.
    pub family: WindowsFamily,
    /// The release, for families that have several (Windows 10, 11, the semi-annual servers,
    /// and `23H2` of Windows Server 2022).
    pub release: Option<Release>,
    /// The architecture; x64 for servers from 2012 on, whose names leave it out.
    pub architecture: Architecture,
    /// The service pack, 0 without one.
    pub service_pack: u8,
    /// A Server Core installation.
    pub core: bool,
    /// The feed's own product for `Azure Edition Core Hotpatch`.
    pub azure_hotpatch: bool,
}

impl WindowsProduct {
    /// A product without release, service pack or Core.
    pub fn new(family: WindowsFamily, architecture: Architecture) -> Self {
        Self {
            family,
            release: None,
            architecture,
            service_pack: 0,
            core: false,
            azure_hotpatch: false,
        }
    }

    /// Reads a name of Microsoft's documents; `None` where the whole name is not a Windows product's.
    pub fn of_name(name: &str) -> Option<Self> {
        let mut words = Words::new(name);
        words.take("Microsoft");
        if !words.take("Windows") {
            return None;
        }
        let mut product = if words.take("Server") {
            server(&mut words)?
        } else {
            client(&mut words)?
        };
        product.core |= words.take("(Server Core installation)");
        words.is_empty().then_some(product)
    }
}

impl fmt::Display for WindowsProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.family.name())?;
        if let Some(release) = &self.release {
            match self.family {
                WindowsFamily::ServerSemiAnnual => write!(f, ", version {release}")?,
                WindowsFamily::Server2022 => write!(f, ", {release} Edition")?,
                _ => write!(f, " {release}")?,
            }
        }
        if self.service_pack > 0 {
            write!(f, " SP{}", self.service_pack)?;
        }
        if self.azure_hotpatch {
            f.write_str(" Azure Edition Hotpatch")?;
        }
        if self.core {
            f.write_str(" Server Core")?;
        }
        write!(f, " {}", self.architecture)
    }
}

fn client(words: &mut Words<'_>) -> Option<WindowsProduct> {
    use WindowsFamily as F;
    let family = if words.take("10") {
        F::Windows10
    } else if words.take("11") {
        F::Windows11
    } else if words.take("7") {
        F::Windows7
    } else if words.take("8.1") {
        F::Windows81
    } else if words.take("8") {
        F::Windows8
    } else if words.take("RT 8.1") {
        return Some(WindowsProduct::new(F::WindowsRt81, Architecture::Arm));
    } else if words.take("RT") {
        return Some(WindowsProduct::new(F::WindowsRt, Architecture::Arm));
    } else if words.take("Vista") {
        F::WindowsVista
    } else if words.take("XP") {
        F::WindowsXp
    } else {
        return None;
    };
    let mut release = None;
    if words.take("Version") {
        release = Some(Release::of_word(words.word()?)?);
    }
    let architecture = match family {
        // These name the architecture only where it is not 32-bit, as an edition.
        F::WindowsVista | F::WindowsXp => {
            if words.take("x64 Edition") {
                Architecture::X64
            } else {
                Architecture::X86
            }
        }
        _ => for_systems(words)?,
    };
    // The first release of each family came without a number in its name.
    let release = release.or_else(|| match family {
        F::Windows10 => Some(Release::new("1507")),
        F::Windows11 => Some(Release::new("21H2")),
        _ => None,
    });
    Some(WindowsProduct {
        release,
        service_pack: service_pack(words)?,
        ..WindowsProduct::new(family, architecture)
    })
}

fn server(words: &mut Words<'_>) -> Option<WindowsProduct> {
    use WindowsFamily as F;
    if words.take(", version") {
        let release = Release::of_word(words.word()?)?;
        return Some(WindowsProduct {
            release: Some(release),
            ..WindowsProduct::new(F::ServerSemiAnnual, Architecture::X64)
        });
    }
    let family = if words.take("2008 R2") {
        F::Server2008R2
    } else if words.take("2008") {
        F::Server2008
    } else if words.take("2012 R2") {
        F::Server2012R2
    } else if words.take("2012") {
        F::Server2012
    } else if words.take("2003 R2") {
        F::Server2003R2
    } else if words.take("2003") {
        F::Server2003
    } else if words.take("2016") {
        F::Server2016
    } else if words.take("2019") {
        F::Server2019
    } else if words.take("2022") {
        F::Server2022
    } else if words.take("2025") {
        F::Server2025
    } else {
        return None;
    };
    let mut product = WindowsProduct::new(family, Architecture::X64);
    if matches!(
        family,
        F::Server2003 | F::Server2008 | F::Server2008R2 | F::Server2003R2
    ) {
        product.architecture = for_systems(words)?;
        product.service_pack = service_pack(words)?;
    } else if words.take("Azure Edition Core Hotpatch") {
        product.azure_hotpatch = true;
        product.core = true;
    } else if words.take(", 23H2 Edition") {
        product.release = Some(Release::new("23H2"));
    }
    Some(product)
}

fn for_systems(words: &mut Words<'_>) -> Option<Architecture> {
    if !words.take("for") {
        return None;
    }
    let architecture = match words.word()?.to_ascii_lowercase().as_str() {
        "32-bit" => Architecture::X86,
        "x64-based" => Architecture::X64,
        "arm64-based" => Architecture::Arm64,
        "itanium-based" => Architecture::Itanium,
        _ => return None,
    };
    (words.take("Systems") || words.take("System")).then_some(architecture)
}

fn service_pack(words: &mut Words<'_>) -> Option<u8> {
    if words.take("Service Pack") {
        words.word()?.parse().ok()
    } else {
        Some(0)
    }
}

/// The family and release a build number stands for, as client and as server.
///
/// Source: the release history that Microsoft publishes for each Windows version; the pairs are
/// public facts and change only when a release is added.
pub fn release_of_build(build: u32, server: bool) -> Option<(WindowsFamily, Option<Release>)> {
    use WindowsFamily as F;
    let (client, client_release, server_family, server_release) = match build {
        10240 => (Some(F::Windows10), "1507", None, ""),
        10586 => (Some(F::Windows10), "1511", None, ""),
        14393 => (Some(F::Windows10), "1607", Some(F::Server2016), ""),
        15063 => (Some(F::Windows10), "1703", None, ""),
        16299 => (
            Some(F::Windows10),
            "1709",
            Some(F::ServerSemiAnnual),
            "1709",
        ),
        17134 => (
            Some(F::Windows10),
            "1803",
            Some(F::ServerSemiAnnual),
            "1803",
        ),
        17763 => (Some(F::Windows10), "1809", Some(F::Server2019), ""),
        18362 => (
            Some(F::Windows10),
            "1903",
            Some(F::ServerSemiAnnual),
            "1903",
        ),
        18363 => (
            Some(F::Windows10),
            "1909",
            Some(F::ServerSemiAnnual),
            "1909",
        ),
        19041 => (
            Some(F::Windows10),
            "2004",
            Some(F::ServerSemiAnnual),
            "2004",
        ),
        19042 => (
            Some(F::Windows10),
            "20H2",
            Some(F::ServerSemiAnnual),
            "20H2",
        ),
        19043 => (Some(F::Windows10), "21H1", None, ""),
        19044 => (Some(F::Windows10), "21H2", None, ""),
        19045 => (Some(F::Windows10), "22H2", None, ""),
        20348 => (None, "", Some(F::Server2022), ""),
        22000 => (Some(F::Windows11), "21H2", None, ""),
        22621 => (Some(F::Windows11), "22H2", None, ""),
        22631 => (Some(F::Windows11), "23H2", None, ""),
        25398 => (None, "", Some(F::Server2022), "23H2"),
        26100 => (Some(F::Windows11), "24H2", Some(F::Server2025), ""),
        26200 => (Some(F::Windows11), "25H2", None, ""),
        28000 => (Some(F::Windows11), "26H1", None, ""),
        _ => return None,
    };
    let (family, release) = if server {
        (server_family?, server_release)
    } else {
        (client?, client_release)
    };
    Some((family, (!release.is_empty()).then(|| Release::new(release))))
}

/// Every build that [`release_of_build`] knows.
const BUILDS: [u32; 22] = [
    10240, 10586, 14393, 15063, 16299, 17134, 17763, 18362, 18363, 19041, 19042, 19043, 19044,
    19045, 20348, 22000, 22621, 22631, 25398, 26100, 26200, 28000,
];

/// Builds that are one code with different features switched on: their revisions are the same
/// update's, and one update serves them all.
const SIBLINGS: [&[u32]; 4] = [
    &[18362, 18363],
    &[19041, 19042, 19043, 19044, 19045],
    &[22621, 22631],
    &[26100, 26200],
];

impl WindowsProduct {
    /// The build of this product, without revision; `None` for a release not known here.
    ///
    /// Windows 7, Server 2008 and their R2 are meant with their last service pack.
    pub fn build(&self) -> Option<WindowsBuild> {
        use WindowsFamily as F;
        let before_10 = |minor, build| {
            Some(WindowsBuild {
                major: 6,
                minor,
                build,
                ubr: None,
            })
        };
        match self.family {
            F::Windows7 | F::Server2008R2 => return before_10(1, 7601),
            F::WindowsVista => return before_10(0, 6002),
            // From 2019 on its updates raise the build from 6002.
            F::Server2008 => return before_10(0, 6003),
            F::Windows8 | F::WindowsRt | F::Server2012 => return before_10(2, 9200),
            F::Windows81 | F::WindowsRt81 | F::Server2012R2 => return before_10(3, 9600),
            F::ServerSemiAnnual if self.release.as_ref().is_some_and(|r| r.label() == "1809") => {
                return Some(WindowsBuild::windows10(17763, None));
            }
            _ => {}
        }
        let is_this = |build: &&u32| {
            release_of_build(**build, self.family.is_server()).is_some_and(|(family, release)| {
                family == self.family
                    && (release == self.release || (family.is_server() && self.release.is_none()))
            })
        };
        let build = BUILDS.iter().find(is_this)?;
        Some(WindowsBuild::windows10(*build, None))
    }
}

/// Whether two builds of Windows 10 or later are one code: then one update brings both to the same revision.
pub fn are_siblings(one: u32, other: u32) -> bool {
    one != other
        && SIBLINGS
            .iter()
            .any(|group| group.contains(&one) && group.contains(&other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(name: &str) -> WindowsProduct {
        WindowsProduct::of_name(name).unwrap_or_else(|| panic!("{name} is not read"))
    }

    #[test]
    fn spelling_variants_are_one_product() {
        for (one, other) in [
            (
                "Windows 11 for x64-based Systems",
                "Windows 11 version 21H2 for x64-based Systems",
            ),
            (
                "Windows 8.1 for x64-based systems",
                "Windows 8.1 for x64-based Systems",
            ),
            (
                "Windows Server 2019  (Server Core installation)",
                "Windows Server 2019 (Server Core Installation)",
            ),
        ] {
            assert_eq!(windows(one), windows(other));
        }
    }

    #[test]
    fn near_names_are_not_one_product() {
        for (one, other) in [
            ("Windows Server 2012", "Windows Server 2012 R2"),
            (
                "Windows Server 2022 (Server Core installation)",
                "Windows Server 2022, 23H2 Edition (Server Core installation)",
            ),
            (
                "Windows 10 for x64-based Systems",
                "Windows 10 Version 1511 for x64-based Systems",
            ),
            (
                "Windows 11 Version 24H2 for x64-based Systems",
                "Windows 11 Version 24H2 for ARM64-based Systems",
            ),
            (
                "Windows Server 2008 for x64-based Systems (Server Core installation)",
                "Windows Server 2008 for x64-based Systems Service Pack 2 (Server Core installation)",
            ),
        ] {
            assert_ne!(windows(one), windows(other));
        }
    }

    #[test]
    fn a_product_has_its_build() {
        for (name, build) in [
            (
                "Windows 10 Version 1909 for x64-based Systems",
                "10.0.18363",
            ),
            ("Windows Server 2019", "10.0.17763"),
            ("Windows Server 2022", "10.0.20348"),
            (
                "Windows Server 2022, 23H2 Edition (Server Core installation)",
                "10.0.25398",
            ),
            (
                "Windows Server, version 1903 (Server Core installation)",
                "10.0.18362",
            ),
            ("Windows Server 2025", "10.0.26100"),
            ("Windows 7 for x64-based Systems Service Pack 1", "6.1.7601"),
            ("Windows Server 2012 R2", "6.3.9600"),
        ] {
            assert_eq!(windows(name).build().unwrap().to_string(), build, "{name}");
        }
        let all: Vec<u32> = (10_000..30_000)
            .filter(|&build| {
                release_of_build(build, false).is_some() || release_of_build(build, true).is_some()
            })
            .collect();
        assert_eq!(all, BUILDS);
        assert!(are_siblings(19041, 19045) && !are_siblings(19041, 22621));
    }

    #[test]
    fn reads_every_part() {
        let product = windows("Windows Server 2008 R2 for Itanium-Based Systems Service Pack 1");
        assert_eq!(product.family, WindowsFamily::Server2008R2);
        assert_eq!(product.architecture, Architecture::Itanium);
        assert_eq!(product.service_pack, 1);
        let product = windows("Windows Server, version 1709  (Server Core Installation)");
        assert_eq!(product.release, Some(Release::new("1709")));
        assert!(product.core);
        assert_eq!(
            windows("Windows Vista x64 Edition Service Pack 2").architecture,
            Architecture::X64
        );
        assert_eq!(
            windows("Windows 10 for 32-bit Systems").to_string(),
            "Windows 10 1507 x86"
        );
    }
}
