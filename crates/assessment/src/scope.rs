//! Which products are on a machine, and how that is known.
//!
//! The operating system is what the machine is. A component counts only where the Windows
//! release carries it, or where the machine itself shows it: by its software list, or by an
//! installed update that exists for that component alone. Nothing is guessed.

use std::fmt;

use kbgap_catalog::{
    Catalog, Component, DotNetVersions, Kb, ProductIdentity, ProductIx, WindowsFamily,
    WindowsProduct,
};

use crate::host::Host;
use crate::state::MachineState;

/// A product in scope, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InScope {
    /// The product.
    pub product: ProductIx,
    /// How it is known to be on the machine.
    pub reason: ScopeReason,
}

/// How a product is known to be on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeReason {
    /// It is the operating system.
    OperatingSystem,
    /// Every installation of this Windows release carries it.
    CarriedByRelease,
    /// The machine's software list has it, in this version.
    Software(Box<str>),
    /// This installed update exists for the component alone.
    InstalledUpdate(Kb),
}

impl fmt::Display for ScopeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OperatingSystem => f.write_str("the operating system"),
            Self::CarriedByRelease => f.write_str("carried by this Windows release"),
            Self::Software(version) => write!(f, "software list, version {version}"),
            Self::InstalledUpdate(kb) => write!(f, "shown by the installed {kb}"),
        }
    }
}

/// The products in scope: the operating system first, then its components in order of
/// software name, as Microsoft's own answers list them.
pub(crate) fn of_machine(catalog: &Catalog, host: &Host, state: &MachineState) -> Vec<InScope> {
    let mut scope: Vec<InScope> = catalog
        .find_windows(&state.windows)
        .iter()
        .map(|&product| InScope {
            product,
            reason: ScopeReason::OperatingSystem,
        })
        .collect();
    let mut components = Vec::new();
    for &product in catalog.find_components(&state.windows) {
        let ProductIdentity::OnWindows { component, .. } = &catalog.product(product).identity
        else {
            continue;
        };
        if let Some(reason) = component_reason(host, state, product, component) {
            components.push(InScope { product, reason });
        }
    }
    components.sort_by_key(|in_scope| {
        let product = catalog.product(in_scope.product);
        (product.software.name(), in_scope.product)
    });
    scope.extend(components);
    scope
}

fn component_reason(
    host: &Host,
    state: &MachineState,
    product: ProductIx,
    component: &Component,
) -> Option<ScopeReason> {
    if let Component::DotNetFramework(versions) = component {
        return dot_net_reason(host, state, product, versions);
    }
    if carried(&state.windows, component) {
        return Some(ScopeReason::CarriedByRelease);
    }
    by_software(state, component).or_else(|| by_update(host, state, product))
}

fn by_software(state: &MachineState, component: &Component) -> Option<ScopeReason> {
    let id = component.software_id();
    let found = state.software.iter().find(|installed| {
        installed.software == id
            && match component {
                Component::InternetExplorer { version } => {
                    installed.version.split('.').next() == Some(version.to_string().as_str())
                }
                _ => true,
            }
    })?;
    Some(ScopeReason::Software(found.version.clone()))
}

fn by_update(host: &Host, state: &MachineState, product: ProductIx) -> Option<ScopeReason> {
    let installed = state.installed.as_ref()?;
    host.only_for(product)
        .find(|kb| installed.contains(*kb))
        .map(ScopeReason::InstalledUpdate)
}

