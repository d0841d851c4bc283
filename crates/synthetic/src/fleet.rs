//! A fleet, machine by machine.

use jiff::Timestamp;
use kbgap_catalog::Day;
use kbgap_inventory::MachineReport;

use crate::choice::Choice;
use crate::facts::{self, FactsError, Kind};
use crate::image::Image;
use crate::machine::Machine;
use crate::products::Products;
use crate::windows::WindowsRelease;

/// The season whose facts a fleet is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Era {
    /// March 2020: Windows 10 to 1909, Windows Server to 2019.
    Spring2020,
    /// January 2026: Windows 11 to 25H2, Windows 10 22H2 and LTSC, Windows Server to 2025.
    Winter2026,
}

/// A synthetic fleet: machine by machine, the same for the same era and seed.
///
/// Nothing is kept of the machines, so that the number of them costs nothing; threads can share one.
pub struct SyntheticFleet {
    pub(crate) seed: u64,
    machines: u32,
    pub(crate) today: Day,
    pub(crate) products: Products,
    pub(crate) images: Vec<Image>,
    pub(crate) shares: Choice,
    pub(crate) clients: Releases,
    pub(crate) servers: Releases,
    /// How far behind the newest level a machine is.
    pub(crate) behind: Choice,
}

/// The releases of clients, or of servers.
pub(crate) struct Releases {
    pub(crate) all: Vec<WindowsRelease>,
    pub(crate) shares: Choice,
}

impl SyntheticFleet {
    /// The fleet of an era and a seed, of so many machines.
    ///
    /// # Errors
    /// Where the facts that came with the program do not hold together.
    pub fn new(era: Era, seed: u64, machines: u32) -> Result<Self, FactsError> {
        let windows = facts::windows(era)?;
        let products = Products::new(&facts::software()?, era)?;
        let image_facts = facts::images()?.images;
        let images = image_facts
            .iter()
            .map(|fact| Image::new(fact, &products))
            .collect::<Result<_, _>>()?;
        let releases = windows
            .releases
            .iter()
            .map(WindowsRelease::new)
            .collect::<Result<Vec<_>, _>>()?;
        let (clients, servers) = releases.into_iter().partition(|r| r.kind == Kind::Client);
        Ok(Self {
            seed,
            machines,
            today: Day::of_date(windows.today),
            images,
            shares: Choice::new("images", image_facts.iter().map(|image| image.share))?,
            products,
            clients: Releases::new(clients)?,
            servers: Releases::new(servers)?,
            behind: Choice::new("levels", behind())?,
        })
    }

    /// How many machines it has.
    pub fn machines(&self) -> u32 {
        self.machines
    }

    /// The moment the reports are of: noon of the era's day, in UTC. No machine reported later.
    pub fn today(&self) -> Timestamp {
        let noon = self.today.midnight().as_second() + 12 * 3600;
        Timestamp::from_second(noon).unwrap_or(self.today.midnight())
    }

    /// What a machine reported last.
    ///
    /// A function of era, seed and index alone; an index beyond [`machines`](Self::machines) is one of a larger fleet.
    pub fn report(&self, index: u32) -> MachineReport {
        Machine::new(self, index).report(self, 0)
    }

    /// All reports, one after the other.
    pub fn reports(&self) -> impl ExactSizeIterator<Item = MachineReport> {
        (0..self.machines).map(|index| self.report(index))
    }

    /// The device group a machine belongs to, and the tags it carries.
    pub fn labels(&self, index: u32) -> (&str, Vec<&str>) {
        Machine::new(self, index).labels()
    }

    /// What the same machine reports so many days later; `None` where it does not report on that day, and from the
    /// second year on, of which there are no facts. On day 0 it is [`report`](Self::report).
    ///
    /// Most reports differ from the last one in their time only; on some days a software has another version, and the
    /// updates that appear are installed by most machines within days. What happened on a day stays so.
    pub fn next_day(&self, index: u32, day: u32) -> Option<MachineReport> {
        Machine::new(self, index).next_day(self, day)
    }

    pub(crate) fn releases(&self, kind: Kind) -> &Releases {
        match kind {
            Kind::Client => &self.clients,
            Kind::Server => &self.servers,
        }
    }
}

impl Releases {
    fn new(all: Vec<WindowsRelease>) -> Result<Self, FactsError> {
        let shares = Choice::new("releases", all.iter().map(|release| release.share))?;
        Ok(Self { all, shares })
    }
}

/// Of a hundred machines, 45 are on the newest level, 27 on the one before, the rest spread over the years before.
fn behind() -> impl Iterator<Item = u32> {
    let tail = (2..80_u32).map(|place| 440_000 / (place * place));
    [450_000, 270_000].into_iter().chain(tail)
}
