//! Opens a session: token, socket, `init`, `ready`. Loses it: backoff, or the end of the streams.

use super::{Machine, PROBE_MS};
use crate::client::backoff::{Backoff, scale};
use crate::client::connection::{Phase, Ping, Ready, Refresh, Silence, closed_error, reaction, unopened_error};
use crate::client::stream::Position;
use crate::client::{Batch, ClientOutput, FailedAttempt};
use crate::error::{Error, ErrorCode};
use crate::number::decimal;
use crate::wire::close::{self, Reaction};
use crate::wire::filter::Filter;
use crate::wire::frame::{ClientFrame, LogInfo};
use alloc::string::String;
use alloc::vec::Vec;

/// The longest wait that a server may ask for, in milliseconds; a longer one counts as this. Otherwise one wrong number would
/// stop the client for days.
const MAX_ASKED_MS: u64 = 60_000;

/// The longest interval between heartbeats, in milliseconds, for the same reason: it decides when silence is a failure.
const MAX_HEARTBEAT_INTERVAL_MS: u64 = 300_000;

impl<B: Batch> Machine<B> {
    pub(super) fn connect(&mut self) {
        self.attempt = self.attempt.wrapping_add(1);
        self.fatal = None;
        self.drain = None;
        self.phase = Phase::Authorizing { until: self.now.saturating_add(self.config.connect_timeout_ms) };
        self.fetch_token();
    }

    fn fetch_token(&mut self) {
        self.ask = self.ask.wrapping_add(1);
        self.outputs.push_back(ClientOutput::FetchToken { ask: self.ask });
    }

    pub(super) fn token(&mut self, result: Result<String, Error>) {
        match (&mut self.phase, result) {
            (Phase::Authorizing { until }, Ok(token)) => {
                self.phase = Phase::Connecting { until: *until, token };
                self.outputs.push_back(ClientOutput::Connect { attempt: self.attempt });
            }
            (Phase::Authorizing { .. }, Err(error)) => self.lose(error),
            (Phase::Ready(ready), Ok(token)) => {
                if let Some(refresh) = &mut ready.refresh {
                    refresh.at = self.now.saturating_add(refresh.period_ms);
                }
                self.send(ClientFrame::Token { token });
            }
            // A refresh that failed is asked for again shortly; should the token end before, the server says so.
            (Phase::Ready(ready), Err(error)) => {
                if let Some(refresh) = &mut ready.refresh {
                    refresh.at = self.now.saturating_add(5_000);
                }
                self.report(Some(error));
            }
            _ => {}
        }
    }

    pub(super) fn connected(&mut self) {
        if let Phase::Connecting { until, token } = &mut self.phase {
            let (until, token) = (*until, core::mem::take(token));
            self.phase = Phase::Greeting { until };
            self.outputs.push_back(ClientOutput::Send(ClientFrame::Init {
                token: Some(token),
                client: Some(self.config.client.clone()),
            }));
        }
    }

    /// The token was accepted: the first of this socket, or a fresh one.
    pub(super) fn ready(&mut self, log: LogInfo, heartbeat_interval_ms: u64, token_expires_in_ms: Option<u64>) {
        // A fresh token is asked for when a tenth of its life is left, which leaves time for a slow answer.
        let refresh = token_expires_in_ms.map(|lifetime| {
            let period_ms = lifetime.saturating_sub(lifetime / 10).max(1_000);
            Refresh { at: self.now.saturating_add(period_ms), period_ms }
        });
        let (since, pings, ping) = match &self.phase {
            Phase::Ready(ready) => (ready.since, ready.pings, ready.ping),
            _ => (self.now, 0, None),
        };
        self.refused = false;
        self.is_retry = true;
        self.failed_attempts = 0;
        if self.last_error.is_some() {
            self.failed = None;
            self.report(None);
        }
        self.log = Some(log);
        self.phase = Phase::Ready(Ready {
            since,
            heartbeat_interval_ms: heartbeat_interval_ms.clamp(1_000, MAX_HEARTBEAT_INTERVAL_MS),
            last_frame_at: self.now,
            pings,
            ping,
            refresh,
        });
        self.attach();
    }

