//! Which Windows product a machine runs.

use kbgap_catalog::{
    Architecture, Release, WindowsBuild, WindowsFamily, WindowsProduct, release_of_build,
};

use crate::report::{InstallationType, MachineReport, OsReport};

/// The Windows product of a machine, and its build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowsIdentity {
    /// The product.
    pub product: WindowsProduct,
    /// The build, with its revision where the machine reports it.
    pub build: Option<WindowsBuild>,
}

/// Why a machine's product cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unidentified {
    /// Neither a name nor a version of an operating system.
    #[error("the report states no operating system")]
    NothingStated,
    /// The name is not one of Windows'.
    #[error("'{0}' is not a Windows this kbgap knows")]
    NotWindows(Box<str>),
    /// The version is missing, and the name alone does not tell the release.
    #[error("'{0}' without a build number does not tell the release")]
    NoBuild(Box<str>),
    /// The build is of no release known, and no release is stated.
    #[error("build {build} is of no release known for {name}; report displayVersion too")]
    UnknownBuild {
        /// The build.
        build: u32,
        /// The name of the operating system.
        name: Box<str>,
    },
    /// Name and build belong to different products.
    #[error("'{name}' and build {build} contradict each other")]
    Contradiction {
        /// The name of the operating system.
        name: Box<str>,
        /// The build.
        build: WindowsBuild,
    },
    /// The architecture is missing, and the product exists for several.
    #[error("the report states no architecture, and {0} exists for several")]
    NoArchitecture(&'static str),
}

/// Tells the Windows product from a report.
///
/// The name says client or server and, for servers, the generation; the build says the release. Server Core is
/// told by the installation type alone: where it is not reported (`systeminfo` does not), the
/// machine counts as one with a desktop.
///
/// # Errors
/// Where the report leaves it open; never a guess.
pub fn identify(report: &MachineReport) -> Result<WindowsIdentity, Unidentified> {
    let os = &report.os;
    let name = os.name.as_deref().unwrap_or_default();
    if name.is_empty() && os.version.is_none() {
        return Err(Unidentified::NothingStated);
    }
    let named = Named::of(name).ok_or_else(|| Unidentified::NotWindows(name.into()))?;
    let (family, release) = family(os, name, &named)?;
    let architecture = architecture(os, family, name)?;
    let service_pack = service_pack(os, family);
    let core = matches!(os.installation_type, Some(InstallationType::ServerCore)) && family.is_server()
        // The semi-annual servers and the 23H2 edition come without a desktop only.
        || family == WindowsFamily::ServerSemiAnnual
        || (family == WindowsFamily::Server2022 && release.is_some());
    Ok(WindowsIdentity {
        product: WindowsProduct {
            release,
            service_pack,
            core,
            ..WindowsProduct::new(family, architecture)
        },
        build: os.version,
    })
}

/// What the name of an operating system says.
struct Named {
    server: bool,
    /// The generation, where the name has one: `10`, `2012 R2`, `Vista`.
    generation: Option<WindowsFamily>,
}

impl Named {
    fn of(name: &str) -> Option<Self> {
        let words = words(name);
        let windows = words.iter().position(|word| word == "windows")?;
        let mut rest = words[windows + 1..].iter().map(String::as_str);
        let mut next = rest.next();
        let server = next == Some("server");
        if server {
            next = rest.next();
        }
        let r2 = rest.next() == Some("r2");
        let generation = match (server, next.unwrap_or_default(), r2) {
            (false, "10", _) => Some(WindowsFamily::Windows10),
            (false, "11", _) => Some(WindowsFamily::Windows11),
            (false, "8.1", _) => Some(WindowsFamily::Windows81),
            (false, "8", _) => Some(WindowsFamily::Windows8),
            (false, "7", _) => Some(WindowsFamily::Windows7),
            (false, "vista", _) => Some(WindowsFamily::WindowsVista),
            (false, "xp", _) => Some(WindowsFamily::WindowsXp),
            (false, "2000", _) => Some(WindowsFamily::Windows2000),
            (true, "2003", false) => Some(WindowsFamily::Server2003),
            (true, "2003", true) => Some(WindowsFamily::Server2003R2),
            (true, "2008", false) => Some(WindowsFamily::Server2008),
            (true, "2008", true) => Some(WindowsFamily::Server2008R2),
            (true, "2012", false) => Some(WindowsFamily::Server2012),
            (true, "2012", true) => Some(WindowsFamily::Server2012R2),
            (true, "2016", _) => Some(WindowsFamily::Server2016),
            (true, "2019", _) => Some(WindowsFamily::Server2019),
            (true, "2022", _) => Some(WindowsFamily::Server2022),
            (true, "2025", _) => Some(WindowsFamily::Server2025),
            _ => None,
        };
        Some(Self { server, generation })
    }
}

