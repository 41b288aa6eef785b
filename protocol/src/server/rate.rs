//! The limit on how fast a client may send frames.

/// A token bucket over the caller's clock: `burst` at once, `per_second` in the long run.
#[derive(Debug)]
pub(super) struct Rate {
    /// Thousandths of a frame, so that a millisecond's refill is a whole number.
    filled: u64,
    burst: u64,
    per_second: u64,
    at_ms: u64,
}

const UNIT: u64 = 1_000;

impl Rate {
    pub(super) const fn new(per_second: u64, burst: u64, now_ms: u64) -> Self {
        let burst = burst.saturating_mul(UNIT);
        Self { filled: burst, burst, per_second, at_ms: now_ms }
    }

    /// Takes one; `false` when there is none left.
    pub(super) fn take(&mut self, now_ms: u64) -> bool {
        let elapsed = now_ms.saturating_sub(self.at_ms);
        self.at_ms = now_ms;
        // `per_second` frames a second are `per_second` thousandths of a frame a millisecond.
        self.filled = self.filled.saturating_add(elapsed.saturating_mul(self.per_second)).min(self.burst);
        match self.filled.checked_sub(UNIT) {
            Some(left) => {
                self.filled = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        let mut rate = Rate::new(2, 3, 100);
        assert_eq!([100, 100, 100, 100].map(|now| rate.take(now)), [true, true, true, false]);
        assert_eq!([599, 600, 600, 1_100].map(|now| rate.take(now)), [false, true, false, true]);
    }
}
