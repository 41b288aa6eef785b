//! Input of every kind.

use im_chats_protocol::error::Error;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Page, js};
use crate::input::{Options, addresses, guid, text};

fn field_of(error: &Error) -> &str {
    error.context_value("field").unwrap_or_default()
}

#[wasm_bindgen_test]
fn text_is_a_string_that_utf8_can_carry() {
    for good in ["'plain'", "'\\u{1F389} party'", "'\\uFFFD'", "''"] {
        assert!(text(&js(good), "message").is_ok(), "{good}");
    }
    for bad in ["'\\ud83c'", "'a\\udf89b'", "5", "null", "undefined", "{}", "['a']", "new String('a')"] {
        assert_eq!(field_of(&text(&js(bad), "message").unwrap_err()), "message", "{bad}");
    }
}

#[wasm_bindgen_test]
fn addresses_and_guids_name_what_is_wrong() {
    assert_eq!(addresses(&js("['a@b.c', '+15550100']")).unwrap().len(), 2);
    for (bad, field) in [("'a@b.c'", "addresses"), ("({ length: 1, 0: 'a' })", "addresses"), ("['a', , 'b']", "addresses[1]")] {
        assert_eq!(field_of(&addresses(&js(bad)).unwrap_err()), field, "{bad}");
    }
    assert_eq!(guid(&js("' any;-;a@b.c '")).unwrap().as_str(), "any;-;a@b.c");
    assert_eq!(field_of(&guid(&js("'any;x;a'")).unwrap_err()), "chat");
}

#[wasm_bindgen_test]
fn options_are_checked_value_by_value() {
    assert!(Options::new(JsValue::UNDEFINED).value("message").is_none());
    assert!(Options::new(js("({ message: undefined })")).value("message").is_none());
    // A getter that throws is the user's mistake, and must not unwind through Rust.
    assert!(Options::new(js("({ get message() { throw new Error('x'); } })")).value("message").is_none());
    let signal = |expression| Options::new(js(expression)).signal();
    assert!(signal("({ signal: new AbortController().signal })").unwrap().is_some());
    assert_eq!(signal("({ signal: true })").err().as_ref().map(field_of), Some("signal"));
}

#[wasm_bindgen_test]
async fn wrong_input_is_refused_before_anything_goes_out() {
    let page = Page::new();
    for (call, field) in [
        ("chats.create('a@b.c')", "addresses"),
        ("chats.create([])", "addresses"),
        ("chats.create(['a@b.c'], { message: '' })", "message"),
        ("chats.create(['a@b.c'], { message: 'hi', effect: 'nonsense' })", "effect"),
        ("chats.create(['a@b.c'], { clientMessageId: ' ' })", "clientMessageId"),
        ("chats.get('nobody')", "chat"),
        ("chats.get('any;-;a@b.c', { signal: 5 })", "signal"),
        ("chats.count({ includeArchived: 'yes' })", "includeArchived"),
        ("chats.setTyping('any;-;a@b.c', 1)", "isTyping"),
        ("chats.setBackground('any;-;a@b.c', new Uint8Array(0))", "data"),
        ("chats.setBackground('any;-;a@b.c', 'image')", "data"),
    ] {
        page.settle(call).await;
        page.expect("page.result.error.context.field", &["'", field, "'"].concat());
        page.expect("[page.result.error.code, page.result.error.category]", "['invalidArgument', 4]");
    }
    page.expect("[page.requests.length, page.timers.size, page.tokensAsked]", "[0, 0, 0]");
    for (stream, field) in [
        ("chats.subscribeEvents({ chat: 5 })", "chat"),
        ("chats.subscribeEvents({ resume: 'no' })", "resume"),
        ("chats.subscribeEvents({ onGap: 'explode' })", "onGap"),
        ("chats.subscribeEvents({ signal: 5 })", "signal"),
        ("chats.subscribeEvents({ after: 'nonsense', cursor: '9@l' })", "after"),
        ("events.catchUp(-1)", "after"),
        ("events.catchUp(2 ** 53)", "after"),
        ("events.catchUp(null)", "after"),
    ] {
        let error = page.attempt(stream).unwrap_err();
        let context = crate::js::get(&error, "context");
        assert_eq!(crate::js::text_of(&context, "field").as_deref(), Some(field), "{stream}");
    }
    page.turn().await;
    page.expect("[page.sockets.length, page.tokensAsked]", "[0, 0]");
}
