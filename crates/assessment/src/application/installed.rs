//! The applications a machine shows, read from its software list.

use std::cmp::Ordering;

use kbgap_catalog::{Application, ApplicationFamily, ApplicationRelease, Kb, Version};
pub use kbgap_inventory::{InstalledApplication, ListedUpdate, VersionKind};
use kbgap_inventory::{InstalledSoftware, MicrosoftEntry as Seen};

use super::place;

/// The applications of a machine and the updates its software list names: all an assessment of
/// applications takes from that list.
///
/// Machines of equal applications and updates have equal findings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct InstalledApplications {
    pub(super) applications: Vec<InstalledApplication>,
    pub(super) updates: Vec<ListedUpdate>,
}

/// Applications that are assessed apart from all others: entries of one group say nothing of another's. Only an
/// update that is listed counts wherever it is a fix.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum ApplicationGroup {
    /// The Office applications: suites carry several, and packages serve several.
    Office,
    /// The applications of another family, in one release.
    Family(ApplicationFamily, Option<ApplicationRelease>),
    /// Updates whose title names no application.
    Untold,
}

impl ApplicationGroup {
    /// The group of a release of a family.
    pub fn of(family: ApplicationFamily, release: Option<ApplicationRelease>) -> Self {
        if place::is_office(family) || family == ApplicationFamily::Microsoft365Apps {
            Self::Office
        } else {
            Self::Family(family, release)
        }
    }

    /// The group of an application: that of its line, where it stands on one.
    fn of_installed(installed: &InstalledApplication) -> Self {
        let line = place::line_of(installed);
        let at = line.as_ref().unwrap_or(&installed.application);
        Self::of(at.family, at.release)
    }
}

impl InstalledApplications {
    /// Reads a software list; what is of others or not recognized is passed over.
    pub fn of_software<'a>(software: impl IntoIterator<Item = &'a InstalledSoftware>) -> Self {
        let mut read = Reading::default();
        for seen in software.into_iter().filter_map(seen) {
            read.add(seen);
        }
        read.finish()
    }

    /// The group of an entry of a software list that is recognized, and the update it is, where it is one.
    pub fn recognized(installed: &InstalledSoftware) -> Option<(ApplicationGroup, Option<Kb>)> {
        let sql = |release| ApplicationGroup::of(ApplicationFamily::SqlServer, Some(release));
        Some(match seen(installed)? {
            Seen::Application(seen) => (ApplicationGroup::of_installed(&seen), None),
            Seen::Suite { suite, .. } => (ApplicationGroup::of(suite.family, suite.release), None),
            Seen::Component(family, release) => (ApplicationGroup::of(family, Some(release)), None),
            Seen::Update(update) => {
                let group = update.of.as_ref();
                let group = group.map(|(family, release)| ApplicationGroup::of(*family, *release));
                let group = group.unwrap_or(ApplicationGroup::Untold);
                (group, Some(update.kb))
            }
            Seen::SqlEngine(release, _) | Seen::SqlSetup(release) => (sql(release), None),
            Seen::SqlPatch {
                update, release, ..
            } => (sql(release), Some(update.kb)),
        })
    }

    /// The applications, in order.
    pub fn applications(&self) -> &[InstalledApplication] {
        &self.applications
    }

    /// The updates that the list names, in order of KB.
    pub fn updates(&self) -> &[ListedUpdate] {
        &self.updates
    }

    /// Whether nothing was recognized.
    pub fn is_empty(&self) -> bool {
        self.applications.is_empty() && self.updates.is_empty()
    }
}

/// What an entry is, where it is Microsoft's and recognized.
fn seen(installed: &InstalledSoftware) -> Option<Seen> {
    Seen::read(&installed.vendor, &installed.name, &installed.version)
}

