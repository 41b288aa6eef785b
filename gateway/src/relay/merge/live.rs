//! What the frames of the live streams do.

use im_chats_protocol::error::Error;

use super::lanes::{Attached, Heard};
use super::{Event, GRACE_MS, HELD, Lane, Live, Merge, MergeOutput, UNPROVEN_MS, checked};

impl<E: Event + Clone> Merge<E> {
    /// A frame of this lane came. Whether what is in it counts.
    pub(super) fn live_heard(&mut self, lane: Lane) -> bool {
        let now = self.now;
        let Live::Open { lanes, .. } = &mut self.live else { return false };
        match lanes.heard(lane, now) {
            Heard::Absent => return false,
            Heard::Again => {}
            // Rule 3: once more, for what happened between the last catch-up and the moment the lane was attached.
            Heard::Proof if self.catch_up.is_some() => self.proven = true,
            Heard::Proof => self.begin_catch_up(),
        }
        true
    }

    pub(super) fn live_event(&mut self, lane: Lane, event: E) -> Result<(), Error> {
        let sequence = checked(&event)?;
        if !self.live_heard(lane) || sequence <= self.head {
            return Ok(());
        }
        self.held.insert(sequence, event);
        if self.held.len() > HELD {
            self.held.pop_last();
        }
        self.commit_neighbours();
        if sequence > self.head {
            if self.catch_up.is_some() {
                self.again = true;
            } else if self.expects_the_missing() {
                self.gap_due.get_or_insert(self.now.saturating_add(GRACE_MS));
            } else {
                self.begin_catch_up();
            }
        }
        Ok(())
    }

    pub(super) fn live_ended(&mut self, lane: Lane, error: Error) -> Result<(), Error> {
        let Live::Open { lanes, .. } = &mut self.live else { return Ok(()) };
        if lanes.is_absent(lane) {
            return Ok(());
        }
        if !lanes.ended(lane, &error) {
            return Err(error);
        }
        self.out.push(MergeOutput::LaneAbsent(lane, error));
        Ok(())
    }

    /// Rule 2: between neighbours there is no room for anything.
    pub(super) fn commit_neighbours(&mut self) {
        let before = self.head;
        while self.verified && self.unconfirmed.len() < HELD {
            let next = self.head.saturating_add(1);
            let Some(event) = self.held.remove(&next) else { break };
            self.unconfirmed.insert(next, event.clone());
            self.commit(event);
        }
        if self.held.is_empty() {
            self.gap_due = None;
        } else if self.head > before && self.gap_due.is_some() {
            // What is missing now is something else.
            self.gap_due = Some(self.now.saturating_add(GRACE_MS));
        }
    }

    /// When the next catch-up is due, after one that began at `began` has come to its end.
    pub(super) fn plan_next(&mut self, began: u64) {
        let Live::Open { lanes, .. } = &self.live else { return };
        let attached = lanes.attached();
        let is_behind = !self.held.is_empty();
        let is_new = self.again && is_behind;
        if self.proven || (is_new && !self.expects_the_missing()) {
            return self.begin_catch_up();
        }
        self.gap_due = is_new.then(|| self.now.saturating_add(GRACE_MS));
        let poll_ms = self.timing.poll_ms;
        let pause = match attached {
            // Live may be ahead of what a catch-up can read; then it is asked again a little later.
            _ if is_behind => UNPROVEN_MS.min(poll_ms),
            Attached::Unproven => UNPROVEN_MS.min(poll_ms),
            // One that begins right after the proof may read a copy of the log that is behind: one more as usual.
            Attached::All { since } if began >= since.saturating_add(poll_ms) => self.timing.safety_ms,
            Attached::All { .. } | Attached::Some => poll_ms,
        };
        self.next_catch_up = self.now.saturating_add(pause);
    }

    /// Whether what is missing before a held event can be on its way: every lane is attached, and what it brings can be
    /// committed.
    fn expects_the_missing(&self) -> bool {
        let Live::Open { lanes, .. } = &self.live else { return false };
        matches!(lanes.attached(), Attached::All { .. }) && self.verified && self.unconfirmed.len() < HELD
    }
}
