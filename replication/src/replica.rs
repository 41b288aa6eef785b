//! What becomes of a message that a replica is given. A replica holds a stretch of the log, knows up to which message, and never shows a
//! hole: it would rather begin again.

use std::cmp::Ordering;

use crate::{Commit, CommitKind};

/// The stream as a replica finds it before it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The number of the oldest message that is held; of an empty stream the number of the next one.
    pub oldest: u64,
    /// The number of the last message that the stream ever had.
    pub last: u64,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is here already.
    Known,
    /// Append its events; the log's head is the commit's afterwards.
    Append,
    /// The log begins at this sequence: whatever lies before is gone, and readers behind hear so. Then look at the same message again,
    /// unless it is a commit of that kind itself.
    Begin(u64),
    /// Messages are missing before it, and the stream may have them: look at the stream and read again from [`Replica::next`].
    ReadAgain,
    /// What is held is not what the stream holds: throw it away and read from the stream's beginning.
    Rebuild,
}

/// The machine.
#[derive(Debug, Clone)]
pub struct Replica {
    /// The number of the last message that is in it.
    number: u64,
    /// The log's head after that.
    head: u64,
    range: Range,
    /// It has looked again for messages that are missing before the one with this number.
    looked_for: Option<u64>,
    /// It was built anew because messages are missing. What is missing up to this number was missing then, too: building it anew for each
    /// hole of several would never end, since each brings it back before the others.
    rebuilt_upto: u64,
}

impl Replica {
    /// With what is held: everything up to the message `number`, after which the log's head is `head`. Nothing: 0 and 0.
    #[must_use]
    pub const fn new(number: u64, head: u64) -> Self {
        Self { number, head, range: Range { oldest: 0, last: 0 }, looked_for: None, rebuilt_upto: 0 }
    }

