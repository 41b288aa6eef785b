//! Planted bugs: what the oracle must catch. None of them touches the machines: each changes what a machine gets, or what it
//! says, into what a machine with that bug would have been told or have said.

/// A bug that could have been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Writer: it publishes without a fence.
    NoFence,
    /// Writer: several commits in flight, each with the number that the one before is going to have.
    PipelinedFence,
    /// Writer: no fence while the lease counts as held.
    LeaseTrusted,
    /// Writer: a lost answer is taken for "stored".
    LostAckStored,
    /// Writer: a lost answer is taken for "not stored", and the commit is sent again without a fence.
    LostAckResent,
    /// Writer: a lost answer is not noticed.
    NeverTimeOut,
    /// Writer: one that was overtaken writes what it had read before.
    OvertakenGoesOn,
    /// Writer: a later writer is taken for an earlier one.
    DeposedGoesOn,
    /// Writer: the epoch is the lease's, whatever the stream says.
    EpochReused,
    /// Writer: it counts the events from its own beginning.
    ForgetCount,
    /// Writer: events that the upstream forgot are passed without a word.
    NoSkip,
    /// Lease: counted from the answer instead of from before the question.
    LeaseFromAnswer,
    /// Lease: nobody takes over.
    NeverTakeOver,
    /// Lease: given back, and taken again at once.
    ReleasedInVain,
    /// Replica: a message is taken, whatever its number.
    ServedAfterHole,
    /// Replica: a message is taken, whatever it says of the one before.
    IgnorePrev,
    /// Replica: a message is taken once more.
    KnownAgain,
    /// Replica: a stream that went back is not noticed.
    IgnoreWentBack,
    /// Replica: one that is built anew does not begin where the stream does.
    RebuildWithoutBegin,
    /// Replica: messages that are not held any more are passed without a word.
    SilentRetention,
    /// Replica: a commit that begins the log later is a commit without events.
    IgnoreSkip,
    /// Replica: a missing message is waited for, for ever.
    WaitForMissing,
    /// Replica: its position is on the disk before its events are.
    TornReplica,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::NoFence,
        Self::PipelinedFence,
        Self::LeaseTrusted,
        Self::LostAckStored,
        Self::LostAckResent,
        Self::NeverTimeOut,
        Self::OvertakenGoesOn,
        Self::DeposedGoesOn,
        Self::EpochReused,
        Self::ForgetCount,
        Self::NoSkip,
        Self::LeaseFromAnswer,
        Self::NeverTakeOver,
        Self::ReleasedInVain,
        Self::ServedAfterHole,
        Self::IgnorePrev,
        Self::KnownAgain,
        Self::IgnoreWentBack,
        Self::RebuildWithoutBegin,
        Self::SilentRetention,
        Self::IgnoreSkip,
        Self::WaitForMissing,
        Self::TornReplica,
    ];
}
