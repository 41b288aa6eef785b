//! Tokens for others: what goes out, what comes back, what is refused.

use im_chats_protocol::grant::Scope;
use wasm_bindgen_test::wasm_bindgen_test;

use super::Page;

const GOOD: &str = "{ sub: 'u', scope: ['events'], ttlSeconds: 60 }";
const ANSWER: &str = "{ token: 'made', expiresAt: '2026-11-27T08:00:00.000Z' }";

#[wasm_bindgen_test]
async fn a_token_is_made_of_what_was_asked_for() {
    let whole = "{ sub: 'u 1', scope: ['chats:read', 'events'], chats: [' any;-;a@b.c ', 'any;+;g'], ttlSeconds: 86_400 }";
    for (given, sent) in [
        (GOOD, "{ sub: 'u', scope: 'events', ttlSeconds: 60 }"),
        (whole, "{ sub: 'u 1', scope: 'chats:read events', chats: ['any;-;a@b.c', 'any;+;g'], ttlSeconds: 86_400 }"),
        (
            "{ sub: 'u', scope: 'chats:read events:all', ttlSeconds: 1 }",
            "{ sub: 'u', scope: 'chats:read events:all', ttlSeconds: 1 }",
        ),
    ] {
        let page = Page::new();
        page.run(&["page.answers.push(json(", ANSWER, "))"].concat());
        page.settle(&["client.createToken(", given, ")"].concat()).await;
        page.expect("page.result", &["({ value: ", ANSWER, " })"].concat());
        page.expect("[page.requests[0].method, page.requests[0].url]", "['POST', 'http://im.example.com/v1/tokens']");
        page.expect("JSON.parse(page.requests[0].body)", &["(", sent, ")"].concat());
        // It needs no key.
        page.expect("page.requests[0].headers", "({ authorization: 'Bearer t', 'content-type': 'application/json' })");
        page.expect("[page.requests.length, page.timers.size]", "[1, 0]");
    }
}

#[wasm_bindgen_test]
async fn every_scope_is_known() {
    for scope in Scope::ALL {
        let page = Page::new();
        page.run(&["page.answers.push(json(", ANSWER, "))"].concat());
        page.settle(&["client.createToken({ sub: 'u', scope: ['", scope.as_str(), "'], ttlSeconds: 60 })"].concat()).await;
        page.expect("page.result.error", "undefined");
    }
}

#[wasm_bindgen_test]
async fn making_one_is_tried_again_also_without_a_key() {
    let page = Page::with("({ autoIdempotency: false })");
    page.run("page.answers.push(json({ code: 'unavailable', message: 'soon', retryable: true }, 503))");
    page.run(&["page.answers.push(json(", ANSWER, "))"].concat());
    page.start(&["client.createToken(", GOOD, ")"].concat());
    page.until("page.result || page.delays.includes(0)").await;
    page.run("page.advance(0)");
    page.settled().await;
    page.expect("page.result.value.token", "'made'");
    page.expect("page.requests.length", "2");
}

#[wasm_bindgen_test]
async fn it_is_aborted_and_late_as_every_call() {
    let page = Page::new();
    page.run("page.answers.push(silence(), silence())");
    page.run("page.controller = new AbortController()");
    page.start("client.createToken({ sub: 'u', scope: ['events'], ttlSeconds: 60, signal: page.controller.signal })");
    page.until("page.requests.length").await;
    page.run("page.controller.abort('enough')");
    page.settled().await;
    page.expect("page.result", "({ error: 'enough' })");
    page.start(&["client.createToken(", GOOD, ")"].concat());
    page.until("page.requests.length === 2").await;
    page.run("page.advance(60_000)");
    page.settled().await;
    page.expect("page.result.error.code", "'timeout'");
}

#[wasm_bindgen_test]
async fn what_is_wrong_is_refused_by_name_before_anything_goes_out() {
    let page = Page::new();
    for (change, field) in [
        ("sub: undefined", "sub"),
        ("sub: ''", "sub"),
        ("sub: 5", "sub"),
        ("scope: undefined", "scope"),
        ("scope: []", "scope"),
        ("scope: ''", "scope"),
        ("scope: ['event']", "scope"),
        ("scope: 'events,chats:read'", "scope"),
        ("scope: ['events', 5]", "scope[1]"),
        ("chats: 'any;-;a@b.c'", "chats"),
        ("chats: []", "chats"),
        ("chats: ['a@b.c']", "chats"),
        ("chats: [5]", "chats[0]"),
        ("chats: Array.from({ length: 101 }, (_, index) => 'any;+;g' + index)", "chats"),
        ("ttlSeconds: undefined", "ttlSeconds"),
        ("ttlSeconds: 0", "ttlSeconds"),
        ("ttlSeconds: 1.5", "ttlSeconds"),
        ("ttlSeconds: NaN", "ttlSeconds"),
        ("ttlSeconds: '60'", "ttlSeconds"),
        ("ttlSeconds: 86_401", "ttlSeconds"),
        ("signal: 5", "signal"),
    ] {
        page.settle(&["client.createToken({ ...", GOOD, ", ", change, " })"].concat()).await;
        page.expect("page.result.error.context.field", &["'", field, "'"].concat());
        page.expect("[page.result.error.code, page.result.error.category]", "['invalidArgument', 4]");
    }
    page.settle("client.createToken()").await;
    page.expect("page.result.error.context.field", "'sub'");
    page.expect("[page.requests.length, page.timers.size, page.tokensAsked]", "[0, 0, 0]");
}

#[wasm_bindgen_test]
async fn an_answer_without_a_token_is_the_servers_mistake() {
    for answer in ["{}", "{ token: 't' }", "{ token: 5, expiresAt: 't' }"] {
        let page = Page::new();
        page.run(&["page.answers.push(json(", answer, "))"].concat());
        page.settle(&["client.createToken(", GOOD, ")"].concat()).await;
        page.expect("page.result.error.code", "'internalError'");
    }
}