    /// Subscribes every stream that is not on the present socket.
    pub(super) fn attach(&mut self) {
        let Some(log) = &self.log else { return };
        let first = Position { log: log.id.clone(), sequence: log.first };
        let limit = self.max_subscriptions;
        let mut room = limit.saturating_sub(self.streams.iter().map(|stream| u64::from(stream.wire_id != 0)).sum());
        let (filters, max_frame_bytes) = (self.filters, self.max_frame_bytes);
        let mut named = Vec::new();
        let mut refused = false;
        for stream in self.streams.iter_mut().filter(|stream| stream.wire_id == 0 && stream.ending.is_none()) {
            let refusal = if room == 0 { Some(too_many(limit)) } else { unfit(&stream.plan.filter, filters, max_frame_bytes) };
            if let Some(error) = refusal {
                stream.end(Err(error));
                refused = true;
                continue;
            }
            room -= 1;
            self.last_wire_id += 1;
            let frame = stream.subscribe(self.last_wire_id, self.config.window, &first);
            named.push((self.last_wire_id, stream.stream));
            self.outputs.push_back(ClientOutput::Send(ClientFrame::Subscribe(frame)));
        }
        for (wire_id, stream) in named {
            self.remember(wire_id, stream);
        }
        if refused {
            self.settle_all();
        }
    }

    pub(super) fn disconnected(&mut self, code: u16, reason: Option<Error>) {
        let opened = !matches!(self.phase, Phase::Connecting { .. });
        let address = &self.config.address;
        let error = match self.fatal.take() {
            Some(error) => error,
            None if opened => closed_error(address, code, reason),
            None => unopened_error(address, code, reason),
        };
        match reaction(code, &error, opened) {
            Reaction::Retry => self.lose(error),
            // Asked again, it would be the same.
            Reaction::FreshToken if self.refused || self.config.token_is_fixed => self.fail(error),
            // Accepted and refused in turn, as with tokens that end at once: that must not become a loop without rest.
            Reaction::FreshToken if self.is_young() => {
                self.refused = true;
                self.lose(error);
            }
            Reaction::FreshToken => {
                self.refused = true;
                self.attempt_failed(Some(self.now));
                self.detach(&error);
                self.report(Some(error));
                if self.is_needed() { self.connect() } else { self.go_idle() }
            }
            Reaction::GiveUp => self.fail(error),
        }
    }

    /// Whether there is a session that has not lasted long enough to count as health.
    pub(super) fn is_young(&self) -> bool {
        matches!(&self.phase, Phase::Ready(ready) if self.now.saturating_sub(ready.since) < Backoff::HEALTHY_MS)
    }

