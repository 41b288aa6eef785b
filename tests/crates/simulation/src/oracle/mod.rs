//! What must be true, looked at after every step. It knows the whole log, and every frame of both ends.

mod checks;
mod grants;
mod reports;
mod streams;
mod traffic;

use im_chats_protocol::client::StreamId;
use im_chats_protocol::error::{Error, ErrorCode};

use crate::log::Log;
use crate::state::client::TIMER_SLACK_MS;
use crate::state::stream::Run;
use crate::world::World;

/// More attempts than this within ten seconds is hammering.
const MAX_ATTEMPTS: usize = 40;

/// The documented code of an error.
fn code_of(error: &Error) -> Option<ErrorCode> {
    code_named(&error.code)
}

fn code_named(name: &str) -> Option<ErrorCode> {
    ErrorCode::ALL.iter().copied().find(|code| code.as_str() == name)
}

impl World<'_> {
    fn log_named(&self, id: &str) -> Option<&Log> {
        self.logs.iter().find(|log| *log.id == *id)
    }

    fn open_run(&mut self, client: usize, stream: StreamId) -> Option<&mut Run> {
        self.clients[client].seats.iter_mut().filter_map(|seat| seat.run.as_mut()).find(|run| run.stream == stream)
    }

    fn runs(&self, client: usize) -> impl Iterator<Item = &Run> {
        self.clients[client].seats.iter().filter_map(|seat| seat.run.as_ref())
    }

    /// How long an answer to a ping may take, in milliseconds.
    const fn ping_timeout(&self) -> u64 {
        2 * self.script.heartbeat_ms + 5_000 + TIMER_SLACK_MS
    }
}
