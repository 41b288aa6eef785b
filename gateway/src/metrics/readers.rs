//! How far each reader of the log has come. Every reader writes its own place; only a scrape looks at all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// The place of a reader that reads nothing at present.
const NOWHERE: u64 = u64::MAX;

/// The readers there are. Cheap to clone; all clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Readers(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    places: HashMap<u64, Arc<AtomicU64>>,
    last: u64,
}

/// One reader; it is forgotten when this is dropped.
#[derive(Debug)]
pub(super) struct Reader {
    readers: Readers,
    number: u64,
    place: Arc<AtomicU64>,
}

impl Readers {
    /// A reader that reads nothing yet.
    pub(super) fn enter(&self) -> Reader {
        let place = Arc::new(AtomicU64::new(NOWHERE));
        let mut inner = self.0.lock();
        inner.last = inner.last.wrapping_add(1);
        let number = inner.last;
        inner.places.insert(number, Arc::clone(&place));
        drop(inner);
        Reader { readers: self.clone(), number, place }
    }

    /// How far the slowest is behind `head`; 0 without readers.
    pub(super) fn lag(&self, head: u64) -> u64 {
        let slowest = self.0.lock().places.values().map(|place| place.load(Ordering::Relaxed)).min();
        // A place beyond the head is one of a log that was replaced.
        head.saturating_sub(slowest.unwrap_or(NOWHERE))
    }
}

impl Reader {
    /// It has seen everything up to `place`; `None` when it reads nothing.
    pub(super) fn at(&self, place: Option<u64>) {
        self.place.store(place.unwrap_or(NOWHERE), Ordering::Relaxed);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.readers.0.lock().places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_counts_while_it_is_there() {
        let readers = Readers::default();
        assert_eq!(readers.lag(10), 0, "nobody reads");
        let (slow, fast) = (readers.enter(), readers.enter());
        assert_eq!(readers.lag(10), 0, "neither has begun");
        slow.at(Some(3));
        fast.at(Some(9));
        assert_eq!(readers.lag(10), 7);
        slow.at(None);
        assert_eq!(readers.lag(10), 1);
        slow.at(Some(0));
        drop(slow);
        assert_eq!((readers.lag(10), readers.lag(2)), (1, 0));
        drop(fast);
        assert!(readers.0.lock().places.is_empty());
    }
}
