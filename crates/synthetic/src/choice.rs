//! Choices by weight, from a generator whose numbers are the same everywhere.

use rand::{RngExt, SeedableRng};
use rand_distr::Distribution;
use rand_distr::weighted::WeightedAliasIndex;
use rand_pcg::Pcg64Mcg;

use crate::facts::FactsError;

/// What every choice about one machine is drawn from.
pub(crate) type Draw = Pcg64Mcg;

/// The numbers that belong to a seed.
pub(crate) fn draw(seed: u64) -> Draw {
    Draw::seed_from_u64(seed)
}

/// Whether something happens that happens to so many in a thousand.
pub(crate) fn happens(draw: &mut Draw, per_mille: u32) -> bool {
    below(draw, 1000) < per_mille
}

/// A number below a limit, which is not 0.
pub(crate) fn below(draw: &mut Draw, limit: u32) -> u32 {
    draw.random_range(0..limit.max(1))
}

/// A position, by weights.
///
/// Picking costs the same however many there are.
pub(crate) struct Choice(WeightedAliasIndex<u32>);

impl Choice {
    /// `of` names what the weights are of.
    pub(crate) fn new(
        of: &str,
        weights: impl IntoIterator<Item = u32>,
    ) -> Result<Self, FactsError> {
        WeightedAliasIndex::new(weights.into_iter().collect())
            .map(Self)
            .map_err(|error| FactsError::entry(of, error.to_string()))
    }

    pub(crate) fn pick(&self, draw: &mut Draw) -> usize {
        self.0.sample(draw)
    }
}

/// Weights that fall with the place: the first twice the second, three times the third; `fresh`: four and nine times.
pub(crate) fn falling(count: u16, fresh: bool) -> impl Iterator<Item = u32> {
    (1..=u32::from(count)).map(move |place| {
        let divisor = if fresh { place * place } else { place };
        (1_000_000 / divisor).max(1)
    })
}
