//! What is tried again, when, and with which key.

use wasm_bindgen_test::wasm_bindgen_test;

use super::Page;

const UNAVAILABLE: &str = "json({ code: 'unavailable', message: 'soon', retryable: true }, 503)";
const KEYS: &str = "page.requests.map(({ headers }) => headers['x-idempotency-key'])";

/// Answers that fail so often, and then one that is good; waits between attempts last no time at all.
async fn call_with(page: &Page, failures: usize, call: &str) {
    page.run(&["page.answers.push(", &[UNAVAILABLE, ", "].concat().repeat(failures), "json({}))"].concat());
    page.start(call);
    for attempt in 1..=failures {
        page.until(&format!("page.result || (page.requests.length === {attempt} && page.delays.includes(0))")).await;
        page.run("page.advance(0)");
    }
    page.settled().await;
}

#[wasm_bindgen_test]
async fn a_write_is_tried_again_with_the_same_key_and_a_new_token() {
    let page = Page::with("({ token: (n) => 't' + n })");
    call_with(&page, 2, "chats.markRead('any;-;a@b.c')").await;
    page.expect("page.result", "({ value: undefined })");
    page.expect("page.requests.map(({ headers }) => headers.authorization)", "['Bearer t1', 'Bearer t2', 'Bearer t3']");
    page.expect(&["new Set(", KEYS, ").size"].concat(), "1");
    page.expect(&["typeof ", KEYS, "[0]"].concat(), "'string'");
    page.expect("new Set(page.requests.map(({ body }) => body)).size", "1");
    page.expect("page.timers.size", "0");
}

#[wasm_bindgen_test]
async fn a_call_is_tried_so_often_and_no_more() {
    let page = Page::new();
    call_with(&page, 3, "chats.count()").await;
    page.expect("[page.result.error.code, page.result.error.message]", "['serviceUnavailable', 'soon']");
    page.expect("[page.requests.length, page.timers.size]", "[3, 0]");
    let page = Page::with("({ maxAttempts: 1 })");
    call_with(&page, 1, "chats.count()").await;
    page.expect("[page.result.error.code, page.requests.length]", "['serviceUnavailable', 1]");
}

#[wasm_bindgen_test]
async fn a_write_without_a_key_is_never_sent_twice() {
    let page = Page::with("({ autoIdempotency: false })");
    call_with(&page, 1, "chats.markRead('any;-;a@b.c')").await;
    page.expect("[page.result.error.code, page.requests.length]", "['serviceUnavailable', 1]");
    let page = Page::with("({ autoIdempotency: false })");
    page.run("page.answers.push(() => Promise.reject(new TypeError('Failed to fetch')))");
    page.settle("chats.markRead('any;-;a@b.c')").await;
    page.expect("[page.result.error.code, page.requests.length]", "['networkError', 1]");
    // A read changes nothing, and a create may have the user's own key.
    let page = Page::with("({ autoIdempotency: false })");
    call_with(&page, 1, "chats.count()").await;
    page.expect("page.result", "({ value: 0 })");
    let page = Page::with("({ autoIdempotency: false })");
    call_with(&page, 2, "chats.create(['a@b.c'], { clientMessageId: 'mine' })").await;
    page.expect(KEYS, "['mine', 'mine', 'mine']");
}

#[wasm_bindgen_test]
async fn what_would_fail_again_is_not_tried_again() {
    for (answer, code) in [
        ("json({ code: 'unavailable', message: 'never', retryable: false }, 503)", "serviceUnavailable"),
        ("json({ code: 'not_found', message: 'no chat' }, 404)", "chatNotFound"),
        ("json('nonsense', 404)", "internalError"),
        ("json({ count: 'many' })", "internalError"),
        ("() => Promise.resolve(new Response('<html>'))", "internalError"),
    ] {
        let page = Page::new();
        page.run(&["page.answers.push(", answer, ")"].concat());
        page.settle("chats.count()").await;
        page.expect("page.result.error.code", &["'", code, "'"].concat());
        page.expect("[page.requests.length, page.timers.size]", "[1, 0]");
    }
}

#[wasm_bindgen_test]
async fn the_servers_wait_is_obeyed_in_seconds_and_until_a_date() {
    for (wait, expected) in [
        ("'2'", 2_000),
        ("new Date(page.now + 7_000).toUTCString()", 7_000),
        ("new Date(page.now - 7_000).toUTCString()", 0),
        ("'86400'", 30_000),
        ("'soon'", 0),
    ] {
        let page = Page::new();
        page.run(&["page.answers.push(json({}, 503, { 'retry-after': ", wait, " }), json({ count: 1 }))"].concat());
        page.start("chats.count()");
        page.until("page.timers.size === 2").await;
        page.expect("page.delays", &format!("[60_000, {expected}]"));
        if expected > 0 {
            page.run(&format!("page.advance({})", expected - 1));
            page.turn().await;
            page.expect("page.requests.length", "1");
        }
        page.run("page.advance(1)");
        page.settled().await;
        page.expect("page.result", "({ value: 1 })");
    }
}

#[wasm_bindgen_test]
async fn waits_grow_from_the_first_bound_to_the_last() {
    let page = Page::with("({ initialDelay: 100, maxDelay: 150, maxAttempts: 4 })");
    page.run("page.random = 0.999_999");
    page.run(&["page.answers.push(", &[UNAVAILABLE, ", "].concat().repeat(3), "json({}))"].concat());
    page.start("chats.count()");
    for (attempt, bound) in [(1, 100), (2, 150), (3, 150)] {
        page.until(&format!("page.requests.length === {attempt} && page.timers.size === 2")).await;
        page.expect("page.delays[1]", &format!("{}", bound - 1));
        page.run(&format!("page.advance({bound})"));
    }
    page.settled().await;
    page.expect("page.result", "({ value: 0 })");
}
