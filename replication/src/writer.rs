//! The writer of the stream: one commit in flight, fenced with the number of the message that it follows.
//!
//! A fence with several commits in flight is none: the second of them names a number that another writer's message may have by then. And
//! a lease is none either: a process that was frozen does not know how long.
//!
//! 1. A commit is published on the condition that the stream ends where the writer believes it ends.
//! 2. An answer that says "stored" is the only one that ends it. Any other is followed by a look at the stream's last message.
//! 3. When that message is the commit, it was stored and its answer lost. When it lies before, the commit is published again, on the same
//!    condition: the look may have been answered by a server that is behind, and then the fence refuses. Refused, and the end still lies
//!    before the one that is known: the stream went back. This writer could only repeat itself, so it is over, and so it is when the
//!    message that it follows is another one now.
//! 4. When it is another writer's, the epoch decides. A later one: this writer is deposed and never writes again. An earlier one: its
//!    last commit came in between; this writer goes on from there.

use std::sync::Arc;

use crate::{Commit, CommitKind};

/// The end of a stream: the number of its last message, and what stands on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    /// The number of the last message the stream ever had; 0 before the first.
    pub number: u64,
    /// What stands on it; absent when the stream never had one. A stream that lost its last message is not this log any more.
    pub commit: Option<Commit>,
}

impl Tip {
    /// The head of the log.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.commit.as_ref().map_or(0, |commit| commit.last)
    }

    fn id(&self) -> Option<&str> {
        self.commit.as_ref().map(|commit| commit.id.as_str())
    }

    fn epoch(&self) -> u64 {
        self.commit.as_ref().map_or(0, |commit| commit.epoch)
    }

    fn events(&self) -> u64 {
        self.commit.as_ref().map_or(0, |commit| commit.events)
    }
}

/// What the stream answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriterInput {
    /// The commit is the message with this number, and safe.
    Stored(u64),
    /// The stream ends elsewhere.
    Refused,
    /// Nobody knows: no answer, a lost connection, an error of any other kind.
    Unanswered,
    /// The last message, asked for with [`WriterOutput::AskTip`].
    Tip(Tip),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriterOutput {
    /// Publish the commit in flight, on the condition that the last message has this number.
    Publish {
        /// What stands on it.
        commit: Commit,
        /// The number of the message that it follows.
        follows: u64,
    },
    /// Ask for the stream's last message, where possible from the server that leads it.
    AskTip,
    /// The commit is in the log.
    Done,
    /// An earlier writer's commit came in between. The one in flight is not in the log, and what it was made of may be out of date: begin
    /// again at [`Writer::tip`].
    Overtaken,
    /// A later writer is there, or the stream is not the one it was. The one in flight may be in the log or not. This writer is over.
    Deposed,
}

/// The machine.
#[derive(Debug)]
pub struct Writer {
    name: Arc<str>,
    epoch: u64,
    commits: u64,
    tip: Tip,
    flight: Option<Commit>,
    /// The stream refused the one in flight since it was published last.
    refused: bool,
    deposed: bool,
}

impl Writer {
    /// A writer that goes on after `tip`. `name` is one that no other writer has, nor this process another time. `epoch` is what the lease
    /// says; the stream's own counts when it is later, so that epochs never go down even when the lease's store begins again.
    #[must_use]
    pub fn new(name: Arc<str>, epoch: u64, tip: Tip) -> Self {
        let epoch = epoch.max(tip.epoch().saturating_add(1));
        Self { name, epoch, commits: 0, tip, flight: None, refused: false, deposed: false }
    }

    /// The end of the stream as this writer knows it.
    #[must_use]
    pub const fn tip(&self) -> &Tip {
        &self.tip
    }

