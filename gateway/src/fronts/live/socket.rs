//! Carries the session machine over a WebSocket: bytes, clock and log come together here, and nothing is decided.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, SplitSink, SplitStream, StreamExt};
use futures_util::{FutureExt, SinkExt};
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderValue};
use im_chats_protocol::error::Error;
use im_chats_protocol::grant::Grant;
use im_chats_protocol::wire::frame::SUBPROTOCOL;
use im_chats_protocol::wire::routes::EVENTS_PATH;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::limits::{CLOSE_TIMEOUT, LiveLimits};
use crate::http::admission::Verdict;
use crate::http::failure::Failure;
use crate::http::layers::Gate;
use crate::http::limit::Limit;
use crate::http::share::{Peer, Place, SharedLimit};
use crate::http::subjects::{self, Subject, Subscriptions};
use crate::log::EventLog;
use crate::metrics::{Metrics, SocketMetrics};
use crate::service::auth::{self, Pass};
use im_chats_protocol::server::{
    AskId, Opening, ReadId, ReadPage, Sent, ServerInput, ServerOutput, Session, SessionLimits, WholeEnd,
};

/// Sockets beyond the limit that are closed with a reason, at once; one more is refused before it is a socket.
const REFUSALS: usize = 256;

/// The transport takes frames this many times as large as the limit, so that the client of a frame that is too large
/// hears so in words. Beyond that its connection is cut.
const OVERSIZE_FACTOR: usize = 4;

/// Per-socket buffers of the WebSocket layer, in bytes: thousands of idle sockets are the normal case.
const BUFFER_BYTES: usize = 4 * 1024;

/// Frames are handed to the transport in runs of about this many bytes, each followed by one flush.
const RUN_BYTES: usize = 64 * 1024;

/// The slowest of so many subscriptions is looked for after each input.
const FEW_SUBSCRIPTIONS: usize = 8;

/// The slowest of more is looked for once in this time while reads are under way, in milliseconds.
const LOOK_MS: u64 = 250;

/// What the front needs.
pub struct LiveParts {
    /// The event log.
    pub log: EventLog,
    /// Counts sockets, subscriptions and what goes out over them.
    pub metrics: Metrics,
    /// What a socket may do, and how many there may be.
    pub limits: LiveLimits,
    /// Judges tokens, and counts what each user takes.
    pub gate: Gate,
    /// Cancelled when the server begins to drain: finish what is under way, say good-bye, close.
    pub drain: CancellationToken,
    /// A task for each socket, for the drain to wait for.
    pub tasks: TaskTracker,
}

/// What all sockets share. Cheap to clone.
#[derive(Clone)]
struct Live {
    session: Arc<SessionLimits>,
    sockets: Limit,
    /// For those that may still be anybody.
    waiting: SharedLimit,
    refusals: Arc<Semaphore>,
    log: EventLog,
    metrics: Metrics,
    gate: Gate,
    drain: CancellationToken,
    tasks: TaskTracker,
}

/// The route of the event stream. It judges tokens itself, since browsers can only send them in the first frame; whatever
/// checks hosts and origins belongs around it.
pub fn routes(parts: LiveParts) -> Router {
    let LiveParts { log, metrics, limits, gate, drain, tasks } = parts;
    let live = Live {
        session: Arc::new(limits.session()),
        sockets: Limit::new(limits.max_sockets, "event stream sockets", "--max-sockets"),
        waiting: SharedLimit::new(limits.max_waiting_sockets, "event stream sockets without a token", "--max-waiting-sockets"),
        refusals: Arc::new(Semaphore::new(REFUSALS)),
        log,
        metrics,
        gate,
        drain,
        tasks,
    };
    Router::new().route(EVENTS_PATH, get(upgrade)).with_state(live)
}

