//! Whose turn it is to write: a value in a store that takes a write on the condition of the value's revision. It only avoids double work:
//! what keeps two writers apart is the fence of [`crate::writer`].
//!
//! No clocks are compared. A holder writes the value anew every third of the lease, and counts its lease from before it asked. Whoever
//! waits takes over once the revision has not changed for a whole lease of the holder's, counted by its own clock from when it first saw
//! that revision.

use std::sync::Arc;

/// The longest time from one look to the next, in milliseconds.
const MOST_PAUSE_MS: u64 = 1_000;

/// The value as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The revision of the value; 0 when there never was one. A value that was deleted has one, too.
    pub revision: u64,
    /// Who holds it; absent when it was given back.
    pub holder: Option<Holder>,
}

/// Who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// A name that no other process has.
    pub name: Arc<str>,
    /// Its lease, in milliseconds.
    pub lease_ms: u64,
}

/// What the store and the clock report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseInput {
    /// The answer to [`LeaseOutput::Read`].
    Seen(Seen),
    /// The value was written, and has this revision.
    Written(u64),
    /// It was not: its revision is another one.
    Refused,
    /// Nobody knows whether it was written, or it could not be read.
    Unanswered,
    /// Time has passed.
    Tick,
}

/// What is to be done. There is at most one question under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseOutput {
    /// Read the value.
    Read,
    /// Write the value, on the condition that its revision is this one.
    Write(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Waiting {
        /// What was read last, and when it was first read so.
        seen: Option<(Seen, u64)>,
        next_look: u64,
    },
    Holding {
        revision: u64,
        epoch: u64,
        until: u64,
        renew_at: u64,
    },
}

/// The machine. Times are milliseconds of any clock that does not go back.
#[derive(Debug, Clone)]
pub struct Lease {
    me: Holder,
    /// Whether it only looks who holds it.
    only_looks: bool,
    state: State,
    /// A question is under way: since when, and whether it writes.
    asked: Option<(u64, LeaseOutput)>,
}

impl Lease {
    /// For this process, which holds nothing yet.
    #[must_use]
    pub const fn new(me: Holder) -> Self {
        Self { me, only_looks: false, state: State::Waiting { seen: None, next_look: 0 }, asked: None }
    }

    /// For a process that only wants to know who holds it, and looks as often as one with this lease.
    #[must_use]
    pub const fn observer(me: Holder) -> Self {
        Self { me, only_looks: true, state: State::Waiting { seen: None, next_look: 0 }, asked: None }
    }

    /// The epoch of the lease that this process holds at this moment; absent when it holds none.
    #[must_use]
    pub const fn held(&self, now: u64) -> Option<u64> {
        match &self.state {
            State::Holding { epoch, until, .. } if now < *until => Some(*epoch),
            _ => None,
        }
    }

    /// The revision to give back; absent when this process holds none.
    #[must_use]
    pub const fn revision(&self) -> Option<u64> {
        match &self.state {
            State::Holding { revision, .. } => Some(*revision),
            State::Waiting { .. } => None,
        }
    }

    /// Who holds it, as far as this process knows, and how long ago that changed last, in milliseconds.
    #[must_use]
    pub fn holder(&self, now: u64) -> Option<(&Holder, u64)> {
        match &self.state {
            State::Holding { .. } => Some((&self.me, 0)),
            State::Waiting { seen: Some((Seen { holder: Some(holder), .. }, since)), .. } => {
                Some((holder, now.saturating_sub(*since)))
            }
            State::Waiting { .. } => None,
        }
    }

    /// When the next [`LeaseInput::Tick`] is due.
    #[must_use]
    pub fn next_deadline(&self) -> u64 {
        match &self.state {
            State::Waiting { .. } if self.asked.is_some() => u64::MAX,
            State::Waiting { next_look, .. } => *next_look,
            State::Holding { until, .. } if self.asked.is_some() => *until,
            State::Holding { until, renew_at, .. } => (*renew_at).min(*until),
        }
    }

