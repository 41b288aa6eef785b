//! Cursors of a log that is a replica: it may have yet to reach them.

use std::future::pending;
use std::sync::Arc;

use im_chats_protocol::error::Error;
use im_chats_protocol::server::{LogState, Place, Replica, WholeEnd, cursor_ahead, replica_behind};
use tokio::time::{Instant, sleep_until};

use super::reader::EventLog;
use super::whole::{EndSource, WAIT, WholeLog};

impl EventLog {
    /// Says that this log is a replica, which may be behind, and go back while it is rebuilt; and whom to ask where the whole log ends.
    /// Once, before it has readers; another time nothing happens.
    pub fn set_end_source(&self, source: Arc<dyn EndSource>) {
        let _ = self.0.whole.set(WholeLog::new(source, self.id(), self.head()));
    }

    /// Says how far the log with this id is known to become as soon as it can be written. Readers are told it, so that they see how far
    /// behind they are; nothing is decided by it. It is ignored for another log, and for a log that is no replica.
    pub fn announce(&self, log: &Arc<str>, end: u64) {
        if let Some(whole) = self.0.whole.get()
            && let Ok(_same) = self.same(log)
        {
            whole.learn(log, Replica { written: 0, announced: end });
        }
    }

    /// Asks which log is the log and where it ends, and remembers it of this one: new readers of what comes begin there. A log that is no
    /// replica is the log itself. A replica may be of another log than the answer, which it then has yet to hear of.
    ///
    /// # Errors
    /// What the source says; `timeout` when it says nothing within two seconds.
    pub async fn ask_end(&self) -> Result<WholeEnd, Error> {
        let Some(whole) = self.0.whole.get() else {
            let LogState { id, head, .. } = self.state();
            return Ok(WholeEnd { log: id, end: head });
        };
        let told = whole.ask().await?;
        if let Ok(_same) = self.same(&told.log) {
            whole.learn(&told.log, Replica { written: told.end, announced: 0 });
        }
        Ok(told)
    }

    /// Whether the log has such a place; its state at a moment at which it had. A cursor beyond the head of a replica waits for the replica
    /// to get there, for two seconds at most.
    ///
    /// # Errors
    /// `cursorTooOld` before the beginning, `cursorAhead` beyond the end, `logChanged` when the log is replaced meanwhile;
    /// `serviceUnavailable` when the replica stays behind.
    pub async fn check_cursor(&self, sequence: u64) -> Result<LogState, Error> {
        // Taken before the state is: no move falls between the two.
        let mut head = self.watch_head();
        let state = self.state();
        if state.place(sequence)? == Place::Here {
            return Ok(state);
        }
        let deadline = Instant::now() + WAIT;
        let id = state.id;
        let mut asking = Some(Box::pin(self.ask_end()));
        loop {
            let asked = async {
                match asking.as_mut() {
                    Some(asking) => asking.await,
                    None => pending().await,
                }
            };
            let (end, is_late) = tokio::select! {
                end = asked => (Some(end), false),
                Ok(()) = head.changed() => (None, false),
                () = sleep_until(deadline) => (None, true),
            };
            if end.is_some() {
                asking = None;
            }
            self.check_id(&id)?;
            let state = self.state();
            match (state.place(sequence)?, end) {
                (Place::Here, _) => return Ok(state),
                (Place::Beyond, Some(Ok(WholeEnd { log, end }))) if log == id && end < sequence => {
                    return Err(cursor_ahead(state.first, end));
                }
                (Place::Beyond, _) if is_late => return Err(replica_behind(state.first, state.head)),
                (Place::Beyond, _) => {}
            }
        }
    }
}
