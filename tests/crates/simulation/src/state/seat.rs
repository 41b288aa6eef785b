//! A user's place at a client.

use im_chats_protocol::model::Cursor;

use super::stream::Run;
use crate::script::SeatSpec;

/// A user: what it does is said by its `spec`.
#[derive(Debug)]
pub struct Seat {
    pub spec: SeatSpec,
    pub saved: Option<Cursor>,
    /// The stream that is open.
    pub run: Option<Run>,
    pub stalled_until: u64,
    /// Its process died while it had a stream.
    pub comes_back: bool,
}

impl Seat {
    pub fn new(spec: SeatSpec) -> Self {
        Self { spec, saved: None, run: None, stalled_until: 0, comes_back: false }
    }
}
