//! A call from end to end: what goes out, what comes back, and how it ends before.

use js_sys::{Function, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Network, apply, client, host, js, json, settled, text, until};
use crate::chats::Chats;
use crate::js::get;

const CHAT: &str = "any;-;a@b.c";

/// A call, by the name that JavaScript knows it by.
fn call(chats: &Chats, name: &str) -> Promise {
    let (chat, none) = (JsValue::from_str(CHAT), JsValue::UNDEFINED);
    match name {
        "create" => chats.create(js("['a@b.c']"), js("({ message: 'hi', clientMessageId: 'k' })")).unchecked_into(),
        "get" => chats.get(chat, none).unchecked_into(),
        "count" => chats.count(js("({ includeArchived: true })")).unchecked_into(),
        "markRead" => chats.mark_read(chat, none).unchecked_into(),
        "setTyping" => chats.set_typing(chat, JsValue::TRUE, none).unchecked_into(),
        "shareContactInfo" => chats.share_contact_info(chat, none).unchecked_into(),
        "setBackground" => chats.set_background(chat, Uint8Array::from(&[1_u8, 2][..]).into(), none).unchecked_into(),
        "hasBackground" => chats.has_background(chat, none).unchecked_into(),
        _ => chats.remove_background(chat, none).unchecked_into(),
    }
}

#[wasm_bindgen_test]
async fn each_of_the_nine_calls_goes_out_and_gives_what_it_declares() {
    let network = Network::new(
        "({ url }) => Response.json(url.includes(':count') ? { count: '3' } : url.includes(':has') ? { backgroundPresent: true }
            : url.includes(':get') || url.endsWith('/chats') ? { chat: { guid: 'g' } } : {})",
    );
    let chats = client(&host("({ server: 'blue' })")).chats();
    let about = "/v1/chats:";
    let guid = "{\"chatGuid\":\"any;-;a@b.c\"";
    for (index, (name, method, url, body, result)) in [
        (
            "create",
            "POST",
            "/v1/chats".to_owned(),
            "{\"addresses\":[\"a@b.c\"],\"service\":\"CHAT_SERVICE_TYPE_IMESSAGE\",\"initialMessage\":{\"text\":\"hi\"},\
                \"clientMessageId\":\"k\"}"
                .to_owned(),
            "object",
        ),
        ("get", "GET", [about, "get?chatGuid=any%3B-%3Ba%40b.c"].concat(), String::new(), "object"),
        ("count", "GET", [about, "count?includeArchived=true"].concat(), String::new(), "number"),
        ("markRead", "POST", [about, "markRead"].concat(), [guid, "}"].concat(), "undefined"),
        ("setTyping", "POST", [about, "setTyping"].concat(), [guid, ",\"isTyping\":true}"].concat(), "undefined"),
        ("shareContactInfo", "POST", [about, "shareContactInfo"].concat(), [guid, "}"].concat(), "undefined"),
        ("setBackground", "POST", [about, "setBackground"].concat(), [guid, ",\"data\":\"AQI=\"}"].concat(), "undefined"),
        ("hasBackground", "GET", [about, "hasBackground?chatGuid=any%3B-%3Ba%40b.c"].concat(), String::new(), "boolean"),
        ("removeBackground", "POST", [about, "removeBackground"].concat(), [guid, "}"].concat(), "undefined"),
    ]
    .into_iter()
    .enumerate()
    {
        let given = settled(call(&chats, name)).await.unwrap();
        assert_eq!(given.js_typeof().as_string().as_deref(), Some(result), "{name}");
        let request = network.request(u32::try_from(index).unwrap());
        assert_eq!(text(&request, "method"), method, "{name}");
        assert_eq!(text(&request, "url"), ["http://im.example.com", &url].concat());
        assert_eq!(text(&request, "body"), body, "{name}");
        let headers = get(&request, "headers");
        assert_eq!(
            (text(&headers, "authorization").as_str(), text(&headers, "x-photon-server").as_str()),
            ("Bearer t", "blue")
        );
        let key = text(&headers, "x-idempotency-key");
        assert_eq!((key.is_empty(), text(&headers, "content-type").is_empty()), (method == "GET", method == "GET"), "{name}");
        assert_eq!(key == "k", name == "create", "a key of the user's own is kept");
        assert!(!get(&get(&request, "signal"), "aborted").is_truthy(), "what was answered is not aborted");
    }
}