/// Whether every installation of a Windows release carries a component.
fn carried(windows: &WindowsProduct, component: &Component) -> bool {
    use WindowsFamily as F;
    let family = windows.family;
    let release = windows.release.as_ref().map(kbgap_catalog::Release::label);
    match component {
        Component::InternetExplorer { version } => match family {
            F::Windows10 | F::Windows81 | F::WindowsRt81 => *version == 11,
            F::Server2012R2 | F::Server2016 | F::Server2019 | F::Server2022 => {
                *version == 11 && !windows.core
            }
            F::Server2012 => *version == 10 && !windows.core,
            _ => false,
        },
        // Replaced by the Chromium-based Edge from 20H2 on; servers never had it.
        Component::EdgeHtml => {
            family == F::Windows10 && !matches!(release, Some("20H2" | "21H1" | "21H2" | "22H2"))
        }
        // Part of clients from 8 to 10 until it was removed; on servers only with the desktop,
        // which Server 2012 and 2012 R2 have as a feature that few install.
        Component::FlashPlayer => match family {
            F::Windows8 | F::Windows81 | F::WindowsRt81 => true,
            F::Windows10 => !matches!(release, Some("21H2" | "22H2")),
            F::Server2016 | F::Server2019 => !windows.core,
            _ => false,
        },
        // Parts of every Windows, serviced by its own updates.
        Component::XmlCoreServices => true,
        _ => false,
    }
}

/// The .NET Framework 4.x that a Windows release carries, and whether it carries 3.5 or 2.0.
fn carried_dot_net(windows: &WindowsProduct) -> Option<&'static str> {
    use WindowsFamily as F;
    let release = windows.release.as_ref().map(kbgap_catalog::Release::label);
    match (windows.family, release) {
        (F::Windows10, Some("1507")) => Some("4.6"),
        (F::Windows10, Some("1511")) => Some("4.6.1"),
        (F::Windows10, Some("1607")) | (F::Server2016, _) => Some("4.6.2"),
        (F::Windows10, Some("1703")) => Some("4.7"),
        (F::Windows10 | F::ServerSemiAnnual, Some("1709")) => Some("4.7.1"),
        (F::Windows10 | F::ServerSemiAnnual, Some("1803"))
        | (F::Windows10, Some("1809"))
        | (F::Server2019, _) => Some("4.7.2"),
        (F::Windows10 | F::ServerSemiAnnual, Some(_))
        | (F::Windows11, Some("21H2"))
        | (F::Server2022, _) => Some("4.8"),
        (F::Windows11, Some(_)) | (F::Server2025, _) => Some("4.8.1"),
        (F::Windows7 | F::Server2008R2, _) => Some("3.5.1"),
        _ => None,
    }
}

fn dot_net_reason(
    host: &Host,
    state: &MachineState,
    product: ProductIx,
    versions: &DotNetVersions,
) -> Option<ScopeReason> {
    let found = state.software.iter().find(|installed| {
        installed.software.name() == ".net_framework" && names(versions, &installed.version)
    });
    if let Some(found) = found {
        return Some(ScopeReason::Software(found.version.clone()));
    }
    let upgraded = state.software.iter().any(|installed| {
        installed.software.name() == ".net_framework" && installed.version.starts_with("4.")
    });
    let carried = carried_dot_net(&state.windows).is_some_and(|version| versions.contains(version));
    if carried && !upgraded {
        return Some(ScopeReason::CarriedByRelease);
    }
    by_update(host, state, product)
}

/// Whether a reported version (`4.8`, `4.8.03761`) is among the versions of a product name.
fn names(versions: &DotNetVersions, reported: &str) -> bool {
    // The longest version that fits: `4.7.2.1` is 4.7.2, not 4.7.
    let parts: Vec<&str> = reported.split('.').collect();
    let mut fitting = (1..=parts.len().min(3)).rev().map(|n| parts[..n].join("."));
    let known = [
        "2.0", "3.0", "3.5", "3.5.1", "4.5.2", "4.6", "4.6.1", "4.6.2", "4.7", "4.7.1", "4.7.2",
        "4.8", "4.8.1",
    ];
    fitting
        .find(|version| known.contains(&version.as_str()))
        .is_some_and(|version| versions.contains(&version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reported_dot_net_version_fits_its_own_product_only() {
        let versions = DotNetVersions::new("4.6.2/4.7/4.7.1/4.7.2");
        for (reported, fits) in [
            ("4.7.2", true),
            ("4.7.03190", true),
            ("4.8", false),
            ("4.8.04084", false),
        ] {
            assert_eq!(names(&versions, reported), fits, "{reported}");
        }
    }
}
