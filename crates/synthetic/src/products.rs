//! The software there is in an era: products, their versions, and how widespread each is.

use std::collections::BTreeMap;

use kbgap_inventory::InstalledSoftware;

use crate::choice::{Choice, Draw, falling};
use crate::facts::{FactsError, Kind, PackFact, SoftwareFact, SoftwareFacts, VersionsFact};
use crate::fleet::Era;
use crate::series::{AHEAD, Numbers, hash_of, series};

/// A position in [`Products::all`].
pub(crate) type ProductIx = u16;

/// How many products there can be: each is a bit of a [`ProductSet`].
const MOST: usize = 64 * WORDS;
const WORDS: usize = 48;
/// How many entries are looked up together.
const TOGETHER: usize = 64;

/// Some of the products, by position.
#[derive(Clone)]
pub(crate) struct ProductSet([u64; WORDS]);

impl ProductSet {
    /// Takes a product in; `false` where it is in already.
    pub(crate) fn insert(&mut self, product: ProductIx) -> bool {
        let (word, bit) = Self::place(product);
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }

    pub(crate) fn remove(&mut self, product: ProductIx) {
        let (word, bit) = Self::place(product);
        self.0[word] &= !bit;
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = ProductIx> {
        (0..).zip(&self.0).flat_map(|(at, word): (ProductIx, _)| {
            let rest = |word: &u64| Some(word & word.wrapping_sub(1)).filter(|rest| *rest != 0);
            let words = std::iter::successors(Some(*word).filter(|word| *word != 0), rest);
            // A word has 64 bits.
            words.map(move |word| {
                at * 64 + ProductIx::try_from(word.trailing_zeros()).unwrap_or_default()
            })
        })
    }

    fn place(product: ProductIx) -> (usize, u64) {
        (usize::from(product / 64) % WORDS, 1 << (product % 64))
    }
}

impl FromIterator<ProductIx> for ProductSet {
    fn from_iter<I: IntoIterator<Item = ProductIx>>(products: I) -> Self {
        let mut set = Self([0; WORDS]);
        for product in products {
            set.insert(product);
        }
        set
    }
}

/// All products of an era.
pub(crate) struct Products {
    all: Vec<Product>,
    /// The products of each pack, the most widespread first.
    pub(crate) packs: BTreeMap<Box<str>, Vec<ProductIx>>,
    /// How versions are spread: shared, for there are few kinds of it.
    spreads: Vec<Choice>,
    /// All text, in the order of products, so that what an entry needs lies together.
    text: String,
    spans: Vec<Span>,
}

/// A part of [`Products::text`].
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
}

/// A product.
pub(crate) struct Product {
    vendor: Span,
    /// The name; where it has the version in it, the position of the newest version's in [`Products::spans`].
    name: Result<Span, u32>,
    /// The position of the newest version in [`Products::spans`].
    versions: u32,
    /// How many of the versions come after the era's day.
    ahead: u16,
    spread: u16,
    /// How often it is installed on a whim, by kind of machine.
    client: u32,
    server: u32,
}

impl Product {
    pub(crate) fn whim(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Client => self.client,
            Kind::Server => self.server,
        }
    }
}

impl Products {
    pub(crate) fn new(facts: &SoftwareFacts, era: Era) -> Result<Self, FactsError> {
        let mut builder = Builder {
            era,
            lists: &facts.lists,
            all: Vec::new(),
            spreads: BTreeMap::new(),
            choices: Vec::new(),
        };
        let mut packs = BTreeMap::new();
        for (name, pack) in &facts.packs {
            packs.insert(name.clone(), builder.pack(pack)?);
        }
        // Lists come in the order of the registry's keys, which has nothing to do with packs.
        if builder.all.len() > MOST {
            let reason = format!("{} products are more than {MOST}", builder.all.len());
            return Err(FactsError::entry("software", reason));
        }
        let mut order: Vec<(u64, usize)> =
            builder.all.iter().map(|draft| draft.key).zip(0..).collect();
        order.sort_unstable();
        let mut places = vec![0; order.len()];
        for (place, (_, at)) in order.iter().enumerate() {
            places[*at] = ProductIx::try_from(place)
                .map_err(|_| FactsError::entry("software", "there are too many products"))?;
        }
        for products in packs.values_mut() {
            for product in products.iter_mut() {
                *product = places[usize::from(*product)];
            }
        }
        let mut own = Self {
            all: Vec::with_capacity(order.len()),
            packs,
            spreads: builder.choices,
            text: String::new(),
            spans: Vec::new(),
        };
        for (_, at) in order {
            own.add(&builder.all[at])?;
        }
        Ok(own)
    }

