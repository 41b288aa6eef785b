//! A limit on concurrent work. A caller beyond it gets an error, and the log says it once a minute.

use std::sync::Arc;
use std::time::Duration;

use im_chats_protocol::error::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::log_throttle::LogThrottle;
use crate::service::full;

/// So much of something at a time. Cheap to clone; all clones share the places.
#[derive(Debug, Clone)]
pub struct Limit {
    slots: Arc<Semaphore>,
    size: usize,
    /// How many of what is counted one place is.
    unit: usize,
    what: &'static str,
    remedy: &'static str,
    throttle: Arc<LogThrottle>,
}

impl Limit {
    /// `size` places. `what` is a plural, such as `gRPC event streams`; `remedy` is the flag that raises the limit, or what
    /// else the operator can do.
    #[must_use]
    pub fn new(size: usize, what: &'static str, remedy: &'static str) -> Self {
        Self::in_units(1, size, what, remedy)
    }

    /// As [`Limit::new`], counted in places of `unit` each.
    #[must_use]
    pub fn in_units(unit: usize, size: usize, what: &'static str, remedy: &'static str) -> Self {
        let size = (size / unit.max(1)).min(Semaphore::MAX_PERMITS);
        Self { slots: Arc::new(Semaphore::new(size)), size, unit, what, remedy, throttle: Arc::new(LogThrottle::per_minute()) }
    }

    /// A place, given back when it is dropped.
    ///
    /// # Errors
    /// `serviceUnavailable`, retryable, with `context.limit`, when all places are taken.
    pub fn take(&self) -> Result<OwnedSemaphorePermit, Error> {
        self.take_many(1)
    }

    /// Several places at once, or none.
    ///
    /// # Errors
    /// As [`Limit::take`].
    pub fn take_many(&self, count: u32) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.slots).try_acquire_many_owned(count).map_err(|_| self.refuse())
    }

    /// A place, waited for up to `timeout`.
    ///
    /// # Errors
    /// As [`Limit::take`], after that time.
    pub async fn wait(&self, timeout: Duration) -> Result<OwnedSemaphorePermit, Error> {
        match tokio::time::timeout(timeout, Arc::clone(&self.slots).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(self.refuse()),
        }
    }

    /// How many places are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.size.saturating_sub(self.slots.available_permits())
    }

    fn refuse(&self) -> Error {
        let limit = self.size.saturating_mul(self.unit);
        if let Some(repeated) = self.throttle.hit() {
            tracing::warn!(limit, repeated, "limit reached: no more {}; see {}", self.what, self.remedy);
        }
        full::error(self.what, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_come_back_and_a_refusal_says_how_many_there_are() {
        let limit = Limit::new(2, "tests", "--max-tests");
        let held = limit.take_many(2).unwrap();
        assert_eq!(limit.taken(), 2);
        let error = limit.take().unwrap_err();
        assert_eq!(
            (error.code.as_ref(), error.retryable, error.context_value("limit")),
            ("serviceUnavailable", true, Some("2"))
        );
        assert!(limit.wait(Duration::from_millis(1)).await.is_err());
        drop(held);
        drop(limit.wait(Duration::from_secs(3)).await.unwrap());
        assert_eq!(limit.taken(), 0);
    }
}
