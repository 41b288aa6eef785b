//! Handles the client's frames.

use crate::error::{Error, ErrorCode};
use crate::grant::{Grant, Scope, unauthorized};
use crate::wire::close;
use crate::wire::frame::{Attached, ClientFrame, Features, PROTOCOL, ServerFrame, Subscribe, SubscriptionId};
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::{Phase, ServerOutput, Session};
use crate::server::intake::{self, FrameError};
use crate::server::log::Place;
use crate::server::subscription::Subscription;

/// Most frames that wait while the token of `init` is verified. A client may send its first subscriptions without waiting for
/// `ready`; a client that sends more than these floods the server.
const MAX_HELD: usize = 128;

impl Session {
    pub(super) fn oversized(&mut self) {
        let limit = self.limits.max_frame_bytes;
        let error = Error::invalid("frame", "larger than the server takes");
        self.fail(close::FRAME_TOO_LARGE, error.with_context("maxFrameBytes", limit.to_string()));
    }

    pub(super) fn text(&mut self, text: &str) {
        if text.len() > self.limits.max_frame_bytes {
            return self.oversized();
        }
        if !self.rate.take(self.now) {
            let error = Error::new(ErrorCode::BurstRateExceeded, "too many frames in a short time");
            return self.fail(close::TOO_MANY, error);
        }
        if let Phase::Verifying { held, .. } = &mut self.phase {
            if held.len() < MAX_HELD {
                held.push_back(text.to_owned());
                return;
            }
            let error = Error::new(ErrorCode::BurstRateExceeded, "too many frames before ready");
            return self.fail(close::TOO_MANY, error);
        }
        self.frame(text);
    }

    fn frame(&mut self, text: &str) {
        match (intake::read(text), &self.phase) {
            (Err(FrameError::Session(error)), _) => self.violation(error),
            (Ok(ClientFrame::Init { token, client }), Phase::AwaitingInit { .. }) => {
                self.client = client;
                self.init(token);
            }
            (_, Phase::AwaitingInit { .. }) => self.violation(Error::invalid("type", "the first frame is init")),
            (Ok(ClientFrame::Init { .. }), _) => self.violation(Error::invalid("type", "init was sent already")),
            (Err(FrameError::Subscription(id, error)), _) => {
                if self.is_free(&id) {
                    self.send_error(&error, Some(id), false);
                }
            }
            (Ok(ClientFrame::Subscribe(ask)), _) => self.subscribe(ask),
            (Ok(ClientFrame::Credit { id, add }), _) => self.credit(&id, add),
            (Ok(ClientFrame::Unsubscribe { id }), _) => self.unsubscribe(id),
            (Ok(ClientFrame::Token { token }), _) => {
                self.refreshing = self.refreshing.saturating_add(1);
                self.out.push(ServerOutput::Verify { token });
            }
            (Ok(ClientFrame::Ping { n }), _) => self.send(&ServerFrame::Pong { n }),
        }
    }

    fn init(&mut self, token: Option<String>) {
        let Phase::AwaitingInit { deadline } = self.phase else { return };
        let Some(token) = token.or_else(|| self.header_token.take()) else {
            let message = "no token: send it in init, or as an Authorization header";
            return self.refuse(Error::new(ErrorCode::Unauthenticated, message));
        };
        self.phase = Phase::Verifying { deadline, held: alloc::collections::VecDeque::new() };
        self.out.push(ServerOutput::Verify { token });
    }

    pub(super) fn verified(&mut self, result: Result<Grant, Error>) {
        let grant = match result {
            Ok(grant) => grant,
            Err(error) => return self.refuse(error),
        };
        if !grant.scopes.contains(Scope::Events) {
            return self.refuse(unauthorized("the token allows no stream of events").with_context("scope", "events"));
        }
        if self.grant.as_ref().is_some_and(|before| before.subject != grant.subject) {
            return self.refuse(unauthorized("a fresh token must be for the same sub as the one before it"));
        }
        let held = match &mut self.phase {
            Phase::Verifying { held, .. } => {
                let held = core::mem::take(held);
                self.phase = Phase::Live;
                self.next_heartbeat = self.now.saturating_add(self.limits.heartbeat_interval_ms);
                self.last_heartbeat = self.now;
                held
            }
            Phase::Live | Phase::Draining { .. } if self.refreshing > 0 => {
                self.refreshing = self.refreshing.saturating_sub(1);
                Default::default()
            }
            // No token is being verified.
            _ => return,
        };
        self.token_ends = grant.expires_in_ms.map(|ms| self.now.saturating_add(ms));
        let expires_in_ms = grant.expires_in_ms;
        self.grant = Some(grant);
        self.send(&ServerFrame::Ready {
            protocol: PROTOCOL,
            log: self.log.info(),
            heartbeat_interval_ms: self.limits.heartbeat_interval_ms,
            limits: self.limits.announced(),
            token_expires_in_ms: expires_in_ms,
            features: Features { filters: true },
        });
        self.keep_what_is_allowed();
        for text in held {
            if self.is_closed() {
                return;
            }
            self.frame(&text);
        }
    }

