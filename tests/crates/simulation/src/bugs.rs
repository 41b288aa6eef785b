//! Planted bugs: what the oracle must catch. None of them touches the machines: each changes what a machine gets, or what
//! it says, into what a machine with that bug would have been told or have said.

/// A bug that could have been written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Client: a batch is taken wherever it begins.
    SkipChainCheck,
    /// Client: after a cut it asks for the head instead of its position.
    ResumeFromHead,
    /// Client: after a cut it asks for one event too early.
    ResumeTooEarly,
    /// Client: a batch counts as handled once it was given to the user.
    AckOnDelivery,
    /// Client: it grants far more credit than its window.
    NoCredit,
    /// Client: events go to a stream other than the one they were named for.
    ForgetWireIds,
    /// Client: frames of an earlier socket are taken for frames of the present one.
    LateFrames,
    /// Client: `caughtUp` and what it says are ignored.
    IgnoreCaughtUp,
    /// Client: a batch is lost on its way to the user.
    LoseBatch,
    /// Client: a batch is given to the user twice.
    DeliverTwice,
    /// Client: a batch is given to the user backwards.
    ReverseBatch,
    /// Client: leaving a stream is not told to the server.
    SwallowUnsubscribe,
    /// Client: credit is not given back.
    SwallowCredit,
    /// Client: silence is never a cut.
    NeverTimeOut,
    /// Client: being heard is taken for being able to speak.
    IgnoreMissingPong,
    /// Client: a refused token is asked for again for ever.
    RetryAuthForever,
    /// Client: a gap is skipped without a word.
    SilentGap,
    /// Client: the end of a stream is not told to its user.
    SwallowEnd,
    /// Client: a failed attempt is not reported.
    SwallowFailure,
    /// Server: it sends every page twice.
    ResendPage,
    /// Server: it leaves an event out.
    SkipEvent,
    /// Server: it forgets a stream's filter.
    ForgetFilter,
    /// Server: it forgets the types that a stream is of.
    ForgetTypes,
    /// Server: it takes every credit for a great one.
    IgnoreCredit,
    /// Server: it says "caught up" at once.
    EarlyCaughtUp,
    /// Server: a fresh token that allows less ends nothing.
    KeepOldGrant,
    /// Server: the chats of a token are not looked at when a subscription names no chat.
    ForgetChatSet,
    /// Server: a fresh token that allows more holds for the subscriptions there are, too.
    WidenRunning,
    /// Server: a fresh token may be somebody else's.
    AnySubject,
    /// Server: a token that is withdrawn holds for as long as its socket is open.
    IgnoreRevocation,
    /// Client: a token that is good, but not for this, is tried again.
    RetryForbidden,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 31] = [
        Self::SkipChainCheck,
        Self::ResumeFromHead,
        Self::ResumeTooEarly,
        Self::AckOnDelivery,
        Self::NoCredit,
        Self::ForgetWireIds,
        Self::LateFrames,
        Self::IgnoreCaughtUp,
        Self::LoseBatch,
        Self::DeliverTwice,
        Self::ReverseBatch,
        Self::SwallowUnsubscribe,
        Self::SwallowCredit,
        Self::NeverTimeOut,
        Self::IgnoreMissingPong,
        Self::RetryAuthForever,
        Self::SilentGap,
        Self::SwallowEnd,
        Self::SwallowFailure,
        Self::ResendPage,
        Self::SkipEvent,
        Self::ForgetFilter,
        Self::ForgetTypes,
        Self::IgnoreCredit,
        Self::EarlyCaughtUp,
        Self::KeepOldGrant,
        Self::ForgetChatSet,
        Self::WidenRunning,
        Self::AnySubject,
        Self::IgnoreRevocation,
        Self::RetryForbidden,
    ];
}
