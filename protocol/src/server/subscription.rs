//! One cursor over the log. It holds no events: without credit it simply stays behind.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::error::{Error, ErrorCode};
use crate::grant::Grant;
use crate::model::EventTypes;
use crate::number::MAX_SAFE_INTEGER;
use crate::wire::frame::{Subscribe, Topic, Until};

use super::filter::{ChatFilter, EventFilter};
use super::limits::SessionLimits;
use super::log::{LogState, LoggedEvent, Place, ReadPage, ReadQuery};
use super::outgoing::{EventBatch, FRAME_OVERHEAD};

#[derive(Debug)]
pub(super) struct Subscription {
    filter: EventFilter,
    /// The client's position: everything up to here was sent.
    position: u64,
    /// The server's: between `position` and this there is nothing the filter lets pass. Ahead of `position` only while a
    /// caught-up client waits for the next heartbeat to hear of it.
    scanned: u64,
    /// The head that `subscribed` reported; 0 before.
    target: u64,
    /// Whether it has its place in the log. Without, it waits for a replica to get there, and nothing is read for it.
    attached: bool,
    until_head: bool,
    caught_up: bool,
    credit: u64,
    /// An event after `scanned` waits for credit, so reading again is of no use.
    starved: bool,
    /// A read is under way: never more than one.
    reading: bool,
    /// It stands in the session's queue of subscriptions that want to read.
    queued: bool,
    /// Reads in a row that found nothing in a replica although its head said otherwise.
    fruitless: u8,
}

/// A replica's head may go back and come up again around a read, unseen. That happens once, and not again and again.
const MAX_FRUITLESS: u8 = 3;

/// What a stretch of the log is about: the chats, and the types of the events in each.
#[derive(Debug, Default)]
pub(super) struct News<'a> {
    /// Of every event.
    all: BTreeMap<&'a str, EventTypes>,
    /// Of the chat events.
    chats: BTreeMap<&'a str, EventTypes>,
}

impl<'a> News<'a> {
    pub(super) fn of(events: &'a [Arc<LoggedEvent>]) -> Self {
        let mut news = Self::default();
        for event in events {
            let types = EventTypes::of_json(&event.json);
            let add = |chats: &mut BTreeMap<&'a str, EventTypes>| {
                let before = chats.entry(&event.chat_guid).or_default();
                *before = before.and(types);
            };
            add(&mut news.all);
            if event.kind.is_in(Topic::Chats) {
                add(&mut news.chats);
            }
        }
        news
    }

    /// Whether a subscription with this filter sees any of it.
    fn concern(&self, filter: &EventFilter) -> bool {
        let news = if filter.topic == Topic::All { &self.all } else { &self.chats };
        let wanted = |types: &EventTypes| filter.types.is_none_or(|wanted| wanted.meets(*types));
        match &filter.chats {
            ChatFilter::One(chat) => news.get(&**chat).is_some_and(wanted),
            chats => news.iter().any(|(chat, types)| chats.admits(chat) && wanted(types)),
        }
    }
}

/// What became of a subscription after it moved.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Nothing new.
    None,
    /// It has just reached its target and goes on.
    CaughtUp,
    /// It has just reached its target, where it was to end.
    Complete,
}

impl Subscription {
    /// A cursor that has no place in the log yet, and where that is: [`Subscription::attach`] follows when it is here.
    ///
    /// # Errors
    /// `unauthorized` when the grant does not allow it; `logChanged`, `cursorAhead` or `cursorTooOld` when there is no such place in
    /// the log.
    pub(super) fn new(ask: &Subscribe, grant: &Grant, log: &LogState) -> Result<(Self, Place), Error> {
        let filter = EventFilter::within(grant, &ask.filter)?;
        let (position, place) = match &ask.after {
            None => (log.now(), Place::Here),
            Some(after) => {
                let place = match after.log.as_deref().filter(|expected| **expected != *log.id) {
                    None => log.place(after.sequence)?,
                    // The log may have been replaced, and this replica not know it yet.
                    Some(_) if log.replica.is_some() => Place::Beyond,
                    Some(expected) => return Err(log.changed(expected)),
                };
                (after.sequence, place)
            }
        };
        let subscription = Self {
            filter,
            position,
            scanned: position,
            target: 0,
            attached: false,
            until_head: ask.until == Some(Until::Head),
            caught_up: false,
            credit: ask.credit,
            starved: false,
            reading: false,
            queued: false,
            fruitless: 0,
        };
        Ok((subscription, place))
    }