/// The words of a name in lower case, without the marks that some versions print as letters: `Microsoftr Windows
/// Serverr 2008`, `Windows VistaT`, `Windows(R)`.
fn words(name: &str) -> Vec<String> {
    let plain = name
        .replace("(R)", " ")
        .replace("(TM)", " ")
        .replace(['®', '™', ','], " ");
    plain
        .split_whitespace()
        .map(str::to_lowercase)
        .map(|word| match word.as_str() {
            "microsoftr" => "microsoft".to_owned(),
            "windowsr" => "windows".to_owned(),
            "serverr" | "server®" => "server".to_owned(),
            "vistat" | "vistatm" => "vista".to_owned(),
            _ => word,
        })
        .collect()
}

fn family(
    os: &OsReport,
    name: &str,
    named: &Named,
) -> Result<(WindowsFamily, Option<Release>), Unidentified> {
    use WindowsFamily as F;
    let Some(build) = os.version else {
        return match (named.generation, &os.display_version) {
            (Some(family @ (F::Windows10 | F::Windows11)), Some(release)) => {
                Ok((family, Some(release.clone())))
            }
            (Some(family), _) if !matches!(family, F::Windows10 | F::Windows11) => {
                Ok((family, None))
            }
            _ => Err(Unidentified::NoBuild(name.into())),
        };
    };
    let contradiction = || Unidentified::Contradiction {
        name: name.into(),
        build,
    };
    if (build.major, build.minor) != (10, 0) {
        let family = named
            .generation
            .ok_or_else(|| Unidentified::NotWindows(name.into()))?;
        let fits = match (build.major, build.minor) {
            (5, 0) => family == F::Windows2000,
            (5, 1) => family == F::WindowsXp,
            // The 64-bit XP is built from Server 2003.
            (5, 2) => matches!(family, F::WindowsXp | F::Server2003 | F::Server2003R2),
            (6, 0) => matches!(family, F::WindowsVista | F::Server2008),
            (6, 1) => matches!(family, F::Windows7 | F::Server2008R2),
            (6, 2) => matches!(family, F::Windows8 | F::WindowsRt | F::Server2012),
            (6, 3) => matches!(family, F::Windows81 | F::WindowsRt81 | F::Server2012R2),
            _ => false,
        };
        return if fits {
            Ok((family, None))
        } else {
            Err(contradiction())
        };
    }
    let server = named.server
        || os
            .installation_type
            .is_some_and(|kind| kind != InstallationType::Client);
    let (family, release) = match release_of_build(build.build, server) {
        Some((family, release)) => (family, release),
        // A release newer than the table counts where the machine names it itself.
        None => match (named.generation, &os.display_version) {
            (Some(family @ (F::Windows10 | F::Windows11)), Some(release))
                if build.build > 26200 =>
            {
                (family, Some(release.clone()))
            }
            _ if release_of_build(build.build, !server).is_some() => return Err(contradiction()),
            _ => {
                return Err(Unidentified::UnknownBuild {
                    build: build.build,
                    name: name.into(),
                });
            }
        },
    };
    // Windows Server 2019 and the semi-annual version 1809 share the build; the name decides.
    let (family, release) = match (family, named.generation) {
        (F::Server2019, None) if server => (F::ServerSemiAnnual, Some(Release::new("1809"))),
        other => (other.0, release),
    };
    let agrees = match named.generation {
        None => family == F::ServerSemiAnnual,
        // The registry of Windows 11 still says Windows 10.
        Some(F::Windows10) => matches!(family, F::Windows10 | F::Windows11),
        Some(generation) => generation == family,
    };
    if agrees {
        Ok((family, release))
    } else {
        Err(contradiction())
    }
}

