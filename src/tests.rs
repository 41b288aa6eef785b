//! The binding in a real JavaScript engine: shapes as users see them, input of every kind, a call and a stream end to end.

use js_sys::{Function, Object, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use crate::client::Core;
use crate::host::Host;
use crate::input::{Options, addresses, guid, text};
use crate::js::{Parsed, get};
use crate::stream::StreamHandle;
use im_chats_protocol::model::{CatchUpEvent, Chat, ChatEvent, CreateChatResult};
use im_chats_protocol::number::safe_integer;
use im_chats_protocol::wire::response::ResponseShape;

wasm_bindgen_test_configure!(run_in_browser);

/// The value of a JavaScript expression.
fn js(expression: &str) -> JsValue {
    let body = ["return (", expression, ")"].concat();
    Function::new_no_args(&body).call0(&JsValue::UNDEFINED).unwrap()
}

/// A host whose errors are plain objects and whose socket is in the test's hands: `sent` is what went out.
fn host() -> JsValue {
    js("({
        sent: [],
        error(category, message, fields, cause) { return Object.assign(new Error(message), { category, cause }, fields); },
        sequences: (events) => Float64Array.from(events, (event) => (typeof event.sequence === 'number' ? event.sequence : NaN)),
        fetchToken(attempt) { this.asked = attempt; },
        openSocket(url, protocol, attempt) {
            this.url = url;
            this.attempt = attempt;
            return { send: (frame) => this.sent.push(frame), close: () => { this.closed = true; } };
        },
        arm(delay) { this.delay = delay; },
        watchWake(watch) { this.watching = watch; },
        statusChanged(state) { this.state = state; },
        lagChanged() {},
    })")
}

fn core(host: &JsValue) -> Core {
    Core::new(host.clone().unchecked_into::<Host>(), "http://im.example.com".to_owned())
}

fn field_of(error: &im_chats_protocol::error::Error) -> &str {
    error.context_value("field").unwrap_or_default()
}

// -- shapes -------------------------------------------------------------------------------------------------------------

#[wasm_bindgen_test]
fn an_answer_becomes_the_documented_object() {
    let body = js("JSON.parse('{\"chat\":{\"guid\":\"any;+;g\",\"isGroup\":true,\"service\":\"CHAT_SERVICE_TYPE_IMESSAGE\",\
        \"unreadCount\":2,\"groupId\":null,\"participants\":[{\"address\":\"a@b.c\",\"service\":1,\"future\":1}]}}')");
    let created = ResponseShape::Created.read(Parsed(body)).unwrap().0;
    let typed: CreateChatResult = serde_wasm_bindgen::from_value(created.clone()).unwrap();
    assert_eq!(typed.chat.unread_count, Some(2));
    assert_eq!(typed.chat.participants.len(), 1);
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    let again = serde::Serialize::serialize(&typed, &serializer).unwrap();
    let text = |value: &JsValue| js_sys::JSON::stringify(value).unwrap().as_string();
    assert_eq!(text(&created), text(&again), "the table and the documented type agree, key by key, in order");
    assert_eq!(Object::keys(created.unchecked_ref::<Object>()).length(), 1, "absent is an absent key");
}

#[wasm_bindgen_test]
fn every_documented_shape_goes_through_the_engine_and_back() {
    let events = js("[
        { type: 'chat.markedRead', chatGuid: 'any;-;a@b.c', sequence: 9007199254740991, isFromMe: true, occurredAt: 't' },
        { type: 'chat.archived', chatGuid: 'g', sequence: 1, isFromMe: false, occurredAt: 't',
          actor: { address: 'a@b.c', service: 'SMS', country: 'US' } }
    ]");
    let typed: Vec<ChatEvent> = serde_wasm_bindgen::from_value(events.clone()).unwrap();
    assert_eq!(typed.len(), 2);
    let complete: CatchUpEvent = serde_wasm_bindgen::from_value(js("({ type: 'catchup.complete', headSequence: 7 })")).unwrap();
    assert!(matches!(complete, CatchUpEvent::Complete(_)));
    let chat = js("({ guid: 'g', displayName: '', isGroup: false, service: 'unknown', isArchived: false, isFiltered: false,
        participants: [] })");
    assert!(serde_wasm_bindgen::from_value::<Chat>(chat).is_ok());
}

// -- input --------------------------------------------------------------------------------------------------------------