    /// Ends the subscriptions that a fresh token does not allow. Those that it does keep their filter, also when it allows more: a
    /// filter that lets more pass would make the positions that were sent untrue. None were sent of those that wait for a replica.
    fn keep_what_is_allowed(&mut self) {
        let Some(grant) = &self.grant else { return };
        let judged = self.subscriptions.iter_mut().map(|(id, subscription)| (id, subscription.check(grant)));
        let refused: Vec<_> = judged.filter_map(|(id, judged)| Some((id.clone(), judged.err()?))).collect();
        for (id, error) in refused {
            self.end_subscription(id, &error);
        }
    }

    /// Whether `id` names no open subscription; if it does, the session ends.
    fn is_free(&mut self, id: &SubscriptionId) -> bool {
        if !self.subscriptions.contains_key(id) {
            return true;
        }
        let error = Error::invalid("id", "a subscription with this id is open on this socket");
        self.fail(close::DUPLICATE_ID, error);
        false
    }

    fn subscribe(&mut self, ask: Subscribe) {
        if !self.is_free(&ask.id) {
            return;
        }
        // There is one since `ready`.
        let Some(grant) = &self.grant else { return };
        let opened = if matches!(self.phase, Phase::Draining { .. }) {
            Err(Error::new(ErrorCode::ServiceUnavailable, "the server is going away"))
        } else if self.subscriptions.len() >= self.limits.max_subscriptions {
            let limit = self.limits.max_subscriptions.to_string();
            let message = "this socket has as many subscriptions as the server allows";
            Err(Error::new(ErrorCode::SubscriptionLimitExceeded, message).with_context("limit", limit))
        } else if let Some((0, limit)) = self.subject_room {
            let message = "this user has as many subscriptions as the server allows one user, on all sockets together";
            Err(Error::new(ErrorCode::SubscriptionLimitExceeded, message).with_context("limit", limit.to_string()))
        } else {
            Subscription::new(&ask, grant, &self.log)
        };
        match opened {
            Err(error) => self.send_error(&error, Some(ask.id), false),
            Ok((subscription, place)) => {
                self.subject_room = self.subject_room.map(|(left, limit)| (left.saturating_sub(1), limit));
                let after = subscription.position();
                self.subscriptions.insert(ask.id.clone(), Box::new(subscription));
                match place {
                    Place::Here => self.attach(&ask.id),
                    Place::Beyond => self.hold(ask.id, ask.after.and_then(|after| after.log), after),
                }
            }
        }
    }

    /// Gives a subscription its place in the log, and says so.
    pub(super) fn attach(&mut self, id: &SubscriptionId) {
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        subscription.attach(self.log.head);
        let after = Attached { log: self.log.id.to_string(), sequence: subscription.position() };
        let head = subscription.target();
        self.send(&ServerFrame::Subscribed { id: id.clone(), after, head });
        self.arrive(id);
        self.enqueue(id);
    }

    /// Credit for a subscription that has just ended is no error: the two crossed on the way.
    fn credit(&mut self, id: &SubscriptionId, add: u64) {
        let Some(subscription) = self.subscriptions.get_mut(id) else { return };
        match subscription.add_credit(add) {
            Ok(()) => self.enqueue(id),
            Err(error) => self.violation(error),
        }
    }

    /// As with credit, the subscription may have ended meanwhile; then its end was reported already.
    fn unsubscribe(&mut self, id: SubscriptionId) {
        let Some(subscription) = self.subscriptions.get(&id) else { return };
        let head = subscription.position();
        self.forget(&id);
        self.send(&ServerFrame::Complete { id, head });
    }
}
