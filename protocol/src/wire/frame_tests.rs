//! The frames' codec, held against itself and against the protocol's page.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::codec::{WrongField, push_name};
use super::filter::Filter;
use super::frame::{
    After, Attached, ClientFrame, ClientInfo, ErrorFrame, Features, Limits, LogInfo, ServerFrame, Subscribe, SubscriptionId,
    Topic, Until,
};
use crate::error::{Error, ErrorDetails, GrpcCode};

const SAFE: std::ops::RangeInclusive<u64> = 0..=crate::number::MAX_SAFE_INTEGER;

fn ids() -> impl Strategy<Value = SubscriptionId> {
    prop_oneof![SAFE.prop_map(SubscriptionId::Number), ".{1,16}".prop_map(SubscriptionId::Text)]
}

/// Those that mean something.
fn filters() -> impl Strategy<Value = Filter> {
    use proptest::collection::vec;
    use proptest::option::of;
    let chat = "any;[-+];[a-z@.\"]{1,20}";
    let chats = prop_oneof![of(chat).prop_map(|chat| (chat, None)), vec(chat, 1..5).prop_map(|chats| (None, Some(chats)))];
    let types = of(vec("chat\\.(archived|markedRead)", 1..4));
    let topic = prop_oneof![Just(Topic::Chats), Just(Topic::All)];
    (topic, chats, types).prop_map(|(topic, (chat, chats), types)| Filter { topic, chat, chats, types })
}

pub(crate) fn client_frames() -> impl Strategy<Value = ClientFrame> {
    let token = proptest::option::of(".*");
    let client = proptest::option::of((".*", ".*").prop_map(|(name, version)| ClientInfo { name, version }));
    let after = proptest::option::of((proptest::option::of(".*"), SAFE).prop_map(|(log, sequence)| After { log, sequence }));
    let until = proptest::option::of(Just(Until::Head));
    prop_oneof![
        (token, client).prop_map(|(token, client)| ClientFrame::Init { token, client }),
        (ids(), filters(), after, until, SAFE).prop_map(|(id, filter, after, until, credit)| ClientFrame::Subscribe(
            Subscribe { id, filter, after, until, credit }
        )),
        (ids(), SAFE).prop_map(|(id, add)| ClientFrame::Credit { id, add }),
        ids().prop_map(|id| ClientFrame::Unsubscribe { id }),
        ".*".prop_map(|token| ClientFrame::Token { token }),
        SAFE.prop_map(|n| ClientFrame::Ping { n }),
    ]
}

