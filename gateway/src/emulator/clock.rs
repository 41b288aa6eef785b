//! The time and chance, as the emulator sees them. Whoever starts it says what the time is: the machine's, or a page's, which a test
//! moves on.

use std::fmt::Debug;

/// A clock.
pub trait Clock: Debug + Send + Sync {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> i64;

    /// Milliseconds since some moment; it never goes back.
    fn steady_ms(&self) -> u64;

    /// A group's identifier, and a message's as Apple writes them, each of which was never there before.
    fn identifiers(&self) -> [String; 2] {
        [uuid::Uuid::new_v4().simple().to_string(), uuid::Uuid::new_v4().hyphenated().to_string().to_uppercase()]
    }
}

/// The machine's.
#[cfg(feature = "server")]
#[derive(Debug)]
pub struct SystemClock(tokio::time::Instant);

#[cfg(feature = "server")]
impl Default for SystemClock {
    fn default() -> Self {
        Self(tokio::time::Instant::now())
    }
}

#[cfg(feature = "server")]
impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        chrono::Utc::now().timestamp_millis()
    }

    fn steady_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