async fn upgrade(
    State(live): State<Live>,
    verdict: Option<Extension<Verdict>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let error = Error::invalid("upgrade", "this path is the event stream: open it as a WebSocket");
            return Failure::with_status(error, rejection.status()).into_response();
        }
    };
    // A good token in the header is as good as one in `init`, and its user's place is taken now.
    let known = verdict.and_then(|Extension(Verdict(verdict))| verdict.ok());
    let seat = known.as_ref().and_then(|pass| live.gate.subjects.of(&pass.grant)).map(Seat::take).transpose();
    let waiting = if known.is_some() { Ok(None) } else { live.waiting.take(peer.map(|Extension(peer)| peer)).map(Some) };
    let place = waiting.and_then(|waiting| Ok((seat?, live.sockets.take()?, waiting)));
    let (seat, slot, waiting, refused) = match place {
        Ok((seat, slot, waiting)) => (seat, slot, waiting, None),
        Err(full) => match Arc::clone(&live.refusals).try_acquire_owned() {
            Ok(slot) => (None, slot, None, Some(full)),
            Err(_) => return Failure::from(full).into_response(),
        },
    };
    let offered = offered(&headers);
    let subprotocol_agreed = offered.iter().any(|name| name == SUBPROTOCOL);
    // Naming what was offered first, even if it is not ours, is what lets a browser see the close code that follows.
    let chosen = if subprotocol_agreed { Some(HeaderValue::from_static(SUBPROTOCOL)) } else { offered.into_iter().next() };
    let header_token = auth::bearer(headers.get(AUTHORIZATION)).ok().map(str::to_owned);
    let opening = Opening { subprotocol_agreed, header_token, refused };
    let limit = live.session.max_frame_bytes.saturating_mul(OVERSIZE_FACTOR);
    let mut upgrade =
        upgrade.max_frame_size(limit).max_message_size(limit).read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
    if let Some(chosen) = chosen {
        upgrade.set_selected_protocol(chosen);
    }
    let tracked = live.tasks.token();
    upgrade.on_upgrade(move |socket| async move {
        Driver::new(live, opening, waiting, seat, socket).run().await;
        drop((slot, tracked));
    })
}

/// The subprotocols a client offers, in its order of preference.
fn offered(headers: &HeaderMap) -> Vec<HeaderValue> {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderValue::from_str(name.trim()).ok())
        .filter(|name| !name.is_empty())
        .collect()
}

type Asking = BoxFuture<'static, (AskId, Result<WholeEnd, Error>)>;

type Reading = BoxFuture<'static, (ReadId, Result<ReadPage, Error>)>;

struct Driver {
    live: Live,
    session: Session,
    started: Instant,
    reads: FuturesUnordered<Reading>,
    /// The latest question for the end of the log that ours is a replica of.
    asking: Option<Asking>,
    stream: SplitStream<WebSocket>,
    writer: Writer,
    /// Its place among those that have not shown a good token yet.
    waiting: Option<Place>,
    /// Its latest good token.
    pass: Option<Pass>,
    /// The place of a user's socket; the operator's has none.
    seat: Option<Seat>,
    metrics: SocketMetrics,
    /// Subscriptions may have moved since they were looked at last, which was at this time.
    moved: bool,
    looked_ms: u64,
}

/// What a socket has of its subject's.
struct Seat {
    subscriptions: Subscriptions,
    _socket: OwnedSemaphorePermit,
}

impl Seat {
    fn take(subject: Arc<Subject>) -> Result<Self, Error> {
        let socket = subject.socket()?;
        Ok(Self { subscriptions: Subscriptions::of(subject), _socket: socket })
    }

    fn is_of(&self, subject: &Arc<Subject>) -> bool {
        Arc::ptr_eq(self.subscriptions.subject(), subject)
    }
}

/// The answer to a question, should there be one.
async fn answered(asking: &mut Option<Asking>) -> (AskId, Result<WholeEnd, Error>) {
    match asking {
        Some(asking) => asking.await,
        None => pending().await,
    }
}

impl Driver {
    fn new(live: Live, opening: Opening, waiting: Option<Place>, seat: Option<Seat>, socket: WebSocket) -> Self {
        let session = Session::new(Arc::clone(&live.session), opening, live.log.state(), 0);
        let (sink, stream) = socket.split();
        let writer = Writer { sink, queue: VecDeque::new(), started_bytes: 0, dirty: false };
        let metrics = live.metrics.socket();
        Self {
            live,
            session,
            started: Instant::now(),
            reads: FuturesUnordered::new(),
            asking: None,
            stream,
            writer,
            waiting,
            pass: None,
            seat,
            metrics,
            moved: false,
            looked_ms: 0,
        }
    }

