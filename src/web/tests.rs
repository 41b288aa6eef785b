//! The binding in a real JavaScript engine: shapes as users see them, input of every kind, a call and a stream end to end.

use js_sys::{Array, Function, Object, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use super::client::Core;
use super::host::Host;
use super::input::{Options, addresses, guid, text};
use super::js::get;
use crate::model::{CatchUpEvent, Chat, ChatEvent, CreateChatResult};
use crate::wire::answer::Answer;
use crate::wire::json::Json;

wasm_bindgen_test_configure!(run_in_browser);

/// The value of a JavaScript expression.
fn js(expression: &str) -> JsValue {
    let body = ["return (", expression, ")"].concat();
    Function::new_no_args(&body).call0(&JsValue::UNDEFINED).unwrap()
}

/// A host whose errors are plain objects and whose socket is in the test's hands: `sent`, and `report` as the runtime calls it.
fn host() -> JsValue {
    js("({
        sent: [],
        error(category, message, fields, cause) { return Object.assign(new Error(message), { category, cause }, fields); },
        idempotencyKey: () => 'key-1',
        body: (fields, image) => JSON.stringify(image ? { ...fields, data: String(image.length) } : fields),
        sequences: (events) => Float64Array.from(events, (event) => (typeof event.sequence === 'number' ? event.sequence : NaN)),
        openSocket(url, protocol, attempt, report) {
            this.url = url;
            this.report = (kind, value) => report(attempt, kind, value);
            return { send: (frame) => this.sent.push(frame), close: () => { this.closed = true; } };
        },
        token: () => Promise.resolve('t'),
        exchange: async (url, headers, body, signal) => {
            const response = await fetch(url, { method: body === undefined ? 'GET' : 'POST', headers, body, signal });
            return { ok: response.ok, status: response.status, body: await response.json(), retryAfter: null, retryAt: NaN,
                requestId: null };
        },
        deadline: (timeout, signal) => {
            const controller = new AbortController();
            return { expired: new Promise((expire) => setTimeout(expire, timeout)), signal: controller.signal,
                stop: () => controller.abort() };
        },
        bytes: (value) => (value instanceof Uint8Array ? value : undefined),
        watchWake: () => () => {},
        stateChanged(state) { this.state = state; },
    })")
}

fn core(host: &JsValue) -> Core {
    let settings = js("({ baseUrl: 'http://im.example.com', timeout: 1000, maxAttempts: 1,
        initialDelay: 1, maxDelay: 1, autoIdempotency: true })");
    Core::new(host.clone().unchecked_into::<Host>(), &settings)
}

fn field_of(error: &crate::error::Error) -> &str {
    error.context_value("field").unwrap_or_default()
}

// -- shapes -------------------------------------------------------------------------------------------------------------

