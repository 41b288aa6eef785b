//! Backoff between attempts to connect: exponential, with full jitter.

/// Exponential backoff with full jitter: a wait is anywhere between nothing and a bound that doubles.
///
/// Full jitter spreads the return of many clients better than a fixed or half-random wait does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first bound, in milliseconds.
    pub initial_ms: u64,
    /// The largest bound, in milliseconds.
    pub cap_ms: u64,
}

impl Backoff {
    /// The waits between attempts to reconnect.
    pub const RECONNECT: Self = Self { initial_ms: 250, cap_ms: 20_000 };

    /// Uptime of a connection after which the backoff begins at its first step again, in milliseconds.
    pub const HEALTHY_MS: u64 = 10_000;

    /// The wait before the attempt that follows `failures` failures in a row (1 or more), in milliseconds; `random` is in 0..1.
    #[must_use]
    pub fn delay_ms(self, failures: u32, random: f64) -> u64 {
        let doublings = failures.saturating_sub(1).min(31);
        let bound = self.initial_ms.saturating_mul(1 << doublings).min(self.cap_ms);
        scale(bound, random)
    }
}

/// A share of a span of milliseconds; `random` is in 0..1.
pub(super) fn scale(span_ms: u64, random: f64) -> u64 {
    // Spans are minutes at most: far inside what both sides of the conversion hold exactly.
    #[expect(clippy::cast_precision_loss, reason = "a span of milliseconds is far below 2^53")]
    let bound = span_ms as f64;
    crate::number::whole_part(bound * random.clamp(0.0, 1.0)).unwrap_or(span_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_wait_is_within_its_doubling_bound_and_the_cap(failures in 1..100_u32, random in 0.0..1.0_f64) {
            let delay = Backoff::RECONNECT.delay_ms(failures, random);
            let bound = 250_u128 << failures.saturating_sub(1).min(100);
            prop_assert!(u128::from(delay) <= bound.min(20_000));
        }
    }

    #[test]
    fn the_whole_range_is_used() {
        assert_eq!(Backoff::RECONNECT.delay_ms(1, 0.0), 0);
        assert_eq!(Backoff::RECONNECT.delay_ms(1, 0.999), 249);
        assert_eq!(Backoff::RECONNECT.delay_ms(40, 0.5), 10_000);
    }
}
