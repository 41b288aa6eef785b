//! What is counted.

use std::fmt::{self, Display};
use std::ops::AddAssign;

/// What is counted of a log that several processes share.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// Messages that the stream took.
    pub commits: u64,
    /// Publishes that a fence refused.
    pub refused: u64,
    /// Writers that were overtaken by an earlier one's commit.
    pub overtaken: u64,
    /// Writers that were deposed.
    pub deposed: u64,
    /// Leases taken.
    pub taken: u64,
    /// Replicas built anew.
    pub rebuilt: u64,
    /// Times that a replica began its log at a later place.
    pub begun: u64,
    /// Events given to readers.
    pub delivered: u64,
    /// Readers that were told of a gap.
    pub gaps: u64,
    /// Runs that ended early: the stream went back, grew again, and a writer from before met the number that it waited for.
    pub spoiled: u64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.commits += other.commits;
        self.refused += other.refused;
        self.overtaken += other.overtaken;
        self.deposed += other.deposed;
        self.taken += other.taken;
        self.rebuilt += other.rebuilt;
        self.begun += other.begun;
        self.delivered += other.delivered;
        self.gaps += other.gaps;
        self.spoiled += other.spoiled;
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commits, refused, overtaken, deposed, taken, rebuilt, begun, delivered, gaps, spoiled } = self;
        write!(
            f,
            "{taken} leases taken, {commits} commits, {refused} refused by a fence, {overtaken} writers overtaken and {deposed} "
        )?;
        write!(
            f,
            "deposed, {rebuilt} replicas built anew, {begun} begun later, {delivered} events delivered, {gaps} gaps told, "
        )?;
        write!(f, "{spoiled} runs given up")
    }
}
