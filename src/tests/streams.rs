//! Streams over a WebSocket that is the test's own.

use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Network, apply, client, host, js, settled, text, until};
use crate::client::Client;
use crate::js::get;
use crate::stream::EventStream;

fn sockets(host: &JsValue) -> js_sys::Array {
    get(host, "sockets").unchecked_into()
}

fn last_socket(host: &JsValue) -> JsValue {
    let sockets = sockets(host);
    sockets.get(sockets.length().saturating_sub(1))
}

/// Waits for the socket and opens it.
async fn connect(host: &JsValue) -> JsValue {
    until(|| sockets(host).length() > 0).await;
    let socket = last_socket(host);
    apply("(socket) => socket.onopen?.({})", &socket);
    socket
}

/// The server says a frame.
fn frame(socket: &JsValue, frame: &str) {
    let event = apply("(frame) => ({ data: JSON.stringify(frame) })", &js(frame));
    let tell = js("(socket, event) => socket.onmessage?.(event)").unchecked_into::<Function>();
    tell.call2(&JsValue::UNDEFINED, socket, &event).unwrap();
}

fn ready_frame(head: &str, max_subscriptions: &str) -> String {
    [
        "({ type: 'ready', protocol: 1, log: { id: 'l', first: 0, head: ",
        head,
        " }, heartbeatIntervalMs: 15000,
            limits: { maxFrameBytes: 1, maxOutgoingFrameBytes: 1, maxBatchEvents: 1, maxSubscriptions: ",
        max_subscriptions,
        " } })",
    ]
    .concat()
}

fn sent(socket: &JsValue, index: u32) -> JsValue {
    get(socket, "sent").unchecked_into::<js_sys::Array>().get(index)
}

/// A client with one stream, attached at the beginning of an empty log.
async fn attached(host: &JsValue) -> (Client, EventStream, JsValue) {
    let client = client(host);
    let stream = client.chats().subscribe_events(JsValue::UNDEFINED).unwrap();
    let socket = connect(host).await;
    frame(&socket, &ready_frame("0", "1"));
    frame(&socket, "({ type: 'subscribed', id: 1, after: { log: 'l', sequence: 0 }, head: 0 })");
    frame(&socket, "({ type: 'caughtUp', id: 1, head: 0 })");
    (client, stream, socket)
}

#[wasm_bindgen_test]
async fn a_stream_gives_batches_and_its_cursor_follows_the_user() {
    let host = host("({})");
    let (client, stream, socket) = attached(&host).await;
    assert_eq!(text(&socket, "url"), "ws://im.example.com/v1/events");
    assert_eq!(text(&sent(&socket, 0), "type"), "init");
    assert_eq!(get(&sent(&socket, 1), "credit").as_f64(), Some(2048.0));
    settled(stream.ready()).await.unwrap();

    let pulled = stream.pull();
    frame(
        &socket,
        "({ type: 'events', id: 1, prev: 0, through: 9, events: [{ sequence: 1, any: 'thing' }, { sequence: 3 }, { sequence: 7 }] })",
    );
    let batch: js_sys::Array = settled(pulled).await.unwrap().unchecked_into();
    assert_eq!((batch.length(), text(&batch.get(0), "any").as_str()), (3, "thing"));
    // Of three events: none was given yet, the first is with the user, then the second.
    for (given, cursor, lag) in [(0, "0@l", 9.0), (1, "0@l", 9.0), (2, "1@l", 8.0), (3, "3@l", 6.0)] {
        assert_eq!((stream.cursor(given).as_deref(), stream.lag(given)), (Some(cursor), lag), "{given}");
    }
    stream.acknowledge();
    assert_eq!(stream.cursor(3).as_deref(), Some("7@l"), "the last one is handled, although no other is asked for");

    let pulled = stream.pull();
    assert_eq!(stream.cursor(0).as_deref(), Some("9@l"), "to ask for more is to have handled all");
    let end = stream.close(0);
    assert_eq!(text(&end.js_value(), "handled"), "9@l");
    assert!(settled(pulled).await.unwrap().is_undefined(), "the end");
    client.close();
    assert_eq!(get(&socket, "closed").as_f64(), Some(1000.0));
    assert!(["onopen", "onmessage", "onclose"].iter().all(|name| !get(&socket, name).is_function()), "nobody listens any more");
    assert!(get(&socket, "onerror").is_function(), "`ws` throws an error that nobody listens to");
}

#[wasm_bindgen_test]
async fn a_stream_that_is_closed_says_where_its_user_is() {
    let host = host("({})");
    let (_client, stream, socket) = attached(&host).await;
    let pulled = stream.pull();
    frame(&socket, "({ type: 'events', id: 1, prev: 0, through: 4, events: [{ sequence: 1 }, { sequence: 4 }] })");
    settled(pulled).await.unwrap();
    let end = stream.close(2).js_value();
    assert_eq!((text(&end, "handled").as_str(), text(&end, "given").as_str()), ("1@l", "4@l"));
    assert_eq!(text(&sent(&socket, 2), "type"), "unsubscribe");
}

#[wasm_bindgen_test]
async fn an_event_without_a_sequence_is_never_handed_on() {
    for events in ["[{}]", "[null]", "[{ sequence: 1.5 }]", "[{ sequence: '1' }]", "{ sequence: 1 }", "undefined"] {
        let host = host("({})");
        let (_client, stream, socket) = attached(&host).await;
        frame(&socket, &["({ type: 'events', id: 1, prev: 0, through: 4, events: ", events, " })"].concat());
        assert!(get(&socket, "closed").is_truthy(), "{events}: the socket is given up");
        assert_eq!(stream.cursor(0).as_deref(), Some("0@l"));
    }
}

#[wasm_bindgen_test]
async fn ready_is_told_whether_asked_before_or_after_and_an_error_is_given_once() {
    let host = host("({})");
    let client = client(&host);
    let subscribe = |options: &str| client.chats().subscribe_events(js(options)).unwrap();
    let (attached, refused) = (subscribe("undefined"), subscribe("({ after: 7 })"));
    let (early, early_refused) = (attached.ready(), refused.ready());
    let socket = connect(&host).await;
    frame(&socket, &ready_frame("3", "2"));
    frame(&socket, "({ type: 'subscribed', id: 1, after: { log: 'l', sequence: 3 }, head: 3 })");
    frame(
        &socket,
        "({ type: 'error', id: 2, fatal: false, code: 'cursorAhead', grpcCode: 11, message: 'beyond', retryable: false, context: {} })",
    );
    settled(early).await.unwrap();
    settled(attached.ready()).await.unwrap();
    assert_eq!(attached.cursor(0).as_deref(), Some("3@l"));
    let error = settled(early_refused).await.unwrap_err();
    assert_eq!(text(&error, "code"), "cursorAhead");
    assert!(settled(refused.ready()).await.unwrap_err() == error, "the same error");
    assert!(settled(refused.pull()).await.unwrap_err() == error, "which a pull has, too");
    assert!(settled(refused.pull()).await.unwrap().is_undefined(), "once");

    let too_many = [subscribe("undefined"), subscribe("undefined")];
    let error = settled(too_many[1].ready()).await.unwrap_err();
    assert_eq!((text(&error, "code").as_str(), get(&error, "category").as_f64()), ("subscriptionLimitExceeded", Some(3.0)));
}

#[wasm_bindgen_test]
async fn a_saved_cursor_comes_before_after_and_garbage_names_the_store() {
    let host = host("({})");
    let client = client(&host);
    let subscribe = |options: &JsValue| client.chats().subscribe_events(options.clone());
    let catch_up = |options: &JsValue| client.events().catch_up(JsValue::UNDEFINED, options.clone());
    let _streams = [
        subscribe(&js("({ after: 5, cursor: '9@l' })")).unwrap(),
        subscribe(&js("({ after: 5, cursor: undefined })")).unwrap(),
        catch_up(&js("({ cursor: '4@l' })")).unwrap(),
    ];
    let socket = connect(&host).await;
    frame(&socket, &ready_frame("9", "9"));
    let after = |index| get(&get(&sent(&socket, index), "after"), "sequence").as_f64();
    assert_eq!([after(1), after(2), after(3)], [Some(9.0), Some(5.0), Some(4.0)]);
    let field = |error: Option<JsValue>| text(&get(&error.unwrap(), "context"), "field");
    for garbage in ["'nonsense'", "''", "5", "{}", "'-1@l'"] {
        let options = js(&["({ cursor: ", garbage, " })"].concat());
        assert_eq!([field(subscribe(&options).err()), field(catch_up(&options).err())], ["cursor", "cursor"], "{garbage}");
    }
    assert_eq!(
        field(subscribe(&js("({ after: 'nonsense', cursor: '9@l' })")).err()),
        "after",
        "wrong input is told all the same"
    );
}

#[wasm_bindgen_test]
async fn a_socket_that_does_not_open_is_explained() {
    let _network = Network::new("() => new Response('', { status: 200 })");
    let host = host("({})");
    let client = client(&host);
    let _stream = client.chats().subscribe_events(JsValue::UNDEFINED).unwrap();
    until(|| sockets(&host).length() > 0).await;
    apply("(socket) => socket.onclose?.({ code: 1006, reason: '' })", &last_socket(&host));
    until(|| get(&host, "lastError").is_object()).await;
    assert!(text(&get(&host, "lastError"), "message").contains("it is not an im-chats gateway"));

    let broken = super::host("({ webSocket: () => class { constructor() { throw new Error('forbidden by the page'); } } })");
    let broken_client = super::client(&broken);
    let stream = broken_client.chats().subscribe_events(JsValue::UNDEFINED).unwrap();
    let error = settled(stream.ready()).await.unwrap_err();
    assert!(text(&error, "message").contains("forbidden by the page"), "{}", text(&error, "message"));
}

#[wasm_bindgen_test]
async fn what_was_answered_instead_of_the_upgrade_is_the_reason() {
    let host = host("({})");
    let client = client(&host);
    let stream = client.chats().subscribe_events(JsValue::UNDEFINED).unwrap();
    until(|| sockets(&host).length() > 0).await;
    let answer = js("({ status: 403, headers: { 'x-request-id': 'r' },
        body: { code: 'permission_denied', message: 'not from here', errorCode: 'unauthorized', retryable: false } })");
    let socket = last_socket(&host);
    Reflect::set(&socket, &"answer".into(), &answer).unwrap();
    apply(
        "(socket) => { socket.onerror?.({ message: 'closed early' }); socket.onclose?.({ code: 1006, reason: '' }); }",
        &socket,
    );
    let error = settled(stream.ready()).await.unwrap_err();
    assert!(text(&error, "message").ends_with(": not from here"), "{}", text(&error, "message"));
    assert_eq!(text(&error, "requestId"), "r");
}