#[wasm_bindgen_test]
fn text_is_a_string_that_utf8_can_carry() {
    for good in ["'plain'", "'\\u{1F389} party'", "'\\uFFFD'", "''"] {
        assert!(text(&js(good), "message").is_ok(), "{good}");
    }
    for bad in ["'\\ud83c'", "'a\\udf89b'", "5", "null", "undefined", "{}", "['a']", "new String('a')"] {
        assert_eq!(field_of(&text(&js(bad), "message").unwrap_err()), "message", "{bad}");
    }
}

#[wasm_bindgen_test]
fn addresses_and_guids_name_what_is_wrong() {
    assert_eq!(addresses(&js("['a@b.c', '+15550100']")).unwrap().len(), 2);
    for (bad, field) in [("'a@b.c'", "addresses"), ("({ length: 1, 0: 'a' })", "addresses"), ("['a', , 'b']", "addresses[1]")] {
        assert_eq!(field_of(&addresses(&js(bad)).unwrap_err()), field, "{bad}");
    }
    assert_eq!(guid(&js("' any;-;a@b.c '")).unwrap().as_str(), "any;-;a@b.c");
    assert_eq!(field_of(&guid(&js("'any;x;a'")).unwrap_err()), "chat");
}

#[wasm_bindgen_test]
fn options_are_checked_value_by_value() {
    assert!(Options::new(JsValue::UNDEFINED).value("message").is_none());
    assert!(Options::new(js("({ message: undefined })")).value("message").is_none());
    // A getter that throws is the user's mistake, and must not unwind through Rust.
    assert!(Options::new(js("({ get message() { throw new Error('x'); } })")).value("message").is_none());
    let signal = |expression| Options::new(js(expression)).signal();
    assert!(signal("({ signal: new AbortController().signal })").unwrap().is_some());
    assert_eq!(signal("({ signal: true })").err().as_ref().map(field_of), Some("signal"));
}

// -- a call -------------------------------------------------------------------------------------------------------------

fn number(object: &JsValue, name: &str) -> u32 {
    u32::try_from(get(object, name).as_f64().and_then(safe_integer).unwrap()).unwrap()
}

fn text_of(object: &JsValue, name: &str) -> Option<String> {
    get(object, name).as_string()
}

#[wasm_bindgen_test]
fn a_call_goes_out_and_its_answer_comes_back() {
    let core = core(&host());
    let call = core.count(js("({ includeArchived: true })")).unwrap();
    assert_eq!(text_of(&call, "url").as_deref(), Some("http://im.example.com/v1/chats:count?includeArchived=true"));
    assert!(get(&call, "fields").is_undefined(), "a read has no body");
    let kind = |call: &JsValue| u8::try_from(number(call, "route")).unwrap();
    let count = core.answer(kind(&call), &js("({ ok: true, status: 200, body: { count: '3' } })")).unwrap();
    assert_eq!(count.as_f64(), Some(3.0));

    let chat = js("'any;-;a@b.c'");
    let call = core.get(&chat, JsValue::UNDEFINED).unwrap();
    assert_eq!(text_of(&call, "url").as_deref(), Some("http://im.example.com/v1/chats:get?chatGuid=any%3B-%3Ba%40b.c"));
    let call = core.set_background(&chat, &Uint8Array::from(&[1_u8; 3][..]), JsValue::UNDEFINED).unwrap();
    assert_eq!(text_of(&get(&call, "fields"), "chatGuid").as_deref(), Some("any;-;a@b.c"));
    assert!(core.answer(kind(&call), &js("({ ok: true, status: 200, body: {} })")).unwrap().is_undefined());

    let refused = core.get(&js("'nobody'"), JsValue::UNDEFINED).unwrap_err();
    assert_eq!(text_of(&get(&refused, "context"), "field").as_deref(), Some("chat"));
    assert_eq!(get(&refused, "category").as_f64(), Some(4.0));
}

#[wasm_bindgen_test]
fn what_is_not_a_good_answer_is_an_error() {
    let core = core(&host());
    let error = |answer: &str| core.answer(0, &js(answer)).unwrap_err();
    let service = error(
        "({ ok: false, status: 429, retryAfter: '2', retryAt: NaN, requestId: 'r',
            body: { code: 'resource_exhausted', message: 'slow down', context: { limit: '5', number: 5 }, retryable: true } })",
    );
    assert_eq!(
        (text_of(&service, "message").as_deref(), text_of(&service, "requestId").as_deref()),
        (Some("slow down"), Some("r"))
    );
    assert_eq!(get(&service, "retryAfter").as_f64(), Some(2000.0));
    assert_eq!(text_of(&get(&service, "context"), "limit").as_deref(), Some("5"));
    let date =
        error("({ ok: false, status: 503, retryAfter: 'Tue, 24 Nov 2026 17:05:27 GMT', retryAt: 1500, requestId: null })");
    assert_eq!(get(&date, "retryAfter").as_f64(), Some(1500.0));
    assert_eq!(text_of(&date, "source").as_deref(), Some("intermediary"));
    let broken = error("({ ok: true, status: 200, cause: new SyntaxError('x') })");
    assert!(get(&broken, "cause").is_instance_of::<js_sys::SyntaxError>());
    assert_eq!(text_of(&broken, "code").as_deref(), Some("internalError"));
}

