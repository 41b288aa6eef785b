//! Reads the client's frames, and names the field that is wrong.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::ToString;

use serde_json::Value;

use crate::error::Error;
use crate::wire::codec::{Problems, Reader, WrongField};
use crate::wire::filter::Filter;
use crate::wire::frame::{ClientFrame, Subscribe, SubscriptionId};
use crate::wire::unique::{Unique, repeated};

/// Why a frame is refused.
#[derive(Debug)]
pub(super) enum FrameError {
    /// The frame is not of the protocol: the session ends with 4400.
    Session(Error),
    /// The frame is well formed, but asks for something that cannot be: that subscription ends, the session goes on.
    Subscription(SubscriptionId, Error),
}

impl From<Error> for FrameError {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

/// Reads one frame.
///
/// # Errors
/// `invalidArgument` with the first field that is wrong in `context.field`; `frame` when it is not one JSON object.
pub(super) fn read(text: &str) -> Result<ClientFrame, FrameError> {
    let Unique(value) = serde_json::from_str(text).map_err(|error| {
        let error = error.to_string();
        match repeated(&error) {
            Some(name) => Error::invalid(name.to_owned(), "this field is given more than once"),
            None => Error::invalid(WrongField::FRAME.name, format!("expected one JSON object: {error}")),
        }
    })?;
    if !value.is_object() {
        return Err(Error::invalid(WrongField::FRAME.name, "expected one JSON object").into());
    }
    let problems = Problems::default();
    let frame = ClientFrame::read_fields(&Reader::new(&value, &problems));
    if let Some(wrong) = problems.malformed() {
        return Err(describe(&value, wrong).into());
    }
    match frame {
        // The frame's form is right; what is wrong from here on ends this subscription only.
        Some(ClientFrame::Subscribe(Subscribe { id, filter, after, until, credit })) => {
            match check(&value, &problems, filter) {
                Ok(filter) => Ok(ClientFrame::Subscribe(Subscribe { id, filter, after, until, credit })),
                Err(error) => Err(FrameError::Subscription(id, error)),
            }
        }
        Some(frame) => Ok(frame),
        None => {
            let known = ClientFrame::TYPES.join(", ");
            Err(Error::invalid("type", format!("not a frame a client sends: one of {known}")).into())
        }
    }
}

/// What a subscription asks for, once all of it means something.
fn check(frame: &Value, problems: &Problems, filter: Filter) -> Result<Filter, Error> {
    match problems.unacceptable() {
        Some(wrong) => Err(describe(frame, wrong)),
        None => filter.checked().and_then(|filter| filter.check_together().map(|()| filter)),
    }
}

fn describe(frame: &Value, wrong: WrongField) -> Error {
    let object = if wrong.within.is_empty() { Some(frame) } else { frame.get(wrong.within) };
    let is_missing = object.and_then(|object| object.get(wrong.name)).is_none_or(Value::is_null);
    let state = if is_missing { "missing; expected" } else { "expected" };
    Error::invalid(wrong.path(), format!("{state} {}", wrong.expected.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::Topic;
    use crate::wire::frame_tests::client_frames;
    use alloc::string::String;
    use proptest::prelude::*;

    fn field(text: &str) -> String {
        match read(text) {
            Err(FrameError::Session(error)) => format!("session {}", error.context_value("field").unwrap_or("?")),
            Err(FrameError::Subscription(_, error)) => format!("subscription {}", error.context_value("field").unwrap_or("?")),
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
            (r#"{"type":"subscribe","id":1,"topic":"all","credit":1,"chats":"any;-;a"}"#, "session chats"),
            (r#"{"type":"subscribe","id":1,"topic":"all","credit":1,"chats":[]}"#, "subscription chats"),
            (r#"{"type":"subscribe","id":1,"topic":"all","credit":1,"chats":["any;-;a","bob"]}"#, "subscription chats[1]"),
            (
                r#"{"type":"subscribe","id":1,"topic":"all","credit":1,"chat":"any;-;a","chats":["any;-;a"]}"#,
                "subscription chats",
            ),
            (r#"{"type":"subscribe","id":1,"topic":"all","credit":1,"types":["unknown",1]}"#, "session types"),
            (r#"{"type":"subscribe","id":1,"topic":"all","credit":1,"types":["unknown","chat"]}"#, "subscription types[1]"),
            (r#"{"type":"subscribe","id":1,"topic":"groups","credit":1}"#, "subscription topic"),
            (r#"{"type":"subscribe","id":1,"topic":"chats","credit":1,"until":"noon"}"#, "subscription until"),
        ] {
            assert_eq!(field(text), expected, "{}", text.get(..80).unwrap_or(text));
        }
        let long = format!(r#"{{"type":"unsubscribe","id":"{}"}}"#, "é".repeat(33));
        assert_eq!(field(&long), "session id");
    }

    #[test]
    fn an_error_says_what_was_expected_and_whether_anything_was_there() {
        for (text, expected) in [
            (r#"{"type":"ping"}"#, "n: missing; expected an integer from 0 to 2^53 - 1"),
            (r#"{"type":"ping","n":null}"#, "n: missing; expected an integer from 0 to 2^53 - 1"),
            (r#"{"type":"ping","n":"1"}"#, "n: expected an integer from 0 to 2^53 - 1"),
            (r#"{"type":"token","token":1}"#, "token: expected a string"),
            (r#"{"type":"init","client":{"name":"x"}}"#, "client.version: missing; expected a string"),
            (r#"{"type":"init","client":[]}"#, "client: expected an object"),
            (r#"{"type":"unsubscribe"}"#, "id: missing; expected a string of 1 to 64 bytes, or an integer from 0 to 2^53 - 1"),
            (r#"{"type":"subscribe","id":1,"topic":"groups","credit":1}"#, "topic: expected chats or all"),
            (r#"{"type":"subscribe","id":1,"topic":"all","until":"","credit":1}"#, "until: expected head, or nothing"),
            (r#"{"type":"ping","n":1,"n":2}"#, "n: this field is given more than once"),
            (
                r#"{"type":"pong"}"#,
                "type: not a frame a client sends: one of init, subscribe, credit, unsubscribe, token, ping",
            ),
        ] {
            let (Err(FrameError::Session(error)) | Err(FrameError::Subscription(_, error))) = read(text) else {
                panic!("{text}")
            };
            assert_eq!(error.message, expected, "{text}");
        }
    }

    #[test]
    fn null_is_absent_and_unknown_fields_are_ignored() {
        let text = r#"{"type":"subscribe","id":"é","topic":"all","chat":null,"after":null,"until":null,"credit":0,"new":[1]}"#;
        let expected = Subscribe {
            id: SubscriptionId::Text("é".into()),
            filter: Filter::of(Topic::All),
            after: None,
            until: None,
            credit: 0,
        };
        assert_eq!(read(text).ok(), Some(ClientFrame::Subscribe(expected)));
    }

    proptest! {
        #[test]
        fn what_the_codec_writes_is_read_as_the_same_frame(frame in client_frames()) {
            prop_assert_eq!(read(&frame.write::<String>()).ok(), Some(frame));
        }

        #[test]
        fn a_frame_that_is_taken_says_all_that_was_taken(text in "\\{\"type\":\"(ping|credit|token)\",\"(n|id|add|token)\":[0-9a-z\"]{0,6}(,\"(id|add)\":[0-9\"]{0,3})?\\}") {
            if let Ok(frame) = read(&text) {
                prop_assert_eq!(read(&frame.write::<String>()).ok(), Some(frame));
            }
        }
    }
}
