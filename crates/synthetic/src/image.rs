//! Base images: what machines of one purpose have in common.

use crate::choice::{Choice, draw};
use crate::facts::{FactsError, ImageFact, Kind};
use crate::products::{ProductIx, ProductSet, Products};
use crate::series::hash_of;

/// The most products of an image, so that each machine has some of its own.
const MOST: usize = 105;

/// A base image.
pub(crate) struct Image {
    pub(crate) prefix: Box<str>,
    pub(crate) kind: Kind,
    pub(crate) group: Box<str>,
    pub(crate) tags: Vec<Box<str>>,
    /// Its products, with the version each came with; by position.
    pub(crate) products: Vec<(ProductIx, u16)>,
    /// The same as a set.
    pub(crate) set: ProductSet,
    /// What its machines may have beside, and how often each is had.
    pub(crate) extras: Vec<ProductIx>,
    pub(crate) whims: Choice,
}

impl Image {
    pub(crate) fn new(fact: &ImageFact, products: &Products) -> Result<Self, FactsError> {
        let mut draw = draw(hash_of(&fact.name));
        let mut own = Vec::new();
        for (pack, count) in &fact.packs {
            let pack = products
                .packs
                .get(pack)
                .ok_or_else(|| FactsError::entry(&fact.name, format!("there is no pack {pack}")))?;
            for product in pack.iter().take(*count) {
                own.push((*product, products.version(*product, &mut draw)));
            }
        }
        own.sort_unstable();
        if own.len() > MOST {
            let reason = format!("{} products are more than {MOST}", own.len());
            return Err(FactsError::entry(&fact.name, reason));
        }
        let all = 0..ProductIx::try_from(products.len()).unwrap_or(ProductIx::MAX);
        let extras: Vec<ProductIx> = all
            .filter(|product| products.get(*product).whim(fact.kind) > 0)
            .filter(|product| own.binary_search_by_key(product, |(own, _)| *own).is_err())
            .collect();
        let whims = extras
            .iter()
            .map(|product| products.get(*product).whim(fact.kind));
        Ok(Self {
            prefix: fact.prefix.clone(),
            kind: fact.kind,
            group: fact.group.clone(),
            tags: fact.tags.clone(),
            set: own.iter().map(|(product, _)| *product).collect(),
            products: own,
            whims: Choice::new(&fact.name, whims)?,
            extras,
        })
    }
}
