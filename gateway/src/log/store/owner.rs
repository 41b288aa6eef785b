//! Who a data directory belongs to.

/// Who writes a data directory: the two keep different things in it, and neither can go on from the other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The emulator.
    Emulator,
    /// The relay.
    Relay,
    /// A relay whose log is in a stream: what is here can be thrown away.
    Replica,
}

impl Owner {
    /// The subcommand's name, which is also what the database says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emulator => "emulator",
            Self::Relay => "relay",
            Self::Replica => "replica",
        }
    }
}
