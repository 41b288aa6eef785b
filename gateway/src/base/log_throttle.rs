//! Log lines for what may happen thousands of times a second: the first is written, the rest are counted.
//!
//! ```
//! use im_chats_gateway::base::log_throttle::LogThrottle;
//!
//! static ACCEPT_FAILED: LogThrottle = LogThrottle::per_minute();
//!
//! if let Some(repeated) = ACCEPT_FAILED.hit() {
//!     tracing::warn!(repeated, "accept failed");
//! }
//! ```

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The usual interval.
pub const MINUTE: Duration = Duration::from_mins(1);

/// Decides whether one kind of event is logged now. The first one is; after that one per interval, with the number of those
/// that were left out since. Usable in a `static`.
#[derive(Debug)]
pub struct LogThrottle {
    interval: Duration,
    window: Mutex<Option<Window>>,
}

#[derive(Debug)]
struct Window {
    opened: Instant,
    left_out: u64,
}

impl LogThrottle {
    /// One line per `interval` at most.
    #[must_use]
    pub const fn new(interval: Duration) -> Self {
        Self { interval, window: Mutex::new(None) }
    }

    /// One line a minute at most.
    #[must_use]
    pub const fn per_minute() -> Self {
        Self::new(MINUTE)
    }

    /// Counts one event. When it is to be logged: the number of earlier ones that were not, 0 for the first.
    pub fn hit(&self) -> Option<u64> {
        self.hit_at(Instant::now())
    }

    fn hit_at(&self, now: Instant) -> Option<u64> {
        let mut window = self.window.lock();
        hit(&mut window, self.interval, now)
    }
}

fn hit(window: &mut Option<Window>, interval: Duration, now: Instant) -> Option<u64> {
    match window {
        Some(open) if now.saturating_duration_since(open.opened) < interval => {
            open.left_out = open.left_out.saturating_add(1);
            None
        }
        _ => {
            let left_out = window.take().map_or(0, |open| open.left_out);
            *window = Some(Window { opened: now, left_out: 0 });
            Some(left_out)
        }
    }
}

/// As [`LogThrottle`], with a count of its own for each value, such as a refused origin. It remembers a bounded number of
/// values, so that someone who invents values can neither fill the memory nor the log.
#[derive(Debug)]
pub struct KeyedLogThrottle {
    interval: Duration,
    max_keys: usize,
    windows: Mutex<HashMap<Box<str>, Option<Window>>>,
}

impl KeyedLogThrottle {
    /// One line per `interval` and value at most, for at most `max_keys` values in an interval; further values are not
    /// logged.
    #[must_use]
    pub fn new(interval: Duration, max_keys: usize) -> Self {
        Self { interval, max_keys, windows: Mutex::new(HashMap::new()) }
    }

    /// Counts one event with this value; see [`LogThrottle::hit`].
    pub fn hit(&self, key: &str) -> Option<u64> {
        self.hit_at(key, Instant::now())
    }

    fn hit_at(&self, key: &str, now: Instant) -> Option<u64> {
        let mut windows = self.windows.lock();
        if let Some(window) = windows.get_mut(key) {
            return hit(window, self.interval, now);
        }
        if windows.len() >= self.max_keys {
            let interval = self.interval;
            windows
                .retain(|_, window| window.as_ref().is_some_and(|open| now.saturating_duration_since(open.opened) < interval));
        }
        if windows.len() >= self.max_keys {
            return None;
        }
        let window = windows.entry(key.into()).or_default();
        hit(window, self.interval, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_and_the_rest_are_counted() {
        let throttle = LogThrottle::new(Duration::from_secs(60));
        let start = Instant::now();
        assert_eq!(throttle.hit_at(start), Some(0));
        for second in 1..60 {
            assert_eq!(throttle.hit_at(start + Duration::from_secs(second)), None);
        }
        assert_eq!(throttle.hit_at(start + Duration::from_secs(60)), Some(59));
        assert_eq!(throttle.hit_at(start + Duration::from_secs(61)), None);
        assert_eq!(throttle.hit_at(start + Duration::from_secs(500)), Some(1));
    }

    #[test]
    fn each_value_has_its_own_line_and_memory_is_bounded() {
        let throttle = KeyedLogThrottle::new(Duration::from_secs(60), 2);
        let start = Instant::now();
        assert_eq!((throttle.hit_at("a", start), throttle.hit_at("b", start)), (Some(0), Some(0)));
        assert_eq!((throttle.hit_at("a", start), throttle.hit_at("c", start)), (None, None));
        let later = start + Duration::from_secs(60);
        assert_eq!((throttle.hit_at("a", later), throttle.hit_at("c", later)), (Some(1), Some(0)));
        assert!(throttle.windows.lock().len() <= 2);
    }
}