#[wasm_bindgen_test]
async fn a_failure_is_tried_again_with_the_same_key_and_a_write_without_one_is_not() {
    let busy = "(_, number) => number % 3 === 0 ? Response.json({}) : Response.json(
        { code: 'unavailable', message: 'busy', retryable: true, retryAfterMs: number % 3 === 1 ? '0' : undefined },
        { status: 503, headers: { 'retry-after': new Date(0).toUTCString(), 'x-request-id': 'r' } })";
    let network = Network::new(busy);
    settled(call(&client(&host("({ maxAttempts: 3 })")).chats(), "markRead")).await.unwrap();
    let key = |index| text(&get(&network.request(index), "headers"), "x-idempotency-key");
    assert_eq!(network.requests.length(), 3);
    assert!(!key(0).is_empty() && key(0) == key(1) && key(1) == key(2), "one key for one write");
    let error = settled(call(&client(&host("({ maxAttempts: 2 })")).chats(), "get")).await.unwrap_err();
    assert_eq!((text(&error, "message").as_str(), text(&error, "requestId").as_str()), ("busy", "r"));
    assert_eq!(get(&error, "category").as_f64(), Some(5.0), "a ConnectionError");
    let before = network.requests.length();
    let keyless = client(&host("({ maxAttempts: 3, autoIdempotency: false })")).chats();
    // The third of three answers is a success.
    settled(call(&keyless, "markRead")).await.unwrap();
    settled(call(&keyless, "markRead")).await.unwrap_err();
    assert_eq!(network.requests.length(), before + 2, "never twice");
    assert!(key(before).is_empty());
}

#[wasm_bindgen_test]
async fn a_call_that_is_late_says_what_it_waited_for_and_lets_go_of_it() {
    let network = Network::new("() => new Promise(() => {})");
    let error = settled(call(&client(&host("({ timeout: 1 })")).chats(), "get")).await.unwrap_err();
    assert_eq!(text(&error, "message"), "no answer from http://im.example.com within 1 ms");
    assert!(get(&get(&network.request(0), "signal"), "aborted").is_truthy());
    let error = settled(call(&client(&host("({ timeout: 1, token: () => new Promise(() => {}) })")).chats(), "get")).await;
    let error = error.unwrap_err();
    assert_eq!(text(&error, "message"), "no answer from the token function within 1 ms");
    assert_eq!((text(&error, "code").as_str(), network.requests.length()), ("timeout", 1));
}

#[wasm_bindgen_test]
async fn the_users_signal_and_close_end_a_call_and_free_its_request() {
    let network = Network::new("() => new Promise(() => {})");
    let (host, controller) = (host("({})"), js("new AbortController()"));
    let client = client(&host);
    let chats = client.chats();
    let options = || apply("({ signal }) => ({ signal })", &controller);
    let under_way = chats.mark_read(CHAT.into(), options());
    until(|| network.requests.length() == 1).await;
    assert_eq!(get(&host, "listening").as_f64(), Some(1.0));
    apply("(controller) => controller.abort('stop')", &controller);
    assert_eq!(settled(under_way).await.unwrap_err().as_string().as_deref(), Some("stop"));
    assert_eq!(get(&host, "listening").as_f64(), Some(0.0), "the listener is gone");
    assert!(get(&get(&network.request(0), "signal"), "aborted").is_truthy());
    let late = settled(chats.mark_read(CHAT.into(), options())).await;
    assert_eq!(late.unwrap_err().as_string().as_deref(), Some("stop"), "before anything is sent");
    assert_eq!(network.requests.length(), 1);

    let closed = call(&chats, "markRead");
    until(|| network.requests.length() == 2).await;
    client.close();
    // The shell told the user why.
    assert!(settled(closed).await.unwrap_err().is_undefined());
    assert!(get(&get(&network.request(1), "signal"), "aborted").is_truthy());
}