/// What of a list was recognized, before entries about one installation are put together.
#[derive(Default)]
struct Reading {
    applications: Vec<InstalledApplication>,
    updates: Vec<ListedUpdate>,
    suites: Vec<(Application, Option<Version>, &'static [ApplicationFamily])>,
    components: Vec<(ApplicationFamily, ApplicationRelease)>,
    /// Versions of engines and patches of SQL Server, by year.
    sql: Vec<(ApplicationRelease, Version)>,
    /// Years of SQL Server whose patches the list would show.
    sql_shown: Vec<ApplicationRelease>,
}

impl Reading {
    fn add(&mut self, seen: Seen) {
        match seen {
            Seen::Application(installed) => self.applications.push(installed),
            Seen::Suite {
                suite,
                version,
                parts,
            } => self.suites.push((suite, version, parts)),
            Seen::Component(family, release) => self.components.push((family, release)),
            Seen::Update(update) => self.updates.push(update),
            Seen::SqlEngine(release, version) => self.sql.push((release, version)),
            Seen::SqlSetup(release) => self.sql_shown.push(release),
            Seen::SqlPatch {
                update,
                release,
                version,
            } => {
                self.updates.push(update);
                self.sql_shown.push(release);
                self.sql.extend(version.map(|version| (release, version)));
            }
        }
    }

    fn finish(mut self) -> InstalledApplications {
        self.suites();
        self.sql_servers();
        let mut applications = self.applications;
        // Of versions of one line side by side the highest runs. Each Visual Studio is served by
        // itself; the one that is furthest behind counts.
        let line = |installed: &InstalledApplication| place::line_of(installed).ok();
        applications.sort_by_cached_key(|installed| {
            let padded = installed
                .version
                .map_or([0; 4], |version| place::padded(&version));
            let behind = installed.application.family == ApplicationFamily::VisualStudio;
            let order = padded.map(|part| if behind { part } else { u32::MAX - part });
            let architecture = installed.application.architecture;
            (line(installed), architecture, order, installed.clone())
        });
        applications.dedup_by(|next, kept| {
            next.application.family == kept.application.family
                && next.application.architecture == kept.application.architecture
                && line(next).is_some()
                && line(next) == line(kept)
        });
        let mut updates = self.updates;
        updates.sort_unstable();
        updates.dedup();
        InstalledApplications {
            applications,
            updates,
        }
    }

    /// A suite carries its applications, unless the list shows which of them were installed.
    fn suites(&mut self) {
        for (suite, version, parts) in std::mem::take(&mut self.suites) {
            let of_release = |(_, release): &&(ApplicationFamily, ApplicationRelease)| {
                Some(*release) == suite.release
            };
            let shown: Vec<ApplicationFamily> = self
                .components
                .iter()
                .filter(of_release)
                .map(|(family, _)| *family)
                .collect();
            let families = parts
                .iter()
                .filter(|family| shown.is_empty() || shown.contains(family))
                .copied()
                .chain([suite.family]);
            for family in families {
                self.applications.push(InstalledApplication {
                    application: Application {
                        family,
                        ..suite.clone()
                    },
                    version,
                    kind: VersionKind::Setup,
                });
            }
        }
    }

    /// Setup's version of a SQL Server engine never changes; its patches are entries of their own.
    fn sql_servers(&mut self) {
        self.sql
            .sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| place::order(x, y)));
        for chunk in self.sql.chunk_by(|(a, _), (b, _)| a == b) {
            let Some(&(release, version)) = chunk.last() else {
                continue;
            };
            let raised = chunk
                .first()
                .is_some_and(|(_, first)| place::order(first, &version) == Ordering::Less);
            let kind = if raised || self.sql_shown.contains(&release) {
                VersionKind::Running
            } else {
                VersionKind::Setup
            };
            self.applications.push(InstalledApplication {
                application: Application {
                    release: Some(release),
                    ..Application::new(ApplicationFamily::SqlServer)
                },
                version: Some(version),
                kind,
            });
        }
        for release in &self.sql_shown {
            let told = self.applications.iter().any(|installed| {
                installed.application.family == ApplicationFamily::SqlServer
                    && installed.application.release == Some(*release)
            });
            if !told {
                self.applications.push(InstalledApplication {
                    application: Application {
                        release: Some(*release),
                        ..Application::new(ApplicationFamily::SqlServer)
                    },
                    version: None,
                    kind: VersionKind::Setup,
                });
            }
        }
    }
}
