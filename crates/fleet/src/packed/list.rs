//! Lists of software entries in few bytes.

/// The entries of a software list by their numbers in the dictionary: in order, each once, as differences of seven
/// bits a byte. Frequent software came first and so has small numbers; most entries take one or two bytes.
pub(crate) fn write(numbers: &[u32], bytes: &mut Vec<u8>) {
    let mut last = 0;
    for &number in numbers {
        let mut difference = number - last;
        last = number;
        while difference >= 0x80 {
            bytes.push(low_bits(difference) | 0x80);
            difference >>= 7;
        }
        bytes.push(low_bits(difference));
    }
}

fn low_bits(number: u32) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}

/// The numbers of a list, in order and each once; what is damaged at the end is left out.
#[derive(Debug, Clone)]
pub struct Numbers<'a> {
    bytes: std::slice::Iter<'a, u8>,
    last: u32,
}

impl<'a> Numbers<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes: bytes.iter(),
            last: 0,
        }
    }
}

impl Iterator for Numbers<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let mut difference = 0u32;
        let mut shift = 0;
        loop {
            let byte = *self.bytes.next()?;
            difference |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        self.last = self.last.checked_add(difference)?;
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_list_is_read_as_written(numbers in prop::collection::btree_set(1u32.., 0..300)) {
            let numbers: Vec<u32> = numbers.into_iter().collect();
            let mut bytes = Vec::new();
            write(&numbers, &mut bytes);
            prop_assert!(Numbers::new(&bytes).eq(numbers));
        }

        #[test]
        fn damage_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let numbers: Vec<u32> = Numbers::new(&bytes).collect();
            prop_assert!(numbers.len() <= bytes.len());
            prop_assert!(numbers.is_sorted());
        }
    }
}