// -- a stream -----------------------------------------------------------------------------------------------------------

/// Opens the socket of the attempt that the core wants a token for.
fn connect(core: &Core, host: &JsValue) {
    core.token(number(host, "asked"), Some("t".to_owned()), &JsValue::UNDEFINED);
    report(core, host, 0, &JsValue::UNDEFINED);
}

fn report(core: &Core, host: &JsValue, kind: u32, value: &JsValue) {
    core.report(number(host, "attempt"), kind, value);
}

/// The next batch, as the shell asks for it.
fn pull(stream: &StreamHandle) -> Promise {
    Promise::new(&mut |accept, refuse| stream.pull(accept, refuse))
}

#[wasm_bindgen_test]
async fn a_stream_hands_on_the_very_array_that_was_parsed() {
    let host = host();
    let core = core(&host);
    let stream = core.subscribe_events(JsValue::UNDEFINED).unwrap();
    connect(&core, &host);
    assert_eq!(get(&host, "url").as_string().as_deref(), Some("ws://im.example.com/v1/events"));
    let frame = |text: &str| report(&core, &host, 1, &js(text));
    frame(
        "({ type: 'ready', protocol: 1, log: { id: 'l', first: 0, head: 0 }, heartbeatIntervalMs: 15000,
            limits: { maxFrameBytes: 1, maxOutgoingFrameBytes: 1, maxBatchEvents: 1, maxSubscriptions: 1 } })",
    );
    frame("({ type: 'subscribed', id: 1, after: { log: 'l', sequence: 0 }, head: 0 })");
    frame("({ type: 'caughtUp', id: 1, head: 0 })");
    let sent: js_sys::Array = get(&host, "sent").unchecked_into();
    assert_eq!(get(&sent.get(0), "type").as_string().as_deref(), Some("init"));
    assert_eq!(get(&sent.get(1), "credit").as_f64(), Some(2048.0));
    assert_eq!(get(&host, "state").as_string().as_deref(), Some("live"));

    let pulled = pull(&stream);
    let events = js("globalThis.events = [{ sequence: 1, any: 'thing' }, { sequence: 3 }]");
    frame("({ type: 'events', id: 1, prev: 0, through: 4, events: globalThis.events })");
    assert!(JsFuture::from(pulled).await.unwrap() == events, "the array itself, not a copy");
    assert_eq!(stream.cursor(JsValue::UNDEFINED).as_string().as_deref(), Some("0@l"));

    let pulled = pull(&stream);
    assert_eq!(stream.cursor(JsValue::UNDEFINED).as_string().as_deref(), Some("4@l"));
    stream.close();
    assert!(JsFuture::from(pulled).await.unwrap().is_undefined());
    assert!(JsFuture::from(pull(&stream)).await.unwrap().is_undefined(), "the end stays the end");
    core.close();
    assert!(get(&host, "closed").is_truthy());
}

#[wasm_bindgen_test]
fn an_event_without_a_sequence_is_never_handed_on() {
    for events in ["[{}]", "[null]", "[{ sequence: 1.5 }]", "[{ sequence: '1' }]", "{ sequence: 1 }", "undefined"] {
        let host = host();
        let core = core(&host);
        let stream = core.subscribe_events(JsValue::UNDEFINED).unwrap();
        connect(&core, &host);
        report(
            &core,
            &host,
            1,
            &js("({ type: 'ready', protocol: 1, log: { id: 'l', first: 0, head: 0 }, heartbeatIntervalMs: 15000,
                limits: { maxFrameBytes: 1, maxOutgoingFrameBytes: 1, maxBatchEvents: 1, maxSubscriptions: 1 } })"),
        );
        report(&core, &host, 1, &js("({ type: 'subscribed', id: 1, after: { log: 'l', sequence: 0 }, head: 0 })"));
        let frame = ["({ type: 'events', id: 1, prev: 0, through: 4, events: ", events, " })"].concat();
        report(&core, &host, 1, &js(&frame));
        assert!(get(&host, "closed").is_truthy(), "{events}: the socket is given up");
        assert_eq!(stream.cursor(JsValue::UNDEFINED).as_string().as_deref(), Some("0@l"));
    }
}