    /// These take the driver by reference: by value, each would keep a copy of it in the task of every socket.
    async fn run(&mut self) {
        let mut head = self.live.log.watch_head();
        let mut changes = self.live.gate.authenticator.changes();
        let drain = self.live.drain.clone();
        let mut draining = false;
        loop {
            let close = self.carry_out();
            self.count();
            if let Some(close) = close {
                return self.close(close).await;
            }
            if self.session.is_closed() {
                return self.hang_up().await;
            }
            let deadline = self.session.next_deadline().map(|ms| self.started + Duration::from_millis(ms));
            tokio::select! {
                () = drain.cancelled(), if !draining => {
                    draining = true;
                    self.tell(ServerInput::Drain);
                }
                Ok(()) = head.changed() => self.tell(ServerInput::Tick),
                Ok(()) = changes.changed() => self.recheck(),
                Some((read, page)) = self.reads.next() => self.tell(ServerInput::Page { read, page }),
                (ask, end) = answered(&mut self.asking) => {
                    self.asking = None;
                    self.tell(ServerInput::End { ask, end });
                }
                message = self.stream.next(), if self.session.takes_frames() => self.received(message),
                written = self.writer.write(), if self.writer.has_work() => match written {
                    Ok(bytes) => self.tell(ServerInput::Written { bytes }),
                    Err(error) => {
                        tracing::debug!(%error, "event stream cut while writing");
                        self.tell(ServerInput::Gone);
                    }
                },
                () = sleep_until(deadline.unwrap_or(self.started)), if deadline.is_some() => self.tell(ServerInput::Tick),
            }
        }
    }

    fn tell(&mut self, input: ServerInput<'_>) {
        self.moved |= !matches!(input, ServerInput::Written { .. });
        let (now, log) = (self.now(), self.live.log.state());
        let recent = |after| self.live.log.recent(&log.id, after, log.head);
        let session = &mut self.session;
        let Some(seat) = &mut self.seat else { return session.handle_with_recent(now, &log, input, recent) };
        let limit = seat.subscriptions.subject().max_subscriptions();
        seat.subscriptions.change(|left| {
            session.set_subject_room(left, limit);
            session.handle_with_recent(now, &log, input, recent);
            session.subscriptions()
        });
    }

    /// Judges a token, and takes the place that its subject has for this socket.
    fn verify(&mut self, token: &str) -> Result<Grant, Error> {
        // To judge one costs as much as a call. The first one of a socket is paid by its place.
        if self.pass.is_some()
            && let Some(seat) = &self.seat
        {
            seat.subscriptions.subject().call()?;
        }
        let pass = self.live.gate.authenticator.verify(token)?;
        let subject = self.live.gate.subjects.of(&pass.grant);
        // The upgrade may have had another token than `init`.
        if !self.seat.as_ref().is_some_and(|seat| subject.as_ref().is_some_and(|subject| seat.is_of(subject))) {
            self.seat = subject.map(Seat::take).transpose()?;
        }
        let grant = pass.grant.clone();
        self.pass = Some(pass);
        self.waiting = None;
        Ok(grant)
    }

    /// The token may have been withdrawn.
    fn recheck(&mut self) {
        let rechecked = self.pass.as_ref().map_or(Ok(()), |pass| self.live.gate.authenticator.recheck(pass));
        if let Err(error) = rechecked {
            self.tell(ServerInput::Revoked(error));
        }
    }

