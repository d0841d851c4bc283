//! A vector whose copies share what did not change.

use std::sync::Arc;

/// How many items are copied together when one of them changes.
const CHUNK: usize = 256;

/// A vector in chunks: a copy costs a pointer a chunk, a change in a copy costs the chunk it is in.
#[derive(Debug)]
pub(crate) struct Chunks<T> {
    chunks: Vec<Arc<Vec<T>>>,
    len: usize,
}

impl<T> Clone for Chunks<T> {
    fn clone(&self) -> Self {
        Self {
            chunks: self.chunks.clone(),
            len: self.len,
        }
    }
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Chunks<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

impl<T: Clone> Chunks<T> {
    /// An item, to be changed in this copy only.
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        Arc::make_mut(self.chunks.get_mut(at / CHUNK)?).get_mut(at % CHUNK)
    }

    pub(crate) fn push(&mut self, item: T) {
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        if let Some(last) = self.chunks.last_mut() {
            let last = Arc::make_mut(last);
            // A chunk copied while it was short has no room of its own.
            last.reserve_exact(CHUNK - last.len());
            last.push(item);
            self.len += 1;
        }
    }
}

impl<T: Clone> FromIterator<T> for Chunks<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut chunks = Self::default();
        for item in items {
            chunks.push(item);
        }
        chunks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_changes_for_itself() {
        let numbers: Chunks<usize> = (0..1000).collect();
        let mut copy = numbers.clone();
        *copy.get_mut(700).unwrap() = 7;
        copy.push(1000);
        assert_eq!((numbers.len(), copy.len()), (1000, 1001));
        assert_eq!((numbers.get(700), copy.get(700)), (Some(&700), Some(&7)));
        assert_eq!((numbers.get(1000), copy.get(1000)), (None, Some(&1000)));
        assert!(numbers.iter().copied().eq(0..1000));
        // What did not change is shared.
        assert!(Arc::ptr_eq(&numbers.chunks[0], &copy.chunks[0]));
    }
}