/// Whether the server attached the stream, as the shell asks.
fn ready(stream: &StreamHandle) -> Promise {
    Promise::new(&mut |accept, refuse| stream.ready(accept, refuse))
}

#[wasm_bindgen_test]
async fn ready_is_told_whether_asked_before_or_after_and_without_a_pull() {
    let host = host();
    let core = core(&host);
    let (attached, refused) =
        (core.subscribe_events(JsValue::UNDEFINED).unwrap(), core.subscribe_events(js("({ after: 7 })")).unwrap());
    let (early, early_refused) = (ready(&attached), ready(&refused));
    connect(&core, &host);
    for frame in [
        "({ type: 'ready', protocol: 1, log: { id: 'l', first: 0, head: 3 }, heartbeatIntervalMs: 15000,
            limits: { maxFrameBytes: 1, maxOutgoingFrameBytes: 1, maxBatchEvents: 1, maxSubscriptions: 2 } })",
        "({ type: 'subscribed', id: 1, after: { log: 'l', sequence: 3 }, head: 3 })",
        "({ type: 'error', id: 2, fatal: false, code: 'cursorAhead', grpcCode: 11, message: 'beyond', retryable: false, context: {} })",
    ] {
        report(&core, &host, 1, &js(frame));
    }
    assert!(JsFuture::from(early).await.unwrap().is_undefined());
    assert!(JsFuture::from(ready(&attached)).await.unwrap().is_undefined());
    assert_eq!(attached.cursor(JsValue::UNDEFINED).as_string().as_deref(), Some("3@l"));
    let error = JsFuture::from(early_refused).await.unwrap_err();
    assert_eq!(text_of(&error, "code").as_deref(), Some("cursorAhead"));
    assert!(JsFuture::from(ready(&refused)).await.unwrap_err() == error, "the same error");
    assert!(JsFuture::from(pull(&refused)).await.unwrap_err() == error, "which a pull has, too");
    assert!(JsFuture::from(pull(&refused)).await.unwrap().is_undefined(), "once");

    let too_many: Vec<_> = (0..2).map(|_| core.subscribe_events(JsValue::UNDEFINED).unwrap()).collect();
    let error = JsFuture::from(ready(too_many.last().unwrap())).await.unwrap_err();
    assert_eq!(text_of(&error, "code").as_deref(), Some("subscriptionLimitExceeded"));
    assert_eq!(get(&error, "category").as_f64(), Some(3.0), "a RateLimitError");
}

#[wasm_bindgen_test]
fn a_saved_cursor_comes_before_after_and_garbage_names_the_store() {
    let host = host();
    let core = core(&host);
    let _stream = core.subscribe_events(js("({ after: 5, cursor: '9@l' })")).unwrap();
    let _other = core.subscribe_events(js("({ after: 5, cursor: undefined })")).unwrap();
    let _third = core.catch_up(js("undefined"), js("({ cursor: '4@l' })")).unwrap();
    connect(&core, &host);
    report(
        &core,
        &host,
        1,
        &js("({ type: 'ready', protocol: 1, log: { id: 'l', first: 0, head: 9 }, heartbeatIntervalMs: 15000,
            limits: { maxFrameBytes: 1, maxOutgoingFrameBytes: 1, maxBatchEvents: 1, maxSubscriptions: 9 } })"),
    );
    let sent: js_sys::Array = get(&host, "sent").unchecked_into();
    let after = |index: u32| get(&get(&sent.get(index), "after"), "sequence").as_f64();
    assert_eq!([after(1), after(2), after(3)], [Some(9.0), Some(5.0), Some(4.0)]);
    for garbage in ["'nonsense'", "''", "5", "{}", "'-1@l'"] {
        let options = js(&["({ cursor: ", garbage, " })"].concat());
        for error in [core.subscribe_events(options.clone()).err(), core.catch_up(JsValue::UNDEFINED, options).err()] {
            assert_eq!(text_of(&get(&error.unwrap(), "context"), "field").as_deref(), Some("cursor"), "{garbage}");
        }
    }
    let wrong = core.subscribe_events(js("({ after: 'nonsense', cursor: '9@l' })")).err().unwrap();
    assert_eq!(text_of(&get(&wrong, "context"), "field").as_deref(), Some("after"), "wrong input is told all the same");
}
