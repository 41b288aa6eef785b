//! Shapes as users see them, and input of every kind.

use im_chats_protocol::error::Error;
use im_chats_protocol::model::{CatchUpEvent, Chat, ChatEvent, CreateChatResult};
use im_chats_protocol::wire::json::MakeJson;
use im_chats_protocol::wire::response::ResponseShape;
use js_sys::Object;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{js, json};
use crate::input::{Options, addresses, guid, text};
use crate::js::Parsed;
use crate::value::Value;

fn field_of(error: &Error) -> &str {
    error.context_value("field").unwrap_or_default()
}

#[wasm_bindgen_test]
fn an_answer_becomes_the_documented_object() {
    let body = js("JSON.parse('{\"chat\":{\"guid\":\"any;+;g\",\"isGroup\":true,\"service\":\"CHAT_SERVICE_TYPE_IMESSAGE\",\
        \"unreadCount\":2,\"groupId\":null,\"participants\":[{\"address\":\"a@b.c\",\"service\":1,\"future\":1}]}}')");
    let created = ResponseShape::Created.read(Parsed(body)).unwrap().to_js();
    let typed: CreateChatResult = serde_wasm_bindgen::from_value(created.clone()).unwrap();
    assert_eq!(typed.chat.unread_count, Some(2));
    assert_eq!(typed.chat.participants.len(), 1);
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    let again = serde::Serialize::serialize(&typed, &serializer).unwrap();
    assert_eq!(json(&created), json(&again), "the table and the documented type agree, key by key, in order");
    assert_eq!(Object::keys(created.unchecked_ref::<Object>()).length(), 1, "absent is an absent key");
}

#[wasm_bindgen_test]
fn every_documented_shape_goes_through_the_engine_and_back() {
    let events = js("[
        { type: 'chat.markedRead', chatGuid: 'any;-;a@b.c', sequence: 9007199254740991, isFromMe: true, occurredAt: 't' },
        { type: 'chat.archived', chatGuid: 'g', sequence: 1, isFromMe: false, occurredAt: 't',
          actor: { address: 'a@b.c', service: 'SMS', country: 'US' } }
    ]");
    let typed: Vec<ChatEvent> = serde_wasm_bindgen::from_value(events).unwrap();
    assert_eq!(typed.len(), 2);
    let complete: CatchUpEvent = serde_wasm_bindgen::from_value(js("({ type: 'catchup.complete', headSequence: 7 })")).unwrap();
    assert!(matches!(complete, CatchUpEvent::Complete(_)));
    let chat = js("({ guid: 'g', displayName: '', isGroup: false, service: 'unknown', isArchived: false, isFiltered: false,
        participants: [] })");
    assert!(serde_wasm_bindgen::from_value::<Chat>(chat).is_ok());
}

#[wasm_bindgen_test]
fn what_goes_out_is_json() {
    let kept = js("({ kept: true })");
    let value = Value::object(vec![
        ("text", Value::from_text("\u{1F389}")),
        ("number", Value::Integer(9_007_199_254_740_991)),
        ("list", Value::array(vec![Value::Flag(false), Value::Js(kept.clone())])),
    ]);
    assert_eq!(json(&value.to_js()), "{\"text\":\"\u{1F389}\",\"number\":9007199254740991,\"list\":[false,{\"kept\":true}]}");
    assert!(Value::Js(kept.clone()).to_js() == kept, "itself, and not a copy");
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
