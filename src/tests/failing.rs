//! A `fetch` that fails, or gives what is no response: an error of the right code, never a panic.

use wasm_bindgen_test::wasm_bindgen_test;

use super::Page;

/// One attempt with this `fetch`.
async fn with_fetch(answer: &str) -> Page {
    let page = Page::with("({ maxAttempts: 1 })");
    page.run(&["page.answers.push(", answer, ")"].concat());
    page.settle("chats.count()").await;
    page.expect("[page.timers.size, page.listening]", "[0, 0]");
    page
}

#[wasm_bindgen_test]
async fn what_is_enough_of_a_response_is_read() {
    for answer in [
        "() => Promise.resolve({ ok: true, status: 200, headers: new Headers(), json: async () => ({ count: 4 }) })",
        "() => Promise.resolve({ ok: true, status: 200, json: async () => ({ count: 4 }) })",
        // Without a promise anywhere.
        "() => ({ ok: true, status: 200, headers: {}, json: () => ({ count: 4 }) })",
    ] {
        with_fetch(answer).await.expect("page.result", "({ value: 4 })");
    }
}

#[wasm_bindgen_test]
async fn what_is_no_response_is_a_network_error() {
    for answer in ["undefined", "null", "5", "'text'", "{}", "{ ok: true, status: 200 }", "{ json: 'no function' }"] {
        let page = with_fetch(&["() => Promise.resolve(", answer, ")"].concat()).await;
        page.expect("[page.result.error.code, page.result.error.retryable]", "['networkError', true]");
        page.expect("page.result.error.cause.message", "'fetch resolved to something that is no Response'");
    }
}

#[wasm_bindgen_test]
async fn a_fetch_that_fails_is_a_network_error_with_its_cause() {
    for answer in [
        "() => Promise.reject(page.cause = new TypeError('Failed to fetch'))",
        "() => Promise.reject(page.cause = 'a text')",
        "() => Promise.reject(page.cause = null)",
        "() => Promise.reject()",
        "() => { throw (page.cause = new Error('at once')); }",
        "() => { throw (page.cause = 'a text at once'); }",
        // It broke off in the middle.
        "() => Promise.resolve({ ok: true, status: 200, json: () => Promise.reject(page.cause = new TypeError('broken')) })",
        "() => Promise.resolve({ ok: true, status: 200, json() { throw (page.cause = new TypeError('used already')); } })",
    ] {
        let page = with_fetch(answer).await;
        page.expect("[page.result.error.code, page.result.error.category]", "['networkError', 5]");
        page.expect("page.result.error.cause === page.cause", "true");
        page.expect("page.result.error.message.startsWith('http://im.example.com could not be reached')", "true");
        page.expect("page.requests[0].signal.aborted", "true");
    }
}

#[wasm_bindgen_test]
async fn headers_of_any_kind_are_read_as_far_as_they_go() {
    let unavailable = |headers| ["() => ({ ok: false, status: 503, headers: ", headers, ", json: async () => ({}) })"].concat();
    for headers in [
        "{ 'retry-after': '2' }",
        "null",
        "'text'",
        "{ get: 'no function' }",
        "{ get: () => null }",
        "{ get: () => undefined }",
        "{ get: () => 5 }",
        "{ get() { throw new Error('no headers'); } }",
    ] {
        let page = with_fetch(&unavailable(headers)).await;
        page.expect("page.result.error.code", "'serviceUnavailable'");
        page.expect("page.result.error.retryAfter", "undefined");
    }
    let page = with_fetch(&unavailable("new Map([['retry-after', '2'], ['x-request-id', 'r']])")).await;
    page.expect("[page.result.error.retryAfter, page.result.error.requestId]", "[2_000, 'r']");
}

#[wasm_bindgen_test]
async fn a_refusal_says_what_the_service_said() {
    let page = with_fetch(
        "json({ code: 'resource_exhausted', message: 'slow down', context: { limit: '5', number: 5 }, retryable: true,
            errorCode: 'dailyLimit' }, 429, { 'retry-after': '2', 'x-request-id': 'r' })",
    )
    .await;
    page.expect("page.result.error.message", "'slow down'");
    page.expect(
        "(({ code, category, grpcCode, retryable, context, retryAfter, requestId }) =>
            ({ code, category, grpcCode, retryable, context, retryAfter, requestId }))(page.result.error)",
        "({ code: 'dailyLimit', category: 3, grpcCode: 8, retryable: true, context: { limit: '5' }, retryAfter: 2_000,
            requestId: 'r' })",
    );
    let page = with_fetch("() => Promise.resolve(new Response('<html>', { status: 502 }))").await;
    page.expect("[page.result.error.code, page.result.error.source]", "['serviceUnavailable', 'intermediary']");
    page.expect("page.result.error.context.httpStatus", "'502'");
}

#[wasm_bindgen_test]
async fn a_success_without_good_json_is_the_servers_mistake() {
    for (body, cause) in [("'<html>'", true), ("''", true), ("'[]'", false), ("'{\"count\":-1}'", false)] {
        let page = with_fetch(&["() => Promise.resolve(new Response(", body, "))"].concat()).await;
        page.expect("[page.result.error.code, page.result.error.retryable]", "['internalError', false]");
        page.expect("page.result.error.cause instanceof SyntaxError", &cause.to_string());
        page.expect("page.requests[0].signal.aborted", "false");
    }
}
