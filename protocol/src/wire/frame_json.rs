//! The frames, to and from parsed JSON, without serde: its derived code for these enums alone would be a fifth of the
//! package. A property test holds both codecs against each other, so there is still one definition: the types in `frame`.

use core::cell::Cell;

use super::frame::{Attached, ClientFrame, ErrorFrame, Limits, LogInfo, ServerFrame, Subscribe, SubscriptionId, Topic, Until};
use super::json::{Json, integer};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

impl SubscriptionId {
    fn write<J: Json>(self) -> J {
        match self {
            Self::Number(number) => J::from_integer(number),
            Self::Text(text) => J::from_text(&text),
        }
    }
}

impl ClientFrame {
    /// The frame as JSON to be written.
    #[must_use]
    pub fn write<J: Json>(self) -> J {
        let mut fields = Vec::with_capacity(7);
        let mut put = |name, value| fields.push((name, value));
        let name = |name| J::from_text(name);
        match self {
            Self::Init { token, client } => {
                put("type", name("init"));
                if let Some(token) = token {
                    put("token", J::from_text(&token));
                }
                if let Some(client) = client {
                    let client = vec![("name", J::from_text(&client.name)), ("version", J::from_text(&client.version))];
                    put("client", J::object(client));
                }
            }
            Self::Subscribe(Subscribe { id, topic, chat, after, until, credit }) => {
                put("type", name("subscribe"));
                put("id", id.write());
                put(
                    "topic",
                    match topic {
                        Topic::Chats => name("chats"),
                        Topic::All => name("all"),
                    },
                );
                if let Some(chat) = chat {
                    put("chat", J::from_text(&chat));
                }
                if let Some(after) = after {
                    let mut position = Vec::with_capacity(2);
                    if let Some(log) = after.log {
                        position.push(("log", J::from_text(&log)));
                    }
                    position.push(("sequence", J::from_integer(after.sequence)));
                    put("after", J::object(position));
                }
                if let Some(Until::Head) = until {
                    put("until", name("head"));
                }
                put("credit", J::from_integer(credit));
            }
            Self::Credit { id, add } => {
                put("type", name("credit"));
                put("id", id.write());
                put("add", J::from_integer(add));
            }
            Self::Unsubscribe { id } => {
                put("type", name("unsubscribe"));
                put("id", id.write());
            }
            Self::Token { token } => {
                put("type", name("token"));
                put("token", J::from_text(&token));
            }
            Self::Ping { n } => {
                put("type", name("ping"));
                put("n", J::from_integer(n));
            }
        }
        J::object(fields)
    }
}

/// A frame that is not what the protocol says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedFrame {
    /// The field that is missing or wrong.
    pub field: &'static str,
}

/// Reads fields one after the other and remembers the first that is wrong, for which a default stands in. The frame is then
/// refused as a whole; leaving at each field instead would be a third of this file's code.
struct Reader<'wrong, J> {
    json: J,
    wrong: &'wrong Cell<Option<&'static str>>,
}

impl<'wrong, J: Json> Reader<'wrong, J> {
    fn or_wrong<T: Default>(&self, field: &'static str, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            self.wrong.set(self.wrong.get().or(Some(field)));
            T::default()
        })
    }

    fn object(&self, field: &str) -> Reader<'wrong, J> {
        Reader { json: self.json.field(field), wrong: self.wrong }
    }

    fn integer(&self, field: &'static str) -> u64 {
        self.or_wrong(field, integer(&self.json.field(field)))
    }

    fn small<T: TryFrom<u64> + Default>(&self, field: &'static str) -> T {
        self.or_wrong(field, T::try_from(self.integer(field)).ok())
    }

    fn text(&self, field: &'static str) -> String {
        self.or_wrong(field, self.json.field(field).text())
    }

    fn flag(&self, field: &'static str) -> bool {
        self.or_wrong(field, self.json.field(field).flag())
    }

    fn optional_integer(&self, field: &'static str) -> Option<u64> {
        if self.json.field(field).is_null() { None } else { Some(self.integer(field)) }
    }

    fn id(&self) -> SubscriptionId {
        match self.json.field("id").text() {
            Some(text) => SubscriptionId::Text(text),
            None => SubscriptionId::Number(self.integer("id")),
        }
    }
}