    /// The number of the message that comes next.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.number.saturating_add(1)
    }

    /// The number of the last message that is in it; 0 for none.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The log's head here.
    #[must_use]
    pub const fn head(&self) -> u64 {
        self.head
    }

    /// Takes what the stream says of itself before it is read. `is_ours` is whether the message [`Replica::number`] is still the one that
    /// is in here; absent when the stream does not hold it any more, or nothing is in here.
    #[must_use]
    pub fn found(&mut self, range: Range, is_ours: Option<bool>) -> Option<Step> {
        self.range = range;
        // A stream that was put back to an earlier state, or is another one under the same name.
        let rebuild = range.last < self.number || is_ours == Some(false);
        rebuild.then_some(Step::Rebuild)
    }

    /// Judges a message. What is to be done for it, [`Replica::done`] is told.
    #[must_use]
    pub fn take(&mut self, number: u64, commit: &Commit) -> Step {
        if number <= self.number {
            return Step::Known;
        }
        if number == self.next() {
            return match commit.prev == self.head {
                true => self.fits(commit),
                // An empty replica begins wherever the log in the stream does. What came before are messages that are none of ours.
                false if self.head == 0 => Step::Begin(commit.prev),
                // The hole was before messages of others.
                false if number <= self.rebuilt_upto => self.after_a_hole(commit),
                false => {
                    self.rebuilt_upto = number.max(self.range.last);
                    Step::Rebuild
                }
            };
        }
        if number <= self.range.oldest {
            // What came before is not held any more.
            return self.after_a_hole(commit);
        }
        if self.looked_for != Some(number) {
            self.looked_for = Some(number);
            return Step::ReadAgain;
        }
        // The stream itself has lost messages in its middle.
        if self.rebuilt_upto < number {
            self.rebuilt_upto = number.max(self.range.last);
            return Step::Rebuild;
        }
        self.after_a_hole(commit)
    }

    /// Judges a message that is no commit: another program wrote it. It counts as read, unless messages before it are missing.
    #[must_use]
    pub fn pass(&mut self, number: u64) -> Step {
        if number > self.next() && number > self.range.oldest && self.looked_for != Some(number) {
            self.looked_for = Some(number);
            return Step::ReadAgain;
        }
        self.number = number.max(self.number);
        Step::Known
    }

    /// A step was carried out for this message.
    pub fn done(&mut self, step: Step, number: u64, commit: &Commit) {
        match step {
            Step::Known | Step::ReadAgain => {}
            Step::Append => (self.number, self.head) = (number, commit.last),
            Step::Begin(first) if commit.kind == CommitKind::Skip && first == commit.last => {
                (self.number, self.head) = (number, first);
            }
            // All before the message counts as read: it comes next.
            Step::Begin(first) => (self.number, self.head) = (number.saturating_sub(1), first),
            Step::Rebuild => self.emptied(),
        }
    }

    /// What was held is thrown away.
    pub const fn emptied(&mut self) {
        (self.number, self.head, self.looked_for) = (0, 0, None);
    }

    fn after_a_hole(&self, commit: &Commit) -> Step {
        match commit.prev.cmp(&self.head) {
            Ordering::Equal => self.fits(commit),
            Ordering::Greater => Step::Begin(commit.prev),
            Ordering::Less => Step::Rebuild,
        }
    }

    const fn fits(&self, commit: &Commit) -> Step {
        match commit.kind {
            CommitKind::Events => Step::Append,
            CommitKind::Skip => Step::Begin(commit.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(prev: u64, last: u64) -> Commit {
        Commit { prev, last, epoch: 1, id: format!("a-{last}"), events: last, kind: CommitKind::Events }
    }

    /// Judges and carries out.
    fn take(replica: &mut Replica, number: u64, commit: &Commit) -> Step {
        let step = replica.take(number, commit);
        replica.done(step, number, commit);
        step
    }

    #[test]
    fn what_follows_is_appended_and_what_is_known_is_not() {
        let mut replica = Replica::new(0, 0);
        assert_eq!(replica.found(Range { oldest: 1, last: 2 }, None), None);
        assert_eq!(take(&mut replica, 1, &commit(0, 10)), Step::Append);
        assert_eq!(take(&mut replica, 1, &commit(0, 10)), Step::Known);
        assert_eq!(take(&mut replica, 2, &commit(10, 12)), Step::Append);
        assert_eq!((replica.number(), replica.head()), (2, 12));
    }

    #[test]
    fn an_empty_replica_begins_where_the_stream_does() {
        let mut replica = Replica::new(0, 0);
        assert_eq!(replica.found(Range { oldest: 5, last: 6 }, None), None);
        assert_eq!(take(&mut replica, 5, &commit(40, 50)), Step::Begin(40));
        assert_eq!(take(&mut replica, 5, &commit(40, 50)), Step::Append);
        assert_eq!((replica.number(), replica.head()), (5, 50));
    }

    #[test]
    fn the_very_first_message_may_begin_later_than_at_nothing() {
        let mut replica = Replica::new(0, 0);
        assert_eq!(replica.found(Range { oldest: 1, last: 1 }, None), None);
        assert_eq!(take(&mut replica, 1, &commit(40, 50)), Step::Begin(40));
        assert_eq!(take(&mut replica, 1, &commit(40, 50)), Step::Append);
    }

    #[test]
    fn retention_that_went_beyond_a_replica_is_no_silence() {
        let mut replica = Replica::new(3, 30);
        assert_eq!(replica.found(Range { oldest: 5, last: 6 }, None), None);
        assert_eq!(take(&mut replica, 5, &commit(40, 50)), Step::Begin(40));
        assert_eq!(take(&mut replica, 5, &commit(40, 50)), Step::Append);
    }

    #[test]
    fn a_missing_message_is_read_again_then_built_anew_and_then_told() {
        let mut replica = Replica::new(3, 30);
        let range = Range { oldest: 1, last: 6 };
        assert_eq!(replica.found(range, Some(true)), None);
        assert_eq!(take(&mut replica, 5, &commit(40, 50)), Step::ReadAgain);
        assert_eq!(replica.next(), 4);
        assert_eq!(take(&mut replica, 5, &commit(40, 50)), Step::Rebuild);
        for number in 1..=3 {
            assert_eq!(take(&mut replica, number, &commit(number * 10 - 10, number * 10)), Step::Append);
        }
        assert_eq!(take(&mut replica, 5, &commit(40, 50)), Step::ReadAgain);
        assert_eq!(take(&mut replica, 5, &commit(40, 50)), Step::Begin(40));
        assert_eq!(take(&mut replica, 5, &commit(40, 50)), Step::Append);
    }

    #[test]
    fn two_holes_are_told_after_one_rebuild() {
        let mut replica = Replica::new(1, 10);
        let range = Range { oldest: 1, last: 5 };
        let message = |number: u64| commit(number * 10 - 10, number * 10);
        let look = |replica: &mut Replica| assert_eq!(replica.found(range, None), None);
        look(&mut replica);
        assert_eq!(take(&mut replica, 3, &message(3)), Step::ReadAgain);
        look(&mut replica);
        assert_eq!(take(&mut replica, 3, &message(3)), Step::Rebuild);
        look(&mut replica);
        assert_eq!(take(&mut replica, 1, &message(1)), Step::Append);
        for hole in [3, 5] {
            assert_eq!(take(&mut replica, hole, &message(hole)), Step::ReadAgain);
            look(&mut replica);
            assert_eq!(take(&mut replica, hole, &message(hole)), Step::Begin(hole * 10 - 10));
            assert_eq!(take(&mut replica, hole, &message(hole)), Step::Append);
        }
    }

    #[test]
    fn what_lies_behind_a_hole_and_repeats_what_is_here_is_another_history() {
        let mut replica = Replica::new(0, 0);
        assert_eq!(replica.found(Range { oldest: 1, last: 5 }, None), None);
        assert_eq!(take(&mut replica, 1, &commit(0, 10)), Step::Append);
        for step in [Step::ReadAgain, Step::Rebuild] {
            assert_eq!(take(&mut replica, 5, &commit(5, 50)), step);
        }
        assert_eq!(take(&mut replica, 1, &commit(0, 10)), Step::Append);
        for step in [Step::ReadAgain, Step::Rebuild] {
            assert_eq!(take(&mut replica, 5, &commit(5, 50)), step);
        }
    }

    #[test]
    fn a_commit_that_does_not_follow_is_another_history() {
        let mut replica = Replica::new(3, 30);
        assert_eq!(replica.found(Range { oldest: 1, last: 6 }, Some(true)), None);
        for other in [commit(20, 40), commit(40, 50)] {
            assert_eq!(replica.clone().take(4, &other), Step::Rebuild);
        }
    }

    #[test]
    fn a_stream_that_went_back_or_was_exchanged_is_read_from_its_beginning() {
        let mut replica = Replica::new(3, 30);
        assert_eq!(replica.found(Range { oldest: 1, last: 2 }, None), Some(Step::Rebuild));
        assert_eq!(replica.found(Range { oldest: 1, last: 9 }, Some(false)), Some(Step::Rebuild));
    }

    #[test]
    fn messages_of_others_are_passed_over() {
        let mut replica = Replica::new(3, 30);
        assert_eq!(replica.found(Range { oldest: 1, last: 6 }, Some(true)), None);
        assert_eq!((replica.pass(3), replica.pass(5)), (Step::Known, Step::ReadAgain));
        assert_eq!((replica.pass(4), replica.number(), replica.head()), (Step::Known, 4, 30));
        assert_eq!(take(&mut replica, 5, &commit(30, 40)), Step::Append);
        assert_eq!(
            (replica.pass(8), replica.pass(8)),
            (Step::ReadAgain, Step::Known),
            "a hole before it is found by what comes next"
        );
        assert_eq!(take(&mut replica, 9, &commit(70, 80)), Step::Rebuild);
        replica.emptied();
        assert_eq!(replica.found(Range { oldest: 4, last: 6 }, None), None);
        assert_eq!(replica.pass(4), Step::Known, "the oldest that is held");
        assert_eq!(take(&mut replica, 5, &commit(30, 40)), Step::Begin(30));
        assert_eq!(take(&mut replica, 5, &commit(30, 40)), Step::Append);
    }

    #[test]
    fn a_skip_begins_the_log_again_at_its_end() {
        let mut replica = Replica::new(3, 30);
        assert_eq!(replica.found(Range { oldest: 1, last: 4 }, Some(true)), None);
        let skip = Commit { kind: CommitKind::Skip, ..commit(30, 90) };
        assert_eq!(take(&mut replica, 4, &skip), Step::Begin(90));
        assert_eq!((replica.number(), replica.head()), (4, 90));
        assert_eq!(take(&mut replica, 5, &commit(90, 91)), Step::Append);
    }
}
