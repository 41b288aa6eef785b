//! Reads what a client sends. The shapes are those of `wire::frame`; they are read field by field here, because the client
//! is owed the name of the field that is wrong, which no derived reader of a tagged union can tell.

use crate::error::Error;
use crate::model::ChatGuid;
use crate::number::MAX_SAFE_INTEGER;
use crate::wire::frame::{After, ClientFrame, ClientInfo, Subscribe, SubscriptionId, Topic, Until};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::string::ToString;
use serde_json::{Map, Value};

use crate::wire::unique::{Unique, repeated};

/// Longest subscription id, in bytes.
const MAX_ID_BYTES: usize = 64;

/// Why a frame is not taken.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The frame is not of the protocol: the session ends with 4400.
    Session(Error),
    /// The frame is well formed, but asks for something that cannot be: that subscription ends, the session goes on.
    Subscription(SubscriptionId, Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

/// Reads one frame.
pub(super) fn read(text: &str) -> Result<ClientFrame, Refusal> {
    let Unique(value) = serde_json::from_str(text).map_err(|error| {
        let error = error.to_string();
        match repeated(&error) {
            Some(name) => Error::invalid(name.to_owned(), "this field is given more than once"),
            None => Error::invalid("frame", format!("expected one JSON object: {error}")),
        }
    })?;
    let Value::Object(map) = value else {
        return Err(Error::invalid("frame", "expected one JSON object").into());
    };
    let fields = Fields { map: &map, within: "" };
    Ok(match fields.text("type")? {
        "init" => ClientFrame::Init { token: fields.optional_text("token")?.map(str::to_owned), client: client(&fields)? },
        "subscribe" => ClientFrame::Subscribe(subscribe(&fields)?),
        "credit" => ClientFrame::Credit { id: id(&fields)?, add: fields.number("add")? },
        "unsubscribe" => ClientFrame::Unsubscribe { id: id(&fields)? },
        "token" => ClientFrame::Token { token: fields.text("token")?.to_owned() },
        "ping" => ClientFrame::Ping { n: fields.number("n")? },
        _ => {
            return Err(Error::invalid(
                "type",
                "not a frame a client sends: one of init, subscribe, credit, unsubscribe, token, ping",
            )
            .into());
        }
    })
}

fn client(fields: &Fields<'_>) -> Result<Option<ClientInfo>, Error> {
    let Some(client) = fields.optional_object("client", "client.")? else { return Ok(None) };
    Ok(Some(ClientInfo { name: client.text("name")?.to_owned(), version: client.text("version")?.to_owned() }))
}

fn subscribe(fields: &Fields<'_>) -> Result<Subscribe, Refusal> {
    let id = id(fields)?;
    let topic = fields.text("topic")?;
    let chat = fields.optional_text("chat")?;
    let after = match fields.optional_object("after", "after.")? {
        None => None,
        Some(after) => Some(After { log: after.optional_text("log")?.map(str::to_owned), sequence: after.number("sequence")? }),
    };
    let until = fields.optional_text("until")?;
    let credit = fields.number("credit")?;
    // The frame's form is right; what is wrong from here on is this subscription's own affair.
    let checked = (|| {
        let topic = match topic {
            "chats" => Topic::Chats,
            "all" => Topic::All,
            _ => return Err(Error::invalid("topic", "expected chats or all")),
        };
        let until = match until {
            None => None,
            Some("head") => Some(Until::Head),
            Some(_) => return Err(Error::invalid("until", "expected head, or nothing")),
        };
        let chat = chat.map(|chat| ChatGuid::parse(chat, "chat")).transpose()?.map(|chat| chat.as_str().to_owned());
        Ok((topic, chat, until))
    })();
    match checked {
        Ok((topic, chat, until)) => Ok(Subscribe { id, topic, chat, after, until, credit }),
        Err(error) => Err(Refusal::Subscription(id, error)),
    }
}

fn id(fields: &Fields<'_>) -> Result<SubscriptionId, Error> {
    let wrong = || fields.wrong("id", "a string of 1 to 64 bytes, or an integer from 0 to 2^53 - 1");
    match fields.get("id") {
        Some(Value::String(text)) if (1..=MAX_ID_BYTES).contains(&text.len()) => Ok(SubscriptionId::Text(text.clone())),
        Some(value) => safe_integer(value).map(SubscriptionId::Number).ok_or_else(wrong),
        None => Err(wrong()),
    }
}

fn safe_integer(value: &Value) -> Option<u64> {
    value.as_u64().filter(|number| *number <= MAX_SAFE_INTEGER)
}

/// The fields of an object, and where in the frame that object stands.
struct Fields<'a> {
    map: &'a Map<String, Value>,
    within: &'static str,
}

