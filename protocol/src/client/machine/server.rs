//! Handles the server's frames.

use super::{Machine, PROBE_MS};
use crate::client::connection::Phase;
use crate::client::stream::{OnGap, Start};
use crate::client::{Batch, ClientOutput};
use crate::error::{Error, ErrorCode};
use crate::wire::codec::WrongField;
use crate::wire::frame::{ErrorFrame, PROTOCOL, ServerFrame, SubscriptionId};

impl<B: Batch> Machine<B> {
    pub(super) fn frame(&mut self, frame: Result<Option<ServerFrame<B>>, WrongField>) {
        if let Phase::Ready(ready) = &mut self.phase {
            ready.last_frame_at = self.now;
            let silence_timeout_ms = ready.silence_timeout_ms();
            if let Some(ping) = &mut ready.ping {
                ping.probe_until = ping.probe_until.map(|_| self.now.saturating_add(PROBE_MS));
                if matches!(&frame, Ok(Some(ServerFrame::Events { events, .. })) if events.count() > 0) {
                    ping.wait_on(self.now.saturating_add(silence_timeout_ms));
                }
            }
        }
        let frame = match frame {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(wrong) => {
                let error = Error::new(ErrorCode::NetworkError, "a frame is not what the protocol says");
                return self.lose(error.with_field(wrong.path()));
            }
        };
        match (frame, &self.phase) {
            (
                ServerFrame::Ready { protocol, log, heartbeat_interval_ms, limits, token_expires_in_ms, features },
                Phase::Greeting { .. } | Phase::Ready(_),
            ) => {
                if protocol == PROTOCOL {
                    self.max_subscriptions = limits.max_subscriptions;
                    self.max_frame_bytes = limits.max_frame_bytes;
                    self.filters = features.filters;
                    self.ready(log, heartbeat_interval_ms, token_expires_in_ms);
                } else {
                    self.fail(Error::new(
                        ErrorCode::OperationNotSupported,
                        "the server speaks another version of the protocol",
                    ));
                }
            }
            (ServerFrame::Error(error), _) => self.error(error),
            (ServerFrame::Drain { reconnect_min_ms, reconnect_max_ms }, _) => {
                self.drain = Some((reconnect_min_ms, reconnect_max_ms));
            }
            (frame, Phase::Ready(_)) => self.session_frame(frame),
            _ => {}
        }
    }

    pub(super) fn session_frame(&mut self, frame: ServerFrame<B>) {
        match frame {
            ServerFrame::Subscribed { id, after, head } => {
                let Some(stream) = self.by_wire_id(&id) else { return };
                let number = stream.stream;
                match stream.attached(after.log, after.sequence, head) {
                    Ok(()) => self.outputs.push_back(ClientOutput::Attached { stream: number }),
                    Err(error) => self.lose(error),
                }
            }
            ServerFrame::Events { id, prev, through, events } => {
                let Some(stream) = self.by_wire_id(&id) else { return };
                let number = stream.stream;
                match stream.receive(prev, through, events) {
                    Ok(()) => self.settle(number),
                    Err(error) => self.lose(error),
                }
            }
            ServerFrame::CaughtUp { id, head } => {
                let Some(stream) = self.by_wire_id(&id) else { return };
                match stream.check_reached(head) {
                    Ok(()) => stream.caught_up = true,
                    Err(error) => self.lose(error),
                }
            }
            ServerFrame::Complete { id, head } => {
                let Some(stream) = self.by_wire_id(&id) else { return };
                let reached = if stream.plan.until_head {
                    stream.check_reached(head)
                } else {
                    // Nobody asked for this end, and a stream never ends quietly.
                    Err(Error::new(ErrorCode::NetworkError, "the server ended the subscription"))
                };
                match reached {
                    Ok(()) => {
                        let number = stream.stream;
                        stream.end(Ok(Some(head)));
                        self.settle(number);
                    }
                    Err(error) => self.lose(error),
                }
            }
            ServerFrame::Heartbeat { head } => {
                // What was sent to each stream before the heartbeat reaches that head, unless the stream is behind.
                for stream in self.streams.iter_mut().filter(|stream| stream.position.is_some()) {
                    stream.head = stream.head.max(head);
                }
                if matches!(&self.phase, Phase::Ready(ready) if ready.ping.is_none()) {
                    self.ping(None);
                }
            }
            ServerFrame::Pong { n } => {
                if let Phase::Ready(ready) = &mut self.phase {
                    ready.ping = ready.ping.filter(|ping| ping.n != n);
                }
            }
            ServerFrame::Ready { .. } | ServerFrame::Drain { .. } | ServerFrame::Error(_) => {}
        }
    }

    pub(super) fn error(&mut self, mut frame: ErrorFrame) {
        let (id, fatal) = (frame.id.take(), frame.fatal);
        let error = Error::from(frame);
        let Some(id) = id else {
            if fatal {
                self.fatal = Some(error);
            }
            return;
        };
        let Some(stream) = self.by_wire_id(&id) else { return };
        if error.code == ErrorCode::CursorTooOld.as_str() {
            let untouched = stream.position.is_none() && stream.plan.start == Start::Beginning;
            let skips = stream.plan.on_gap == OnGap::Skip;
            match error.context_value("first").and_then(|first| first.parse::<u64>().ok()) {
                // A beginning that did not move would be requested again without end.
                Some(first) if untouched && first > stream.asked_after => return self.begin_later(&id, first),
                // A gap that does not lie ahead would give events again.
                Some(first) if skips && first > stream.reached() => return self.skip_gap(&id, first),
                _ => {}
            }
        }
        if error.retryable {
            return self.lose(error);
        }
        let number = stream.stream;
        stream.end(Err(error));
        self.settle(number);
    }

    /// The log lost its beginning since `ready`. A stream that begins with the oldest event loses nothing.
    pub(super) fn begin_later(&mut self, id: &SubscriptionId, first: u64) {
        if let Some(log) = &mut self.log {
            log.first = log.first.max(first);
        }
        if let Some(stream) = self.by_wire_id(id) {
            stream.wire_id = 0;
        }
        self.attach();
    }

    pub(super) fn skip_gap(&mut self, id: &SubscriptionId, first: u64) {
        let Some(log) = self.log.as_ref().map(|log| log.id.clone()) else { return };
        let Some(stream) = self.by_wire_id(id) else { return };
        stream.wire_id = 0;
        let (stream, from) = (stream.stream, stream.skip_to(log, first));
        self.outputs.push_back(ClientOutput::Gap { stream, from, to: first });
        self.attach();
    }
}