fn architecture(
    os: &OsReport,
    family: WindowsFamily,
    name: &str,
) -> Result<Architecture, Unidentified> {
    use WindowsFamily as F;
    if let Some(architecture) = os.architecture {
        return Ok(architecture);
    }
    match family {
        F::Server2012
        | F::Server2012R2
        | F::Server2016
        | F::Server2019
        | F::Server2022
        | F::Server2025
        | F::ServerSemiAnnual => Ok(Architecture::X64),
        F::WindowsRt | F::WindowsRt81 => Ok(Architecture::Arm),
        _ if words(name).iter().any(|word| word == "x64") => Ok(Architecture::X64),
        _ => Err(Unidentified::NoArchitecture(family.name())),
    }
}

fn service_pack(os: &OsReport, family: WindowsFamily) -> u8 {
    use WindowsFamily as F;
    let by_build = match (family, os.version.map(|version| version.build)) {
        (F::Windows7 | F::Server2008R2, Some(7601))
        | (F::WindowsVista | F::Server2008, Some(6001)) => Some(1),
        (F::WindowsVista | F::Server2008, Some(6002 | 6003)) => Some(2),
        _ => None,
    };
    match family {
        F::Windows2000
        | F::WindowsXp
        | F::WindowsVista
        | F::Windows7
        | F::Server2003
        | F::Server2003R2
        | F::Server2008
        | F::Server2008R2 => by_build.or(os.service_pack).unwrap_or(0),
        _ => 0,
    }
}