#[wasm_bindgen_test]
fn an_answer_becomes_the_documented_object() {
    let body = js("JSON.parse('{\"chat\":{\"guid\":\"any;+;g\",\"isGroup\":true,\"service\":\"CHAT_SERVICE_TYPE_IMESSAGE\",\
        \"unreadCount\":2,\"groupId\":null,\"participants\":[{\"address\":\"a@b.c\",\"service\":1,\"future\":1}]}}')");
    let created = Answer::Created.read(&body).unwrap();
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
fn options_are_checked_key_by_key() {
    let known = &["message", "signal"];
    assert!(Options::read(JsValue::UNDEFINED, known).unwrap().value("message").is_none());
    assert!(Options::read(js("({ message: undefined })"), known).unwrap().value("message").is_none());
    for (bad, field) in [("({ mesage: 'x' })", "mesage"), ("null", "options"), ("'x'", "options"), ("[]", "options")] {
        assert_eq!(Options::read(js(bad), known).err().as_ref().map(field_of), Some(field), "{bad}");
    }
    // A getter that throws is the user's mistake, and must not unwind through Rust.
    let hostile = Options::read(js("({ get message() { throw new Error('x'); } })"), known).unwrap();
    assert!(hostile.value("message").is_none());
    let signal = |expression| Options::read(js(expression), known).unwrap().signal();
    assert!(signal("({ signal: new AbortController().signal })").unwrap().is_some());
    assert_eq!(signal("({ signal: true })").err().as_ref().map(field_of), Some("signal"));
}

// -- a call -------------------------------------------------------------------------------------------------------------

#[wasm_bindgen_test]
async fn a_call_goes_out_and_comes_back() {
    js("globalThis.fetch = async (url, init) => {
        globalThis.seen = { url, ...init };
        return new Response('{\"count\":\"3\"}', { headers: { 'content-type': 'application/json' } });
    }");
    let core = core(&host());
    let count = JsFuture::from(core.chats().count(js("({ includeArchived: true })"))).await.unwrap();
    assert_eq!(count.as_f64(), Some(3.0));
    let seen = js("globalThis.seen");
    assert_eq!(get(&seen, "url").as_string().as_deref(), Some("http://im.example.com/v1/chats:count?includeArchived=true"));
    assert_eq!(get(&get(&seen, "headers"), "authorization").as_string().as_deref(), Some("Bearer t"));
    let refused = JsFuture::from(core.chats().get(&js("'nobody'"), JsValue::UNDEFINED)).await.unwrap_err();
    assert_eq!(get(&get(&refused, "context"), "field").as_string().as_deref(), Some("chat"));
    assert_eq!(get(&refused, "category").as_f64(), Some(4.0));
}

#[wasm_bindgen_test]
async fn two_calls_at_once_on_one_object_do_not_lock_it() {
    js("globalThis.fetch = async () => new Response('{}')");
    let core = core(&host());
    let chat = js("'any;-;a@b.c'");
    let calls = Array::of2(
        &core.chats().mark_read(&chat, JsValue::UNDEFINED),
        &core.chats().set_background(&chat, &Uint8Array::from(&[1_u8; 100_000][..]), JsValue::UNDEFINED),
    );
    assert!(JsFuture::from(Promise::all(&calls)).await.is_ok());
}

// -- a stream -----------------------------------------------------------------------------------------------------------

/// Lets everything that is ready happen.
async fn turn() {
    let _ = JsFuture::from(Promise::new(&mut |resolve, _| {
        let _ = js("(resolve) => setTimeout(resolve, 0)").unchecked_into::<Function>().call1(&JsValue::UNDEFINED, &resolve);
    }))
    .await;
}

fn report(host: &JsValue, kind: u32, value: &JsValue) {
    let report: Function = get(host, "report").unchecked_into();
    report.call2(host, &JsValue::from(kind), value).unwrap();
}

#[wasm_bindgen_test]
async fn a_stream_hands_on_the_very_array_that_was_parsed() {
    let host = host();
    let core = core(&host);
    let stream = core.subscribe_events(JsValue::UNDEFINED).unwrap();
    turn().await;
    assert_eq!(get(&host, "url").as_string().as_deref(), Some("ws://im.example.com/v1/events"));
    report(&host, 0, &JsValue::UNDEFINED);
    let frame = |text: &str| report(&host, 1, &js(text));
    frame(
        "({ type: 'ready', protocol: 1, log: { id: 'l', first: 0, head: 0 }, heartbeatIntervalMs: 15000,
            limits: { maxFrameBytes: 1, maxOutgoingFrameBytes: 1, maxBatchEvents: 1, maxSubscriptions: 1 } })",
    );
    frame("({ type: 'subscribed', id: 1, after: { log: 'l', sequence: 0 }, head: 0 })");
    frame("({ type: 'caughtUp', id: 1, head: 0 })");
    let sent = get(&host, "sent");
    assert_eq!(get(&sent.item(0), "type").as_string().as_deref(), Some("init"));
    assert_eq!(get(&sent.item(1), "credit").as_f64(), Some(1024.0));
    assert_eq!(get(&host, "state").as_string().as_deref(), Some("live"));

    let pulled: Promise = stream.pull().unwrap().unchecked_into();
    let events = js("globalThis.events = [{ sequence: 1, any: 'thing' }, { sequence: 3 }]");
    frame("({ type: 'events', id: 1, prev: 0, through: 4, events: globalThis.events })");
    assert!(JsFuture::from(pulled).await.unwrap() == events, "the array itself, not a copy");
    assert_eq!(stream.cursor(JsValue::UNDEFINED).as_string().as_deref(), Some("0@l"));

    let pulled: Promise = stream.pull().unwrap().unchecked_into();
    assert_eq!(stream.cursor(JsValue::UNDEFINED).as_string().as_deref(), Some("4@l"));
    stream.close();
    assert!(JsFuture::from(pulled).await.unwrap().is_undefined());
    assert!(stream.pull().unwrap().is_undefined(), "the end stays the end");
    core.close();
    assert!(get(&host, "closed").is_truthy());
}

#[wasm_bindgen_test]
async fn an_event_without_a_sequence_is_never_handed_on() {
    for events in ["[{}]", "[null]", "[{ sequence: 1.5 }]", "[{ sequence: '1' }]", "{ sequence: 1 }", "undefined"] {
        let host = host();
        let core = core(&host);
        let stream = core.subscribe_events(JsValue::UNDEFINED).unwrap();
        turn().await;
        report(&host, 0, &JsValue::UNDEFINED);
        report(
            &host,
            1,
            &js("({ type: 'ready', protocol: 1, log: { id: 'l', first: 0, head: 0 }, heartbeatIntervalMs: 15000,
                limits: { maxFrameBytes: 1, maxOutgoingFrameBytes: 1, maxBatchEvents: 1, maxSubscriptions: 1 } })"),
        );
        report(&host, 1, &js("({ type: 'subscribed', id: 1, after: { log: 'l', sequence: 0 }, head: 0 })"));
        let frame = ["({ type: 'events', id: 1, prev: 0, through: 4, events: ", events, " })"].concat();
        report(&host, 1, &js(&frame));
        assert!(get(&host, "closed").is_truthy(), "{events}: the socket is given up");
        assert_eq!(stream.cursor(JsValue::UNDEFINED).as_string().as_deref(), Some("0@l"));
    }
}