    /// Takes what happened at `now`.
    #[must_use]
    pub fn handle(&mut self, now: u64, input: LeaseInput) -> Option<LeaseOutput> {
        let asked = if input == LeaseInput::Tick { None } else { self.asked.take() };
        if asked.is_none() && input != LeaseInput::Tick {
            // To a question from before it was given back.
            return self.due(now);
        }
        match (input, asked) {
            (LeaseInput::Tick, _) => {}
            (LeaseInput::Seen(seen), _) => return self.seen(now, seen),
            (LeaseInput::Written(revision), Some((since, LeaseOutput::Write(_)))) => self.written(since, revision),
            (LeaseInput::Refused, _) => {
                // Somebody else has it.
                self.wait(now, None, now);
            }
            // A holder keeps it until its time is over; the value may be written, and its revision is read again.
            (LeaseInput::Unanswered, Some((_, LeaseOutput::Write(_)))) if matches!(self.state, State::Holding { .. }) => {
                return self.ask(now, LeaseOutput::Read);
            }
            (LeaseInput::Unanswered | LeaseInput::Written(_), _) => self.later(now),
        }
        self.due(now)
    }

    /// Asks the store at once whether this process still holds it.
    pub const fn renew(&mut self, now: u64) {
        if let State::Holding { renew_at, .. } = &mut self.state {
            *renew_at = now;
        }
    }

    /// Gives it back: this process waits again, and looks later than others do.
    pub fn release(&mut self, now: u64) {
        self.asked = None;
        self.wait(now, None, now.saturating_add(pause(&self.me).saturating_mul(3)));
    }

    fn due(&mut self, now: u64) -> Option<LeaseOutput> {
        if let State::Holding { until, .. } = self.state
            && until <= now
        {
            self.wait(now, None, now);
        }
        if self.asked.is_some() {
            return None;
        }
        match self.state {
            State::Waiting { next_look, .. } if next_look <= now => self.ask(now, LeaseOutput::Read),
            State::Holding { revision, renew_at, .. } if renew_at <= now => self.ask(now, LeaseOutput::Write(revision)),
            _ => None,
        }
    }

    fn ask(&mut self, now: u64, question: LeaseOutput) -> Option<LeaseOutput> {
        self.asked = Some((now, question));
        Some(question)
    }

    fn seen(&mut self, now: u64, read: Seen) -> Option<LeaseOutput> {
        let mine = read.holder.as_ref().is_some_and(|holder| holder.name == self.me.name);
        match &mut self.state {
            State::Holding { revision, renew_at, .. } => {
                if mine && read.revision >= *revision {
                    // A renewal whose answer was lost. Its time is not known, so it does not count as one.
                    (*revision, *renew_at) = (read.revision, now);
                } else if read.revision > *revision {
                    self.wait(now, Some(read), now);
                } else {
                    // From a server that is behind.
                    *renew_at = now;
                }
                self.due(now)
            }
            State::Waiting { seen, next_look } => {
                let since = match seen {
                    // The holder, too: a store that was made again counts its revisions anew.
                    Some((before, since)) if *before == read => *since,
                    _ => now,
                };
                let free_at = match &read.holder {
                    None => since,
                    Some(holder) => since.saturating_add(holder.lease_ms),
                };
                let revision = read.revision;
                *seen = Some((read, since));
                *next_look = now.saturating_add(pause(&self.me));
                if free_at <= now && !self.only_looks { self.ask(now, LeaseOutput::Write(revision)) } else { None }
            }
        }
    }

    fn written(&mut self, since: u64, written: u64) {
        let (until, renew_at) = (since.saturating_add(self.me.lease_ms), since.saturating_add(self.me.lease_ms / 3));
        let epoch = match self.state {
            State::Holding { epoch, .. } => epoch,
            State::Waiting { .. } => written,
        };
        self.state = State::Holding { revision: written, epoch, until, renew_at };
    }

    fn wait(&mut self, now: u64, seen: Option<Seen>, next_look: u64) {
        self.state = State::Waiting { seen: seen.map(|seen| (seen, now)), next_look };
    }

    /// After a question without an answer.
    fn later(&mut self, now: u64) {
        let at = now.saturating_add(pause(&self.me));
        match &mut self.state {
            State::Waiting { next_look, .. } => *next_look = at,
            State::Holding { renew_at, .. } => *renew_at = at,
        }
    }
}

