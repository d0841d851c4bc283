//! One machine: what it is, and what it reports.

use jiff::Timestamp;
use kbgap_catalog::{Architecture, Day, WindowsBuild};
use kbgap_inventory::{
    InstallationType, InstalledSoftware, InstalledUpdate, MachineReport, OsReport,
};

use crate::choice::{Draw, below, draw, happens};
use crate::facts::Kind;
use crate::fleet::SyntheticFleet;
use crate::image::Image;
use crate::windows::{LISTS, Level, WindowsRelease};

/// The fewest entries of a software list, and by how much two dice exceed it.
const SOFTWARE: (usize, u32) = (110, 40);
/// Below which number the products lie that a machine has lost of its image.
const REMOVED: u32 = 7;
/// How many days of the future there are.
const DAYS: u32 = 366;
const DAY: u32 = 24 * 60;

/// What a machine is on the era's day.
pub(crate) struct Machine<'a> {
    index: u32,
    id: Box<str>,
    image: &'a Image,
    release: &'a WindowsRelease,
    os: &'a str,
    architecture: Architecture,
    installation: InstallationType,
    /// Minutes between its last report and the era's moment.
    silent: u32,
    level: usize,
    list: u32,
    /// Days between an update's publication and its installation.
    delay: u32,
    /// Whether it installs updates within days, or hardly ever.
    prompt: bool,
    shows: Shows,
    ring: &'static str,
    vip: bool,
    reboot_pending: bool,
    /// What the software, and what days bring, are drawn from.
    software: u64,
    days: u64,
}

/// What a machine's report leaves out.
#[derive(Clone, Copy)]
struct Shows {
    revision: bool,
    updates: bool,
}

/// What days bring.
struct Changes {
    level: usize,
    /// When the level was reached, where that was not before the era's day.
    reached: Option<Day>,
    /// Which entries of the software list move to the next version.
    software: Vec<u32>,
    reboot_pending: bool,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(fleet: &'a SyntheticFleet, index: u32) -> Self {
        let (id, seeds) = identity(fleet.seed, index);
        let mut draw = draw(seeds[0]);
        let draw = &mut draw;
        let image = &fleet.images[fleet.shares.pick(draw)];
        let releases = fleet.releases(image.kind);
        let release = &releases.all[releases.shares.pick(draw)];
        let os = release.name(draw);
        let architecture = release.architecture(draw);
        let installation = match image.kind {
            Kind::Client => InstallationType::Client,
            Kind::Server if happens(draw, 220) => InstallationType::ServerCore,
            Kind::Server => InstallationType::Server,
        };
        let silent = silence(draw);
        let published = release.published(day_at(fleet, silent));
        let behind = fleet.behind.pick(draw) % published;
        Self {
            index,
            id,
            image,
            release,
            os,
            architecture,
            installation,
            silent,
            level: published - 1 - behind,
            list: [0, 0, 0, 1, 1, 2, 3, 0][below(draw, 8) as usize] % LISTS,
            delay: below(draw, 15),
            prompt: happens(draw, 850),
            shows: Shows {
                revision: !happens(draw, 20),
                updates: !happens(draw, 10),
            },
            ring: match below(draw, 100) {
                0..5 => "ring-pilot",
                5..30 => "ring-early",
                _ => "ring-broad",
            },
            vip: happens(draw, 10),
            reboot_pending: happens(draw, 40),
            software: seeds[1],
            days: seeds[2],
        }
    }

    pub(crate) fn labels(&self) -> (&'a str, Vec<&'a str>) {
        let mut tags: Vec<&str> = self.image.tags.iter().map(|tag| &**tag).collect();
        tags.push(self.ring);
        if self.vip {
            tags.push("vip");
        }
        (&self.image.group, tags)
    }

    pub(crate) fn next_day(&self, fleet: &SyntheticFleet, day: u32) -> Option<MachineReport> {
        let reports = match day {
            0 => true,
            DAYS.. => false,
            // Who was silent for long mostly stays so.
            _ => happens(
                &mut self.draw_of(day, 1),
                if self.silent > 3 * DAY { 50 } else { 965 },
            ),
        };
        reports.then(|| self.report(fleet, day))
    }

    /// The report of a day; on day 0 the last one, which may be of an earlier day.
    pub(crate) fn report(&self, fleet: &SyntheticFleet, day: u32) -> MachineReport {
        let changes = self.changes(fleet, day);
        let level = &self.release.levels[changes.level];
        let silent = if day == 0 {
            self.silent
        } else {
            self.silent % DAY
        };
        let at = fleet.today().as_second() + i64::from(day) * 24 * 3600 - i64::from(silent) * 60;
        let at = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
        MachineReport {
            id: Some(self.id.clone()),
            name: Some(
                format!(
                    "{}-{:07}.corp.example",
                    self.image.prefix,
                    u64::from(self.index) + 1
                )
                .into(),
            ),
            reported_at: Some(at),
            os: OsReport {
                name: Some(self.os.into()),
                version: Some(WindowsBuild {
                    ubr: level.revision.filter(|_| self.shows.revision),
                    ..self.release.build
                }),
                display_version: self.release.display.clone(),
                architecture: Some(self.architecture),
                installation_type: Some(self.installation),
                service_pack: None,
            },
            updates: self
                .shows
                .updates
                .then(|| self.updates(fleet, level, &changes)),
            software: Some(self.software(fleet, &changes.software)),
            reboot_pending: Some(changes.reboot_pending),
            ..MachineReport::new()
        }
    }

