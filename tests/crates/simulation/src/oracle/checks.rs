//! What must be true after every step, and in the end.

use im_chats_protocol::client::{ConnectionState, Machine, StreamId};
use im_chats_protocol::error::ErrorCode;
use im_chats_protocol::model::Cursor;

use super::MAX_ATTEMPTS;
use crate::state::client::TIMER_SLACK_MS;
use crate::state::stream::Run;
use crate::world::World;

impl World<'_> {
    pub fn check_cursor(&mut self, client: usize, stream: StreamId, cursor: Option<Cursor>) {
        let Some(run) = self.runs(client).find(|run| run.stream == stream) else { return };
        if run.cursor == cursor {
            return;
        }
        let Some(now) = cursor else {
            return self.fail(format!("stream {stream} lost its cursor"));
        };
        let (Some(log), Some(handled)) = (self.log_named(&now.log), run.handled.or(Some(0))) else {
            return self.fail(format!("stream {stream} has a cursor of a log that never was: {now:?}"));
        };
        let wrong = if run.cursor.as_ref().is_some_and(|before| before.sequence > now.sequence || before.log != now.log) {
            Some(format!("the cursor of stream {stream} went from {:?} to {now:?}", run.cursor))
        } else if now.sequence < handled {
            Some(format!("the cursor of stream {stream} is {} although {handled} is handled", now.sequence))
        } else if let Some(unfinished) = run.next(log, handled).filter(|next| run.handled.is_some() && *next <= now.sequence) {
            Some(format!("the cursor of stream {stream} is {}, past the unfinished event {unfinished}", now.sequence))
        } else {
            None
        };
        match wrong {
            Some(wrong) => self.fail(wrong),
            None => {
                if let Some(run) = self.open_run(client, stream) {
                    run.cursor = Some(now);
                }
            }
        }
    }

    /// After every input of a client.
    pub fn check_client(&mut self, client: usize) {
        let streams: Vec<StreamId> = self.runs(client).filter(|run| !run.cancelled).map(|run| run.stream).collect();
        for stream in streams {
            let cursor = self.clients[client].machine.as_ref().and_then(|machine| machine.cursor(stream));
            if cursor.is_some() || self.runs(client).any(|run| run.stream == stream && run.cursor.is_some()) {
                self.check_cursor(client, stream, cursor);
            }
        }
        let state = &self.clients[client];
        let Some(machine) = &state.machine else { return };
        let window = state.spec.window;
        let mut wrong = None;
        for run in self.runs(client) {
            let granted = state.wires.values().find(|wire| wire.stream == Some(run.stream));
            let granted = granted.map_or(0, |wire| wire.credit.saturating_sub(wire.received));
            if granted + run.waiting + run.taken > window {
                wrong = Some(format!(
                    "stream {}: {granted} events on their way, {} waiting, {} with the user; the window is {window}",
                    run.stream, run.waiting, run.taken
                ));
            }
        }
        let behind = |run: &Run| Some(run.head?.saturating_sub(machine.cursor(run.stream)?.sequence));
        let lag = self.runs(client).filter_map(behind).max().unwrap_or(0);
        if machine.lag() != lag && self.runs(client).all(|run| run.head.is_some()) {
            wrong = Some(format!("the lag is {}, and the user of the slowest stream is {lag} behind", machine.lag()));
        }
        if state.refusals >= 2
            && !matches!(machine.state(), ConnectionState::Failed | ConnectionState::Idle | ConnectionState::Closed)
        {
            wrong = Some("the token was refused twice, and it is used again".into());
        }
        if matches!(state.refusal, Some(ErrorCode::Unauthorized | ErrorCode::TokenBlocked))
            && !matches!(machine.state(), ConnectionState::Failed | ConnectionState::Closed)
        {
            wrong = Some(format!("the token is {:?}, and the client goes on", state.refusal));
        }
        if state.attempts.len() > MAX_ATTEMPTS {
            wrong = Some(format!("{} attempts within ten seconds", state.attempts.len()));
        }
        if machine.state() == ConnectionState::Live
            && let Some(unproven) = self.unproven(client)
        {
            wrong = Some(format!("the state is live, but {unproven}"));
        }
        if let Some(wrong) = wrong {
            self.fail(format!("c{client}: {wrong}"));
        }
    }

    /// Why a client must not say that it is live.
    fn unproven(&self, client: usize) -> Option<String> {
        let state = &self.clients[client];
        if state.socket.is_none() {
            return Some("there is no socket".into());
        }
        let mut strays = state.stray_errors;
        let mut open = 0;
        for run in self.runs(client).filter(|run| run.known && !run.finishing && !run.cancelled) {
            match state.wires.values().find(|wire| wire.stream == Some(run.stream)) {
                Some(wire) if wire.position >= wire.head && wire.head.is_some() => open += 1,
                Some(wire) => {
                    return Some(format!("stream {} is at {:?} of {:?}", run.stream, wire.position, wire.head));
                }
                None if !run.spec.resume && state.cuts > run.opened_cuts => {}
                None if strays > 0 => strays -= 1,
                None => return Some(format!("stream {} is not attached", run.stream)),
            }
        }
        (open == 0).then(|| "no stream is open".to_owned())
    }

    /// What time alone can break.
    pub fn check_idle(&mut self, client: usize) {
        let state = &self.clients[client];
        let Some(machine) = &state.machine else { return };
        if state.is_frozen(self.now) {
            return;
        }
        let silence = self.now - state.last_frame_at.min(self.now);
        if machine.state() == ConnectionState::Live && silence > 2 * self.script.heartbeat_ms + 5_000 + TIMER_SLACK_MS {
            return self.fail(format!("c{client}: the state is live after {silence} ms of silence"));
        }
        if state.probe_until.is_some_and(|until| until < self.now) {
            self.fail(format!("c{client}: a socket that did not answer the probe is kept"));
        } else if state.ping.is_some_and(|ping| ping.until < self.now) {
            self.fail(format!("c{client}: a socket on which the server hears nothing is kept"));
        }
    }

    /// The faults are over, and so must be their consequences.
    pub fn check_well(&mut self) {
        for client in 0..self.clients.len() {
            let state = &self.clients[client];
            let Some(machine) = &state.machine else { continue };
            let runs: Vec<&Run> = self.runs(client).collect();
            let mut wrong = None;
            if !runs.is_empty() && machine.state() != ConnectionState::Live {
                wrong = Some(format!(
                    "the state is {} long after the faults: {:?}",
                    machine.state().as_str(),
                    machine.last_error()
                ));
            }
            for run in runs {
                let log = run.log.as_deref().and_then(|id| self.log_named(id));
                let missing = match (log, run.delivered) {
                    (Some(log), Some(delivered)) => run.next(log, delivered),
                    _ => Some(0),
                };
                if run.finishing {
                    wrong = Some(format!("stream {} was to end and did not", run.stream));
                } else if run.spec.until_head {
                    wrong = Some(format!("the catch-up {} never ended", run.stream));
                } else if let Some(missing) = missing {
                    wrong = Some(format!("stream {} waits for event {missing}, which is there", run.stream));
                } else if !run.pulling && run.taken == 0 {
                    wrong = Some(format!("the user of stream {} does not pull", run.stream));
                }
            }
            if let Some((_, connection)) = state.socket {
                let at_server = self.connections[connection].session.as_ref().map_or(0, |session| session.subscriptions());
                if wrong.is_none() && at_server != state.wires.len() {
                    wrong = Some(format!("the server has {at_server} subscriptions, the client {}", state.wires.len()));
                }
            }
            if let Some(wrong) = wrong {
                self.fail(format!("c{client}: {wrong}"));
            }
        }
    }

    pub fn note_cuts(&mut self) {
        for client in &mut self.clients {
            client.cuts_when_settled = client.cuts;
        }
    }

    /// In calm weather nothing is cut.
    pub fn check_no_cuts(&mut self) {
        for client in 0..self.clients.len() {
            let state = &self.clients[client];
            if state.cuts != state.cuts_when_settled {
                let last = state.machine.as_ref().and_then(Machine::last_error).cloned();
                self.fail(format!("c{client}: a cut without a fault: {last:?}"));
            }
        }
    }

    /// A closed client leaves nobody waiting and nothing to do.
    pub fn check_closed(&mut self, client: usize) {
        let state = &self.clients[client];
        let Some(machine) = &state.machine else { return };
        let deadline = machine.deadline();
        let waiting = self.runs(client).any(|run| run.pulling);
        let closed = machine.state();
        if waiting || closed != ConnectionState::Closed || deadline.is_some() {
            self.fail(format!("c{client}: closed, but {}, deadline {deadline:?}, waiting {waiting}", closed.as_str()));
        }
    }
}
