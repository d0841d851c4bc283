//! Versions of a product, newest first, derived from the newest one.

use std::fmt::Write;

/// How many versions of a series are newer than the newest of the era: what updates of the coming days bring.
pub(crate) const AHEAD: u16 = 4;

/// From where on a first number counts releases.
const COUNTED: u32 = 30;

/// A version whose numbers may be padded with zeros, as in `19.00`.
#[derive(Clone)]
pub(crate) struct Numbers {
    numbers: Vec<(u32, usize)>,
}

impl Numbers {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let numbers = text
            .split('.')
            .map(|part| {
                let padded = part.starts_with('0') && part.len() > 1;
                part.parse()
                    .ok()
                    .map(|n| (n, if padded { part.len() } else { 1 }))
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Self { numbers })
    }

    /// Other numbers of the same order of magnitude, the first kept near.
    pub(crate) fn varied(&self, mut hash: u64) -> Self {
        let mut varied = self.clone();
        for (number, _) in &mut varied.numbers {
            let span = u64::from(*number) + 3;
            *number = *number / 2 + u32::try_from(hash % span).unwrap_or_default();
            hash = mixed(hash);
        }
        if let Some((first, _)) = varied.numbers.first_mut() {
            *first = (*first).max(1);
        }
        varied
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (at, (number, width)) in self.numbers.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            // Writing to a string does not fail.
            let _ = write!(text, "{dot}{number:0width$}");
        }
        text
    }
}

/// Up to `depth` versions, each older than the one before, after [`AHEAD`] that are newer than the newest. They have
/// the form of the product's versions; whether each was released is not said.
pub(crate) fn series(newest: &Numbers, depth: u16, hash: u64) -> Vec<Numbers> {
    let mut hash = mixed(hash);
    let mut all = Vec::with_capacity(usize::from(depth + AHEAD));
    let mut coming = newest.clone();
    for _ in 0..AHEAD {
        hash = mixed(hash);
        if let Some((last, _)) = coming.numbers.last_mut() {
            let step = 1 + hash % u64::from(*last / 20 + 1);
            *last = last.saturating_add(u32::try_from(step).unwrap_or(1));
        }
        all.push(coming.clone());
    }
    all.reverse();
    let mut version = newest.clone();
    for _ in 0..depth {
        all.push(version.clone());
        hash = mixed(hash);
        if !step_back(&mut version, newest, hash) {
            break;
        }
    }
    all
}

/// Makes a version older; `false` where there is none.
fn step_back(version: &mut Numbers, newest: &Numbers, hash: u64) -> bool {
    let numbers = &mut version.numbers;
    let Some(last) = numbers.len().checked_sub(1) else {
        return false;
    };
    // Mostly the last number steps, now and then one before it. The first is never below 1, and goes on its own only
    // where it counts releases, as browsers' do.
    let first = usize::from(numbers[0].0 < COUNTED).min(last);
    let wanted = match hash % 16 {
        0 => last.saturating_sub(2).max(first),
        1..=4 => last.saturating_sub(1).max(first),
        _ => last,
    };
    let floor = |at: usize| u32::from(at == 0);
    let Some(at) = (0..=wanted).rev().find(|at| numbers[*at].0 > floor(*at)) else {
        // Nothing at or before the wanted place is left; one behind it may be.
        let Some(at) = (wanted..=last).find(|at| numbers[*at].0 > floor(*at)) else {
            return false;
        };
        numbers[at].0 -= 1;
        return true;
    };
    let before = numbers[at].0;
    let step = 1 + u32::try_from((hash >> 8) % u64::from(before / 16 + 1)).unwrap_or_default();
    numbers[at].0 = before.saturating_sub(step).max(floor(at));
    for (behind, number) in numbers.iter_mut().enumerate().take(last + 1).skip(at + 1) {
        let now = number.0;
        let fresh = mixed(hash ^ behind as u64);
        let usual = newest.numbers[behind].0;
        number.0 = if usual == 0 && behind < last {
            0
        } else if now > 200 && behind < last {
            // A running build number goes on falling.
            now - u32::try_from(fresh % u64::from(now / 12)).unwrap_or_default()
        } else {
            u32::try_from(fresh % (u64::from(usual) + 8)).unwrap_or_default()
        };
    }
    true
}

/// The next of a sequence of well spread numbers (the finalizer of `SplitMix64`).
pub(crate) fn mixed(hash: u64) -> u64 {
    let mut z = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number for a text, the same everywhere.
pub(crate) fn hash_of(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_keep_their_form() {
        let texts = |text: &str| {
            let newest = Numbers::read(text).unwrap();
            series(&newest, 6, 1)
                .iter()
                .map(Numbers::text)
                .collect::<Vec<_>>()
        };
        assert_eq!(texts("19.00").len(), 10);
        assert!(texts("19.00").iter().all(|text| text.len() == 5));
        assert_eq!(texts("19.00")[4], "19.00");
        assert!(Numbers::read("1.x").is_none());
    }

    proptest::proptest! {
        #[test]
        fn each_version_is_older_than_the_one_before(
            numbers in proptest::collection::vec(0u32..30_000, 1..5), depth in 1u16..400, hash: u64,
        ) {
            let text = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
            let newest = Numbers::read(&text).unwrap();
            let all = series(&newest, depth, hash);
            for pair in all.windows(2) {
                let plain = |n: &Numbers| n.numbers.iter().map(|(n, _)| *n).collect::<Vec<_>>();
                proptest::prop_assert!(plain(&pair[0]) > plain(&pair[1]), "{} {}", pair[0].text(), pair[1].text());
            }
        }
    }
}
