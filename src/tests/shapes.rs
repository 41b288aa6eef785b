//! Shapes as users see them.

use im_chats_protocol::model::{CatchUpEvent, Chat, ChatEvent, CreateChatResult};
use im_chats_protocol::wire::response::ResponseShape;
use js_sys::Object;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{js, shown};
use crate::js::Parsed;

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
    assert_eq!(shown(&created), shown(&again), "the table and the documented type agree, key by key, in order");
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