    fn add(&mut self, draft: &Draft) -> Result<(), FactsError> {
        let vendor = self.span(&draft.vendor)?;
        let name = match &draft.name {
            Name::Fixed(name) => Ok(self.span(name)?),
            Name::Versioned(names) => Err(self.spans(names)?),
        };
        let versions = self.spans(&draft.versions)?;
        self.all.push(Product {
            vendor,
            name,
            versions,
            ahead: draft.ahead,
            spread: draft.spread,
            client: draft.client,
            server: draft.server,
        });
        Ok(())
    }

    fn span(&mut self, text: &str) -> Result<Span, FactsError> {
        let start = u32::try_from(self.text.len());
        let length = u32::try_from(text.len());
        let (Ok(start), Ok(length)) = (start, length) else {
            return Err(FactsError::entry("software", "there is too much text"));
        };
        self.text.push_str(text);
        Ok(Span { start, length })
    }

    fn spans(&mut self, texts: &[Box<str>]) -> Result<u32, FactsError> {
        let first = u32::try_from(self.spans.len())
            .map_err(|_| FactsError::entry("software", "there are too many versions"))?;
        for text in texts {
            let span = self.span(text)?;
            self.spans.push(span);
        }
        Ok(first)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn get(&self, product: ProductIx) -> &Product {
        &self.all[usize::from(product)]
    }

    /// A version of the product, most often a new one, as it was on the era's day.
    pub(crate) fn version(&self, product: ProductIx, draw: &mut Draw) -> u16 {
        let product = self.get(product);
        let place = self.spreads[usize::from(product.spread)].pick(draw);
        u16::try_from(place).unwrap_or_default() + product.ahead
    }

    /// The entries of a software list, of so many products and versions.
    pub(crate) fn entries(&self, chosen: &[(ProductIx, u16)]) -> Vec<InstalledSoftware> {
        let mut entries = Vec::with_capacity(chosen.len());
        // First all text is looked up, then copied: the lookups wait for memory together instead of one after the other.
        let mut texts = [[""; 3]; TOGETHER];
        for chosen in chosen.chunks(TOGETHER) {
            for (texts, (product, version)) in texts.iter_mut().zip(chosen) {
                *texts = self.texts(*product, *version);
            }
            let copied = texts.iter().take(chosen.len());
            entries.extend(copied.map(|[vendor, name, version]| InstalledSoftware {
                vendor: (*vendor).into(),
                name: (*name).into(),
                version: (*version).into(),
            }));
        }
        entries
    }

    /// Vendor, name and version.
    fn texts(&self, product: ProductIx, version: u16) -> [&str; 3] {
        let product = self.get(product);
        let version = usize::from(version);
        let name = product
            .name
            .unwrap_or_else(|first| self.spans[first as usize + version]);
        let version = self.spans[product.versions as usize + version];
        [product.vendor, name, version].map(|span| {
            let start = span.start as usize;
            &self.text[start..start + span.length as usize]
        })
    }
}

/// A product before it has its place.
struct Draft {
    /// The place in software lists.
    key: u64,
    vendor: Box<str>,
    name: Name,
    /// As the software list shows them, newest first.
    versions: Vec<Box<str>>,
    ahead: u16,
    spread: u16,
    client: u32,
    server: u32,
}

/// A product's name.
enum Name {
    /// The same for each version.
    Fixed(Box<str>),
    /// With the version in it.
    Versioned(Vec<Box<str>>),
}

struct Builder<'a> {
    era: Era,
    lists: &'a BTreeMap<Box<str>, Vec<Box<str>>>,
    all: Vec<Draft>,
    spreads: BTreeMap<(u16, bool), u16>,
    choices: Vec<Choice>,
}

