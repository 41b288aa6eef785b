//! Event streams, from the frames that come to the batches, cursors and ends that users get.

use wasm_bindgen_test::wasm_bindgen_test;

use super::Page;

/// A page with a stream, `page.stream`, that the server attached where its log ends.
async fn attached(options: &str, at: u32) -> Page {
    let page = Page::new();
    page.run(&["page.stream = chats.subscribeEvents(", options, ")"].concat());
    page.until("page.socket").await;
    page.run(&format!("page.socket.greet({at})"));
    page.run(&format!("page.socket.subscribed(1, {at})"));
    page
}

#[wasm_bindgen_test]
async fn a_stream_says_what_it_wants_and_hands_on_what_comes() {
    let page = Page::new();
    page.run("page.stream = chats.subscribeEvents({ chat: 'any;-;a@b.c' })");
    page.start("page.stream.pull()");
    page.until("page.socket").await;
    page.expect("[page.socket.url, page.socket.protocol]", "['ws://im.example.com/v1/events', 'im.events.v1.json']");
    page.expect("page.socket.sent", "[]");
    page.run("page.socket.greet()");
    page.expect("page.socket.sent.map(({ type }) => type)", "['init', 'subscribe']");
    page.expect("[page.socket.sent[0].token, page.socket.sent[0].client.name]", "['t', 'im-chats']");
    page.expect("page.socket.sent[1]", "({ type: 'subscribe', id: 1, topic: 'chats', chat: 'any;-;a@b.c', credit: 2048 })");
    page.run("page.socket.subscribed(1, 0)");
    page.run("page.socket.receive({ type: 'caughtUp', id: 1, head: 0 })");
    page.expect("page.statuses.map(({ state }) => state)", "['connecting', 'catchingUp', 'live']");

    // Asked for before it came.
    page.run("page.socket.events(1, 0, 4, [{ sequence: 1, any: { thing: null } }, { sequence: 3 }])");
    page.settled().await;
    page.expect("page.result.value", "[{ sequence: 1, any: { thing: null } }, { sequence: 3 }]");
    // And after.
    page.run("page.socket.events(1, 4, 5, [{ sequence: 5 }])");
    page.run("page.socket.events(1, 5, 6, [{ sequence: 6 }])");
    page.settle("page.stream.pull()").await;
    page.expect("page.result.value", "[{ sequence: 5 }]");
    page.settle("page.stream.pull()").await;
    page.expect("page.result.value", "[{ sequence: 6 }]");
}

#[wasm_bindgen_test]
async fn the_cursor_and_the_lag_follow_what_is_handled() {
    let page = attached("undefined", 0).await;
    page.expect("[page.stream.cursor(0), page.stream.lag(0)]", "['0@l', 0]");
    page.run("page.socket.events(1, 0, 4, [{ sequence: 1 }, { sequence: 3 }])");
    page.settle("page.stream.pull()").await;
    // Given so many, all but the last are handled.
    page.expect("[0, 1, 2, 9].map((given) => page.stream.cursor(given))", "['0@l', '0@l', '1@l', '0@l']");
    page.expect("[0, 1, 2].map((given) => page.stream.lag(given))", "[4, 4, 3]");
    page.run("page.socket.receive({ type: 'heartbeat', head: 4 })");
    page.start("page.stream.pull()");
    // All of that batch is handled, of whatever the user says to have been given.
    page.expect("[0, 2].map((given) => page.stream.cursor(given))", "['4@l', '4@l']");
    page.expect("[0, 2].map((given) => page.stream.lag(given))", "[0, 0]");
    page.run("page.socket.events(1, 4, 7, [{ sequence: 5 }, { sequence: 7 }])");
    page.settled().await;
    page.expect("[0, 1, 2].map((given) => page.stream.lag(given))", "[3, 3, 2]");
    page.run("page.stream.acknowledge()");
    page.expect("[1, 2].map((given) => page.stream.cursor(given))", "['5@l', '7@l']");
    page.expect("[1, 2].map((given) => page.stream.lag(given))", "[2, 0]");
}

#[wasm_bindgen_test]
async fn a_cursor_is_nothing_before_the_server_has_it() {
    let page = Page::new();
    page.run("page.stream = chats.subscribeEvents()");
    page.expect("[page.stream.cursor(0), page.stream.lag(0)]", "[undefined, 0]");
    page.expect("page.stream.close(0)", "({})");
}