    /// Gives it its place in the log, whose head is `head`. One that begins now may begin beyond the head of a replica.
    pub(super) fn attach(&mut self, head: u64) {
        self.attached = true;
        self.target = head.max(self.position);
    }

    pub(super) const fn is_attached(&self) -> bool {
        self.attached
    }

    /// Whether a fresh token still allows it. One that has no place in the log yet sees what the fresh token lets it see.
    ///
    /// # Errors
    /// `unauthorized` when it does not.
    pub(super) fn check(&mut self, grant: &Grant) -> Result<(), Error> {
        if self.attached { self.filter.check(grant) } else { self.filter.renew(grant) }
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// Up to here it has seen everything, whether the client knows it already or not.
    pub(super) const fn scanned(&self) -> u64 {
        self.scanned
    }

    pub(super) const fn target(&self) -> u64 {
        self.target
    }

    /// For one that waits for credit while the log goes on: the head that `subscribed` reported.
    pub(super) fn head_that_waits(&self) -> Option<u64> {
        (self.starved && !self.until_head).then_some(self.target)
    }

    /// Whether the log may hold something for it that it can take.
    fn wants_to_read(&self, head: u64) -> bool {
        self.attached && !self.reading && !self.starved && self.scanned < self.bound(head)
    }

    /// Whether it takes a place in the session's queue now: it can use a read, and has no place yet.
    pub(super) fn queue_up(&mut self, head: u64) -> bool {
        let joins = !self.queued && self.wants_to_read(head);
        if joins {
            self.queued = true;
        }
        joins
    }

    /// Moves over a stretch that holds nothing for it, as a read of it would.
    pub(super) fn pass_by(&mut self, before: u64, head: u64, news: &News<'_>) {
        // One that has seen everything before this stretch has caught up, and no read is under way for it. Only the head of a replica may
        // have come back to the place of one that reads, where nothing in this stretch is in its page; or of one that has yet to arrive,
        // which reads on, since only a read tells it that it did.
        if self.caught_up && self.scanned == before && !news.concern(&self.filter) {
            self.scanned = head;
        }
    }

    fn bound(&self, head: u64) -> u64 {
        // The head of a replica may lie before the target for a while.
        if self.until_head { self.target.min(head) } else { head }
    }

    /// Takes more credit.
    ///
    /// # Errors
    /// When the sum leaves the exact range.
    pub(super) fn add_credit(&mut self, add: u64) -> Result<(), Error> {
        let sum = self.credit.saturating_add(add);
        if sum > MAX_SAFE_INTEGER {
            return Err(Error::invalid("add", "the credit of a subscription is at most 2^53 - 1"));
        }
        self.credit = sum;
        self.starved = self.starved && sum == 0;
        Ok(())
    }

    /// Its turn in the queue has come: the read that brings it forward, or nothing when it has no use for one any more.
    pub(super) fn begin_read(&mut self, head: u64, limits: &SessionLimits) -> Option<ReadQuery> {
        self.queued = false;
        if !self.wants_to_read(head) {
            return None;
        }
        self.reading = true;
        // One more than the credit allows: it tells how far the client can move, and that the rest waits for credit.
        let one_more = usize::try_from(self.credit.saturating_add(1)).unwrap_or(usize::MAX);
        Some(ReadQuery {
            after: self.scanned,
            through: self.bound(head),
            filter: self.filter.clone(),
            max_events: limits.max_batch_events.min(one_more),
            max_bytes: limits.max_outgoing_frame_bytes.saturating_sub(FRAME_OVERHEAD),
        })
    }

    /// Takes what was read, and cuts it to what may be sent now. `None`: nothing to tell the client yet.
    ///
    /// # Errors
    /// `internalError` when the log stands still below the bound it was given. Only a replica may have gone back meanwhile.
    pub(super) fn end_read(
        &mut self,
        page: ReadPage,
        log: &LogState,
        limits: &SessionLimits,
    ) -> Result<Option<EventBatch>, Error> {
        self.reading = false;
        let ReadPage { through, mut events } = page;
        if through <= self.scanned && events.is_empty() {
            self.fruitless = self.fruitless.saturating_add(1);
            if log.replica.is_some() && (log.head <= self.scanned || self.fruitless < MAX_FRUITLESS) {
                return Ok(None);
            }
            // A read is begun only when there is something to look at; asking again would turn in a circle.
            return Err(Error::new(ErrorCode::InternalError, "the event log did not move")
                .with_context("position", self.scanned.to_string())
                .with_context("head", log.head.to_string()));
        }
        self.fruitless = 0;
        let credit = usize::try_from(self.credit).unwrap_or(usize::MAX);
        let taken = fitting(&events, limits).min(credit);
        self.starved = taken == credit && taken < events.len();
        let through = events.get(taken).map_or(through, |next| next.sequence.saturating_sub(1));
        events.truncate(taken);
        self.credit = self.credit.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
        self.scanned = self.scanned.max(through);
        // Progress over hidden events is sent with the heartbeat to a client that has caught up, and at once to one that is behind.
        if events.is_empty() && self.caught_up {
            return Ok(None);
        }
        Ok(self.advance(events))
    }

    /// Progress that was kept back for the heartbeat.
    pub(super) fn kept_back(&mut self) -> Option<EventBatch> {
        self.advance(Vec::new())
    }

    fn advance(&mut self, events: Vec<Arc<LoggedEvent>>) -> Option<EventBatch> {
        if self.scanned <= self.position {
            return None;
        }
        let batch = EventBatch { prev: self.position, through: self.scanned, events };
        self.position = self.scanned;
        Some(batch)
    }

    /// Reports once that the target was reached.
    pub(super) fn arrive(&mut self) -> Arrival {
        if self.caught_up || !self.attached || self.position < self.target {
            return Arrival::None;
        }
        self.caught_up = true;
        if self.until_head { Arrival::Complete } else { Arrival::CaughtUp }
    }
}

/// How many of `events` go into one frame: the log keeps to the limits it was given, and a frame is never without the first.
fn fitting(events: &[Arc<LoggedEvent>], limits: &SessionLimits) -> usize {
    let mut room = limits.max_outgoing_frame_bytes.saturating_sub(FRAME_OVERHEAD);
    let mut count: usize = 0;
    for event in events.iter().take(limits.max_batch_events) {
        let size = event.json.len().saturating_add(1);
        if size > room && count > 0 {
            break;
        }
        room = room.saturating_sub(size);
        count = count.saturating_add(1);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::kind::EventKind;
    use crate::wire::filter::Filter;
    use crate::wire::frame::SubscriptionId;

    /// Events of these sizes, with the comma that follows each in a frame.
    fn events(sizes: &[usize]) -> Vec<Arc<LoggedEvent>> {
        let event = |(sequence, size): (u64, &usize)| LoggedEvent {
            sequence,
            kind: EventKind::Chat,
            chat_guid: "any;-;a".into(),
            json: "x".repeat(size - 1).into(),
            proto: None,
        };
        (1..).zip(sizes).map(event).map(Arc::new).collect()
    }

    #[test]
    fn one_that_can_use_a_read_stands_in_the_queue_once_however_often_the_log_moves() {
        let log = LogState { id: "log-1".into(), first: 0, head: 5, replica: None };
        let (id, filter) = (SubscriptionId::Number(1), Filter::of(Topic::Chats));
        let ask = Subscribe { id, filter, after: None, until: None, credit: 1 };
        let (mut subscription, place) = Subscription::new(&ask, &Grant::ADMIN, &log).unwrap();
        assert_eq!(place, Place::Here);
        subscription.attach(log.head);
        assert!(!subscription.queue_up(5), "it has seen everything");
        assert!(subscription.queue_up(6));
        assert!(!subscription.queue_up(7), "a consumer that is slow for hours would fill the memory with places");
        assert!(subscription.begin_read(7, &SessionLimits::DEFAULT).is_some());
        assert!(!subscription.queue_up(8), "one read at a time");
    }

    #[test]
    fn a_frame_takes_what_fits_to_the_byte_and_never_nothing() {
        let fits = |room: usize, most: usize, sizes: &[usize]| {
            let limits = SessionLimits {
                max_outgoing_frame_bytes: FRAME_OVERHEAD + room,
                max_batch_events: most,
                ..SessionLimits::DEFAULT
            };
            fitting(&events(sizes), &limits)
        };
        assert_eq!(fits(100, 9, &[40, 60, 1]), 2);
        assert_eq!(fits(99, 9, &[40, 60, 1]), 1, "in order: a smaller one behind does not slip in");
        assert_eq!(fits(10, 9, &[40, 1]), 1, "one that is too large for any frame has a frame of its own");
        assert_eq!(fits(0, 9, &[1, 1]), 1);
        assert_eq!(fits(100, 2, &[1, 1, 1]), 2);
        assert_eq!(fits(100, 9, &[]), 0);
    }
}