#[wasm_bindgen_test]
async fn a_page_without_a_network_says_so_and_comes_back() {
    let navigator = get(&js_sys::global(), "navigator");
    apply("(navigator) => Object.defineProperty(navigator, 'onLine', { value: false, configurable: true })", &navigator);
    let host = host("({})");
    let client = client(&host);
    let _stream = client.chats().subscribe_events(JsValue::UNDEFINED).unwrap();
    let last = || text(&apply("(host) => ({ state: host.states.at(-1) })", &host), "state");
    let was_offline = last() == "offline";
    apply("(navigator) => delete navigator.onLine", &navigator);
    assert!(was_offline, "{}", last());
    apply("() => dispatchEvent(new Event('online'))", &JsValue::UNDEFINED);
    assert_eq!(last(), "connecting");
    client.close();
}

#[wasm_bindgen_test]
async fn what_is_left_out_is_told_to_the_user_and_the_connection() {
    let host = host("({})");
    let client = client(&host);
    let told = js("[]");
    let options = apply("(told) => ({ after: '1@l', onGap: (gap) => told.push(gap) })", &told);
    let _stream = client.chats().subscribe_events(options).unwrap();
    let socket = connect(&host).await;
    frame(
        &socket,
        "({ type: 'ready', protocol: 1, log: { id: 'l', first: 5, head: 9 }, heartbeatIntervalMs: 15000,
            limits: { maxFrameBytes: 1, maxOutgoingFrameBytes: 1, maxBatchEvents: 1, maxSubscriptions: 1 } })",
    );
    frame(
        &socket,
        "({ type: 'error', id: 1, fatal: false, code: 'cursorTooOld', grpcCode: 9, message: 'gone', retryable: false,
            context: { first: '5', head: '9' } })",
    );
    frame(&socket, "({ type: 'subscribed', id: 2, after: { log: 'l', sequence: 5 }, head: 9 })");
    assert_eq!(super::json(&told), "[{\"from\":1,\"to\":5}]");
    assert_eq!(super::json(&get(&host, "gaps")), "[{\"from\":1,\"to\":5}]");
}

#[wasm_bindgen_test]
async fn a_token_is_asked_for_each_connection() {
    let host = host("({ asked: 0, async token() { this.asked += 1; return 't' + this.asked; } })");
    let (_client, _stream, socket) = attached(&host).await;
    assert_eq!(text(&sent(&socket, 0), "token"), "t1");
    apply("(socket) => socket.onclose?.({ code: 4401, reason: '' })", &socket);
    until(|| sockets(&host).length() == 2).await;
    let again = connect(&host).await;
    assert_eq!(text(&sent(&again, 0), "token"), "t2");
}