    /// What happened until a day.
    fn changes(&self, fleet: &SyntheticFleet, day: u32) -> Changes {
        let mut changes = Changes {
            level: self.level,
            reached: None,
            software: Vec::new(),
            reboot_pending: self.reboot_pending,
        };
        for day in 1..=day.min(DAYS) {
            let draw = &mut self.draw_of(day, 0);
            let today = later(fleet.today, day);
            if happens(draw, 60) {
                changes.software.push(below(draw, u32::MAX));
            }
            if changes.reboot_pending && happens(draw, 400) {
                changes.reboot_pending = false;
            }
            let newest = self.release.published(today) - 1;
            if newest > changes.level && happens(draw, if self.prompt { 160 } else { 5 }) {
                changes.level = newest;
                changes.reached = Some(today);
                changes.reboot_pending = happens(draw, 150);
            }
        }
        changes
    }

    fn draw_of(&self, day: u32, purpose: u64) -> Draw {
        draw(self.days ^ (u64::from(day) << 8) ^ purpose)
    }

    fn updates(
        &self,
        fleet: &SyntheticFleet,
        level: &Level,
        changes: &Changes,
    ) -> Vec<InstalledUpdate> {
        let seen = day_at(fleet, self.silent);
        let before = self.release.levels[self.level].day;
        let pending = changes.reboot_pending && level.revision.is_none();
        let list = &level.lists[self.list as usize];
        let newest = list.last().map(|(kb, _)| *kb);
        let installed = |published: Day| match changes.reached {
            Some(reached) if published > before => reached,
            _ => later(published, self.delay).min(seen),
        };
        list.iter()
            .map(|(kb, published)| InstalledUpdate {
                kb: *kb,
                installed_on: Some(installed(*published).date()),
                reboot_pending: pending && Some(*kb) == newest,
            })
            .collect()
    }

    /// The software, in one order on all machines; some entries newer than they were.
    fn software(&self, fleet: &SyntheticFleet, newer: &[u32]) -> Vec<InstalledSoftware> {
        let mut draw = draw(self.software);
        let draw = &mut draw;
        let wanted =
            SOFTWARE.0 + (below(draw, SOFTWARE.1 + 1) + below(draw, SOFTWARE.1 + 1)) as usize;
        let mut set = self.image.set.clone();
        for _ in 0..below(draw, REMOVED) {
            let removed = below(
                draw,
                u32::try_from(self.image.products.len()).unwrap_or(u32::MAX),
            );
            if let Some((product, _)) = self.image.products.get(removed as usize) {
                set.remove(*product);
            }
        }
        let extras = &self.image.extras;
        for _ in 0..wanted.saturating_sub(set.len()).min(extras.len()) {
            let first = self.image.whims.pick(draw);
            // One that the machine has is no choice; the next in the list that is free is.
            for product in extras[first..].iter().chain(&extras[..first]) {
                if set.insert(*product) {
                    break;
                }
            }
        }
        let mut chosen = Vec::with_capacity(wanted);
        let mut came = self.image.products.iter().peekable();
        for product in set.iter() {
            while came.next_if(|(own, _)| *own < product).is_some() {}
            // Half of what the image came with is still as it came.
            let version = match came.next_if(|(own, _)| *own == product) {
                Some((_, version)) if happens(draw, 500) => *version,
                _ => fleet.products.version(product, draw),
            };
            chosen.push((product, version));
        }
        for newer in newer {
            let at = *newer as usize % chosen.len().max(1);
            if let Some((_, version)) = chosen.get_mut(at) {
                *version = version.saturating_sub(1);
            }
        }
        fleet.products.entries(&chosen)
    }
}

/// The id, and numbers to draw from.
fn identity(seed: u64, index: u32) -> (Box<str>, [u64; 3]) {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&index.to_le_bytes());
    let mut bytes = [0; 44];
    hasher.finalize_xof().fill(&mut bytes);
    let (id, seeds) = bytes.split_at(20);
    let mut hex = String::with_capacity(40);
    for byte in id {
        hex.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        hex.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
    }
    let mut numbers = [0; 3];
    for (number, bytes) in numbers.iter_mut().zip(seeds.chunks_exact(8)) {
        *number = bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
    }
    (hex.into(), numbers)
}

/// Minutes since a machine's last report: most within a day, some for a week, some for a month or more.
fn silence(draw: &mut Draw) -> u32 {
    match below(draw, 1000) {
        0..880 => below(draw, DAY),
        880..950 => DAY + below(draw, 6 * DAY),
        950..980 => 7 * DAY + below(draw, 23 * DAY),
        _ => 30 * DAY + below(draw, 60 * DAY),
    }
}

fn day_at(fleet: &SyntheticFleet, silent: u32) -> Day {
    let at = fleet.today().as_second() - i64::from(silent) * 60;
    Timestamp::from_second(at).map_or(fleet.today, Day::of_timestamp)
}

fn later(day: Day, days: u32) -> Day {
    day.plus(i32::try_from(days).unwrap_or(i32::MAX))
}
