//! What ends a call before its answer: its timeout, its user's signal, its client's end. Each time nothing stays behind.

use wasm_bindgen_test::wasm_bindgen_test;

use super::Page;

const SIGNAL: &str = "(page.controller = new AbortController()).signal";

fn expect_nothing_left(page: &Page) {
    page.expect("[page.timers.size, page.listening]", "[0, 0]");
    page.expect("page.requests.every(({ signal }) => signal.aborted)", "true");
}

#[wasm_bindgen_test]
async fn a_timeout_says_what_it_waited_for() {
    let page = Page::with("({ timeout: 5_000 })");
    page.run("page.answers.push(silence())");
    page.start("chats.count()");
    page.until("page.requests.length === 1").await;
    page.run("page.advance(4_999)");
    page.turn().await;
    page.expect("[page.result, page.requests[0].signal.aborted]", "[undefined, false]");
    page.run("page.advance(1)");
    page.settled().await;
    page.expect("[page.result.error.code, page.result.error.category]", "['timeout', 5]");
    page.expect("page.result.error.message", "'no answer from http://im.example.com within 5000 ms'");
    expect_nothing_left(&page);

    let page = Page::with("({ timeout: 5_000, token: () => new Promise(() => {}) })");
    page.start("chats.count()");
    page.until("page.tokensAsked === 1").await;
    page.run("page.advance(5_000)");
    page.settled().await;
    page.expect("page.result.error.message", "'no answer from the token function within 5000 ms'");
    page.expect("page.requests.length", "0");
    expect_nothing_left(&page);
}

#[wasm_bindgen_test]
async fn a_timeout_ends_also_the_wait_between_attempts_and_a_body_that_does_not_end() {
    let page = Page::with("({ timeout: 5_000 })");
    page.run("page.answers.push(json({}, 503, { 'retry-after': '20' }))");
    page.start("chats.count()");
    page.until("page.delays.includes(20_000)").await;
    page.run("page.advance(5_000)");
    page.settled().await;
    page.expect("[page.result.error.code, page.timers.size, page.requests.length]", "['timeout', 0, 1]");

    let page = Page::with("({ timeout: 5_000 })");
    page.run("page.answers.push(() => Promise.resolve(new Response(new ReadableStream({ start: () => page.begun = true }))))");
    page.start("chats.count()");
    page.until("page.requests.length === 1").await;
    page.turn().await;
    page.run("page.advance(5_000)");
    page.settled().await;
    page.expect("page.result.error.code", "'timeout'");
    expect_nothing_left(&page);
}

#[wasm_bindgen_test]
async fn the_users_reason_passes_through() {
    for (abort, reason) in [
        ("page.controller.abort('stop')", "'stop'"),
        ("page.controller.abort(page.reason = { mine: true })", "({ mine: true })"),
        ("page.controller.abort(0)", "0"),
        ("page.controller.abort(null)", "null"),
    ] {
        let page = Page::new();
        page.run("page.answers.push(silence())");
        page.start(&["chats.count({ signal: ", SIGNAL, " })"].concat());
        page.until("page.requests.length === 1").await;
        page.expect("page.listening", "1");
        page.run(abort);
        page.settled().await;
        page.expect("page.result", &["({ error: ", reason, " })"].concat());
        page.expect("page.reason === undefined || page.reason === page.result.error", "true");
        expect_nothing_left(&page);
    }
    let page = Page::new();
    page.run("page.answers.push(silence())");
    page.start(&["chats.count({ signal: ", SIGNAL, " })"].concat());
    page.until("page.requests.length === 1").await;
    page.run("page.controller.abort()");
    page.settled().await;
    page.expect("page.result.error === page.controller.signal.reason", "true");
    page.expect("page.result.error.name", "'AbortError'");
}

#[wasm_bindgen_test]
async fn a_signal_that_is_aborted_already_sends_nothing() {
    let page = Page::new();
    page.settle("chats.count({ signal: AbortSignal.abort('before') })").await;
    page.expect("page.result", "({ error: 'before' })");
    // A polyfill's signal, without a reason: what stands for it is the shell's.
    page.settle("chats.count({ signal: { aborted: true, addEventListener() {} } })").await;
    page.expect("page.result", "({ error: 'no reason' })");
    page.turn().await;
    page.expect("[page.requests.length, page.tokensAsked, page.timers.size, page.listening]", "[0, 0, 0, 0]");
}

#[wasm_bindgen_test]
async fn an_abort_also_ends_the_wait_for_a_token_and_between_attempts() {
    let page = Page::with("({ token: () => new Promise(() => {}) })");
    page.start(&["chats.count({ signal: ", SIGNAL, " })"].concat());
    page.until("page.tokensAsked === 1").await;
    page.run("page.controller.abort('stop')");
    page.settled().await;
    page.expect("[page.result.error, page.requests.length]", "['stop', 0]");
    expect_nothing_left(&page);

    let page = Page::new();
    page.run("page.answers.push(json({}, 503, { 'retry-after': '20' }))");
    page.start(&["chats.count({ signal: ", SIGNAL, " })"].concat());
    page.until("page.delays.includes(20_000)").await;
    page.run("page.controller.abort('stop')");
    page.settled().await;
    page.expect("[page.result.error, page.timers.size, page.listening]", "['stop', 0, 0]");
}

#[wasm_bindgen_test]
async fn after_an_answer_nothing_is_aborted_and_nothing_listens() {
    let page = Page::new();
    page.run("page.answers.push(json({ count: 2 }), json({ code: 'not_found' }, 404))");
    page.settle(&["chats.count({ signal: ", SIGNAL, " })"].concat()).await;
    page.expect("page.result", "({ value: 2 })");
    page.settle("chats.get('any;-;a@b.c', { signal: page.controller.signal })").await;
    page.expect("page.result.error.code", "'chatNotFound'");
    page.expect("[page.timers.size, page.listening]", "[0, 0]");
    page.run("page.controller.abort('late')");
    page.turn().await;
    page.expect("page.requests.map(({ signal }) => signal.aborted)", "[false, false]");
}

#[wasm_bindgen_test]
async fn closing_ends_every_call_and_keeps_nothing() {
    let page = Page::new();
    page.run("page.answers.push(silence(), silence())");
    page.run(&["page.first = chats.count({ signal: ", SIGNAL, " })"].concat());
    page.start("Promise.allSettled([page.first, chats.markRead('any;-;a@b.c')])");
    page.until("page.requests.length === 2").await;
    page.expect("[page.timers.size, page.listening]", "[2, 1]");
    page.run("client.close()");
    page.settled().await;
    // The shell told their users already.
    page.expect(
        "page.result.value.map(({ status, reason }) => [status, reason])",
        "[['rejected', undefined], ['rejected', undefined]]",
    );
    expect_nothing_left(&page);
}

#[wasm_bindgen_test]
async fn closing_from_within_an_abort_or_a_token_function_is_harmless() {
    let page = Page::new();
    page.run("page.answers.push(silence())");
    page.start(&["chats.count({ signal: ", SIGNAL, " })"].concat());
    page.until("page.requests.length === 1").await;
    page.run("page.requests[0].signal.addEventListener('abort', () => client.close())");
    page.run("page.controller.abort('stop')");
    page.settled().await;
    page.expect("page.result", "({ error: 'stop' })");
    expect_nothing_left(&page);
}
