//! The socket: how it is opened, what its end means, and that nothing of it stays.

use wasm_bindgen_test::wasm_bindgen_test;

use super::Page;

async fn opening(options: &str) -> Page {
    let page = Page::with(options);
    page.run("page.stream = chats.subscribeEvents()");
    page.until("page.socket").await;
    page
}

#[wasm_bindgen_test]
async fn a_closed_socket_has_no_listeners_and_hears_nothing() {
    let page = opening("{}").await;
    page.run("page.socket.greet()");
    page.expect("page.socket.listeners.map((listener) => typeof listener)", "['function', 'function', 'function', 'function']");
    page.run("client.close()");
    // `ws` throws an error that nobody listens to.
    page.expect(
        "page.socket.listeners.map((listener) => listener === Boolean ? 'Boolean' : listener)",
        "[null, null, 'Boolean', null]",
    );
    page.turn().await;
    page.expect("[page.socket.closed, page.timers.size]", "[1000, 0]");
}

#[wasm_bindgen_test]
async fn a_socket_that_can_be_ended_is_ended_after_a_second() {
    let page = opening("{}").await;
    page.run("page.hasTerminate = true, page.socket.terminate = () => (page.ended = true)");
    page.run("page.socket.greet(), client.close()");
    page.until("page.timers.size === 1").await;
    page.expect("page.delays", "[1_000]");
    page.run("page.advance(999)");
    page.turn().await;
    page.expect("page.ended", "undefined");
    page.run("page.advance(1)");
    page.turn().await;
    page.expect("[page.ended, page.timers.size]", "[true, 0]");
}

#[wasm_bindgen_test]
async fn every_connection_asks_for_a_token() {
    let page = opening("({ token: (n) => 't' + n })").await;
    page.run("page.socket.greet()");
    for connection in [2, 3] {
        page.run("page.socket.break()");
        page.expect("page.state", "'reconnecting'");
        page.run("page.advance(page.statuses.at(-1).failed.nextAttemptAt - page.now)");
        page.until(&format!("page.sockets.length === {connection}")).await;
        page.run("page.socket.greet()");
        page.expect("page.socket.sent[0].token", &format!("'t{connection}'"));
        page.expect("page.sockets.at(-2).listeners.filter((listener) => listener && listener !== Boolean)", "[]");
    }
    page.expect("page.tokensAsked", "3");
}

#[wasm_bindgen_test]
async fn a_token_that_fails_is_told_and_the_stream_ends_or_goes_on() {
    let page = Page::with("({ token() { throw new Error('no'); } })");
    page.run("page.stream = chats.subscribeEvents()");
    page.until("page.statuses.some(({ error }) => error)").await;
    page.expect("page.statuses.at(-1).error.code", "'unauthenticated'");
    page.expect("page.sockets.length", "0");
    page.expect("page.statuses.at(-1).failed.number", "1");
}

#[wasm_bindgen_test]
async fn a_constructor_that_throws_ends_the_streams() {
    for options in [
        "({ webSocket() { throw new Error('no WebSocket here'); } })",
        "({ webSocket: () => class { constructor() { throw new Error('no WebSocket here'); } } })",
    ] {
        let page = Page::with(options);
        page.run("page.stream = chats.subscribeEvents()");
        page.settle("page.stream.pull()").await;
        page.expect("[page.result.error.code, page.result.error.category]", "['networkError', 5]");
        page.expect("page.result.error.message", "'could not connect to ws://im.example.com/v1/events: no WebSocket here'");
        page.expect("page.result.error.cause.message", "'no WebSocket here'");
        page.expect("[page.state, page.timers.size, page.requests.length]", "['failed', 0, 0]");
    }
}

#[wasm_bindgen_test]
async fn a_frame_that_is_no_json_or_no_text_loses_the_socket() {
    for data in ["'nonsense'", "'[]'", "'null'", "''", "new ArrayBuffer(2)", "new Blob()", "undefined"] {
        let page = opening("{}").await;
        page.run("page.socket.greet(), page.stream.pull()");
        page.run(&["page.socket.onmessage({ data: ", data, " })"].concat());
        page.expect("[page.socket.closed, page.state]", "[1000, 'reconnecting']");
        page.expect("page.statuses.at(-1).error.message.endsWith(': a frame is not what the protocol says')", "true");
    }
    // One of a newer server is none of these.
    let page = opening("{}").await;
    page.run("page.socket.greet(), page.socket.receive({ type: 'future' })");
    page.expect("page.socket.closed", "undefined");
}