impl<B> ServerFrame<B> {
    /// Reads a parsed frame; `None` is a frame of a type this version does not know, which the protocol says to ignore.
    /// The array of events inside is not looked at, but given to `batch` whole.
    ///
    /// # Errors
    /// [`MalformedFrame`] names the first field that is missing or of the wrong type.
    pub fn read<J: Json>(frame: &J, batch: impl FnOnce(J) -> B) -> Result<Option<Self>, MalformedFrame> {
        let wrong = Cell::new(None);
        let read = Reader { json: frame.clone(), wrong: &wrong };
        let frame = match read.text("type").as_str() {
            "ready" => {
                let (log, limits) = (read.object("log"), read.object("limits"));
                Self::Ready {
                    protocol: read.small("protocol"),
                    log: LogInfo { id: log.text("id"), first: log.integer("first"), head: log.integer("head") },
                    heartbeat_interval_ms: read.integer("heartbeatIntervalMs"),
                    limits: Limits {
                        max_frame_bytes: limits.integer("maxFrameBytes"),
                        max_outgoing_frame_bytes: limits.integer("maxOutgoingFrameBytes"),
                        max_batch_events: limits.integer("maxBatchEvents"),
                        max_subscriptions: limits.integer("maxSubscriptions"),
                    },
                    token_expires_in_ms: read.optional_integer("tokenExpiresInMs"),
                }
            }
            "subscribed" => {
                let after = read.object("after");
                Self::Subscribed {
                    id: read.id(),
                    after: Attached { log: after.text("log"), sequence: after.integer("sequence") },
                    head: read.integer("head"),
                }
            }
            "events" => {
                let events = frame.field("events");
                read.or_wrong("events", events.length());
                let (id, prev, through) = (read.id(), read.integer("prev"), read.integer("through"));
                // What is not an array is not handed on.
                if let Some(field) = wrong.get() {
                    return Err(MalformedFrame { field });
                }
                Self::Events { id, prev, through, events: batch(events) }
            }
            "caughtUp" => Self::CaughtUp { id: read.id(), head: read.integer("head") },
            "complete" => Self::Complete { id: read.id(), head: read.integer("head") },
            "heartbeat" => Self::Heartbeat { head: read.integer("head") },
            "drain" => Self::Drain {
                reconnect_min_ms: read.integer("reconnectMinMs"),
                reconnect_max_ms: read.integer("reconnectMaxMs"),
            },
            "error" => Self::Error(ErrorFrame {
                id: if frame.field("id").is_null() { None } else { Some(read.id()) },
                fatal: read.flag("fatal"),
                code: read.text("code"),
                grpc_code: read.small("grpcCode"),
                message: read.text("message"),
                retryable: read.flag("retryable"),
                retry_after_ms: read.optional_integer("retryAfterMs"),
                context: frame.field("context").texts(),
                source: frame.field("source").text(),
                request_id: frame.field("requestId").text(),
            }),
            "pong" => Self::Pong { n: read.integer("n") },
            _ => return wrong.get().map_or(Ok(None), |field| Err(MalformedFrame { field })),
        };
        wrong.get().map_or(Ok(Some(frame)), |field| Err(MalformedFrame { field }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{After, ClientInfo};
    use super::*;
    use crate::error::{Error, ErrorDetails, GrpcCode};
    use proptest::prelude::*;
    use serde_json::{Value as Parsed, json};

    const fn whole(events: Parsed) -> Parsed {
        events
    }

    const SAFE: std::ops::RangeInclusive<u64> = 0..=crate::number::MAX_SAFE_INTEGER;

    fn ids() -> impl Strategy<Value = SubscriptionId> {
        prop_oneof![SAFE.prop_map(SubscriptionId::Number), ".{1,8}".prop_map(SubscriptionId::Text)]
    }

    fn client_frames() -> impl Strategy<Value = ClientFrame> {
        let token = proptest::option::of(".*");
        let client = proptest::option::of((".*", ".*").prop_map(|(name, version)| ClientInfo { name, version }));
        let after =
            proptest::option::of((proptest::option::of(".*"), SAFE).prop_map(|(log, sequence)| After { log, sequence }));
        let topic = prop_oneof![Just(Topic::Chats), Just(Topic::All)];
        let until = proptest::option::of(Just(Until::Head));
        prop_oneof![
            (token, client).prop_map(|(token, client)| ClientFrame::Init { token, client }),
            (ids(), topic, proptest::option::of(".*"), after, until, SAFE).prop_map(
                |(id, topic, chat, after, until, credit)| ClientFrame::Subscribe(Subscribe {
                    id,
                    topic,
                    chat,
                    after,
                    until,
                    credit
                })
            ),
            (ids(), SAFE).prop_map(|(id, add)| ClientFrame::Credit { id, add }),
            ids().prop_map(|id| ClientFrame::Unsubscribe { id }),
            ".*".prop_map(|token| ClientFrame::Token { token }),
            SAFE.prop_map(|n| ClientFrame::Ping { n }),
        ]
    }

    fn server_frames() -> impl Strategy<Value = ServerFrame<Parsed>> {
        let ready = (".*", SAFE, SAFE, SAFE, proptest::option::of(SAFE)).prop_map(|(id, first, head, limit, expires)| {
            ServerFrame::Ready {
                protocol: 1,
                log: LogInfo { id, first, head },
                heartbeat_interval_ms: first,
                limits: Limits {
                    max_frame_bytes: limit,
                    max_outgoing_frame_bytes: first,
                    max_batch_events: head,
                    max_subscriptions: limit,
                },
                token_expires_in_ms: expires,
            }
        });
        let error = (proptest::option::of(ids()), any::<bool>(), ".*", 0..17_u8, proptest::option::of(SAFE)).prop_map(
            |(id, fatal, text, grpc_code, retry_after_ms)| {
                ServerFrame::Error(ErrorFrame {
                    id,
                    fatal,
                    code: text.clone(),
                    grpc_code,
                    message: text.clone(),
                    retryable: fatal,
                    retry_after_ms,
                    context: [("any name".to_owned(), text)].into(),
                    source: None,
                    request_id: None,
                })
            },
        );
        prop_oneof![
            ready,
            error,
            (ids(), ".*", SAFE, SAFE).prop_map(|(id, log, sequence, head)| ServerFrame::Subscribed {
                id,
                after: Attached { log, sequence },
                head
            }),
            (ids(), SAFE, SAFE).prop_map(|(id, prev, through)| ServerFrame::Events {
                id,
                prev,
                through,
                events: json!([{ "sequence": through }])
            }),
            (ids(), SAFE).prop_map(|(id, head)| ServerFrame::CaughtUp { id, head }),
            (ids(), SAFE).prop_map(|(id, head)| ServerFrame::Complete { id, head }),
            SAFE.prop_map(|head| ServerFrame::Heartbeat { head }),
            (SAFE, SAFE).prop_map(|(min, max)| ServerFrame::Drain { reconnect_min_ms: min, reconnect_max_ms: max }),
            SAFE.prop_map(|n| ServerFrame::Pong { n }),
        ]
    }

    fn errors() -> impl Strategy<Value = Error> {
        let text = || proptest::option::of(".*");
        let context = proptest::collection::btree_map("value|maxFrameBytes|field|.*", ".*", 0..6);
        (".*", 0..17_u32, ".*", any::<bool>(), context, proptest::option::of(SAFE), text(), text()).prop_map(
            |(code, grpc_code, message, retryable, context, retry_after_ms, source, request_id)| {
                let context = context.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
                let (code, grpc_code) = (code.into(), GrpcCode::from_number(grpc_code));
                let (message, source) = (message.into(), source.map(Into::into));
                let cause = None;
                ErrorDetails { code, grpc_code, message, retryable, context, retry_after_ms, source, request_id, cause }.into()
            },
        )
    }

    fn any_json() -> impl Strategy<Value = Parsed> {
        let leaf = prop_oneof![
            Just(Parsed::Null),
            any::<bool>().prop_map(Parsed::from),
            any::<f64>().prop_map(Parsed::from),
            any::<u64>().prop_map(Parsed::from),
            "ready|events|error|subscribed|.*".prop_map(Parsed::from)
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Parsed::from),
                proptest::collection::btree_map("type|id|log|after|events|prev|through|head|fatal|code|.*", inner, 0..8)
                    .prop_map(|fields| Parsed::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn both_codecs_write_the_same_client_frame(frame in client_frames()) {
            let derived = serde_json::to_value(&frame).ok();
            prop_assert_eq!(Some(frame.write::<Parsed>()), derived);
        }

        #[test]
        fn both_codecs_read_the_same_server_frame(frame in server_frames()) {
            let json = serde_json::to_value(&frame).unwrap();
            prop_assert_eq!(ServerFrame::read(&json, whole), Ok(Some(frame)));
        }

        #[test]
        fn an_error_that_travels_in_a_frame_is_the_same_error_at_the_other_end(error in errors()) {
            let frame = ServerFrame::<Parsed>::Error(ErrorFrame::new(&error, None, true));
            let json = serde_json::to_value(&frame).unwrap();
            let Ok(Some(ServerFrame::Error(frame))) = ServerFrame::read(&json, whole) else { panic!("{json}") };
            prop_assert_eq!(Error::from(frame), error);
        }

        #[test]
        fn any_json_is_a_frame_an_unknown_type_or_an_error(json in any_json()) {
            let _ = ServerFrame::read(&json, whole);
        }
    }

    #[test]
    fn unknown_frame_types_are_ignored_and_broken_ones_named() {
        assert_eq!(ServerFrame::read(&json!({ "type": "weather" }), whole), Ok(None));
        assert_eq!(ServerFrame::read(&json!({ "type": "heartbeat" }), whole), Err(MalformedFrame { field: "head" }));
        assert_eq!(ServerFrame::read(&json!([]), whole), Err(MalformedFrame { field: "type" }));
    }
}