    /// The session, or the attempt to open one, failed; streams that may resume wait for the next.
    pub(super) fn lose(&mut self, error: Error) {
        if matches!(self.phase, Phase::Ready(_)) && !self.is_young() {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        let asked = error.retry_after_ms.unwrap_or(0);
        let delay = match self.drain.take() {
            Some((min, max)) => min.saturating_add(scale(max.saturating_sub(min), self.random)),
            None => self.config.backoff.delay_ms(self.failures, self.random),
        };
        let retry_at = self.now.saturating_add(delay.max(asked).min(MAX_ASKED_MS));
        self.attempt_failed(Some(retry_at));
        self.hang_up(close::NORMAL);
        self.detach(&error);
        self.report(Some(error));
        self.phase = Phase::Backoff { until: retry_at };
        self.settle_all();
        self.rest();
    }

    /// Records a failed attempt, or the loss of a working session, for the status.
    fn attempt_failed(&mut self, retry_at: Option<u64>) {
        if !matches!(self.phase, Phase::Ready(_)) {
            self.failed_attempts = self.failed_attempts.saturating_add(1);
        }
        self.is_retry = true;
        self.failed = Some(FailedAttempt { number: self.failed_attempts, retry_at });
    }

    /// Records why the connection does not work, and reports it.
    fn report(&mut self, error: Option<Error>) {
        self.last_error = error;
        self.failure_changed = true;
    }

    /// Gives up: every stream ends with the error.
    pub(super) fn fail(&mut self, error: Error) {
        self.attempt_failed(None);
        self.hang_up(close::NORMAL);
        for stream in &mut self.streams {
            stream.end(Err(error.clone()));
        }
        self.phase = Phase::Failed;
        self.reset();
        self.report(Some(error));
        self.settle_all();
    }

    pub(super) fn detach(&mut self, error: &Error) {
        for stream in &mut self.streams {
            stream.wire_id = 0;
            stream.caught_up = false;
            if !stream.plan.resume {
                stream.end(Err(error.clone()));
            }
        }
        self.settle_all();
    }

    /// Closes the socket, if there may be one, and stops listening to it.
    pub(super) fn hang_up(&mut self, code: u16) {
        if matches!(self.phase, Phase::Connecting { .. } | Phase::Greeting { .. } | Phase::Ready(_)) {
            self.outputs.push_back(ClientOutput::Disconnect { code });
        }
        self.attempt = self.attempt.wrapping_add(1);
    }

    pub(super) fn wake(&mut self) {
        match &mut self.phase {
            Phase::Backoff { until } => *until = self.now,
            Phase::Ready(ready) if ready.ping.is_none_or(|ping| ping.probe_until.is_none()) => {
                self.ping(Some(self.now.saturating_add(PROBE_MS)));
            }
            _ => {}
        }
    }

    /// Asks the server to show that it hears us; it takes the place of a ping that is not answered yet.
    pub(super) fn ping(&mut self, probe_until: Option<u64>) {
        let Phase::Ready(ready) = &mut self.phase else { return };
        ready.pings += 1;
        let (n, silence_timeout_ms) = (ready.pings, ready.silence_timeout_ms());
        let until = self.now.saturating_add(silence_timeout_ms);
        let limit = self.now.saturating_add(silence_timeout_ms.saturating_mul(Ping::MAX_EXTENSIONS));
        ready.ping = Some(Ping { n, until, limit, probe_until });
        self.outputs.push_back(ClientOutput::Send(ClientFrame::Ping { n }));
    }

    /// The error of an attempt whose time is over.
    fn too_late(&self) -> Error {
        let address = &self.config.address;
        let seconds = decimal(self.config.connect_timeout_ms / 1_000);
        let message = match self.phase {
            Phase::Authorizing { .. } => ["the token function gave no token within ", &seconds, " s"].concat(),
            Phase::Greeting { .. } => [address, " did not accept the stream within ", &seconds, " s"].concat(),
            _ => ["could not connect to ", address, ": no answer within ", &seconds, " s"].concat(),
        };
        Error::new(ErrorCode::Timeout, message).with_context("address", address.clone())
    }

    pub(super) fn tick(&mut self) {
        let now = self.now;
        if self.linger_until.is_some_and(|until| until <= now) {
            self.hang_up(close::NORMAL);
            self.go_idle();
        }
        match &mut self.phase {
            Phase::Backoff { until } if *until <= now => self.connect(),
            Phase::Authorizing { until } | Phase::Connecting { until, .. } | Phase::Greeting { until } if *until <= now => {
                let error = self.too_late();
                self.lose(error);
            }
            Phase::Ready(ready) => {
                if ready.dead_at() <= now {
                    let heard = ready.stale_at() > now && ready.ping.is_some_and(|ping| ping.probe_until.is_none());
                    let silence = if heard { Silence::OfClient } else { Silence::OfServer };
                    return self.lose(Error::new(ErrorCode::NetworkError, silence.message()));
                }
                if let Some(refresh) = ready.refresh.as_mut().filter(|refresh| refresh.at <= now) {
                    refresh.at = now.saturating_add(refresh.period_ms);
                    self.fetch_token();
                }
            }
            _ => {}
        }
    }
}

/// A socket holds no more subscriptions than the server says.
fn too_many(limit: u64) -> Error {
    let message = "more streams are open than the server allows one client; \
                   open one stream of all chats and pick by chatGuid, or close streams that are not needed";
    Error::new(ErrorCode::SubscriptionLimitExceeded, message).with_context("limit", crate::number::decimal(limit))
}

/// What a `subscribe` takes at most, its lists aside.
const SUBSCRIBE_BYTES: usize = 1_024;

/// Why a server cannot be asked for this: it would show what the filter hides, or end the session for a frame that is too large.
fn unfit(filter: &Filter, filters: bool, max_frame_bytes: u64) -> Option<Error> {
    if filter.needs_feature() && !filters {
        let message = "the server cannot pick events by `chats` or `types`: update the gateway, or leave them out";
        return Some(Error::new(ErrorCode::OperationNotSupported, message));
    }
    let bytes = u64::try_from(filter.list_bytes().saturating_add(SUBSCRIBE_BYTES)).unwrap_or(u64::MAX);
    let message = "more bytes than the server reads at once: name fewer";
    (filter.needs_feature() && bytes > max_frame_bytes).then(|| Error::invalid("chats", message))
}
