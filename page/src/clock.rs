//! The page's time. Whoever calls says what time it is; nothing here asks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use im_chats_gateway::emulator::clock::Clock;

/// A clock that stands still until it is set.
#[derive(Debug, Default)]
pub struct PageClock {
    now: AtomicI64,
    steady: AtomicU64,
}

impl PageClock {
    /// It is now so many milliseconds since 1970. A time before the one of the last call is what messages and chats get as their
    /// time, but no deadline goes back.
    pub fn set(&self, now_ms: i64) {
        self.now.store(now_ms, Ordering::Relaxed);
        self.steady.fetch_max(u64::try_from(now_ms).unwrap_or(0), Ordering::Relaxed);
    }
}

impl Clock for PageClock {
    fn now_ms(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    fn steady_ms(&self) -> u64 {
        self.steady.load(Ordering::Relaxed)
    }
}
