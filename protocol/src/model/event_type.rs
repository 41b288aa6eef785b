//! The types of events: what `type` says of an event of the log, and sets of them.

use super::{ChatEvent, GroupEvent, MessageEvent, PollEvent, UnknownEvent};

/// The types there are, as the unions of events name them; nothing repeats them.
const TAGS: [&[&str]; 5] = [ChatEvent::TAGS, MessageEvent::TAGS, GroupEvent::TAGS, PollEvent::TAGS, &[UnknownEvent::TAG]];

/// What the JSON of every event begins with; its type follows.
const BEGINNING: &str = "{\"type\":\"";

/// A type of events: one value of `type` of [`LiveEvent`](super::LiveEvent). It is kept as its place among all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(u8);

impl EventType {
    /// Every type with its name: those about chats, messages, groups and polls, and the one of what this version does not know.
    pub fn all() -> impl Iterator<Item = (Self, &'static str)> {
        TAGS.into_iter().flatten().zip(0..).map(|(tag, place)| (Self(place), *tag))
    }

    /// The type with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        // Loops, which take fewer bytes of wasm than a search through `all`.
        let mut place = 0_u8;
        for tags in TAGS {
            for tag in tags {
                if *tag == name {
                    return Some(Self(place));
                }
                place = place.saturating_add(1);
            }
        }
        None
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::all().find(|(known, _)| *known == self).map_or(UnknownEvent::TAG, |(_, name)| name)
    }

    /// Whether it is about a chat itself.
    #[must_use]
    pub fn is_of_chat(self) -> bool {
        usize::from(self.0) < ChatEvent::TAGS.len()
    }
}

/// A set of types of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventTypes(u32);

impl EventTypes {
    /// The set with one more.
    #[must_use]
    pub const fn with(self, one: EventType) -> Self {
        // A test holds that there are no more types than bits.
        Self(self.0 | 1_u32.wrapping_shl(one.0 as u32))
    }

    /// The type of one event alone, from the beginning of its JSON. A type that this version does not know counts as `unknown`.
    #[must_use]
    pub fn of_json(json: &str) -> Self {
        let name = json.strip_prefix(BEGINNING).and_then(|rest| rest.split('"').next());
        let found = name.and_then(EventType::parse).or_else(|| EventType::parse(UnknownEvent::TAG));
        found.into_iter().collect()
    }

    /// Whether it has a type in common with another one.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<EventType> for EventTypes {
    fn from_iter<I: IntoIterator<Item = EventType>>(types: I) -> Self {
        types.into_iter().fold(Self::default(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_type_has_a_name_and_a_place_of_its_own() {
        let types: Vec<_> = EventType::all().collect();
        assert!(types.len() <= 32, "a set has one bit for each");
        assert_eq!(types.iter().map(|(_, name)| name).collect::<BTreeSet<_>>().len(), types.len());
        let set = |one: EventType| EventTypes::default().with(one);
        for (one, name) in &types {
            assert_eq!((EventType::parse(name), one.as_str()), (Some(*one), *name));
            assert_eq!(one.is_of_chat(), name.starts_with("chat."), "{name}");
            for (other, _) in &types {
                assert_eq!(set(*one).meets(set(*other)), one == other, "{name}");
            }
        }
        let all: EventTypes = types.iter().map(|(one, _)| *one).collect();
        assert!(types.iter().all(|(one, _)| all.meets(set(*one))) && !all.meets(EventTypes::default()));
        assert_eq!(types.iter().fold(EventTypes::default(), |sum, (one, _)| sum.and(set(*one))), all);
        for wrong in ["", "message", "message.Received", "catchup.complete", "chat.archived "] {
            assert_eq!(EventType::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_type_of_an_event_is_read_from_the_beginning_of_its_json() {
        let set = |name: &str| EventTypes::default().with(EventType::parse(name).unwrap());
        for (_, name) in EventType::all() {
            assert_eq!(EventTypes::of_json(&format!(r#"{{"type":"{name}","chatGuid":"g"}}"#)), set(name));
        }
        for other in [r#"{"type":"chat.renamed","a":1}"#, r#"{"chatGuid":"g","type":"chat.archived"}"#, r#"{"type":"#, "{}", ""]
        {
            assert_eq!(EventTypes::of_json(other), set("unknown"), "{other}");
        }
    }
}