impl Builder<'_> {
    fn pack(&mut self, pack: &PackFact) -> Result<Vec<ProductIx>, FactsError> {
        let mut products = Vec::new();
        for software in &pack.software {
            let Some(versions) = software.versions(self.era) else {
                continue;
            };
            for a in &self.entries(software, software.a.as_deref())? {
                for b in &self.entries(software, software.b.as_deref())? {
                    let name = software.name.replace("{a}", a).replace("{b}", b);
                    let vendor = software.vendor.replace("{a}", a).replace("{b}", b);
                    let rank = u32::try_from(products.len()).unwrap_or(u32::MAX - 2) + 2;
                    let mut product = self.product(software, versions, &vendor, &name)?;
                    product.client = pack.client * 1_000 / rank;
                    product.server = pack.server * 1_000 / rank;
                    let at = ProductIx::try_from(self.all.len())
                        .map_err(|_| FactsError::entry(&name, "there are too many products"))?;
                    self.all.push(product);
                    products.push(at);
                }
            }
        }
        Ok(products)
    }

    /// The entries of a list; one that is empty where none is named.
    fn entries(
        &self,
        software: &SoftwareFact,
        list: Option<&str>,
    ) -> Result<Vec<Box<str>>, FactsError> {
        let Some(list) = list else {
            return Ok(vec![Box::default()]);
        };
        self.lists
            .get(list)
            .cloned()
            .ok_or_else(|| FactsError::entry(&software.name, format!("there is no list {list}")))
    }

    fn product(
        &mut self,
        software: &SoftwareFact,
        versions: &VersionsFact,
        vendor: &str,
        name: &str,
    ) -> Result<Draft, FactsError> {
        let (versions, ahead): (Vec<Box<str>>, u16) = match versions {
            VersionsFact::Stated(versions) => (versions.clone(), 0),
            VersionsFact::Newest(newest) => {
                let newest = Numbers::read(newest)
                    .ok_or_else(|| FactsError::entry(name, format!("{newest} is no version")))?;
                let family = software.a.is_some() || software.b.is_some();
                let key = if software.together {
                    &*software.name
                } else {
                    name
                };
                let newest = if family && !software.together {
                    newest.varied(hash_of(name))
                } else {
                    newest
                };
                let all = series(&newest, software.depth, hash_of(key));
                (
                    all.iter().map(|version| version.text().into()).collect(),
                    AHEAD,
                )
            }
        };
        let around = versions.len().saturating_sub(usize::from(ahead));
        let around = u16::try_from(around)
            .map_err(|_| FactsError::entry(name, "there are too many versions"))?;
        let spread = self.spread(name, around, software.fresh)?;
        let names = if name.contains('{') {
            Name::Versioned(
                versions
                    .iter()
                    .map(|version| filled(name, version))
                    .collect(),
            )
        } else {
            Name::Fixed(name.into())
        };
        let shown = match &software.shown {
            Some(shown) => versions
                .iter()
                .map(|version| filled(shown, version))
                .collect(),
            None => versions,
        };
        Ok(Draft {
            key: hash_of(name),
            vendor: vendor.into(),
            name: names,
            versions: shown,
            ahead,
            spread,
            client: 0,
            server: 0,
        })
    }

    fn spread(&mut self, name: &str, count: u16, fresh: bool) -> Result<u16, FactsError> {
        if let Some(at) = self.spreads.get(&(count, fresh)) {
            return Ok(*at);
        }
        let at = u16::try_from(self.choices.len())
            .map_err(|_| FactsError::entry(name, "there are too many kinds of spread"))?;
        self.choices.push(Choice::new(name, falling(count, fresh))?);
        self.spreads.insert((count, fresh), at);
        Ok(at)
    }
}

/// The text with the version, and its numbers, in their places.
fn filled(text: &str, version: &str) -> Box<str> {
    let mut filled = text.replace("{v}", version);
    for (at, number) in version.split('.').enumerate() {
        filled = filled.replace(&format!("{{{at}}}"), number);
    }
    filled.into()
}
