//! What is known of each live stream.

use im_chats_protocol::error::{Error, ErrorCode};

/// A live stream of upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Events of chats.
    Chats,
    /// Events of messages.
    Messages,
    /// Events of groups.
    Groups,
    /// Events of polls.
    Polls,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Chats, Self::Messages, Self::Groups, Self::Polls];

    /// What it tells of, as a sentence has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chats => "chats",
            Self::Messages => "messages",
            Self::Groups => "groups",
            Self::Polls => "polls",
        }
    }

    /// Whether `error` says that upstream does not have such a stream, or not for this token. Any other end of a stream is
    /// taken for an end of the connection. Whether it is the token itself that is wrong, the catch-up learns, too.
    fn is_refused_by(error: &Error) -> bool {
        let refusals = [ErrorCode::OperationNotSupported, ErrorCode::Unauthorized];
        refusals.iter().any(|refusal| error.code == refusal.as_str())
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    Absent,
    Open { attached_at: Option<u64>, heard_at: u64 },
}

/// The lanes of an open link.
#[derive(Debug)]
pub(super) struct Lanes([(Lane, State); 4]);

/// What a frame of a lane means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing: upstream has refused this lane.
    Absent,
    /// It is the proof that the lane is attached.
    Proof,
    /// A sign of life.
    Again,
}

/// How many of the lanes are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attached {
    /// At least one lane may still not be attached.
    Unproven,
    /// Some are absent, and the others attached.
    Some,
    /// All, since then.
    All { since: u64 },
}

impl Lanes {
    /// All are being opened.
    pub(super) fn open(now: u64) -> Self {
        Self(Lane::ALL.map(|lane| (lane, State::Open { attached_at: None, heard_at: now })))
    }

    /// A frame of this lane came.
    pub(super) fn heard(&mut self, lane: Lane, now: u64) -> Heard {
        match self.state(lane) {
            Some(State::Open { attached_at, heard_at }) => {
                *heard_at = now;
                let first = attached_at.is_none();
                attached_at.get_or_insert(now);
                if first { Heard::Proof } else { Heard::Again }
            }
            Some(State::Absent) | None => Heard::Absent,
        }
    }

    /// This lane has ended. Whether that leaves it absent; otherwise the link is lost.
    pub(super) fn ended(&mut self, lane: Lane, error: &Error) -> bool {
        match self.state(lane) {
            Some(state @ State::Open { attached_at: None, .. }) if Lane::is_refused_by(error) => {
                *state = State::Absent;
                true
            }
            _ => false,
        }
    }

    /// Whether upstream has refused this lane.
    pub(super) fn is_absent(&self, lane: Lane) -> bool {
        self.0.iter().any(|(other, state)| *other == lane && matches!(state, State::Absent))
    }

    /// How many are there.
    pub(super) fn attached(&self) -> Attached {
        let mut since = Some(0);
        for (_, state) in &self.0 {
            match state {
                State::Absent => since = None,
                State::Open { attached_at: None, .. } => return Attached::Unproven,
                State::Open { attached_at: Some(at), .. } => since = since.map(|since| at.max(&since).to_owned()),
            }
        }
        since.map_or(Attached::Some, |since| Attached::All { since })
    }

    /// Which lane will have been silent for so long first, and when.
    pub(super) fn silent_at(&self, silence_ms: u64) -> Option<(u64, Lane)> {
        let heard = self.0.iter().filter_map(|(lane, state)| match state {
            State::Absent => None,
            State::Open { heard_at, .. } => Some((heard_at.saturating_add(silence_ms), *lane)),
        });
        heard.min_by_key(|(silent_at, _)| *silent_at)
    }

    fn state(&mut self, lane: Lane) -> Option<&mut State> {
        self.0.iter_mut().find(|(other, _)| *other == lane).map(|(_, state)| state)
    }
}
