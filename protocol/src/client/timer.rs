//! The runtime's timer that drives the machine's deadlines.

/// Keeps one timer for [`Machine::deadline`](super::Machine::deadline). A timer that is due earlier than the deadline is left
/// running: it costs a tick, while moving it with every frame would cost two calls each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timer {
    due: Option<u64>,
}

impl Timer {
    /// When the timer is due, on the clock of [`Machine::handle`](super::Machine::handle); `None` when none runs.
    #[must_use]
    pub const fn due(self) -> Option<u64> {
        self.due
    }

    /// Follows the machine's deadline, after every input. Says whether the runtime's timer must be set to [`Timer::due`], or
    /// stopped when that is `None`.
    #[must_use]
    pub fn follow(&mut self, deadline: Option<u64>) -> bool {
        match (deadline, self.due) {
            (None, None) => return false,
            (Some(deadline), Some(due)) if due <= deadline => return false,
            _ => {}
        }
        self.due = deadline;
        true
    }

    /// The timer fired: a [`ClientInput::Tick`](super::ClientInput::Tick) is due.
    pub const fn fired(&mut self) {
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_is_due_earlier_is_left_running_and_a_later_one_is_moved() {
        let mut timer = Timer::default();
        assert!(!timer.follow(None));
        for (deadline, moved, due) in [(20, true, 20), (20, false, 20), (30, false, 20), (10, true, 10)] {
            assert_eq!((timer.follow(Some(deadline)), timer.due()), (moved, Some(due)), "{deadline}");
        }
    }

    #[test]
    fn without_a_deadline_no_timer_runs() {
        let mut timer = Timer { due: Some(20) };
        assert_eq!((timer.follow(None), timer.due()), (true, None));
        assert!(!timer.follow(None));
    }

    #[test]
    fn after_it_fired_it_is_set_again() {
        let mut timer = Timer { due: Some(20) };
        timer.fired();
        assert_eq!((timer.follow(Some(30)), timer.due()), (true, Some(30)));
    }
}