fn server_frames() -> impl Strategy<Value = ServerFrame<Value>> {
    let ready = (".*", SAFE, SAFE, SAFE, proptest::option::of(SAFE), any::<bool>().prop_map(|filters| Features { filters }))
        .prop_map(|(id, first, head, limit, expires, features)| ServerFrame::Ready {
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
            features,
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

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "ready|events|error|subscribed|.*".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::btree_map("type|id|log|after|events|prev|through|head|fatal|code|.*", inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Parsed events as they are: what a test's reader and writer do with a batch.
fn read_client(json: &Value) -> Option<ClientFrame> {
    ClientFrame::read(json).unwrap()
}

fn read_server(json: &Value) -> Result<Option<ServerFrame<Value>>, WrongField> {
    ServerFrame::read(json, Value::clone)
}

fn value_of(frame: &ServerFrame<Value>) -> Value {
    frame.write(|events, name, out: &mut Value| out[name] = events.clone())
}

fn text_of(frame: &ServerFrame<Value>) -> String {
    frame.write(|events, name, out| {
        push_name(out, name);
        out.push_str(&events.to_string());
    })
}

proptest! {
    #[test]
    fn a_client_frame_reads_back_as_it_was_written_as_a_value_and_as_text(frame in client_frames()) {
        let value: Value = frame.write();
        prop_assert_eq!(serde_json::from_str::<Value>(&frame.write::<String>()).ok(), Some(value.clone()));
        prop_assert_eq!(read_client(&value), Some(frame));
    }

    #[test]
    fn a_server_frame_reads_back_as_it_was_written_as_a_value_and_as_text(frame in server_frames()) {
        let value = value_of(&frame);
        prop_assert_eq!(serde_json::from_str::<Value>(&text_of(&frame)).ok(), Some(value.clone()));
        prop_assert_eq!(read_server(&value), Ok(Some(frame)));
    }

    #[test]
    fn an_error_that_travels_in_a_frame_is_the_same_error_at_the_other_end(error in errors()) {
        let json = value_of(&ServerFrame::Error(ErrorFrame::new(&error, None, true)));
        let Ok(Some(ServerFrame::Error(frame))) = read_server(&json) else { panic!("{json}") };
        prop_assert_eq!(Error::from(frame), error);
    }

    #[test]
    fn any_json_is_a_frame_an_unknown_type_or_an_error(json in any_json()) {
        let _ = read_server(&json);
        let _ = ClientFrame::read(&json);
    }
}

/// The names in JSON, spelled out a second time: a wrong one would be read as it is written, and no other test here would see it.
#[test]
fn every_frame_is_written_as_the_protocol_says() {
    let (id, word) = (SubscriptionId::Text("a\"\n".into()), String::from);
    let client = Some(ClientInfo { name: word("n"), version: word("1") });
    let after = Some(After { log: Some(word("l")), sequence: 3 });
    let until = Some(Until::Head);
    let one = Filter { chat: Some(word("c")), ..Filter::of(Topic::Chats) };
    let lists = Filter { chats: Some(vec![word("c"), word("\"")]), types: Some(vec![word("t")]), ..Filter::of(Topic::All) };
    let number = SubscriptionId::Number(9_007_199_254_740_991);
    for (frame, text) in [
        (ClientFrame::Init { token: None, client: None }, r#"{"type":"init"}"#),
        (
            ClientFrame::Init { token: Some(word("t")), client },
            r#"{"type":"init","token":"t","client":{"name":"n","version":"1"}}"#,
        ),
        (
            ClientFrame::Subscribe(Subscribe { id: id.clone(), filter: one, after, until, credit: 10 }),
            r#"{"type":"subscribe","id":"a\"\n","topic":"chats","chat":"c","after":{"log":"l","sequence":3},"until":"head","credit":10}"#,
        ),
        (
            ClientFrame::Subscribe(Subscribe { id: number.clone(), filter: lists, after: None, until: None, credit: 0 }),
            r#"{"type":"subscribe","id":9007199254740991,"topic":"all","chats":["c","\""],"types":["t"],"credit":0}"#,
        ),
        (
            ClientFrame::Subscribe(Subscribe {
                id: number,
                filter: Filter::of(Topic::All),
                after: None,
                until: None,
                credit: 0,
            }),
            r#"{"type":"subscribe","id":9007199254740991,"topic":"all","credit":0}"#,
        ),
        (ClientFrame::Credit { id: SubscriptionId::Number(1), add: 2 }, r#"{"type":"credit","id":1,"add":2}"#),
        (ClientFrame::Unsubscribe { id: SubscriptionId::Number(1) }, r#"{"type":"unsubscribe","id":1}"#),
        (ClientFrame::Token { token: word("t") }, r#"{"type":"token","token":"t"}"#),
        (ClientFrame::Ping { n: 7 }, r#"{"type":"ping","n":7}"#),
    ] {
        assert_eq!(frame.write::<String>(), text);
    }
    let id = SubscriptionId::Number(1);
    let limits = Limits { max_frame_bytes: 1, max_outgoing_frame_bytes: 2, max_batch_events: 3, max_subscriptions: 4 };
    let mut error = ErrorFrame {
        id: Some(id.clone()),
        fatal: true,
        code: word("c"),
        grpc_code: 3,
        message: word("m"),
        retryable: false,
        retry_after_ms: Some(5),
        context: vec![(word("field"), word("id"))],
        source: Some(word("s")),
        request_id: Some(word("r")),
    };
    let whole = error.clone();
    (error.id, error.retry_after_ms, error.source, error.request_id) = (None, None, None, None);
    error.context.clear();
    for (frame, text) in [
        (
            ServerFrame::Ready {
                protocol: 1,
                log: LogInfo { id: word("l"), first: 0, head: 9 },
                heartbeat_interval_ms: 15_000,
                limits,
                token_expires_in_ms: Some(60),
                features: Features { filters: true },
            },
            r#"{"type":"ready","protocol":1,"log":{"id":"l","first":0,"head":9},"heartbeatIntervalMs":15000,"limits":{"maxFrameBytes":1,"maxOutgoingFrameBytes":2,"maxBatchEvents":3,"maxSubscriptions":4},"tokenExpiresInMs":60,"features":["filters"]}"#,
        ),
        (
            ServerFrame::Subscribed { id: id.clone(), after: Attached { log: word("l"), sequence: 3 }, head: 9 },
            r#"{"type":"subscribed","id":1,"after":{"log":"l","sequence":3},"head":9}"#,
        ),
        (
            ServerFrame::Events { id: id.clone(), prev: 3, through: 9, events: json!([{ "sequence": 5 }]) },
            r#"{"type":"events","id":1,"prev":3,"through":9,"events":[{"sequence":5}]}"#,
        ),
        (ServerFrame::CaughtUp { id: id.clone(), head: 9 }, r#"{"type":"caughtUp","id":1,"head":9}"#),
        (ServerFrame::Complete { id, head: 9 }, r#"{"type":"complete","id":1,"head":9}"#),
        (ServerFrame::Heartbeat { head: 9 }, r#"{"type":"heartbeat","head":9}"#),
        (
            ServerFrame::Drain { reconnect_min_ms: 1, reconnect_max_ms: 2 },
            r#"{"type":"drain","reconnectMinMs":1,"reconnectMaxMs":2}"#,
        ),
        (
            ServerFrame::Error(whole),
            r#"{"type":"error","id":1,"fatal":true,"code":"c","grpcCode":3,"message":"m","retryable":false,"retryAfterMs":5,"context":{"field":"id"},"source":"s","requestId":"r"}"#,
        ),
        (
            ServerFrame::Error(error),
            r#"{"type":"error","fatal":true,"code":"c","grpcCode":3,"message":"m","retryable":false,"context":{}}"#,
        ),
        (ServerFrame::Pong { n: 7 }, r#"{"type":"pong","n":7}"#),
    ] {
        assert_eq!(text_of(&frame), text);
    }
}

#[test]
fn unknown_frame_types_are_ignored_and_broken_ones_named() {
    let path = |json: Value| read_server(&json).map_err(WrongField::path);
    assert_eq!(path(json!({ "type": "weather" })), Ok(None));
    for (frame, expected) in [
        (json!([]), "type"),
        (json!({ "type": "heartbeat" }), "head"),
        (json!({ "type": "heartbeat", "head": "7" }), "head"),
        (json!({ "type": "caughtUp", "id": "", "head": 7 }), "id"),
        (json!({ "type": "events", "id": 1, "prev": 0, "through": 1, "events": {} }), "events"),
        (json!({ "type": "subscribed", "id": 1, "after": [], "head": 7 }), "after"),
        (json!({ "type": "subscribed", "id": 1, "after": { "log": "l" }, "head": 7 }), "after.sequence"),
        (json!({ "type": "error", "fatal": true, "code": "c", "grpcCode": 256, "message": "", "retryable": true }), "grpcCode"),
    ] {
        assert_eq!(path(frame.clone()), Err(expected.into()), "{frame}");
    }
}

#[test]
fn an_error_is_read_whatever_its_source_and_request_id_are() {
    for odd in [json!(1), json!(true), json!([]), json!({}), Value::Null] {
        let frame = json!({
            "type": "error", "id": 1, "fatal": false, "code": "databaseError", "grpcCode": 13, "message": "m", "retryable": false,
            "context": {}, "source": odd, "requestId": odd,
        });
        let Ok(Some(ServerFrame::Error(error))) = read_server(&frame) else { panic!("{frame}") };
        assert_eq!((error.code.as_str(), error.source, error.request_id), ("databaseError", None, None));
    }
}
