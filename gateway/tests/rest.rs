//! REST against the running binary: every call of the table, its rules, and its refusals.

#![cfg(test)]

mod binary;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use binary::Gateway;
use serde_json::{Value, json};

const ALICE: &str = "any;-;alice@example.com";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01";

fn encoded(guid: &str) -> String {
    guid.replace('+', "%2B").replace(';', "%3B").replace('@', "%40")
}

fn chat(gateway: &Gateway, guid: &str) -> Value {
    gateway.get(&format!("/v1/chats:get?chatGuid={}", encoded(guid))).ok()["chat"].clone()
}

fn create(gateway: &Gateway, addresses: &[&str]) -> String {
    gateway.post("/v1/chats", &json!({"addresses": addresses})).ok()["chat"]["guid"].as_str().unwrap().to_owned()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[test]
fn a_direct_chat_is_created_once_with_its_normalised_address() {
    let gateway = Gateway::start();
    let answer = gateway.post("/v1/chats", &json!({"addresses": [" Alice@Example.COM"]})).ok();
    assert_eq!(
        answer["chat"],
        json!({
            "guid": ALICE, "chatIdentifier": "alice@example.com", "displayName": "Alice", "service": "CHAT_SERVICE_TYPE_IMESSAGE",
            "unreadCount": 0, "participants": [{"address": "alice@example.com", "service": "CHAT_SERVICE_TYPE_IMESSAGE"}],
        })
    );
    assert!(answer.get("initialMessage").is_none());
    assert_eq!(create(&gateway, &["alice@example.com"]), ALICE);
    assert_eq!(gateway.get("/v1/chats:count").ok(), json!({"count": "1"}));
    let phone =
        gateway.post("/v1/chats", &json!({"addresses": ["+1 (415) 555-2671"], "service": "CHAT_SERVICE_TYPE_SMS"})).ok();
    assert_eq!(phone["chat"]["guid"], "any;-;+14155552671");
    assert_eq!(
        phone["chat"]["participants"],
        json!([{"address": "+14155552671", "service": "CHAT_SERVICE_TYPE_SMS", "country": "US"}])
    );
    // Both ways of writing a plus in a query lead to the chat.
    for guid in ["any;-;+14155552671", "any%3B-%3B%2B14155552671"] {
        let found = gateway.get(&format!("/v1/chats:get?chatGuid={}", guid.replace("-;+", "-;%2B")));
        assert_eq!(found.ok()["chat"]["guid"], "any;-;+14155552671");
    }
    assert!(gateway.events().is_empty(), "creating a chat is no event");
}

#[test]
fn a_group_is_found_again_by_its_people_in_any_order() {
    let gateway = Gateway::start();
    let group = create(&gateway, &["alice@example.com", "bob@example.com"]);
    assert!(group.starts_with("any;+;") && group.len() > 10, "{group}");
    assert_eq!(create(&gateway, &["BOB@example.com", "alice@example.com"]), group);
    assert_ne!(create(&gateway, &["alice@example.com", "carol@example.com"]), group);
    let found = chat(&gateway, &group);
    assert_eq!((&found["isGroup"], found.get("displayName")), (&json!(true), None));
    assert_eq!(found["groupId"], found["chatIdentifier"]);
    assert_eq!(found["participants"].as_array().unwrap().len(), 2);
}

#[test]
fn an_opening_message_goes_with_the_create_and_into_the_log() {
    let gateway = Gateway::start();
    let heart = "com.apple.messages.effect.CKHeartEffect";
    let answer = gateway
        .post("/v1/chats", &json!({"addresses": ["alice@example.com"], "initialMessage": {"text": "hé 👋", "effectId": heart, "subject": "s"}}))
        .ok();
    let message = &answer["initialMessage"];
    assert_eq!(message["content"], json!({"text": "hé 👋", "expressiveSendStyleId": heart}));
    assert_eq!(
        (&message["isFromMe"], &message["subject"], &message["chatGuids"]),
        (&json!(true), &json!("s"), &json!([ALICE]))
    );
    assert!(message.get("sender").is_none());
    assert_eq!(chat(&gateway, ALICE)["lastMessage"], *message);
    for (opening, field) in [
        (json!({"effectId": heart}), "initialMessage.text"),
        (json!({"text": ""}), "initialMessage.text"),
        (json!({"text": "x", "effectId": "no.such.effect"}), "initialMessage.effectId"),
        (json!({"text": "x".repeat(20_001)}), "initialMessage.text"),
        (json!({"text": "a\u{0}b"}), "initialMessage.text"),
        (json!({"text": "x", "subject": "s".repeat(1001)}), "initialMessage.subject"),
    ] {
        gateway.post("/v1/chats", &json!({"addresses": ["new@example.com"], "initialMessage": opening})).refuses(field);
    }
    gateway.get("/v1/chats:get?chatGuid=any;-;new@example.com").failure(404, "not_found", "chatNotFound");
    let guid = message["guid"].clone();
    let events = gateway.events();
    assert_eq!(types(&events), ["message.received"]);
    let event = &events[0];
    assert_eq!((&event["sequence"], &event["isFromMe"], &event["chatGuid"]), (&json!(1), &json!(true), &json!(ALICE)));
    assert_eq!((&event["message"]["guid"], event.get("actor")), (&guid, None));
}

#[test]
fn one_person_is_one_chat_however_the_address_is_written() {
    let gateway = Gateway::start();
    for (guid, spellings) in [
        (
            "any;-;+78127109079",
            ["+7 812 710-90-79", "\u{202a}+7\u{a0}(812)\u{a0}710\u{2011}90\u{2011}79\u{202c}", "tel:+7-812-710-90-79"],
        ),
        ("any;-;kim@xn--mnchen-3ya.de", ["kim@münchen.de", "Kim@XN--MNCHEN-3ya.de", "\"kim\"@MÜNCHEN.de"]),
    ] {
        for spelling in spellings {
            assert_eq!(create(&gateway, &[spelling]), guid, "{spelling}");
        }
        let twice = json!({"addresses": [spellings[0], spellings[1]]});
        let failure = gateway.post("/v1/chats", &twice).failure(400, "invalid_argument", "invalidArgument");
        assert_eq!(failure["context"]["field"], "addresses[1]", "{failure}");
    }
    assert_eq!(gateway.get("/v1/chats:count").ok()["count"], "2");
}

#[test]
fn addresses_that_cannot_be_reached_are_refused_by_place_and_value() {
    let gateway = Gateway::start();
    for (addresses, field, value) in [
        (json!([]), "addresses", None),
        (json!(["alice@example.com", "12345"]), "addresses[1]", Some("12345")),
        (json!(["+1 900 555 1234"]), "addresses[0]", Some("+1 900 555 1234")),
        (json!(["+18005550199"]), "addresses[0]", Some("+18005550199")),
        (json!(["alice@"]), "addresses[0]", Some("alice@")),
        (json!(["alice@example.com", "bob@example.com", "ALICE@example.com "]), "addresses[2]", Some("alice@example.com")),
        (json!(["+14155552671", "+1 415 555 2671"]), "addresses[1]", Some("+14155552671")),
        (json!(["a\u{0}@example.com"]), "addresses[0]", Some("a\u{0}@example.com")),
    ] {
        let context = gateway.post("/v1/chats", &json!({"addresses": addresses})).refuses(field);
        assert_eq!(context["value"].as_str(), value);
    }
    let many: Vec<String> = (0..10_000).map(|n| format!("u{n}@e.example")).collect();
    let context = gateway.post("/v1/chats", &json!({"addresses": many})).refuses("addresses");
    assert_eq!((&context["count"], &context["limit"]), (&json!("10000"), &json!("31")));
    assert_eq!(gateway.get("/v1/chats:count?includeArchived=true").ok(), json!({}), "a count of 0 is the default, and absent");
}

#[test]
fn mark_read_writes_one_event_when_the_count_goes_to_zero() {
    let gateway = Gateway::start();
    create(&gateway, &["alice@example.com"]);
    let read = || assert_eq!(gateway.post("/v1/chats:markRead", &json!({"chatGuid": ALICE})).ok(), json!({}));
    read();
    let message = json!({"chatGuid": ALICE, "from": "alice@example.com", "text": "hello"});
    for sequence in [1, 2] {
        assert_eq!(gateway.post("/emulator/v1/messages:receive", &message).ok()["sequences"], json!([sequence]));
    }
    assert_eq!(chat(&gateway, ALICE)["unreadCount"], 2);
    read();
    read();
    let found = chat(&gateway, ALICE);
    assert_eq!(found["unreadCount"], 0);
    assert!(found["lastMessage"]["dateRead"].is_string());
    let events = gateway.events();
    assert_eq!(types(&events), ["message.received", "message.received", "chat.markedRead"]);
    assert_eq!(events[0]["actor"], json!({"address": "alice@example.com", "service": "iMessage"}));
    assert_eq!((&events[0]["isFromMe"], &events[2]["isFromMe"]), (&json!(false), &json!(true)));
}

#[test]
fn typing_and_the_contact_card_need_a_chat_and_leave_no_event() {
    let gateway = Gateway::start();
    create(&gateway, &["alice@example.com"]);
    for body in [json!({"chatGuid": ALICE, "isTyping": true}), json!({"chatGuid": ALICE})] {
        assert_eq!(gateway.post("/v1/chats:setTyping", &body).ok(), json!({}));
        assert_eq!(gateway.post("/v1/chats:shareContactInfo", &body).ok(), json!({}));
    }
    gateway
        .post_with("/v1/chats:setTyping", &[("x-idempotency-key", "k")], json!({"chatGuid": ALICE}).to_string().as_bytes())
        .unwrap()
        .ok();
    assert!(gateway.events().is_empty());
}

#[test]
fn backgrounds_are_judged_by_their_bytes() {
    let gateway = Gateway::start();
    create(&gateway, &["alice@example.com"]);
    let set = |data: &str| gateway.post("/v1/chats:setBackground", &json!({"chatGuid": ALICE, "data": data}));
    let has = || gateway.get("/v1/chats:hasBackground?chatGuid=any;-;alice%40example.com").ok();
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\0";
    assert_eq!(has(), json!({}));
    for data in [STANDARD.encode(JPEG), URL_SAFE_NO_PAD.encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe"), STANDARD.encode(heic)]
    {
        assert_eq!(set(&data).ok(), json!({}));
    }
    assert_eq!(has(), json!({"backgroundPresent": true}));
    let stored = gateway.get("/emulator/v1/chats:background?chatGuid=any;-;alice%40example.com");
    assert_eq!((stored.header("content-type"), stored.bytes.as_slice()), (Some("image/heic"), heic.as_slice()));
    for data in [
        b"GIF89a\x01\0\x01\0".as_slice(),
        b"RIFF\x24\0\0\0WEBPVP8 ",
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
        b"II*\0\x08\0\0\0\0\0",
        b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        b"random bytes that are no image",
        b"",
    ] {
        set(&STANDARD.encode(data)).refuses("data");
    }
    set("not base64!").refuses("data");
    let remove = || assert_eq!(gateway.post("/v1/chats:removeBackground", &json!({"chatGuid": ALICE})).ok(), json!({}));
    remove();
    remove();
    assert_eq!(has(), json!({}));
    let changed = "chat.backgroundChanged";
    assert_eq!(types(&gateway.events()), [changed, changed, changed, "chat.backgroundRemoved"]);
}

#[test]
fn the_largest_background_is_taken_and_one_byte_more_is_not() {
    let gateway = Gateway::start();
    create(&gateway, &["alice@example.com"]);
    let mut image = vec![7; 20 * 1024 * 1024];
    image[..JPEG.len()].copy_from_slice(JPEG);
    let body = |image: &[u8]| json!({"chatGuid": ALICE, "data": STANDARD.encode(image)});
    assert_eq!(gateway.post("/v1/chats:setBackground", &body(&image)).ok(), json!({}));
    assert_eq!(gateway.get("/emulator/v1/chats:background?chatGuid=any;-;alice%40example.com").bytes, image);
    image.push(7);
    gateway.post("/v1/chats:setBackground", &body(&image)).refuses("data");
    // Here it is the body that is refused, unread; what is wrong is the image all the same.
    image.resize(25 * 1024 * 1024, 7);
    for path in ["/v1/chats:setBackground", "/emulator/v1/chats:setBackground"] {
        let answer = gateway.post(path, &body(&image)).failure(413, "invalid_argument", "invalidArgument");
        assert_eq!(
            (&answer["message"], &answer["context"]["field"]),
            (&json!("data: at most 20 MiB"), &json!("data")),
            "{path}"
        );
        assert_eq!(answer["context"]["limit"], "20971520");
    }
}

#[test]
fn archived_chats_are_out_of_the_count_until_a_message_brings_them_back() {
    let gateway = Gateway::start();
    for address in ["alice@example.com", "bob@example.com"] {
        create(&gateway, &[address]);
    }
    gateway.post("/emulator/v1/chats:archive", &json!({"chatGuid": ALICE})).ok();
    let count = |query: &str| gateway.get(&format!("/v1/chats:count{query}")).ok()["count"].as_str().unwrap().to_owned();
    for (query, expected) in
        [("", "1"), ("?includeArchived=false", "1"), ("?includeArchived=true", "2"), ("?include_archived=true&x=1", "2")]
    {
        assert_eq!(count(query), expected, "{query}");
    }
    gateway.get("/v1/chats:count?includeArchived=maybe").refuses("includeArchived");
    let message = json!({"chatGuid": ALICE, "from": "alice@example.com", "text": "hello"});
    assert_eq!(gateway.post("/emulator/v1/messages:receive", &message).ok()["sequences"], json!([2, 3]));
    assert_eq!(count(""), "2");
    assert_eq!(types(&gateway.events()), ["chat.archived", "chat.unarchived", "message.received"]);
}

#[test]
fn unknown_chats_are_not_found_and_malformed_ones_are_refused() {
    let gateway = Gateway::start();
    let posts = ["markRead", "removeBackground", "shareContactInfo", "setTyping"];
    let gets = ["get", "hasBackground"];
    for guid in ["any;-;nobody@example.com", "any;+;no-group"] {
        let mut answers: Vec<_> =
            posts.iter().map(|verb| gateway.post(&format!("/v1/chats:{verb}"), &json!({"chatGuid": guid}))).collect();
        answers.extend(gets.iter().map(|verb| gateway.get(&format!("/v1/chats:{verb}?chatGuid={}", encoded(guid)))));
        answers.push(gateway.post("/v1/chats:setBackground", &json!({"chatGuid": guid, "data": STANDARD.encode(JPEG)})));
        for answer in answers {
            let failure = answer.failure(404, "not_found", "chatNotFound");
            assert_eq!((&failure["context"]["chat"], &failure["retryable"]), (&json!(guid), &json!(false)));
        }
    }
    for guid in ["", "alice@example.com", "any;-;", "x\u{0}", &"any;-;x".repeat(100)] {
        for verb in posts {
            gateway.post(&format!("/v1/chats:{verb}"), &json!({"chatGuid": guid})).refuses("chatGuid");
        }
    }
    for verb in gets {
        gateway.get(&format!("/v1/chats:{verb}")).refuses("chatGuid");
        gateway.get(&format!("/v1/chats:{verb}?chatGuid=%ff")).refuses("chatGuid");
    }
}

#[test]
fn a_key_makes_a_write_repeatable_and_belongs_to_that_write() {
    let gateway = Gateway::start();
    let first = json!({"addresses": ["alice@example.com"], "initialMessage": {"text": "one"}, "clientMessageId": "c1"});
    let other = json!({"addresses": ["alice@example.com"], "initialMessage": {"text": "two"}, "clientMessageId": "c1"});
    let original = gateway.post("/v1/chats", &first).ok();
    assert_eq!(gateway.post("/v1/chats", &first).ok(), original);
    // Another attempt of the same logical write may carry a header key of its own.
    let retried = gateway.post_with("/v1/chats", &[("x-idempotency-key", "h9")], first.to_string().as_bytes()).unwrap();
    assert_eq!(retried.ok(), original);
    gateway.post("/v1/chats", &other).failure(409, "already_exists", "duplicateMessage");

    let keyed = |path: &str, body: &Value| {
        gateway.post_with(path, &[("x-idempotency-key", "h1")], body.to_string().as_bytes()).unwrap()
    };
    let read = json!({"chatGuid": ALICE});
    assert_eq!(keyed("/v1/chats:markRead", &read).ok(), json!({}));
    assert_eq!(keyed("/v1/chats:markRead", &read).ok(), json!({}));
    let failure = keyed("/v1/chats:removeBackground", &read).failure(409, "already_exists", "duplicateMessage");
    assert_eq!(failure["context"]["idempotencyKey"], "h1");
    for key in ["", &"k".repeat(256), &"日".repeat(86)] {
        let answer =
            gateway.post_with("/v1/chats:markRead", &[("x-idempotency-key", key)], read.to_string().as_bytes()).unwrap();
        answer.refuses("x-idempotency-key");
    }
    // Any other text is a key, and padding in a body is a part of it.
    for key in ["日本", "😀", "é", "pad", "pad ", "a b", &"k".repeat(255)] {
        let message =
            |text: &str| json!({"addresses": ["alice@example.com"], "clientMessageId": key, "initialMessage": {"text": text}});
        let original = gateway.post("/v1/chats", &message(key)).ok();
        assert_eq!(gateway.post("/v1/chats", &message(key)).ok(), original, "{key}");
        gateway.post("/v1/chats", &message("other")).failure(409, "already_exists", "duplicateMessage");
    }
    for key in ["", " ", "a\nb", "a\0b", "\u{85}", &"é".repeat(128)] {
        let body = json!({"addresses": ["alice@example.com"], "clientMessageId": key});
        gateway.post("/v1/chats", &body).refuses("clientMessageId");
    }
    // A header is bytes: those of UTF-8 are the same key as in a body.
    let known = json!({"addresses": ["alice@example.com"], "initialMessage": {"text": "different"}}).to_string();
    let again = gateway.post_with("/v1/chats", &[("x-idempotency-key", "日本")], known.as_bytes()).unwrap();
    again.failure(409, "already_exists", "duplicateMessage");
    // A write that failed is not remembered.
    let unknown = json!({"chatGuid": "any;-;later@example.com"});
    let late = |body: &Value| {
        gateway.post_with("/v1/chats:markRead", &[("x-idempotency-key", "h2")], body.to_string().as_bytes()).unwrap()
    };
    late(&unknown).failure(404, "not_found", "chatNotFound");
    create(&gateway, &["later@example.com"]);
    late(&unknown).ok();

    let gateway = gateway.kill_and_restart();
    assert_eq!(gateway.post("/v1/chats", &first).ok(), original);
    gateway.post("/v1/chats", &other).failure(409, "already_exists", "duplicateMessage");
    assert_eq!(types(&gateway.events()), ["message.received"; 8]);
}

#[test]
fn bad_json_is_answered_with_the_field_and_stores_nothing() {
    let gateway = Gateway::start();
    let cases: [(&[u8], &str); 15] = [
        (b"{", "body"),
        (b"[]", "body"),
        (b"\"x\"", "body"),
        (b"null", "body"),
        (b"{\"addresses\":[\"a@example.com\"]} trailing", "body"),
        (b"{\"addresses\":\"a@example.com\"}", "addresses"),
        (b"{\"addresses\":[\"a@example.com\",7]}", "addresses[1]"),
        (b"{\"addresses\":[\"a\\ud800@example.com\"]}", "addresses[0]"),
        (b"{\"addresses\":[\"\xff@example.com\"]}", "addresses[0]"),
        (b"{\"addresses\":[\"a@example.com\"],\"service\":99999999999999999999}", "service"),
        (b"{\"addresses\":[\"a@example.com\"],\"service\":77}", "service"),
        (b"{\"addresses\":[\"a@example.com\"],\"service\":\"PIGEON\"}", "service"),
        (b"{\"addresses\":[\"a@example.com\"],\"initialMessage\":{\"text\":5}}", "initialMessage.text"),
        (b"{\"addresses\":[\"a@example.com\"],\"clientMessageId\":\"\"}", "clientMessageId"),
        (b"{\"addresses\":[\"a@example.com\"],\"clientMessageId\":\"\\ud800\"}", "clientMessageId"),
    ];
    for (body, field) in cases {
        gateway.post_with("/v1/chats", &[], body).unwrap().refuses(field);
    }
    let deep = "[".repeat(100_000);
    gateway.post_with("/v1/chats", &[], deep.as_bytes()).unwrap().refuses("body");
    for media in ["text/plain", "image/png", "multipart/form-data; boundary=x"] {
        let answer =
            gateway.post_with("/v1/chats", &[("content-type", media)], b"{\"addresses\":[\"a@example.com\"]}").unwrap();
        answer.failure(415, "invalid_argument", "invalidArgument");
    }
    let large = format!("{{\"addresses\":[\"{}\"]}}", "x".repeat(3 * 1024 * 1024));
    gateway.post_with("/v1/chats", &[], large.as_bytes()).unwrap().failure(413, "invalid_argument", "invalidArgument");
    assert_eq!(gateway.get("/v1/chats:count?includeArchived=true").ok(), json!({}), "a count of 0 is the default, and absent");
    // What proto3-JSON allows is allowed.
    let lenient =
        json!({"addresses": ["a@example.com"], "service": 0, "initial_message": null, "clientMessageId": null, "later": [{}]});
    assert_eq!(gateway.post("/v1/chats", &lenient).ok()["chat"]["service"], "CHAT_SERVICE_TYPE_IMESSAGE");
}
