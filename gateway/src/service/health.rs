//! Whether the service behind the fronts is there.

use std::sync::Arc;

use im_chats_protocol::error::Error;
use parking_lot::RwLock;

/// The state of the gateway's upstream, if it has one. Cheap to clone; all clones share the state. What stands beside it
/// ([`Health::beside`]) has a state of its own, and the whole is as good as the worst of them.
#[derive(Debug, Clone)]
pub struct Health {
    own: Arc<RwLock<HealthState>>,
    /// In the order in which they count.
    whole: Arc<RwLock<Vec<Arc<RwLock<HealthState>>>>>,
}

/// What is known of the upstream.
#[derive(Debug, Clone)]
pub enum HealthState {
    /// There is no upstream.
    Alone,
    /// It has not been reached yet.
    Connecting,
    /// It is there, and the log is up with it.
    Ok,
    /// It is away, or refuses; the error says why.
    Degraded(Box<Error>),
}

impl Health {
    /// Of a gateway that needs no other server.
    #[must_use]
    pub fn alone() -> Self {
        Self::of(HealthState::Alone)
    }

    /// Of a gateway that has not reached its upstream yet.
    #[must_use]
    pub fn connecting() -> Self {
        Self::of(HealthState::Connecting)
    }

    fn of(state: HealthState) -> Self {
        let own = Arc::new(RwLock::new(state));
        Self { whole: Arc::new(RwLock::new(vec![Arc::clone(&own)])), own }
    }

    /// Something else that the gateway needs, and has not reached yet: a part of the same whole, which counts after those there are.
    #[must_use]
    pub fn beside(&self) -> Self {
        let own = Arc::new(RwLock::new(HealthState::Connecting));
        self.whole.write().push(Arc::clone(&own));
        Self { own, whole: Arc::clone(&self.whole) }
    }

    /// The upstream is there, and the log is up with it.
    pub fn ok(&self) {
        *self.own.write() = HealthState::Ok;
    }

    /// The upstream is away, or refuses.
    pub fn degraded(&self, error: &Error) {
        *self.own.write() = HealthState::Degraded(Box::new(error.clone()));
    }

    /// The state of this part alone.
    #[must_use]
    pub fn part(&self) -> HealthState {
        self.own.read().clone()
    }

    /// The state of the whole at this moment: that of the first part that is not good.
    #[must_use]
    pub fn state(&self) -> HealthState {
        let parts = self.whole.read();
        let states = || parts.iter().map(|part| part.read().clone());
        let away = states().find(|state| matches!(state, HealthState::Degraded(_)));
        let away = away.or_else(|| states().find(|state| matches!(state, HealthState::Connecting)));
        away.or_else(|| states().next()).unwrap_or(HealthState::Alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use im_chats_protocol::error::ErrorCode;

    #[test]
    fn the_whole_is_as_good_as_the_worst_of_its_parts() {
        let upstream = Health::connecting();
        let log = upstream.beside();
        assert!(matches!(log.state(), HealthState::Connecting));
        upstream.ok();
        assert!(matches!((upstream.state(), upstream.part()), (HealthState::Connecting, HealthState::Ok)));
        log.ok();
        assert!(matches!(upstream.state(), HealthState::Ok));
        for (part, reason) in [(&log, "log"), (&upstream, "upstream")] {
            part.degraded(&Error::new(ErrorCode::ServiceUnavailable, reason));
            let HealthState::Degraded(error) = log.state() else { panic!("it is degraded") };
            assert_eq!(error.message, reason);
        }
    }
}
