//! What a reader looks at in a batch. It costs little, so that the gateway is what is measured.
//!
//! `prev` and `through` in the frame's head, and the last event's `sequence` in its end: the first must be the reader's
//! position, the other two the same. [`Check::Every`] parses the frame and looks at every event as well; one of the readers
//! of each run does that.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// How closely a reader looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// At each batch.
    Batches,
    /// At each event.
    Every,
}

#[derive(Deserialize)]
struct Frame {
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    sequence: u64,
}

/// The position after an `events` frame that came at `position`, in a log where the reader sees every event.
///
/// # Errors
/// When an event was lost, came twice or in another order.
pub(crate) fn advance(position: u64, text: &str, check: Check) -> Result<u64> {
    let read = |rest: Option<(&str, &str)>| number(rest).with_context(|| format!("no batch of events: {text}"));
    let prev = read(text.split_once(r#""prev":"#))?;
    let through = read(text.split_once(r#""through":"#))?;
    let last = read(text.rsplit_once(r#""sequence":"#))?;
    ensure!(prev == position, "a batch after {prev}, and the position is {position}");
    ensure!(last == through && through > prev, "a batch after {prev} through {through} that ends with {last}");
    if check == Check::Every {
        let frame: Frame = serde_json::from_str(text)?;
        let expected = prev.saturating_add(1)..=through;
        ensure!(frame.events.iter().map(|event| event.sequence).eq(expected), "a batch after {prev} with a hole: {text}");
    }
    Ok(through)
}

/// Whether it is a frame of this type; the type is what every frame begins with.
pub(crate) fn is(text: &str, kind: &str) -> bool {
    text.strip_prefix(r#"{"type":""#).and_then(|rest| rest.strip_prefix(kind)).is_some_and(|rest| rest.starts_with('"'))
}

/// The number that stands after what was looked for.
fn number(found: Option<(&str, &str)>) -> Option<u64> {
    found?.1.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(prev: u64, through: u64, sequences: &[u64]) -> String {
        let event = |sequence: &u64| {
            format!(r#"{{"type":"chat.archived","chatGuid":"any;-;a","sequence":{sequence},"isFromMe":true}}"#)
        };
        let events: Vec<String> = sequences.iter().map(event).collect();
        format!(r#"{{"type":"events","id":1,"prev":{prev},"through":{through},"events":[{}]}}"#, events.join(","))
    }

    #[test]
    fn a_batch_that_follows_moves_the_position() {
        for check in [Check::Batches, Check::Every] {
            assert_eq!(advance(3, &frame(3, 6, &[4, 5, 6]), check).unwrap(), 6);
            assert_eq!(advance(6, &frame(6, 7, &[7]), check).unwrap(), 7);
        }
    }

    #[test]
    fn what_is_lost_doubled_or_out_of_order_is_an_error() {
        let lost_between = frame(4, 6, &[5, 6]);
        let doubled = frame(2, 6, &[3, 4, 5, 6]);
        let lost_at_the_end = frame(3, 6, &[4, 5]);
        let empty = frame(3, 6, &[]);
        for text in [lost_between, doubled, lost_at_the_end, empty, frame(3, 3, &[3])] {
            assert!(advance(3, &text, Check::Batches).is_err(), "{text}");
        }
        for text in [frame(3, 6, &[4, 6]), frame(3, 6, &[5, 4, 6]), frame(3, 6, &[4, 4, 5, 6])] {
            assert!(advance(3, &text, Check::Every).is_err(), "{text}");
        }
    }

    #[test]
    fn frames_are_told_by_their_type() {
        assert!(is(&frame(1, 2, &[2]), "events"));
        assert!(!is(r#"{"type":"eventsOfAnotherKind"}"#, "events"));
        assert!(!is(r#"{"type":"heartbeat","head":3}"#, "events"));
    }
}
