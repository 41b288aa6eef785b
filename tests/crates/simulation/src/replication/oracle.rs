//! What must be true, looked at after every step. It knows every message and every event there ever was.

use std::rc::Rc;

use im_chats_replication::CommitKind;

use super::stream::Message;
use super::world::World;

/// For so long after two losses, in milliseconds, a replica may be wrong about what the stream has: what was sent then can be
/// as slow.
const LOST_MS: u64 = 30_000;

impl World<'_> {
    /// A message arrives at the stream, which is going to take it.
    pub fn check_publish(&mut self, message: &Rc<Message>, is_taken: bool, is_fenced: bool, after: Option<&str>) {
        if !is_taken {
            return;
        }
        let commit = &message.commit;
        let before = self.history.get(&self.truth.last).cloned();
        let is_empty = self.truth.messages.is_empty();
        let before_id = before.as_ref().map(|before| before.commit.id.as_str());
        if self.went_back && is_fenced && !is_empty && after != before_id {
            // The number that its writer waited for belongs to another message since the stream went back. A fence of numbers
            // cannot tell, and nothing can be said of the log any more.
            self.report.figures.spoiled += 1;
            self.over = true;
            return;
        }
        // A stream that was emptied says nothing of what was in it, so a new writer begins the log again.
        let before = before.filter(|_| !(is_empty && commit.prev == 0)).map(|before| (before.commit.clone(), before.writer));
        let (prev, epoch, events) = before.as_ref().map_or((0, 0, 0), |(before, _)| (before.last, before.epoch, before.events));
        let complaint = if self.stored.contains_key(&commit.id) {
            "is stored twice"
        } else if commit.prev != prev {
            "does not follow the one before"
        } else if commit.last <= prev {
            "does not bring the log on"
        } else if commit.epoch < epoch {
            "comes from a writer that was deposed"
        } else if before.is_some_and(|(_, writer)| writer != message.writer && commit.epoch == epoch) {
            "has the epoch of another writer"
        } else if commit.events != events + message.events.len() as u64 {
            "counts the events wrong"
        } else {
            match commit.kind {
                CommitKind::Events if message.events != self.upstream.between(prev, commit.last) => {
                    "does not hold the upstream's events"
                }
                CommitKind::Skip if !message.events.is_empty() || !self.upstream.begins.contains(&commit.last) => {
                    "leaves out what the upstream has"
                }
                _ => return,
            }
        };
        self.fail(format!("a commit {complaint}: {message:?} after {before_id:?}", before_id = self.truth.tip()));
    }

    /// A writer says that its commit is in the log.
    pub fn check_done(&mut self, process: usize) {
        let super::state::Turn::On(ingest) = &self.processes[process].turn else { return };
        let tip = ingest.writer.tip().clone();
        let is_stored = tip.commit.as_ref().is_some_and(|commit| self.stored.get(&commit.id) == Some(&tip.number));
        if !is_stored && !self.went_back {
            self.fail(format!("p{process} takes a commit for stored that is not: {tip:?}"));
        }
    }

    /// A replica begins its log later: there must be a reason.
    pub fn check_begin(&mut self, process: usize, number: u64, message: &Message, first: u64) {
        let commit = &message.commit;
        let skips = commit.kind == CommitKind::Skip && first == commit.last;
        let is_gone = first == commit.prev && !self.truth.messages.contains_key(&(number - 1));
        // What did not come twice counts as gone.
        let is_lost = self.processes[process].lost[1].is_some_and(|at| self.now - at < LOST_MS);
        if !skips && !is_gone && !is_lost && !self.went_back {
            self.fail(format!("p{process} leaves out what is in the stream before {number}"));
        }
    }

    /// A replica's content is a stretch of the log, without a hole.
    pub fn check_replica(&mut self, process: usize) {
        let disk = &self.processes[process].disk;
        if disk.events != self.upstream.between(disk.begin, disk.head) {
            let (begin, head, number) = (disk.begin, disk.head, disk.number);
            self.fail(format!("p{process} has a hole, or too much, between {begin} and {head}, at message {number}"));
        }
    }

    /// Nobody holds the lease while somebody else does.
    pub fn check_holders(&mut self) {
        let now = self.now;
        let holders = || self.processes.iter().filter(|process| process.alive && process.holds(now).is_some());
        if holders().count() > 1 && now > self.remade_until {
            let names: Vec<String> = holders().map(|process| process.name.to_string()).collect();
            self.fail(format!("{} hold the lease at once", names.join(" and ")));
        }
    }

    /// The faults are long over.
    pub fn check_end(&mut self) {
        let now = self.now;
        let holders = self.processes.iter().filter(|process| process.holds(now).is_some()).count();
        if holders != 1 {
            return self.fail(format!("{holders} hold the lease at the end"));
        }
        let (last, head) = (self.truth.last, self.upstream.head());
        if self.truth.tip().head() != head {
            return self.fail(format!("the log ends at {:?}, the upstream at {head}", self.truth.tip()));
        }
        for process in 0..self.processes.len() {
            let disk = &self.processes[process].disk;
            if (disk.number, disk.head) != (last, head) {
                let (number, at) = (disk.number, disk.head);
                return self.fail(format!("p{process} is at message {number} and {at}, the log at {last} and {head}"));
            }
            self.check_replica(process);
        }
        for reader in 0..self.readers.len() {
            let cursor = self.readers[reader].cursor;
            if cursor != head {
                return self.fail(format!("reader {reader} is at {cursor}, the log at {head}"));
            }
        }
    }
}