#[wasm_bindgen_test]
async fn a_stream_that_is_closed_says_what_is_handled_and_what_was_given() {
    for (calls, end) in [
        ("page.stream.close(0)", "({ handled: '0@l', given: '0@l' })"),
        ("page.stream.close(1)", "({ handled: '0@l', given: '1@l' })"),
        ("page.stream.close(2)", "({ handled: '1@l', given: '3@l' })"),
        ("(page.stream.acknowledge(), page.stream.close(1))", "({ handled: '1@l', given: '1@l' })"),
    ] {
        let page = attached("undefined", 0).await;
        page.run("page.socket.events(1, 0, 4, [{ sequence: 1 }, { sequence: 3 }])");
        page.settle("page.stream.pull()").await;
        page.expect(calls, end);
        page.expect("page.socket.sent.at(-1)", "({ type: 'unsubscribe', id: 1 })");
    }
}

#[wasm_bindgen_test]
async fn closing_answers_a_pull_and_drops_what_waits() {
    let page = attached("undefined", 0).await;
    page.start("page.stream.pull()");
    page.run("page.stream.close(0)");
    page.settled().await;
    page.expect("page.result", "({ value: undefined })");
    let page = attached("undefined", 0).await;
    page.run("page.socket.events(1, 0, 1, [{ sequence: 1 }])");
    page.expect("page.stream.close(0)", "({ handled: '0@l', given: '0@l' })");
    // Closed, the client's other streams end, too, and later ones never begin.
    let page = attached("undefined", 0).await;
    page.start("page.stream.pull()");
    page.run("client.close()");
    page.settled().await;
    page.expect("page.result", "({ value: undefined })");
    page.settle("chats.subscribeEvents().pull()").await;
    page.expect("page.result", "({ value: undefined })");
    page.expect("[page.socket.closed, page.sockets.length, page.timers.size, page.state]", "[1000, 1, 0, 'closed']");
}

#[wasm_bindgen_test]
async fn a_catch_up_ends_with_the_head_and_then_with_nothing() {
    let page = Page::new();
    page.run("page.stream = events.catchUp()");
    page.start("page.stream.pull()");
    page.until("page.socket").await;
    page.run("page.socket.greet(7)");
    page.expect("page.socket.sent[1].after", "({ log: 'l', sequence: 0 })");
    page.expect("[page.socket.sent[1].topic, page.socket.sent[1].until]", "['all', 'head']");
    page.run("page.socket.subscribed(1, 0, 7)");
    page.run("page.socket.events(1, 0, 7, [{ sequence: 2 }])");
    page.run("page.socket.receive({ type: 'complete', id: 1, head: 7 })");
    page.settled().await;
    page.expect("page.result.value", "[{ sequence: 2 }]");
    page.settle("page.stream.pull()").await;
    page.expect("page.result.value", "[{ type: 'catchup.complete', headSequence: 7 }]");
    page.expect("page.stream.cursor(1)", "'7@l'");
    page.settle("page.stream.pull()").await;
    page.expect("page.result", "({ value: undefined })");
    page.expect("page.stream.cursor(0)", "'7@l'");
}

#[wasm_bindgen_test]
async fn ready_is_told_whether_asked_before_or_after_and_without_a_pull() {
    let page = Page::new();
    page.run("page.stream = chats.subscribeEvents()");
    page.run("page.refused = chats.subscribeEvents({ after: 7 })");
    page.start("Promise.allSettled([page.stream.ready(), page.refused.ready()])");
    page.until("page.socket").await;
    page.run("page.socket.greet(3, 2)");
    page.turn().await;
    page.expect("page.result", "undefined");
    page.run("page.socket.subscribed(1, 3)");
    page.run(
        "page.socket.receive({ type: 'error', id: 2, fatal: false, code: 'cursorAhead', grpcCode: 11, message: 'beyond',
            retryable: false, context: {} })",
    );
    page.settled().await;
    page.expect("page.result.value.map(({ status }) => status)", "['fulfilled', 'rejected']");
    page.run("page.error = page.result.value[1].reason");
    page.expect("page.error.code", "'cursorAhead'");
    page.settle("page.stream.ready()").await;
    page.expect("page.result", "({ value: undefined })");
    page.settle("page.refused.ready()").await;
    page.expect("page.result.error === page.error", "true");
    // A pull has the same error, once.
    page.settle("page.refused.pull()").await;
    page.expect("page.result.error === page.error", "true");
    page.settle("page.refused.pull()").await;
    page.expect("page.result", "({ value: undefined })");

    page.run("page.others = [chats.subscribeEvents(), chats.subscribeEvents()]");
    page.settle("page.others[1].ready()").await;
    page.expect("[page.result.error.code, page.result.error.category]", "['subscriptionLimitExceeded', 3]");
    // Closed before it was attached, there is no error to tell.
    page.start("page.others[0].ready()");
    page.run("page.others[0].close(0)");
    page.settled().await;
    page.expect("page.result", "({ error: undefined })");
}