/// The architecture a text stands for: `x64-based PC`, `AMD64`, `64-bit`, `ARM64`, `X86-based PC`.
pub(crate) fn architecture_of(text: &str) -> Option<Architecture> {
    if text.chars().count() > 40 {
        return None;
    }
    let lower = text.to_lowercase();
    lower
        .split(|c: char| !c.is_alphanumeric())
        .find_map(|word| match word {
            "x64" | "amd64" => Some(Architecture::X64),
            "x86" | "i386" | "i686" => Some(Architecture::X86),
            "arm64" | "aarch64" => Some(Architecture::Arm64),
            "ia64" | "itanium" => Some(Architecture::Itanium),
            _ => None,
        })
        .or(match lower.trim() {
            "64-bit" | "64 bit" | "x86_64" => Some(Architecture::X64),
            "32-bit" | "32 bit" => Some(Architecture::X86),
            "arm 64-bit processor" => Some(Architecture::Arm64),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &str, version: &str, architecture: &str) -> MachineReport {
        MachineReport {
            os: OsReport {
                name: Some(name.into()),
                version: version.parse().ok(),
                architecture: architecture_of(architecture),
                ..OsReport::default()
            },
            ..MachineReport::new()
        }
    }

    fn product(name: &str, version: &str, architecture: &str) -> String {
        let product = identify(&report(name, version, architecture))
            .map(|identity| identity.product.to_string());
        product.unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn client_and_server_of_one_build_are_told_apart_by_name() {
        for (name, build, expected) in [
            (
                "Microsoft Windows 10 Education",
                "10.0.17763",
                "Windows 10 1809 x64",
            ),
            (
                "Microsoft Windows Server 2019 Datacenter",
                "10.0.17763.1",
                "Windows Server 2019 x64",
            ),
            (
                "Microsoft Windows Server Standard",
                "10.0.17763",
                "Windows Server, version 1809 Server Core x64",
            ),
            (
                "Microsoft Windows 11 Enterprise LTSC",
                "10.0.26100",
                "Windows 11 24H2 x64",
            ),
            (
                "Microsoft Windows Server 2025 Standard",
                "10.0.26100",
                "Windows Server 2025 x64",
            ),
            (
                "Microsoft Windows Server 2022 Standard",
                "10.0.20348",
                "Windows Server 2022 x64",
            ),
            (
                "Microsoft Windows Server 2022 Datacenter",
                "10.0.25398",
                "Windows Server 2022, 23H2 Edition Server Core x64",
            ),
            (
                "Microsoft Windows Server 2012 Standard",
                "6.2.9200",
                "Windows Server 2012 x64",
            ),
            (
                "Microsoft Windows Server 2012 R2 Standard",
                "6.3.9600",
                "Windows Server 2012 R2 x64",
            ),
        ] {
            assert_eq!(
                product(name, build, "x64-based PC"),
                expected,
                "{name} {build}"
            );
        }
    }

    #[test]
    fn releases_the_peers_confuse_are_themselves() {
        assert_eq!(
            product(
                "Microsoft Windows 11 Enterprise",
                "10.0.22000",
                "x64-based PC"
            ),
            "Windows 11 21H2 x64"
        );
        assert_eq!(
            product("Microsoft Windows 10 Pro", "10.0.10240", "x64-based PC"),
            "Windows 10 1507 x64"
        );
        assert_eq!(
            product("Microsoft Windows 11 Pro", "10.0.22631", "ARM64-based PC"),
            "Windows 11 23H2 ARM64"
        );
        // The registry's product name on Windows 11.
        assert_eq!(
            product("Windows 10 Pro", "10.0.22621.1", "AMD64"),
            "Windows 11 22H2 x64"
        );
    }

    #[test]
    fn marks_printed_as_letters_do_not_matter() {
        assert_eq!(
            product(
                "Microsoftr Windows VistaT Enterprise ",
                "6.0.6001",
                "x64-based PC"
            ),
            "Windows Vista SP1 x64"
        );
        assert_eq!(
            product(
                "Microsoft(R) Windows(R) Server 2003, Standard Edition",
                "5.2.3790",
                "X86-based PC"
            ),
            "Windows Server 2003 x86"
        );
        assert_eq!(
            product(
                "Microsoft Windows\u{a0}7 Entreprise N ",
                "6.1.7601",
                "x64-based PC"
            ),
            "Windows 7 SP1 x64"
        );
    }

    #[test]
    fn what_is_left_open_is_said() {
        for (name, version, architecture, reason) in [
            ("", "", "", "the report states no operating system"),
            (
                "Ubuntu 24.04",
                "",
                "x64",
                "'Ubuntu 24.04' is not a Windows this kbgap knows",
            ),
            (
                "Microsoft Windows 10 Pro",
                "",
                "x64",
                "'Microsoft Windows 10 Pro' without a build number does not tell the release",
            ),
            (
                "Microsoft Windows 10 Pro",
                "10.0.12345",
                "x64",
                "build 12345 is of no release known for Microsoft Windows 10 Pro; report displayVersion too",
            ),
            (
                "Microsoft Windows Server 2012 R2",
                "10.0.14393",
                "x64",
                "'Microsoft Windows Server 2012 R2' and build 10.0.14393 contradict each other",
            ),
            (
                "Microsoft Windows 11 Pro",
                "10.0.22621",
                "",
                "the report states no architecture, and Windows 11 exists for several",
            ),
        ] {
            assert_eq!(product(name, version, architecture), reason);
        }
    }

    #[test]
    fn server_core_is_told_by_the_installation_type() {
        let mut report = report(
            "Microsoft Windows Server 2019 Standard",
            "10.0.17763",
            "x64-based PC",
        );
        report.os.installation_type = Some(InstallationType::ServerCore);
        assert!(identify(&report).unwrap().product.core);
    }

    #[test]
    fn a_release_newer_than_the_table_names_itself() {
        let mut report = report("Windows 11 Enterprise", "10.0.29000.1", "x64");
        assert!(matches!(
            identify(&report),
            Err(Unidentified::UnknownBuild { build: 29000, .. })
        ));
        report.os.display_version = Some(Release::new("27H2"));
        assert_eq!(
            identify(&report).unwrap().product.to_string(),
            "Windows 11 27H2 x64"
        );
    }
}
