//! The log that a relay follows.

/// What the upstream says to someone who has everything up to some event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Batch {
    /// The next events; none when there are none.
    Events(Vec<u64>),
    /// It does not have what comes next any more: it begins at this sequence.
    Skip(u64),
}

/// All events there ever were, and from where on the upstream still has them.
#[derive(Debug, Default)]
pub struct Upstream {
    /// The sequences of all events; dense or not.
    pub events: Vec<u64>,
    /// Every place where it ever began. The last one counts.
    pub begins: Vec<u64>,
}

impl Upstream {
    pub fn head(&self) -> u64 {
        self.events.last().copied().unwrap_or(0)
    }

    /// Events up to here are gone.
    pub fn begin(&self) -> u64 {
        self.begins.last().copied().unwrap_or(0)
    }

    /// All events after one sequence and up to another, also those that are gone.
    pub fn between(&self, after: u64, last: u64) -> &[u64] {
        let from = self.events.partition_point(|event| *event <= after);
        let to = self.events.partition_point(|event| *event <= last);
        &self.events[from..to.max(from)]
    }

    pub fn read(&self, after: u64, most: usize, forgets: bool) -> Batch {
        if after < self.begin() && !forgets {
            return Batch::Skip(self.begin());
        }
        let from = self.events.partition_point(|event| *event <= after.max(self.begin()));
        Batch::Events(self.events[from..].iter().take(most).copied().collect())
    }
}