#[wasm_bindgen_test]
async fn what_a_socket_says_at_its_end_is_told() {
    let page = opening("{}").await;
    page.run("page.socket.greet(), page.socket.break(1011, 'out of order')");
    page.expect("page.statuses.at(-1).error.message.endsWith(': out of order')", "true");
    page.expect("page.statuses.at(-1).error.context", "({ address: 'ws://im.example.com/v1/events', closeCode: '1011' })");
    page.expect("page.statuses.at(-1).failed.number", "0");
    page.expect("page.statuses.at(-1).failed.nextAttemptAt >= page.now", "true");

    // An error event that knows more than the close event.
    let page = opening("{}").await;
    page.run("page.socket.onerror({ error: page.cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }) })");
    page.run("page.socket.break()");
    page.expect(
        "page.statuses.at(-1).error.message",
        "'could not connect to ws://im.example.com/v1/events: connect ECONNREFUSED'",
    );
    page.expect("[page.statuses.at(-1).error.cause === page.cause, page.requests.length]", "[true, 0]");
}

#[wasm_bindgen_test]
async fn the_answer_that_refused_the_upgrade_is_told() {
    let page = opening("{}").await;
    page.run(
        "page.socket.answer = { status: 503, headers: { 'retry-after': '9' },
            body: { code: 'unavailable', message: 'full', errorCode: 'tooMany' } }, page.socket.break()",
    );
    page.expect("[page.statuses.at(-1).error.code, page.statuses.at(-1).error.retryAfter]", "['tooMany', 9_000]");
    page.expect("page.statuses.at(-1).failed.nextAttemptAt - page.now >= 9_000", "true");
    page.expect("page.requests.length", "0");
}

/// A socket that does not open, and the answer to the question why.
async fn unopened(answers: &str) -> Page {
    let page = opening("{}").await;
    page.run(&["page.answers.push(", answers, ")"].concat());
    page.run("page.socket.onerror({}), page.socket.break()");
    page.until("page.requests.length === 1").await;
    page.expect("[page.requests[0].url, page.requests[0].mode]", "['http://im.example.com/healthz', 'cors']");
    page.expect("'authorization' in page.requests[0].headers", "false");
    page
}

#[wasm_bindgen_test]
async fn a_socket_that_never_opens_has_the_probes_words() {
    let mark = "{ 'x-spectrum-middleware': 'im' }";
    for (answers, asked, words) in [
        (
            ["json({}, 200, ", mark, ")"].concat(),
            1,
            "the gateway at http://im.example.com answers, but the WebSocket did not open; \
            check that every proxy on the way lets WebSockets pass",
        ),
        (["json({ code: 'permission_denied', message: 'not this origin' }, 403, ", mark, ")"].concat(), 1, "not this origin"),
        ("json({})".to_owned(), 1, "http://im.example.com answers, but it is not an im-chats gateway"),
        (
            "json({}, 200, { 'x-spectrum-middleware': '' })".to_owned(),
            1,
            "http://im.example.com answers, but it is not an im-chats gateway",
        ),
        (
            "() => Promise.reject(new TypeError('x')), json({})".to_owned(),
            2,
            "http://im.example.com answers, but it is not an im-chats gateway",
        ),
        (
            "() => Promise.reject(new TypeError('x')), () => Promise.reject('y')".to_owned(),
            2,
            "no server answers at http://im.example.com, \
            its certificate is not trusted, or the page\\'s policy forbids it",
        ),
        (
            "() => Promise.resolve(5), () => { throw 'y'; }".to_owned(),
            2,
            "no server answers at http://im.example.com, \
            its certificate is not trusted, or the page\\'s policy forbids it",
        ),
    ] {
        let page = unopened(&answers).await;
        page.until("page.statuses.some(({ error }) => error)").await;
        page.expect(
            "page.statuses.at(-1).error.message",
            &["'could not connect to ws://im.example.com/v1/events: ", words, "'"].concat(),
        );
        page.expect("page.requests.length", &asked.to_string());
        page.expect("page.requests.slice(1).map(({ mode }) => mode)", if asked == 2 { "['no-cors']" } else { "[]" });
        page.expect("page.delays.includes(3_000)", "false");
    }
}

#[wasm_bindgen_test]
async fn a_probe_that_is_not_answered_is_given_up() {
    let page = unopened("silence()").await;
    page.run("page.advance(3_000)");
    page.until("page.statuses.some(({ error }) => error)").await;
    page.expect(
        "page.statuses.at(-1).error.message",
        "'could not connect to ws://im.example.com/v1/events: http://im.example.com did not answer within 3 s'",
    );
    page.expect("page.requests[0].signal.aborted", "true");
}

#[wasm_bindgen_test]
async fn a_client_that_ends_gives_up_its_probe() {
    let page = unopened("silence()").await;
    page.run("client.close()");
    page.turn().await;
    page.expect("[page.requests[0].signal.aborted, page.timers.size]", "[true, 0]");
}

#[wasm_bindgen_test]
async fn a_page_that_forgot_its_client_keeps_nothing_of_it() {
    let page = opening("{}").await;
    page.run("page.socket.greet()");
    page.run("page.stream.free(), page.forget()");
    page.expect("page.socket.closed", "1000");
    page.expect("page.socket.listeners.filter((listener) => listener && listener !== Boolean)", "[]");
    page.expect("page.timers.size", "0");
}