    /// Once for all that one input led to, and never for each event.
    fn count(&mut self) {
        let Sent { events, errors } = self.session.take_sent();
        if events > 0 {
            self.metrics.delivered(events);
        }
        for (code, times) in errors {
            self.metrics.refused(&code, times);
        }
        let subscriptions = self.session.subscriptions();
        self.metrics.subscriptions(subscriptions);
        // Looking at thousands of subscriptions after each page of one of them would take longer than the pages.
        let settled = self.reads.is_empty() || subscriptions <= FEW_SUBSCRIPTIONS;
        if self.moved && (settled || self.now() >= self.looked_ms.saturating_add(LOOK_MS)) {
            self.metrics.slowest(self.session.slowest());
            (self.moved, self.looked_ms) = (false, self.now());
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn received(&mut self, message: Option<Result<Message, axum::Error>>) {
        match message {
            Some(Ok(Message::Text(text))) => self.tell(ServerInput::Text(text.as_str())),
            Some(Ok(Message::Binary(_))) => self.tell(ServerInput::Binary),
            // The WebSocket layer answers pings itself; the answer waits for the next write.
            Some(Ok(Message::Ping(_))) => self.writer.dirty = true,
            Some(Ok(Message::Pong(_))) => {}
            Some(Ok(Message::Close(_))) | None => self.tell(ServerInput::Gone),
            Some(Err(error)) => match fault(error) {
                Fault::TooLarge => self.tell(ServerInput::Oversized),
                Fault::Malformed => self.tell(ServerInput::Malformed),
                Fault::Cut => self.tell(ServerInput::Gone),
            },
        }
    }

    /// Does what the session asks for; gives the close, when it asks for that.
    fn carry_out(&mut self) -> Option<CloseFrame> {
        while let Some(output) = self.session.poll() {
            match output {
                ServerOutput::Send(text) => self.writer.queue.push_back(Message::Text(text.into())),
                ServerOutput::Read { read, query } => {
                    let (log, id) = (self.live.log.clone(), self.session.log_id());
                    let subject = self.seat.as_ref().map(|seat| Arc::clone(seat.subscriptions.subject()));
                    self.reads.push(async move { (read, subjects::read(subject, log, id, query).await) }.boxed());
                }
                ServerOutput::AskEnd { ask } => {
                    let log = self.live.log.clone();
                    self.asking = Some(async move { (ask, log.ask_end().await) }.boxed());
                }
                ServerOutput::Verify { token } => {
                    let judgement = self.verify(&token);
                    self.tell(ServerInput::Verified(judgement));
                }
                ServerOutput::Close { code, reason } => return Some(CloseFrame { code, reason: reason.into() }),
            }
        }
        None
    }

    /// Sends what waits and the close, then waits for the client's: a connection that is dropped while bytes of the client
    /// are still unread would take the last frames with it.
    async fn close(&mut self, close: CloseFrame) {
        let client = self.session.client().map(|client| client.name.as_str()).unwrap_or_default();
        tracing::debug!(code = close.code, reason = close.reason.as_str(), client, "event stream closed");
        self.reads.clear();
        self.writer.queue.push_back(Message::Close(Some(close)));
        let farewell = async {
            while self.writer.has_work() {
                if self.writer.write().await.is_err() {
                    return;
                }
            }
            while let Some(Ok(_)) = self.stream.next().await {}
        };
        // A client that takes no more frames, or never answers the close, has had its time.
        let _ = timeout(CLOSE_TIMEOUT, farewell).await;
    }

    /// The client is gone, or has said so: its close is answered, if it can still be.
    async fn hang_up(&mut self) {
        self.reads.clear();
        self.writer.queue.clear();
        let _ = timeout(CLOSE_TIMEOUT, self.writer.sink.close()).await;
    }
}

/// Frames on their way out.
struct Writer {
    sink: SplitSink<WebSocket, Message>,
    queue: VecDeque<Message>,
    /// Bytes of text given to the transport and not flushed yet. Kept here, since a write may be given up half-way.
    started_bytes: usize,
    /// Something was given to the transport since the last flush.
    dirty: bool,
}

impl Writer {
    fn has_work(&self) -> bool {
        self.dirty || !self.queue.is_empty()
    }

    /// Writes a run of frames and flushes; gives the bytes of text that are out. Safe to give up at any time.
    async fn write(&mut self) -> Result<usize, axum::Error> {
        poll_fn(|context| self.poll_write(context)).await
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, axum::Error>> {
        while self.started_bytes < RUN_BYTES && !self.queue.is_empty() {
            ready!(self.sink.poll_ready_unpin(context))?;
            let Some(message) = self.queue.pop_front() else { break };
            if let Message::Text(text) = &message {
                self.started_bytes = self.started_bytes.saturating_add(text.len());
            }
            self.dirty = true;
            self.sink.start_send_unpin(message)?;
        }
        ready!(self.sink.poll_flush_unpin(context))?;
        self.dirty = false;
        Poll::Ready(Ok(std::mem::take(&mut self.started_bytes)))
    }
}

/// Why nothing more can be read.
enum Fault {
    TooLarge,
    Malformed,
    Cut,
}

fn fault(error: axum::Error) -> Fault {
    match error.into_inner().downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => Fault::TooLarge,
        // Without a close handshake: nothing can be sent any more.
        Some(tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => Fault::Cut,
        Some(tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_)) => Fault::Malformed,
        _ => Fault::Cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offered_subprotocol_is_found() {
        let mut headers = HeaderMap::new();
        headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("graphql-ws, ,chat"));
        headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(" im.events.v1.json"));
        assert_eq!(offered(&headers), ["graphql-ws", "chat", SUBPROTOCOL]);
        assert_eq!(offered(&HeaderMap::new()), [""; 0]);
    }
}
