//! Which service the document describes.

/// Which service the gateway offers, and so whose rules the document can state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The emulator: its limits are known.
    Emulator,
    /// A relay: the service behind it decides.
    Relay,
}
