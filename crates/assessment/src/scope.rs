//! Which products are on a machine, and how that is known.
//!
//! The operating system is what the machine is. A component counts only where the Windows
//! release carries it, or where the machine itself shows it: by its software list, or by an
//! installed update that exists for that component alone. Nothing is guessed.

use std::fmt;

use kbgap_catalog::{
    Catalog, Component, DotNetVersions, Kb, ProductIdentity, ProductIx, SoftwareId, WindowsFamily,
    WindowsProduct,
};

use crate::dot_net::{self, Four};
use crate::host::Member;
use crate::state::{InstalledUpdates, MachineState, SoftwareVersion};

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
    /// This installed update exists for the component alone, or is the component.
    InstalledUpdate(Kb),
}

impl fmt::Display for ScopeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OperatingSystem => f.write_str("the operating system"),
            Self::CarriedByRelease => f.write_str("carried by this Windows release"),
            Self::Software(version) if version.is_empty() => f.write_str("software list"),
            Self::Software(version) => write!(f, "software list, version {version}"),
            Self::InstalledUpdate(kb) => write!(f, "shown by the installed {kb}"),
        }
    }
}

/// The products that can be on a machine of one Windows, and what shows each.
#[derive(Debug)]
pub(crate) struct Scope {
    windows: Vec<ProductIx>,
    /// In order of software name, as Microsoft's own answers list them.
    components: Vec<ComponentGate>,
    /// The numbers that exist for components alone, in order, each with the products it shows.
    proofs: Vec<(Kb, Vec<ProductIx>)>,
    /// The .NET Framework 4.x that this Windows carries.
    carried_four: Option<Four>,
}

#[derive(Debug)]
struct ComponentGate {
    product: ProductIx,
    software: SoftwareId,
    gate: Gate,
}

#[derive(Debug)]
enum Gate {
    /// Every installation has it.
    Carried,
    /// The machine must show it; of Internet Explorer in this version.
    Shown { version: Option<u8> },
    /// The .NET Framework, of which a machine may have several versions.
    DotNet {
        versions: DotNetVersions,
        four: Vec<Four>,
        carried: bool,
    },
}

impl Scope {
    pub(crate) fn new(catalog: &Catalog, windows: &WindowsProduct, members: &[Member]) -> Self {
        let mut components: Vec<ComponentGate> = catalog
            .find_components(windows)
            .iter()
            .filter_map(|&at| {
                let product = catalog.product(at);
                let ProductIdentity::OnWindows { component, .. } = &product.identity else {
                    return None;
                };
                Some(ComponentGate {
                    product: at,
                    software: product.software.clone(),
                    gate: gate(windows, component),
                })
            })
            .collect();
        components.sort_by(|one, other| {
            (one.software.name(), one.product).cmp(&(other.software.name(), other.product))
        });
        Self {
            windows: catalog.find_windows(windows).to_vec(),
            proofs: proofs(catalog, members),
            components,
            carried_four: dot_net::carried(windows).and_then(Four::of),
        }
    }

    /// The products in scope: the operating system first, then its components.
    pub(crate) fn of_machine(&self, state: &MachineState) -> Vec<InScope> {
        let mut scope = Vec::with_capacity(self.windows.len() + self.components.len());
        scope.extend(self.windows.iter().map(|&product| InScope {
            product,
            reason: ScopeReason::OperatingSystem,
        }));
        let shown = self.shown_by_updates(state);
        let four = self.four(state, &shown);
        for component in &self.components {
            let proof = || {
                let (_, kb) = shown.iter().find(|(at, _)| *at == component.product)?;
                Some(ScopeReason::InstalledUpdate(*kb))
            };
            let reason = match &component.gate {
                Gate::Carried => Some(ScopeReason::CarriedByRelease),
                Gate::Shown { version } => by_software(state, &component.software, *version)
                    .or_else(|| browser_installed(state, (*version)?))
                    .or_else(proof),
                Gate::DotNet {
                    versions,
                    four: own,
                    carried,
                } => dot_net_reason(&four, versions, own, *carried)
                    .or_else(|| proof().filter(|_| own.is_empty() || four.may_be_one_of(own))),
            };
            if let Some(reason) = reason {
                scope.push(InScope {
                    product: component.product,
                    reason,
                });
            }
        }
        scope
    }

    /// The products that installed updates show, each with the first update that does.
    fn shown_by_updates(&self, state: &MachineState) -> Vec<(ProductIx, Kb)> {
        let Some(installed) = &state.installed else {
            return Vec::new();
        };
        let mut shown: Vec<(ProductIx, Kb)> = Vec::new();
        for &kb in installed.kbs() {
            let Ok(at) = self.proofs.binary_search_by_key(&kb, |(known, _)| *known) else {
                continue;
            };
            for &product in &self.proofs[at].1 {
                if !shown.iter().any(|(known, _)| *known == product) {
                    shown.push((product, kb));
                }
            }
        }
        shown
    }

    /// What is known of the .NET Framework on a machine.
    fn four<'s>(&self, state: &'s MachineState, shown: &[(ProductIx, Kb)]) -> DotNetShown<'s> {
        let mut found = DotNetShown::default();
        let reported = state
            .software
            .iter()
            .filter(|installed| installed.software.name() == dot_net::NAME);
        for installed in reported {
            found.reported.push(installed);
            found.installed = found
                .installed
                .max(Four::of_reported(&installed.version).map(|four| (four, None)));
        }
        for &kb in state.installed.iter().flat_map(InstalledUpdates::kbs) {
            found.installed = found
                .installed
                .max(dot_net::installed_by(kb).map(|four| (four, Some(kb))));
        }
        // Of the packages that are installed, those for the highest version show which one is there.
        let packages = self.components.iter().filter_map(|component| {
            let Gate::DotNet { four, .. } = &component.gate else {
                return None;
            };
            let is_shown = shown.iter().any(|(at, _)| *at == component.product);
            is_shown.then_some(four).filter(|four| !four.is_empty())
        });
        found.package = packages
            .max_by_key(|four| four.last().copied())
            .cloned()
            .unwrap_or_default();
        found.carried = self.carried_four;
        found
    }
}