    /// Its epoch.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether a commit is in flight.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.flight.is_some()
    }

    /// Begins a commit that brings the log's head to `last`, with so many events. Nothing happens while another one is in flight, after
    /// the writer was deposed, or when the head would not grow: those are the caller's mistakes, and [`WriterOutput::Deposed`] says so.
    #[must_use]
    pub fn commit(&mut self, kind: CommitKind, last: u64, events: u64) -> WriterOutput {
        let prev = self.tip.head();
        if self.deposed || self.flight.is_some() || last <= prev {
            return WriterOutput::Deposed;
        }
        self.commits = self.commits.saturating_add(1);
        let commit = Commit {
            prev,
            last,
            epoch: self.epoch,
            id: format!("{}-{}", self.name, self.commits),
            events: self.tip.events().saturating_add(events),
            kind,
        };
        self.flight = Some(commit);
        self.publish()
    }

    /// Takes an answer. One that belongs to nothing in flight is of no use, and changes nothing.
    #[must_use]
    pub fn handle(&mut self, input: WriterInput) -> Option<WriterOutput> {
        let flight = self.flight.as_ref()?;
        let next = self.tip.number.saturating_add(1);
        self.refused |= input == WriterInput::Refused;
        Some(match input {
            WriterInput::Stored(number) if number == next => self.stored(number),
            // It cannot be elsewhere; whoever says so is looked at again.
            WriterInput::Stored(_) | WriterInput::Refused | WriterInput::Unanswered => WriterOutput::AskTip,
            WriterInput::Tip(tip) => match &tip.commit {
                Some(last) if last.id == flight.id => self.stored(tip.number),
                _ if tip.number < self.tip.number && self.refused => self.depose(),
                Some(last) if tip.number == self.tip.number && self.tip.id().is_some_and(|id| id != last.id) => self.depose(),
                _ if tip.number < next => self.publish(),
                Some(last) if last.epoch < self.epoch => {
                    self.flight = None;
                    self.tip = tip;
                    WriterOutput::Overtaken
                }
                _ => self.depose(),
            },
        })
    }

    fn publish(&mut self) -> WriterOutput {
        self.refused = false;
        match &self.flight {
            Some(commit) => WriterOutput::Publish { commit: commit.clone(), follows: self.tip.number },
            None => WriterOutput::Deposed,
        }
    }

    fn stored(&mut self, number: u64) -> WriterOutput {
        self.tip = Tip { number, commit: self.flight.take() };
        WriterOutput::Done
    }

    fn depose(&mut self) -> WriterOutput {
        self.flight = None;
        self.deposed = true;
        WriterOutput::Deposed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tip(number: u64, last: u64, epoch: u64, id: &str) -> Tip {
        let commit = Commit { prev: 0, last, epoch, id: id.to_owned(), events: last, kind: CommitKind::Events };
        Tip { number, commit: Some(commit) }
    }

    fn writer() -> Writer {
        Writer::new("a".into(), 5, tip(7, 70, 3, "z-1"))
    }

    fn flight(output: &WriterOutput) -> (&Commit, u64) {
        match output {
            WriterOutput::Publish { commit, follows } => (commit, *follows),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_commit_follows_the_tip_and_becomes_it() {
        let mut writer = writer();
        let output = writer.commit(CommitKind::Events, 80, 4);
        let (commit, follows) = flight(&output);
        assert_eq!((commit.prev, commit.last, commit.epoch, commit.events, follows), (70, 80, 5, 74, 7));
        assert_eq!(writer.handle(WriterInput::Stored(8)), Some(WriterOutput::Done));
        assert_eq!((writer.tip().number, writer.tip().head()), (8, 80));
        assert_eq!(writer.handle(WriterInput::Refused), None, "nothing is in flight");
    }

    #[test]
    fn a_lost_answer_is_found_in_the_stream_and_a_look_that_is_behind_sends_again() {
        let mut writer = writer();
        let first = writer.commit(CommitKind::Events, 80, 4);
        assert_eq!(writer.handle(WriterInput::Unanswered), Some(WriterOutput::AskTip));
        let again = writer.handle(WriterInput::Tip(tip(7, 70, 3, "z-1"))).unwrap();
        assert_eq!(again, first, "the same commit on the same condition");
        assert_eq!(writer.handle(WriterInput::Refused), Some(WriterOutput::AskTip));
        let stored = Tip { number: 8, commit: Some(flight(&first).0.clone()) };
        assert_eq!(writer.handle(WriterInput::Tip(stored)), Some(WriterOutput::Done));
    }

    #[test]
    fn an_earlier_writer_overtakes_and_a_later_one_deposes() {
        let mut writer = writer();
        let _ = writer.commit(CommitKind::Events, 80, 4);
        assert_eq!(writer.handle(WriterInput::Tip(tip(8, 75, 4, "y-1"))), Some(WriterOutput::Overtaken));
        assert_eq!((writer.tip().head(), writer.is_busy()), (75, false));
        let _ = writer.commit(CommitKind::Events, 80, 4);
        assert_eq!(writer.handle(WriterInput::Tip(tip(9, 80, 6, "x-1"))), Some(WriterOutput::Deposed));
        assert_eq!(writer.commit(CommitKind::Events, 90, 1), WriterOutput::Deposed);
    }

    #[test]
    fn two_of_one_epoch_and_a_stream_that_was_emptied_end_it() {
        for last in [tip(8, 75, 5, "b-1"), Tip { number: 8, commit: None }] {
            let mut writer = writer();
            let _ = writer.commit(CommitKind::Events, 80, 4);
            assert_eq!(writer.handle(WriterInput::Tip(last)), Some(WriterOutput::Deposed));
        }
    }

    #[test]
    fn a_repeated_answer_to_an_earlier_commit_confirms_nothing() {
        let mut writer = writer();
        let _ = writer.commit(CommitKind::Events, 80, 4);
        assert_eq!(writer.handle(WriterInput::Stored(8)), Some(WriterOutput::Done));
        let _ = writer.commit(CommitKind::Events, 90, 1);
        assert_eq!(writer.handle(WriterInput::Stored(8)), Some(WriterOutput::AskTip));
        assert!(writer.is_busy());
    }

    #[test]
    fn a_stream_that_went_back_ends_it() {
        let mut writer = writer();
        let first = writer.commit(CommitKind::Events, 80, 4);
        assert_eq!(writer.handle(WriterInput::Unanswered), Some(WriterOutput::AskTip));
        let behind = || WriterInput::Tip(tip(5, 50, 3, "z-0"));
        assert_eq!(writer.handle(behind()), Some(first), "perhaps only the server is behind");
        assert_eq!(writer.handle(WriterInput::Refused), Some(WriterOutput::AskTip));
        assert_eq!(writer.handle(behind()), Some(WriterOutput::Deposed), "the fence would refuse it for ever");
    }

    #[test]
    fn a_stream_that_went_back_and_grew_again_ends_it() {
        let mut writer = writer();
        let _ = writer.commit(CommitKind::Events, 80, 4);
        // The fence, a number, would let it pass.
        assert_eq!(writer.handle(WriterInput::Tip(tip(7, 72, 3, "y-1"))), Some(WriterOutput::Deposed));
    }

    #[test]
    fn the_epoch_is_later_than_the_streams() {
        assert_eq!(Writer::new("a".into(), 1, tip(7, 70, 3, "z-1")).epoch(), 4);
        assert_eq!(Writer::new("a".into(), 1, Tip { number: 0, commit: None }).epoch(), 1);
    }

    #[test]
    fn a_commit_that_does_not_grow_the_log_is_not_made() {
        assert_eq!(writer().commit(CommitKind::Events, 70, 1), WriterOutput::Deposed);
    }
}
