//! One socket of the event stream: the session machine that the gateway has, over a log that is in memory. Nothing waits in here: a page of the
//! log is there when it is asked for.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::FutureExt as _;
use im_chats_gateway::emulator::clock::Clock as _;
use im_chats_gateway::in_process::InProcess;
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::server::{Opening, ServerInput, ServerOutput, Session, SessionLimits, WholeEnd};

use crate::clock::PageClock;

/// What goes out of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A text frame.
    Frame(String),
    /// The close, which is the last of it.
    Close {
        /// Its code.
        code: u16,
        /// Its reason.
        reason: &'static str,
    },
}

/// One socket.
pub struct Socket {
    page: InProcess,
    clock: Arc<PageClock>,
    session: Session,
    out: VecDeque<Output>,
}

impl Socket {
    /// A socket that was just opened; `subprotocol_agreed` says whether its client named `im.events.v1.json`.
    #[must_use]
    pub fn open(page: InProcess, clock: Arc<PageClock>, limits: Arc<SessionLimits>, subprotocol_agreed: bool) -> Self {
        let opening = Opening { subprotocol_agreed, header_token: None, refused: None };
        let session = Session::new(limits, opening, page.log().state(), clock.steady_ms());
        let mut socket = Self { page, clock, session, out: VecDeque::new() };
        socket.carry_out();
        socket
    }

    /// Something happened to it.
    pub fn tell(&mut self, input: ServerInput<'_>) {
        let log = self.page.log().clone();
        let state = log.state();
        let recent = |after| log.recent(&state.id, after, state.head);
        self.session.handle_with_recent(self.clock.steady_ms(), &state, input, recent);
        self.carry_out();
    }

    /// What goes out next. Frames count as waiting until [`ServerInput::Written`] says that they were taken.
    pub fn take(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When it is to be told a [`ServerInput::Tick`], in milliseconds since 1970.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        self.session.next_deadline().map(|deadline| self.clock.time_of(deadline))
    }

    /// Whether the client's next frame may be handed over.
    #[must_use]
    pub fn takes_frames(&self) -> bool {
        self.session.takes_frames()
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                ServerOutput::Send(text) => self.out.push_back(Output::Frame(text)),
                ServerOutput::Read { read, query } => {
                    let page = self.page.log().read_of(self.session.log_id(), query).now_or_never();
                    let page = page.unwrap_or_else(|| Err(never("read")));
                    self.handle(ServerInput::Page { read, page });
                }
                ServerOutput::AskEnd { ask } => {
                    let state = self.page.log().state();
                    self.handle(ServerInput::End { ask, end: Ok(WholeEnd { log: state.id, end: state.head }) });
                }
                ServerOutput::Verify { token } => {
                    let judged = self.page.verify(&token);
                    self.handle(ServerInput::Verified(judged));
                }
                ServerOutput::Close { code, reason } => self.out.push_back(Output::Close { code, reason }),
            }
        }
        // A client has no use for what it was told by a session whose state is gone.
        let _ = self.session.take_sent();
    }

    fn handle(&mut self, input: ServerInput<'_>) {
        self.session.handle(self.clock.steady_ms(), &self.page.log().state(), input);
    }
}

fn never(what: &'static str) -> Error {
    Error::new(ErrorCode::InternalError, format!("the log in memory cannot be {what} at once"))
}