/// What is known of the .NET Framework on a machine. Of 4.x there is one version, each replacing the last.
#[derive(Default)]
struct DotNetShown<'s> {
    reported: Vec<&'s SoftwareVersion>,
    /// The highest 4.x reported, or installed by an update, with that update.
    installed: Option<(Four, Option<Kb>)>,
    /// The versions that the package for the highest one serves.
    package: Vec<Four>,
    carried: Option<Four>,
}

impl DotNetShown<'_> {
    /// Whether the installed 4.x may be one of these.
    fn may_be_one_of(&self, versions: &[Four]) -> bool {
        match self.installed {
            Some((four, _)) => versions.contains(&four),
            None => versions.iter().any(|four| self.package.contains(four)),
        }
    }

    /// Whether something newer than what Windows carried took its place.
    fn is_upgraded(&self) -> bool {
        let carried = |four: &Four| Some(*four) == self.carried;
        match self.installed {
            Some((four, _)) => !carried(&four),
            None => !self.package.is_empty() && !self.package.iter().any(carried),
        }
    }
}

fn dot_net_reason(
    shown: &DotNetShown<'_>,
    versions: &DotNetVersions,
    four: &[Four],
    carried: bool,
) -> Option<ScopeReason> {
    let reported = shown.reported.iter().find(|installed| {
        let is_four = Four::of_reported(&installed.version);
        match is_four {
            Some(version) => four.contains(&version) && shown.may_be_one_of(four),
            None => dot_net::names(versions, &installed.version) && four.is_empty(),
        }
    });
    if let Some(installed) = reported {
        return Some(ScopeReason::Software(installed.version.clone()));
    }
    if let Some((version, Some(kb))) = shown.installed
        && four.contains(&version)
    {
        return Some(ScopeReason::InstalledUpdate(kb));
    }
    let replaced = !four.is_empty() && shown.is_upgraded();
    (carried && !replaced).then_some(ScopeReason::CarriedByRelease)
}

fn by_software(
    state: &MachineState,
    software: &SoftwareId,
    version: Option<u8>,
) -> Option<ScopeReason> {
    let found = state.software.iter().find(|installed| {
        installed.software == *software
            && version.is_none_or(|version| {
                installed.version.split('.').next() == Some(version.to_string().as_str())
            })
    })?;
    Some(ScopeReason::Software(found.version.clone()))
}

/// The installed update that is Internet Explorer of this version, where no later one is.
///
/// Source: the installers' articles for Windows 7 and Server 2008 R2.
fn browser_installed(state: &MachineState, version: u8) -> Option<ScopeReason> {
    const INSTALLERS: [(u32, u8); 3] = [(982_861, 9), (2_718_695, 10), (2_841_134, 11)];
    let installed = state.installed.iter().flat_map(InstalledUpdates::kbs);
    let versions = installed.filter_map(|kb| {
        let known = INSTALLERS
            .iter()
            .find(|(number, _)| *number == kb.number())?;
        Some((known.1, *kb))
    });
    let (newest, kb) = versions.max()?;
    (newest == version).then_some(ScopeReason::InstalledUpdate(kb))
}

fn gate(windows: &WindowsProduct, component: &Component) -> Gate {
    match component {
        Component::DotNetFramework(versions) => Gate::DotNet {
            four: Four::all(versions),
            carried: dot_net::carried(windows).is_some_and(|version| versions.contains(version)),
            versions: versions.clone(),
        },
        _ if carried(windows, component) => Gate::Carried,
        Component::InternetExplorer { version } => Gate::Shown {
            version: Some(*version),
        },
        _ => Gate::Shown { version: None },
    }
}

/// The numbers under which updates of components alone are listed, with the products each shows.
///
/// A number that serves several versions of the .NET Framework shows none of them, unless those have
/// a version in common.
fn proofs(catalog: &Catalog, members: &[Member]) -> Vec<(Kb, Vec<ProductIx>)> {
    let mut proofs: Vec<(Kb, Vec<ProductIx>)> = Vec::new();
    // Members are in order of number.
    for group in members.chunk_by(|one, other| one.kb == other.kb) {
        let products: Vec<ProductIx> = group.iter().flat_map(|m| m.products.clone()).collect();
        let identities = || products.iter().map(|&at| &catalog.product(at).identity);
        let mut four = identities().map(|identity| match identity {
            ProductIdentity::OnWindows {
                component: Component::DotNetFramework(versions),
                ..
            } => Four::all(versions),
            _ => Vec::new(),
        });
        let alone = match &products[..] {
            [] => false,
            [_] => {
                identities().all(|identity| matches!(identity, ProductIdentity::OnWindows { .. }))
            }
            _ => {
                let first = four.next().unwrap_or_default();
                let rest: Vec<Vec<Four>> = four.collect();
                first
                    .iter()
                    .any(|version| rest.iter().all(|other| other.contains(version)))
            }
        };
        if let (true, Some(first)) = (alone, group.first()) {
            proofs.push((first.kb, products));
        }
    }
    proofs
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