impl<'a> Fields<'a> {
    /// An absent field and `null` are the same, as in proto3-JSON.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, wanted: &str) -> Error {
        let field = format!("{}{name}", self.within);
        let state = if self.get(name).is_some() { "expected" } else { "missing; expected" };
        Error::invalid(field, format!("{state} {wanted}"))
    }

    fn text(&self, name: &str) -> Result<&'a str, Error> {
        self.optional_text(name)?.ok_or_else(|| self.wrong(name, "a string"))
    }

    fn optional_text(&self, name: &str) -> Result<Option<&'a str>, Error> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| self.wrong(name, "a string"))).transpose()
    }

    fn number(&self, name: &str) -> Result<u64, Error> {
        self.get(name).and_then(safe_integer).ok_or_else(|| self.wrong(name, "an integer from 0 to 2^53 - 1"))
    }

    fn optional_object(&self, name: &str, within: &'static str) -> Result<Option<Fields<'a>>, Error> {
        self.get(name)
            .map(|value| value.as_object().ok_or_else(|| self.wrong(name, "an object")).map(|map| Fields { map, within }))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(text: &str) -> String {
        match read(text) {
            Err(Refusal::Session(error)) => format!("session {}", error.context_value("field").unwrap_or("?")),
            Err(Refusal::Subscription(_, error)) => format!("subscription {}", error.context_value("field").unwrap_or("?")),
            Ok(frame) => format!("{frame:?}"),
        }
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        let deep = "[".repeat(40_000);
        for (text, expected) in [
            ("", "session frame"),
            ("nonsense", "session frame"),
            ("[]", "session frame"),
            (deep.as_str(), "session frame"),
            (r#"{"type":"ping","n":1} {}"#, "session frame"),
            (r#"{"type":"ping","n":"\ud800"}"#, "session frame"),
            (r#"{"type":"ping","n":1,"n":2}"#, "session n"),
            (r#"{"type":"init","token":"a","token":"b"}"#, "session token"),
            (r#"{}"#, "session type"),
            (r#"{"type":7}"#, "session type"),
            (r#"{"type":"Ping"}"#, "session type"),
            (r#"{"type":"ready"}"#, "session type"),
            (r#"{"type":"init","token":7}"#, "session token"),
            (r#"{"type":"init","client":"x"}"#, "session client"),
            (r#"{"type":"init","client":{"name":"x"}}"#, "session client.version"),
            (r#"{"type":"ping"}"#, "session n"),
            (r#"{"type":"ping","n":-1}"#, "session n"),
            (r#"{"type":"ping","n":1.5}"#, "session n"),
            (r#"{"type":"ping","n":9007199254740992}"#, "session n"),
            (r#"{"type":"ping","n":1e400}"#, "session frame"),
            (r#"{"type":"token"}"#, "session token"),
            (r#"{"type":"credit","id":1}"#, "session add"),
            (r#"{"type":"credit","id":"","add":1}"#, "session id"),
            (r#"{"type":"unsubscribe","id":{}}"#, "session id"),
            (r#"{"type":"unsubscribe","id":-3}"#, "session id"),
            (r#"{"type":"subscribe","topic":"chats","credit":1}"#, "session id"),
            (r#"{"type":"subscribe","id":1,"credit":1}"#, "session topic"),
            (r#"{"type":"subscribe","id":1,"topic":"chats"}"#, "session credit"),
            (r#"{"type":"subscribe","id":1,"topic":"chats","credit":1,"after":3}"#, "session after"),
            (r#"{"type":"subscribe","id":1,"topic":"chats","credit":1,"after":{}}"#, "session after.sequence"),
            (r#"{"type":"subscribe","id":1,"topic":"chats","credit":1,"after":{"sequence":1,"log":1}}"#, "session after.log"),
            (r#"{"type":"subscribe","id":1,"topic":"chats","credit":1,"chat":1}"#, "session chat"),
            (r#"{"type":"subscribe","id":1,"topic":"chats","credit":1,"chat":"bob"}"#, "subscription chat"),
            (r#"{"type":"subscribe","id":1,"topic":"groups","credit":1}"#, "subscription topic"),
            (r#"{"type":"subscribe","id":1,"topic":"chats","credit":1,"until":"noon"}"#, "subscription until"),
        ] {
            assert_eq!(field(text), expected, "{}", text.get(..80).unwrap_or(text));
        }
        let long = format!(r#"{{"type":"unsubscribe","id":"{}"}}"#, "é".repeat(33));
        assert_eq!(field(&long), "session id");
    }

    #[test]
    fn null_is_absent_and_unknown_fields_are_ignored() {
        let text = r#"{"type":"subscribe","id":"é","topic":"all","chat":null,"after":null,"until":null,"credit":0,"new":[1]}"#;
        let expected = Subscribe {
            id: SubscriptionId::Text("é".into()),
            topic: Topic::All,
            chat: None,
            after: None,
            until: None,
            credit: 0,
        };
        assert_eq!(read(text).ok(), Some(ClientFrame::Subscribe(expected)));
    }

    fn frames() -> impl Strategy<Value = ClientFrame> {
        let safe = 0..=MAX_SAFE_INTEGER;
        let id =
            prop_oneof![safe.clone().prop_map(SubscriptionId::Number), "[a-z\"\\\\é]{1,20}".prop_map(SubscriptionId::Text)];
        let after = proptest::option::of((proptest::option::of("[a-z]{1,9}"), safe.clone()))
            .prop_map(|after| after.map(|(log, sequence)| After { log, sequence }));
        let subscribe = (
            id.clone(),
            prop_oneof![Just(Topic::All), Just(Topic::Chats)],
            proptest::option::of("any;[-+];[a-z@.]{1,20}"),
            after,
            proptest::option::of(Just(Until::Head)),
            safe.clone(),
        )
            .prop_map(|(id, topic, chat, after, until, credit)| {
                ClientFrame::Subscribe(Subscribe { id, topic, chat, after, until, credit })
            });
        prop_oneof![
            (proptest::option::of(".*"), proptest::option::of((".*", ".*"))).prop_map(|(token, client)| ClientFrame::Init {
                token,
                client: client.map(|(name, version)| ClientInfo { name, version })
            }),
            subscribe,
            (id.clone(), safe.clone()).prop_map(|(id, add)| ClientFrame::Credit { id, add }),
            id.prop_map(|id| ClientFrame::Unsubscribe { id }),
            ".*".prop_map(|token| ClientFrame::Token { token }),
            safe.prop_map(|n| ClientFrame::Ping { n }),
        ]
    }

    proptest! {
        /// Reading by hand must not drift from the one definition of the shapes.
        #[test]
        fn what_the_shared_shapes_write_is_read_as_they_mean_it(frame in frames()) {
            let text = serde_json::to_string(&frame).unwrap();
            prop_assert_eq!(read(&text).ok(), Some(frame));
        }

        #[test]
        fn whatever_is_taken_is_a_frame_of_the_shared_shapes(text in "\\{\"type\":\"(ping|credit|token)\",\"(n|id|add|token)\":[0-9a-z\"]{0,6}(,\"(id|add)\":[0-9\"]{0,3})?\\}") {
            if let Ok(frame) = read(&text) {
                prop_assert_eq!(serde_json::from_str::<ClientFrame>(&text).ok(), Some(frame));
            }
        }
    }
}
