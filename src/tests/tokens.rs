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
