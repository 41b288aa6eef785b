//! Tokens that the server refuses: what users read of it, of calls and of streams.

use wasm_bindgen_test::wasm_bindgen_test;

use super::Page;

/// What goes wrong, and the end of the message.
fn cases() -> [(&'static str, &'static str, &'static str, u16, &'static str); 6] {
    [
        ("tokenExpired", "true", "{}", 16, "no; give createClient a function as `token` that fetches a fresh one"),
        ("tokenExpired", "false", "{}", 16, "no; the token function must fetch a fresh one each time"),
        ("tokenBlocked", "false", "{}", 7, "no; sign in again"),
        ("unauthorized", "false", "{ scope: 'chats:write' }", 7, "no (chats:write); get a token that allows it"),
        ("unauthorized", "false", "{ chat: 'any;-;b' }", 7, "no (any;-;b); get a token that allows it"),
        // As of an origin that is not allowed: the server knows best.
        ("unauthorized", "false", "{}", 7, "no"),
    ]
}

fn status(grpc_code: u16) -> &'static str {
    if grpc_code == 16 { "'unauthenticated'" } else { "'permission_denied'" }
}

#[wasm_bindgen_test]
async fn a_call_says_what_to_do() {
    for (code, fixed, context, grpc_code, message) in cases() {
        let page = Page::with(&["({ tokenIsFixed: ", fixed, " })"].concat());
        let body = format!("{{ code: {}, errorCode: '{code}', message: 'no', context: {context} }}", status(grpc_code));
        page.run(&["page.answers.push(json(", &body, ", 403))"].concat());
        page.settle("chats.count()").await;
        page.expect("page.result.error.message", &["'", message, "'"].concat());
        page.expect("[page.result.error.code, page.result.error.category]", &["['", code, "', 1]"].concat());
        page.expect("page.requests.length", "1");
    }
}

#[wasm_bindgen_test]
async fn a_stream_says_what_to_do() {
    for (code, fixed, context, grpc_code, message) in cases() {
        let page = Page::with(&["({ tokenIsFixed: ", fixed, " })"].concat());
        page.run("page.stream = chats.subscribeEvents()");
        page.start("page.stream.pull()");
        let rounds = if grpc_code == 16 && fixed == "false" { 2 } else { 1 };
        for round in 1..=rounds {
            page.until(&format!("page.sockets.length === {round}")).await;
            page.run("page.socket.onopen()");
            page.run(&format!(
                "page.socket.receive({{ type: 'error', fatal: true, code: '{code}', grpcCode: {grpc_code}, message: 'no',
                    retryable: false, context: {context} }})"
            ));
            page.run(if grpc_code == 16 { "page.socket.break(4401)" } else { "page.socket.break(4403)" });
        }
        page.settled().await;
        page.expect("page.result.error.message", &["'", message, "'"].concat());
        page.expect("[page.result.error.code, page.result.error.category]", &["['", code, "', 1]"].concat());
        page.expect("page.statuses.at(-1).error.message", &["'", message, "'"].concat());
        page.expect("[page.state, page.tokensAsked, page.timers.size]", &format!("['failed', {rounds}, 0]"));
    }
}

#[wasm_bindgen_test]
async fn clocks_that_differ_are_told() {
    for (ahead, words) in [
        ("0", None),
        ("60", None),
        ("-60", None),
        ("61", Some("1 min ahead of")),
        ("-61", Some("1 min behind")),
        ("420", Some("7 min ahead of")),
        ("-5_430", Some("91 min behind")),
    ] {
        let page = Page::new();
        let context = ["{ serverTime: String(page.now / 1_000 - ", ahead, ") }"].concat();
        page.run(
            &["page.answers.push(json({ code: 'unauthenticated', message: 'not yet', context: ", &context, " }, 401))"]
                .concat(),
        );
        page.settle("chats.count()").await;
        let end = words.map(|words| {
            ["; the clock here is ", words, " the server's: set it, or that of whoever signs the tokens"].concat()
        });
        let message = ["'not yet", &end.unwrap_or_default().replace('\'', "\\'"), "'"].concat();
        page.expect("page.result.error.message", &message);

        page.run("chats.subscribeEvents()");
        page.until("page.socket").await;
        page.run("page.socket.onopen()");
        page.run(
            &[
                "page.socket.receive({ type: 'error', fatal: true, code: 'unauthenticated', grpcCode: 16, message: 'not yet',
                retryable: false, context: ",
                &context,
                " })",
            ]
            .concat(),
        );
        page.run("page.socket.break(4401)");
        page.expect("page.statuses.at(-1).error.message", &message);
    }
    for time in ["'soon'", "''", "'-1'", "5", "null"] {
        let page = Page::new();
        page.run(
            &["page.answers.push(json({ code: 'unauthenticated', message: 'no', context: { serverTime: ", time, " } }, 401))"]
                .concat(),
        );
        page.settle("chats.count()").await;
        page.expect("page.result.error.message", "'no'");
    }
}