#[wasm_bindgen_test]
async fn whatever_fetch_gives_is_a_result_or_an_error_of_the_right_code() {
    for (answer, code, words) in [
        ("() => ({ ok: true, status: 200, json: async () => ({ count: 3 }) })", "", ""),
        ("() => ({ ok: true, status: 200, json: () => ({ count: 3 }) })", "", ""),
        (
            "() => ({ ok: false, status: 404, json: async () => 1, headers: { get() { throw new Error('no') } } })",
            "internalError",
            "something before it",
        ),
        ("() => Promise.reject('offline')", "networkError", "could not be reached"),
        ("() => { throw new Error('no') }", "networkError", "connection broke"),
        ("() => undefined", "networkError", "connection broke"),
        (
            "() => ({ ok: false, status: 404, json: async () => { throw 1 }, headers: {} })",
            "internalError",
            "something before it",
        ),
        ("() => new Response('<html>')", "internalError", "not JSON"),
        ("() => Response.json({ count: 'many' })", "internalError", "count: "),
        (
            "() => Response.json({ code: 'not_found', message: 'no such chat' }, { status: 404 })",
            "chatNotFound",
            "no such chat",
        ),
    ] {
        let _network = Network::new(answer);
        let result = settled(call(&client(&host("({})")).chats(), "count")).await;
        match result {
            Ok(count) => assert_eq!((count.as_f64(), code), (Some(3.0), ""), "{answer}"),
            Err(error) => {
                assert_eq!(text(&error, "code"), code, "{answer}");
                assert!(text(&error, "message").contains(words), "{answer}: {}", text(&error, "message"));
            }
        }
    }
}

#[wasm_bindgen_test]
async fn a_token_is_a_text_or_what_a_function_promises() {
    let network = Network::new("() => Response.json({})");
    settled(call(&client(&host("({ token: async () => 'fresh' })")).chats(), "markRead")).await.unwrap();
    assert_eq!(text(&get(&network.request(0), "headers"), "authorization"), "Bearer fresh");
    for (token, words) in [
        ("() => { throw new Error('no') }", "the token function failed"),
        ("() => Promise.reject('no')", "the token function failed"),
        ("() => 'two words'", "visible ASCII"),
        ("async () => 5", "visible ASCII"),
        ("() => ''", "the token is empty"),
    ] {
        let host = host(&["({ token: ", token, " })"].concat());
        let error = settled(call(&client(&host).chats(), "get")).await.unwrap_err();
        assert_eq!(
            (text(&error, "code").as_str(), get(&error, "category").as_f64()),
            ("unauthenticated", Some(1.0)),
            "{token}"
        );
        assert!(text(&error, "message").contains(words), "{token}: {}", text(&error, "message"));
    }
    assert_eq!(network.requests.length(), 1, "nothing is sent without a token");
}

#[wasm_bindgen_test]
async fn bad_input_is_named_and_nothing_is_sent() {
    let network = Network::new("() => Response.json({})");
    let chats = client(&host("({})")).chats();
    let none = JsValue::UNDEFINED;
    let errors: [(Promise, &str); 6] = [
        (chats.get("nobody".into(), none.clone()).unchecked_into(), "chat"),
        (chats.create(js("['a@b.c', 5]"), none.clone()).unchecked_into(), "addresses[1]"),
        (chats.count(js("({ includeArchived: 'yes' })")).unchecked_into(), "includeArchived"),
        (chats.set_typing(CHAT.into(), none.clone(), none.clone()).unchecked_into(), "isTyping"),
        (chats.set_background(CHAT.into(), js("new Uint8Array(0)"), none.clone()).unchecked_into(), "data"),
        (chats.mark_read(CHAT.into(), js("({ signal: true })")).unchecked_into(), "signal"),
    ];
    for (promise, field) in errors {
        let error = settled(promise).await.unwrap_err();
        assert_eq!(text(&get(&error, "context"), "field"), field, "{}", json(&error));
    }
    assert_eq!(network.requests.length(), 0);
}

#[wasm_bindgen_test]
async fn a_call_leaves_no_timer() {
    let counted = js("(() => {
        const { setTimeout, clearTimeout } = globalThis;
        const running = new Set();
        globalThis.setTimeout = (act, delay) => {
            const id = setTimeout(() => { running.delete(id); act(); }, delay);
            running.add(id);
            return id;
        };
        globalThis.clearTimeout = (id) => { running.delete(id); clearTimeout(id); };
        return { running, restore: () => Object.assign(globalThis, { setTimeout, clearTimeout }) };
    })()");
    {
        let _network = Network::new("() => Response.json({})");
        settled(call(&client(&host("({})")).chats(), "markRead")).await.unwrap();
    }
    let running = get(&get(&counted, "running"), "size").as_f64();
    get(&counted, "restore").unchecked_into::<Function>().call0(&JsValue::UNDEFINED).unwrap();
    assert_eq!(running, Some(0.0));
}