#[wasm_bindgen_test]
async fn an_event_without_a_good_sequence_is_never_handed_on() {
    for events in [
        "[{}]",
        "[null]",
        "[5]",
        "[{ sequence: 1.5 }]",
        "[{ sequence: '1' }]",
        "[{ sequence: 2 }, { sequence: 1 }]",
        "{}",
        "null",
    ] {
        let page = attached("undefined", 0).await;
        page.start("page.stream.pull()");
        page.run(&["page.socket.events(1, 0, 4, ", events, ")"].concat());
        page.turn().await;
        page.expect("[page.result, page.socket.closed]", "[undefined, 1000]");
        page.expect("[page.stream.cursor(0), page.state]", "['0@l', 'reconnecting']");
    }
    // Nor when the shell cannot say what the sequences are.
    let page = Page::with("({ sequences() { throw new Error('no'); } })");
    page.run("page.stream = chats.subscribeEvents()");
    page.until("page.socket").await;
    page.run("page.socket.greet(), page.socket.subscribed(1, 0), page.socket.events(1, 0, 1, [{ sequence: 1 }])");
    page.expect("page.socket.closed", "1000");
}

#[wasm_bindgen_test]
async fn a_gap_is_an_error_or_is_told() {
    let too_old = |first| {
        format!(
            "page.socket.receive({{ type: 'error', id: 1, fatal: false, code: 'cursorTooOld', grpcCode: 11, message: 'gone',
                retryable: false, context: {{ first: '{first}' }} }})"
        )
    };
    for options in ["{ after: '5@l' }", "{ after: '5@l', onGap: 'fail' }"] {
        let page = Page::new();
        page.run(&["page.stream = chats.subscribeEvents(", options, ")"].concat());
        page.until("page.socket").await;
        page.run("page.socket.greet(30)");
        page.run(&too_old(20));
        page.settle("page.stream.pull()").await;
        page.expect("[page.result.error.code, page.gaps]", "['cursorTooOld', []]");
    }
    for (options, on_gap) in
        [("{ after: '5@l', onGap: 'skip' }", "undefined"), ("{ after: '5@l', onGap: page.told = () => {} }", "page.told")]
    {
        let page = Page::new();
        page.run(&["page.stream = chats.subscribeEvents(", options, ")"].concat());
        page.until("page.socket").await;
        page.run("page.socket.greet(30)");
        page.run(&too_old(20));
        page.expect("page.gaps.map(({ gap }) => gap)", "[{ from: 5, to: 20 }]");
        // The very function; the shell calls it in its own time.
        page.expect(&["page.gaps[0].onGap === ", on_gap].concat(), "true");
        page.expect("page.socket.sent.at(-1).after", "({ log: 'l', sequence: 20 })");
        page.expect("page.stream.cursor(0)", "'20@l'");
    }
}

#[wasm_bindgen_test]
async fn a_saved_cursor_comes_before_after_and_garbage_names_the_store() {
    let page = Page::new();
    page.run("page.streams = [chats.subscribeEvents({ after: 5, cursor: '9@l' }), chats.subscribeEvents({ after: 5, cursor: undefined }),
        events.catchUp(undefined, { cursor: '4@l' }), events.catchUp(6), events.catchUp('7@m')]");
    page.until("page.socket").await;
    page.run("page.socket.greet(9)");
    page.expect(
        "page.socket.sent.slice(1).map(({ after }) => after)",
        "[{ log: 'l', sequence: 9 }, { sequence: 5 }, { log: 'l', sequence: 4 }, { sequence: 6 }, { log: 'm', sequence: 7 }]",
    );
    for garbage in ["'nonsense'", "''", "5", "{}", "'-1@l'"] {
        for stream in ["chats.subscribeEvents({ cursor: ", "events.catchUp(undefined, { cursor: "] {
            let error = page.attempt(&[stream, garbage, " })"].concat()).unwrap_err();
            let field = crate::js::text_of(&crate::js::get(&error, "context"), "field");
            assert_eq!(field.as_deref(), Some("cursor"), "{stream}{garbage}");
        }
    }
}

#[wasm_bindgen_test]
async fn a_stream_that_is_dropped_leaves_the_server_and_the_socket_goes() {
    let page = attached("undefined", 0).await;
    page.run("page.stream.free()");
    page.expect("page.socket.sent.at(-1)", "({ type: 'unsubscribe', id: 1 })");
    page.expect("page.state", "'idle'");
    page.run("page.advance(500)");
    page.expect("[page.socket.closed, page.timers.size]", "[1000, 0]");
}

#[wasm_bindgen_test]
async fn what_waits_outlives_the_stream_that_was_dropped() {
    let page = attached("undefined", 0).await;
    page.start("page.stream.pull()");
    page.run("page.stream.free()");
    page.turn().await;
    page.run("client.close()");
    page.turn().await;
    page.expect("[page.socket.closed, page.timers.size]", "[1000, 0]");
}
