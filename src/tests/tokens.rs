//! The user's token, of every kind.

use wasm_bindgen_test::wasm_bindgen_test;

use super::Page;

async fn with_token(token: &str) -> Page {
    let page = Page::with(&["({ token: ", token, " })"].concat());
    page.run("page.answers.push(json({ count: 1 }))");
    page.settle("chats.count()").await;
    page
}

#[wasm_bindgen_test]
async fn a_text_or_a_promise_of_one_is_a_token() {
    for token in ["() => 'secret'", "async () => 'secret'", "() => ({ then: (accept) => accept('secret') })"] {
        let page = with_token(token).await;
        page.expect("page.result", "({ value: 1 })");
        page.expect("page.requests[0].headers.authorization", "'Bearer secret'");
    }
}

#[wasm_bindgen_test]
async fn what_is_no_token_is_never_sent() {
    for token in ["''", "5", "null", "undefined", "{}", "'two words'", "'line\\nbreak'", "'\\u00FC'", "true"] {
        for give in [["() => (", token, ")"].concat(), ["async () => (", token, ")"].concat()] {
            let page = with_token(&give).await;
            page.expect("[page.result.error.code, page.result.error.category]", "['unauthenticated', 1]");
            page.expect("page.result.error.message", "'the token is empty or not made of visible ASCII characters'");
            page.expect("[page.requests.length, page.timers.size, page.tokensAsked]", "[0, 0, 1]");
        }
    }
}

#[wasm_bindgen_test]
async fn a_function_that_fails_is_the_cause() {
    for token in [
        "() => { throw (globalThis.cause = new Error('no')); }",
        "() => Promise.reject(globalThis.cause = new Error('no'))",
        "() => Promise.reject(globalThis.cause = 'no')",
    ] {
        let page = with_token(token).await;
        page.expect("[page.result.error.code, page.result.error.message]", "['unauthenticated', 'the token function failed']");
        page.expect("page.result.error.cause === globalThis.cause", "true");
        page.expect("[page.requests.length, page.timers.size, page.tokensAsked]", "[0, 0, 1]");
    }
}

#[wasm_bindgen_test]
async fn an_error_of_our_own_classes_passes_through() {
    let page =
        with_token("() => { throw Object.assign(new Error('mine'), { code: 'own', grpcCode: 16, retryAfter: 5 }); }").await;
    page.expect("page.result.error.message", "'mine'");
    page.expect("[page.result.error.code, page.result.error.retryAfter]", "['own', 5]");
    page.expect("page.result.error.cause.code", "'own'");
}

#[wasm_bindgen_test]
async fn every_call_asks_the_function() {
    let page = Page::with("({ token: (n) => 't' + n })");
    page.run("page.answers.push(json({}), json({}))");
    page.settle("chats.count()").await;
    // Also right after the first one: nothing is kept that may have ended since.
    page.settle("chats.count()").await;
    page.expect("page.requests.map(({ headers }) => headers.authorization)", "['Bearer t1', 'Bearer t2']");
}

/// As a server does whose tokens last a minute.
const GREET_FOR_A_MINUTE: &str =
    "page.socket.onopen(), page.socket.receive({ type: 'ready', protocol: 1, log: { id: 'l', first: 0, head: 0 },
    heartbeatIntervalMs: 60_000, tokenExpiresInMs: 60_000,
    limits: { maxFrameBytes: 1, maxOutgoingFrameBytes: 1, maxBatchEvents: 1, maxSubscriptions: 8 } })";

const SENT: &str =
    "page.sockets.map(({ sent }) => sent.filter(({ token }) => token).map(({ type, token }) => type + ' ' + token))";

#[wasm_bindgen_test]
async fn a_stream_asks_the_function_for_every_connection_and_before_its_token_ends() {
    let page = Page::with("({ token: async (n) => 't' + n })");
    page.run("page.stream = chats.subscribeEvents()");
    page.until("page.socket").await;
    page.run(GREET_FOR_A_MINUTE);
    page.expect(SENT, "[['init t1']]");
    page.run("page.advance(53_999)");
    page.expect("page.tokensAsked", "1");
    page.run("page.advance(1)");
    page.turn().await;
    page.expect(SENT, "[['init t1', 'token t2']]");
    page.run("page.socket.break(), page.advance(250)");
    page.until("page.sockets.length === 2").await;
    page.run(GREET_FOR_A_MINUTE);
    page.expect(SENT, "[['init t1', 'token t2'], ['init t3']]");
}

#[wasm_bindgen_test]
async fn after_a_sleep_the_function_is_asked_anew_and_what_it_gave_before_is_not_used() {
    // The second answer comes only when the test says so, as of a request that slept, too.
    let page = Page::with("({ token: (n) => (n === 2 ? new Promise((accept) => (globalThis.late = accept)) : 't' + n) })");
    page.run("page.stream = chats.subscribeEvents()");
    page.until("page.socket").await;
    page.run(GREET_FOR_A_MINUTE);
    page.run("page.advance(54_000)");
    page.until("page.tokensAsked === 2").await;
    // No timer fires while the computer sleeps; the one that is due is late.
    page.run("page.now += 3_600_000, page.advance(0)");
    page.expect("page.socket.closed === undefined", "true");
    page.turn().await;
    page.run("page.advance(3_000)");
    page.expect("[page.socket.closed, page.state]", "[1000, 'reconnecting']");
    page.run("late('t2'), page.advance(250)");
    page.until("page.sockets.length === 2").await;
    page.turn().await;
    page.run(GREET_FOR_A_MINUTE);
    page.expect("page.tokensAsked > 2", "true");
    page.expect(&[SENT, ".flat().includes('token t2')"].concat(), "false");
    page.expect(&["/^init t[3-9]$/.test(", SENT, "[1][0])"].concat(), "true");
}

#[wasm_bindgen_test]
async fn a_function_that_fails_is_asked_again_by_a_stream_and_is_the_cause() {
    let page =
        Page::with("({ token: (n) => { if (n < 3) throw (globalThis.cause = new Error('no ' + n)); return 't' + n; } })");
    page.run("page.stream = chats.subscribeEvents()");
    for n in 1..=2 {
        page.until(&format!("page.statuses.filter(({{ failed }}) => failed).length === {n}")).await;
        page.expect("page.statuses.at(-1).error.cause === globalThis.cause", "true");
        page.expect("page.statuses.at(-1).error.code", "'unauthenticated'");
        page.expect("[page.state, page.tokensAsked]", &format!("['reconnecting', {n}]"));
        page.run("page.advance(250)");
    }
    page.until("page.socket").await;
    page.run("page.socket.greet()");
    page.expect(SENT, "[['init t3']]");
}