/// From one look to the next, in milliseconds: a lease that is given back is not free for long.
fn pause(me: &Holder) -> u64 {
    (me.lease_ms / 10).clamp(1, MOST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(name: &str) -> Holder {
        Holder { name: name.into(), lease_ms: 9_000 }
    }

    fn seen(revision: u64, name: Option<&str>) -> LeaseInput {
        LeaseInput::Seen(Seen { revision, holder: name.map(holder) })
    }

    #[test]
    fn a_free_lease_is_taken_and_renewed_every_third_of_it() {
        let mut lease = Lease::new(holder("a"));
        assert_eq!(lease.handle(0, LeaseInput::Tick), Some(LeaseOutput::Read));
        assert_eq!(lease.handle(10, seen(0, None)), Some(LeaseOutput::Write(0)));
        assert_eq!(lease.held(10), None);
        assert_eq!(lease.handle(30, LeaseInput::Written(4)), None);
        assert_eq!((lease.held(9_009), lease.held(9_010)), (Some(4), None), "counted from before it asked");
        assert_eq!(lease.next_deadline(), 3_010);
        assert_eq!(lease.handle(3_010, LeaseInput::Tick), Some(LeaseOutput::Write(4)));
        assert_eq!(lease.handle(3_050, LeaseInput::Written(5)), None);
        assert_eq!((lease.held(12_009), lease.revision()), (Some(4), Some(5)), "the epoch is that of the taking");
    }

    #[test]
    fn it_is_taken_over_when_nothing_has_changed_for_a_whole_lease() {
        let mut lease = Lease::new(holder("b"));
        assert_eq!(lease.handle(0, LeaseInput::Tick), Some(LeaseOutput::Read));
        assert_eq!(lease.handle(0, seen(4, Some("a"))), None);
        for now in (900..=8_100).step_by(900) {
            assert_eq!(lease.handle(now, LeaseInput::Tick), Some(LeaseOutput::Read));
            assert_eq!(lease.handle(now, seen(4, Some("a"))), None);
        }
        assert_eq!(lease.handle(9_000, LeaseInput::Tick), Some(LeaseOutput::Read));
        assert_eq!(lease.handle(9_000, seen(4, Some("a"))), Some(LeaseOutput::Write(4)));
        assert_eq!(lease.handle(9_001, LeaseInput::Refused), Some(LeaseOutput::Read), "another one was quicker");
        assert_eq!(lease.handle(9_002, seen(5, Some("c"))), None);
        assert_eq!(lease.holder(10_000), Some((&holder("c"), 998)));
    }

    #[test]
    fn a_renewal_starts_the_wait_again_and_a_lease_given_back_does_not() {
        let mut lease = Lease::new(holder("b"));
        let _ = lease.handle(0, LeaseInput::Tick);
        assert_eq!(lease.handle(0, seen(4, Some("a"))), None);
        assert_eq!(lease.handle(8_999, LeaseInput::Tick), Some(LeaseOutput::Read));
        assert_eq!(lease.handle(8_999, seen(5, Some("a"))), None);
        assert_eq!(lease.handle(9_999, LeaseInput::Tick), Some(LeaseOutput::Read));
        assert_eq!(lease.handle(9_999, seen(6, None)), Some(LeaseOutput::Write(6)));
    }

    #[test]
    fn the_same_revision_of_a_store_that_was_made_again_starts_the_wait_again() {
        let mut lease = Lease::new(holder("b"));
        let _ = lease.handle(0, LeaseInput::Tick);
        assert_eq!(lease.handle(0, seen(4, Some("a"))), None);
        assert_eq!(lease.handle(8_999, LeaseInput::Tick), Some(LeaseOutput::Read));
        assert_eq!(lease.handle(8_999, seen(4, Some("c"))), None);
        assert_eq!(lease.handle(9_999, LeaseInput::Tick), Some(LeaseOutput::Read));
        assert_eq!(lease.handle(9_999, seen(4, Some("c"))), None);
    }

    #[test]
    fn a_holder_without_an_answer_keeps_it_for_its_time_and_no_longer() {
        let mut lease = Lease::new(holder("a"));
        let _ = lease.handle(0, LeaseInput::Tick);
        let _ = lease.handle(0, seen(0, None));
        assert_eq!(lease.handle(0, LeaseInput::Written(1)), None);
        assert_eq!(lease.handle(3_000, LeaseInput::Tick), Some(LeaseOutput::Write(1)));
        assert_eq!(lease.handle(4_000, LeaseInput::Unanswered), Some(LeaseOutput::Read));
        // It was written all the same.
        assert_eq!(lease.handle(4_010, seen(2, Some("a"))), Some(LeaseOutput::Write(2)));
        assert_eq!(lease.handle(5_000, LeaseInput::Unanswered), Some(LeaseOutput::Read));
        assert_eq!(lease.handle(6_000, LeaseInput::Unanswered), None);
        assert_eq!(lease.held(8_999), Some(1));
        assert_eq!(lease.handle(9_000, LeaseInput::Tick), Some(LeaseOutput::Read));
        assert_eq!(lease.held(9_000), None);
    }

    #[test]
    fn a_holder_that_reads_of_a_later_one_has_it_no_more() {
        let mut lease = Lease::new(holder("a"));
        let _ = lease.handle(0, LeaseInput::Tick);
        let _ = lease.handle(0, seen(0, None));
        let _ = lease.handle(0, LeaseInput::Written(1));
        let _ = lease.handle(3_000, LeaseInput::Tick);
        assert_eq!(lease.handle(4_000, LeaseInput::Unanswered), Some(LeaseOutput::Read));
        let _ = lease.handle(4_010, seen(2, Some("b")));
        assert_eq!((lease.held(4_010), lease.revision()), (None, None));
    }

    #[test]
    fn a_holder_that_was_frozen_finds_out() {
        let mut lease = Lease::new(holder("a"));
        let _ = lease.handle(0, LeaseInput::Tick);
        let _ = lease.handle(0, seen(0, None));
        let _ = lease.handle(0, LeaseInput::Written(1));
        assert_eq!(lease.held(60_000), None);
        assert_eq!(lease.handle(60_000, LeaseInput::Tick), Some(LeaseOutput::Read));
        assert_eq!(lease.handle(60_001, seen(7, Some("b"))), None);
        assert_eq!(lease.holder(60_001).map(|(holder, _)| &*holder.name), Some("b"));
    }

    #[test]
    fn an_observer_never_takes_it() {
        let mut lease = Lease::observer(holder("a"));
        assert_eq!(lease.handle(0, LeaseInput::Tick), Some(LeaseOutput::Read));
        assert_eq!(lease.handle(0, seen(3, None)), None);
        assert_eq!(lease.handle(900, LeaseInput::Tick), Some(LeaseOutput::Read));
        assert_eq!(lease.handle(900, seen(4, Some("b"))), None);
        assert_eq!(lease.holder(1_000), Some((&holder("b"), 100)));
    }

    #[test]
    fn a_holder_that_is_in_doubt_asks_at_once() {
        let mut lease = Lease::new(holder("a"));
        let _ = lease.handle(0, LeaseInput::Tick);
        let _ = lease.handle(0, seen(0, None));
        let _ = lease.handle(0, LeaseInput::Written(1));
        lease.renew(10);
        assert_eq!(lease.handle(10, LeaseInput::Tick), Some(LeaseOutput::Write(1)));
    }

    #[test]
    fn an_answer_from_before_it_was_given_back_takes_nothing() {
        for late in [seen(2, None), LeaseInput::Written(2), LeaseInput::Refused, LeaseInput::Unanswered] {
            let mut lease = Lease::new(holder("a"));
            let _ = lease.handle(0, LeaseInput::Tick);
            let _ = lease.handle(0, seen(0, None));
            let _ = lease.handle(0, LeaseInput::Written(1));
            assert_eq!(lease.handle(3_000, LeaseInput::Tick), Some(LeaseOutput::Write(1)));
            lease.release(3_010);
            assert_eq!(lease.handle(3_020, late), None);
            assert_eq!((lease.held(3_020), lease.next_deadline()), (None, 5_710));
        }
    }

    #[test]
    fn who_gives_it_back_lets_others_have_it() {
        let mut lease = Lease::new(holder("a"));
        let _ = lease.handle(0, LeaseInput::Tick);
        let _ = lease.handle(0, seen(0, None));
        let _ = lease.handle(0, LeaseInput::Written(1));
        assert_eq!(lease.revision(), Some(1));
        lease.release(10);
        assert_eq!((lease.held(10), lease.next_deadline()), (None, 2_710));
    }
}
