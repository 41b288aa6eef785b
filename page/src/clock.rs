//! The page's time. Whoever calls says what time it is; nothing here asks.

use std::sync::atomic::{AtomicI64, Ordering};

use im_chats_gateway::emulator::clock::Clock;

/// A clock that stands still until it is set.
#[derive(Debug, Default)]
pub struct PageClock {
    now: AtomicI64,
    /// How far it was set back, altogether.
    back: AtomicI64,
}

impl PageClock {
    /// It is now so many milliseconds since 1970. A time before the one of the last call is what messages and chats get as their
    /// time; what is due later is due as long after it as it was before.
    pub fn set(&self, now_ms: i64) {
        let back = self.now.swap(now_ms, Ordering::Relaxed).saturating_sub(now_ms).max(0);
        self.back.fetch_add(back, Ordering::Relaxed);
    }

    /// The time at which [`Clock::steady_ms`] comes to this, in milliseconds since 1970.
    #[must_use]
    pub fn time_of(&self, steady_ms: u64) -> i64 {
        i64::try_from(steady_ms).unwrap_or(i64::MAX).saturating_sub(self.back.load(Ordering::Relaxed))
    }
}

impl Clock for PageClock {
    fn now_ms(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    fn steady_ms(&self) -> u64 {
        u64::try_from(self.now_ms().saturating_add(self.back.load(Ordering::Relaxed))).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_in_a_minute_is_due_in_a_minute_also_after_the_clock_was_set_back() {
        let clock = PageClock::default();
        clock.set(1_767_268_800_000);
        assert_eq!(clock.steady_ms(), 1_767_268_800_000);
        let due = clock.steady_ms() + 60_000;
        assert_eq!(clock.time_of(due), 1_767_268_860_000);
        for back in [1_577_836_800_000, 0, -5_000] {
            let before = clock.steady_ms();
            clock.set(back);
            assert_eq!((clock.now_ms(), clock.steady_ms()), (back, before), "nothing went by");
            assert_eq!(clock.time_of(due), back + 60_000);
        }
        clock.set(54_999);
        assert!(clock.steady_ms() < due);
        clock.set(55_000);
        assert_eq!(clock.steady_ms(), due);
    }
}
