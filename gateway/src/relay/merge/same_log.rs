//! Whether upstream still has the same log.
//!
//! The service gives its log no name. So **every catch-up begins one event back** and must meet the last event of the one
//! before again, the same (chat, time) at the same sequence. Until it has, rule 2 does not commit.
//!
//! - Another event there, or an end that stays below our head for [`BELOW_MS`]: another log, and ours is replaced.
//! - No event there: the beginning of what upstream holds decides. When it lies after our last event, upstream dropped its past.
//!   What was in between is gone, and readers that are behind it get an error ([`MergeOutput::Skip`]). When it lies before, it
//!   is another log.
//! - The service refuses the cursor: its beginning decides likewise, and a catch-up from the exact cursor shows whether there was
//!   anything in between.

use std::cmp::Ordering;

use im_chats_protocol::error::Error;

use super::question::Question;
use super::{CatchUp, Event, Merge, MergeOutput, UNPROVEN_MS};
use crate::relay::cursor_refusal::CursorRefusal;

/// How long upstream's end may lie below our head before it is another log, in milliseconds: a catch-up may read a copy of the
/// log that is behind what live gave a moment ago.
const BELOW_MS: u64 = 3_000;

impl<E: Event + Clone> Merge<E> {
    pub(super) fn ask(&mut self, question: Question) {
        let (after, expected) = match question {
            Question::MeetLast => (Some(self.base.saturating_sub(1)), self.last.clone()),
            Question::Rest { .. } => ((self.base > 0).then_some(self.base), None),
            Question::Probe { .. } => {
                self.verified = false;
                (None, self.last.clone())
            }
        };
        (self.again, self.proven, self.gap_due) = (false, false, None);
        self.catch_up = Some(CatchUp { question, began: self.now, from: self.base, expected, last: 0, heard_at: self.now });
        self.out.push(MergeOutput::OpenCatchUp(after));
    }

    /// Our last event was met again: it is the same log.
    pub(super) const fn met(&mut self) {
        self.verified = true;
        self.below_since = None;
    }

    /// An event of a probe, which is the first one or not.
    pub(super) fn probed(&mut self, event: E, first: bool, refused: bool) {
        let Some(catch_up) = &mut self.catch_up else { return };
        let sequence = event.sequence();
        match (sequence.cmp(&catch_up.from), &catch_up.expected) {
            (Ordering::Less, Some(_)) => {}
            (Ordering::Equal, Some(expected)) if event.is_same(expected) => {
                // It does hold our last event: the copy that was asked first was behind. What follows is a catch-up.
                (catch_up.question, catch_up.expected) = (Question::Rest { gone: None }, None);
                self.met();
            }
            (Ordering::Greater, _) if first && refused => {
                // The log begins after our head. Whether there was anything in between, the exact cursor tells.
                self.out.push(MergeOutput::DropCatchUp);
                self.ask(Question::Rest { gone: Some(sequence.saturating_sub(1)) });
            }
            (Ordering::Greater, _) if first => {
                // It takes any cursor, so what was in between counts as gone. The rest is a catch-up like any other.
                (catch_up.question, catch_up.expected) = (Question::Rest { gone: None }, None);
                self.skip(sequence.saturating_sub(1));
                self.put(event);
            }
            // It goes back as far as ours and does not have our last event (or we have none to tell it by).
            _ => self.replace(),
        }
    }

    pub(super) fn catch_up_ended(&mut self, error: Error) -> Result<(), Error> {
        let Some(catch_up) = self.catch_up.take() else { return Ok(()) };
        let refusal = match catch_up.question {
            Question::MeetLast => CursorRefusal::of(&error),
            Question::Rest { .. } if catch_up.from > 0 => CursorRefusal::of(&error),
            Question::Rest { .. } | Question::Probe { .. } => None,
        };
        match (catch_up.question, refusal) {
            (_, None) => return Err(error),
            (_, Some(CursorRefusal::Ahead)) => self.below(),
            (_, Some(CursorRefusal::TooOld { first: Some(first) })) if first > self.head => {
                self.skip(first);
                self.begin_catch_up();
            }
            (Question::MeetLast, Some(CursorRefusal::TooOld { first: Some(_) })) => self.ask(Question::Rest { gone: None }),
            (Question::Rest { gone: Some(gone) }, _) => {
                if gone <= self.head {
                    return Err(error);
                }
                self.skip(gone);
                self.begin_catch_up();
            }
            _ => self.ask(Question::Probe { refused: true }),
        }
        Ok(())
    }

    /// Upstream's end is below our head: another log, unless it soon is not.
    pub(super) fn below(&mut self) {
        let since = *self.below_since.get_or_insert(self.now);
        if self.now.saturating_sub(since) >= BELOW_MS {
            self.replace();
        } else {
            self.next_catch_up = self.now.saturating_add(UNPROVEN_MS);
        }
    }

    /// Upstream has another log: ours begins again, empty.
    pub(super) fn replace(&mut self) {
        if self.catch_up.take().is_some() {
            self.out.push(MergeOutput::DropCatchUp);
        }
        (self.head, self.base, self.last, self.verified) = (0, 0, None, false);
        self.below_since = None;
        self.held.clear();
        self.unconfirmed.clear();
        self.out.push(MergeOutput::Replace);
        self.begin_catch_up();
    }
}
