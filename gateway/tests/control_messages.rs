//! Playing the other side of messages, groups and polls.

#![cfg(test)]

mod binary;

use binary::{Answer, Gateway};
use serde_json::{Value, json};

const ALICE: &str = "any;-;alice@example.com";

/// A gateway with a direct chat and a group, whose GUID it gives.
fn with_chats() -> (Gateway, String) {
    let gateway = Gateway::start();
    let create = |addresses: &[&str], opening: &str| {
        let message = json!({"text": opening});
        gateway.post("/v1/chats", &json!({"addresses": addresses, "initialMessage": message})).ok()
    };
    create(&["alice@example.com"], "hello");
    let group = create(&["alice@example.com", "bob@example.com"], "hello, all")["chat"]["guid"].as_str().unwrap().to_owned();
    (gateway, group)
}

fn act(gateway: &Gateway, verb: &str, body: Value) -> Answer {
    gateway.post(&format!("/emulator/v1/{verb}"), &body)
}

/// A chat as the list shows it.
fn listed(gateway: &Gateway, guid: &str) -> Value {
    let page = gateway.get("/emulator/v1/chats").ok();
    page["chats"].as_array().unwrap().iter().find(|listed| listed["chat"]["guid"] == guid).unwrap().clone()
}

fn own_message(gateway: &Gateway, guid: &str) -> String {
    listed(gateway, guid)["chat"]["lastMessage"]["guid"].as_str().unwrap().to_owned()
}

/// Type, whose it is, and who.
fn told(event: &Value) -> (&str, bool, Option<&str>) {
    (event["type"].as_str().unwrap(), event["isFromMe"] == true, event["actor"]["address"].as_str())
}

#[test]
fn somebody_writes_edits_takes_back_likes_and_reads() {
    let (gateway, _) = with_chats();
    let own = own_message(&gateway, ALICE);
    let reply = json!({
        "chatGuid": ALICE, "from": "Alice@example.com", "text": " a reply ", "subject": "about", "replyTo": {"messageGuid": own},
        "formatting": [{"type": "bold", "start": 1, "length": 1}], "effectId": "com.apple.MobileSMS.expressivesend.impact",
    });
    let written = act(&gateway, "messages:receive", reply).ok();
    let message = &written["message"];
    assert_eq!(written["sequences"], json!([3]));
    assert_eq!((&message["content"]["text"], &message["subject"]), (&json!("a reply"), &json!("about")));
    assert_eq!(message["content"]["formatting"], json!([{"type": "bold", "length": 1}]));
    assert_eq!((&message["replyTargetGuid"], &message["sender"]["address"]), (&json!(own), &json!("alice@example.com")));
    let guid = message["guid"].as_str().unwrap();
    let on = |guid: &str, more: Value| {
        let mut body = json!({"chatGuid": ALICE, "messageGuid": guid, "actor": "alice@example.com"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let edited = act(&gateway, "messages:edit", on(guid, json!({"text": "better"}))).ok();
    assert_eq!((&edited["sequences"], &edited["message"]["content"]["text"]), (&json!([4]), &json!("better")));
    assert_eq!(act(&gateway, "messages:edit", on(guid, json!({"text": "better"}))).ok()["sequences"], json!([]));
    let liked = act(&gateway, "messages:react", on(&own, json!({"kind": "love"}))).ok();
    assert_eq!((&liked["sequences"], &liked["message"]["guid"]), (&json!([5]), &json!(own)));
    let emoji = act(&gateway, "messages:react", on(&own, json!({"kind": "emoji", "emoji": "🎉"}))).ok();
    assert_eq!(emoji["sequences"], json!([6, 7]), "one tapback takes the place of another");
    let off = act(&gateway, "messages:react", on(&own, json!({"kind": "emoji", "emoji": "🎉", "isSet": false}))).ok();
    assert_eq!((&off["sequences"], &off["message"]["appliedReactions"]), (&json!([8]), &Value::Null));
    assert_eq!(act(&gateway, "messages:unsend", on(guid, json!({}))).ok(), json!({"sequences": [9]}));
    let read = json!({"chatGuid": ALICE, "actor": "alice@example.com"});
    assert_eq!(act(&gateway, "messages:read", read).ok(), json!({"sequences": [10]}));
    let events = gateway.events();
    let alice = Some("alice@example.com");
    assert_eq!(
        events[2..].iter().map(told).collect::<Vec<_>>(),
        [
            ("message.received", false, alice),
            ("message.edited", false, alice),
            ("message.reactionAdded", false, alice),
            ("message.reactionRemoved", false, alice),
            ("message.reactionAdded", false, alice),
            ("message.reactionRemoved", false, alice),
            ("message.unsent", false, alice),
            ("message.read", false, alice),
        ]
    );
    assert_eq!(events[9]["messageGuid"], json!(own));
}

#[test]
fn a_file_comes_in_as_base64_or_as_itself() {
    let (gateway, _) = with_chats();
    let body = json!({"chatGuid": ALICE, "from": "alice@example.com", "fileName": "../a note.txt", "data": "aGVsbG8="});
    let written = act(&gateway, "messages:receiveAttachment", body).ok();
    assert_eq!(written["sequences"], json!([3]));
    let attachment = &written["attachment"];
    assert_eq!((&attachment["fileName"], &attachment["mimeType"]), (&json!("a note.txt"), &json!("text/plain")));
    assert_eq!(attachment["isOutgoing"], Value::Null, "the account did not bring it");
    assert_eq!(written["message"]["content"]["attachments"][0]["guid"], attachment["guid"]);
    // More than any image may have.
    let large = vec![7; 12 * 1024 * 1024];
    let path =
        "/emulator/v1/messages:receiveAttachment?chatGuid=any;-;alice%40example.com&from=alice%40example.com&fileName=b.bin";
    let raw = gateway.post_with(path, &[("content-type", "application/octet-stream")], &large).unwrap().ok();
    assert_eq!(raw["attachment"]["totalBytes"], json!(large.len().to_string()));
    assert_eq!(raw["message"]["content"]["attachments"][0]["fileName"], json!("b.bin"));
    let refused = |body: Value, field: &str| drop(act(&gateway, "messages:receiveAttachment", body).refuses(field));
    refused(json!({"chatGuid": ALICE, "from": "bob@example.com", "data": "aGVsbG8="}), "from");
    refused(json!({"chatGuid": ALICE, "from": "alice@example.com", "data": ""}), "data");
    refused(json!({"chatGuid": ALICE, "from": "alice@example.com", "data": "*"}), "data");
    let reply = json!({"chatGuid": ALICE, "from": "alice@example.com", "data": "aGk=", "replyTo": {"messageGuid": ""}});
    refused(reply, "replyTo.messageGuid");
    let data = std::sync::Arc::clone(&gateway.data);
    assert_eq!(gateway.events().len(), 4);
    let disk = rusqlite::Connection::open(data.path().join("gateway.sqlite3")).unwrap();
    let files = disk.query_row("SELECT count(DISTINCT owner) FROM blobs", [], |row| row.get::<_, i64>(0));
    assert_eq!(files, Ok(2), "no file of a refused message is kept");
}

#[test]
fn people_come_and_go_and_name_their_group() {
    let (gateway, group) = with_chats();
    let in_group = |more: Value| {
        let mut body = json!({"chatGuid": group, "actor": "bob@example.com"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let joined = act(&gateway, "groups:join", in_group(json!({"address": "Carol@example.com"}))).ok();
    assert_eq!(
        (&joined["sequences"], &joined["chat"]["participants"][2]["address"]),
        (&json!([3]), &json!("carol@example.com"))
    );
    act(&gateway, "groups:join", in_group(json!({"address": "carol@example.com"}))).refuses("address");
    act(&gateway, "groups:join", in_group(json!({"address": "me@example.com"}))).refuses("address");
    let renamed = act(&gateway, "groups:rename", in_group(json!({"displayName": "Trip"}))).ok();
    assert_eq!((&renamed["sequences"], &renamed["chat"]["displayName"]), (&json!([4]), &json!("Trip")));
    assert_eq!(act(&gateway, "groups:leave", in_group(json!({}))).ok(), json!({"sequences": [5]}));
    act(&gateway, "groups:leave", in_group(json!({}))).refuses("actor");
    act(&gateway, "groups:rename", json!({"chatGuid": ALICE, "displayName": "x"})).refuses("chatGuid");

    // The account on another device, and back again.
    assert_eq!(act(&gateway, "groups:leave", json!({"chatGuid": group})).ok(), json!({"sequences": [6]}));
    assert_eq!(listed(&gateway, &group)["hasLeft"], json!(true));
    let write = json!({"chatGuid": group, "from": "alice@example.com", "text": "still there?"});
    act(&gateway, "messages:receive", write.clone()).failure(400, "failed_precondition", "preconditionFailed");
    let back = json!({"chatGuid": group, "actor": "alice@example.com", "address": "me@example.com"});
    assert_eq!(act(&gateway, "groups:join", back).ok()["sequences"], json!([7]));
    assert_eq!(act(&gateway, "messages:receive", write).ok()["sequences"], json!([8]));
    let events = gateway.events();
    let changes: Vec<_> = events[2..7].iter().map(|event| event["change"]["type"].as_str().unwrap()).collect();
    let added = "participantAdded";
    assert_eq!(changes, [added, "displayNameChanged", "participantLeft", "participantLeft", added]);
    assert_eq!(told(&events[2]), ("group.changed", false, Some("bob@example.com")));
}

#[test]
fn somebody_asks_the_others_and_they_vote() {
    let (gateway, group) = with_chats();
    let ask = json!({"chatGuid": group, "title": "Lunch?", "options": ["Pizza", "Sushi"], "actor": "bob@example.com"});
    let poll = act(&gateway, "polls:create", ask).ok();
    assert_eq!(poll["sequences"], json!([3, 4]));
    let guid = poll["poll"]["pollMessageGuid"].as_str().unwrap().to_owned();
    let on = |more: Value| {
        let mut body = json!({"pollMessageGuid": guid, "actor": "alice@example.com"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let voted = act(&gateway, "polls:vote", on(json!({"optionIdentifier": "option-2"}))).ok();
    let vote = json!([{"optionIdentifier": "option-2", "participant": {"address": "alice@example.com", "service": "CHAT_SERVICE_TYPE_IMESSAGE"}}]);
    assert_eq!((&voted["sequences"], &voted["poll"]["votes"]), (&json!([5]), &vote));
    assert_eq!(act(&gateway, "polls:vote", on(json!({"optionIdentifier": "option-2"}))).ok()["sequences"], json!([]));
    act(&gateway, "polls:vote", on(json!({"optionIdentifier": "Sushi"}))).refuses("optionIdentifier");
    let more = act(&gateway, "polls:addOption", on(json!({"optionText": "Thai"}))).ok();
    assert_eq!((&more["sequences"], &more["poll"]["options"][2]["text"]), (&json!([6]), &json!("Thai")));
    let unvoted = act(&gateway, "polls:unvote", on(json!({}))).ok();
    assert_eq!((&unvoted["sequences"], &unvoted["poll"]["votes"]), (&json!([7]), &Value::Null));
    let nobody = json!({"pollMessageGuid": guid, "optionIdentifier": "option-1", "actor": "carol@example.com"});
    act(&gateway, "polls:vote", nobody).refuses("actor");
    act(&gateway, "polls:unvote", json!({"pollMessageGuid": "no-such"})).failure(404, "not_found", "pollNotFound");
    assert_eq!(gateway.events().len(), 7);
}

#[test]
fn who_types_is_seen_until_a_message_comes() {
    let (gateway, group) = with_chats();
    let typing = |gateway: &Gateway| listed(gateway, &group)["typing"].clone();
    assert_eq!(typing(&gateway), json!([]));
    let types = |who: &str| json!({"chatGuid": group, "actor": who});
    assert_eq!(act(&gateway, "chats:typing", types("bob@example.com")).ok(), json!({"sequences": []}));
    gateway.post("/v1/chats:setTyping", &json!({"chatGuid": group, "isTyping": true})).ok();
    assert_eq!(typing(&gateway), json!(["bob@example.com", "me@example.com"]));
    let message = json!({"chatGuid": group, "from": "bob@example.com", "text": "done"});
    act(&gateway, "messages:receive", message).ok();
    assert_eq!(typing(&gateway), json!(["me@example.com"]));
    gateway.post("/v1/chats:setTyping", &json!({"chatGuid": group, "isTyping": false})).ok();
    assert_eq!(typing(&gateway), json!([]));
    act(&gateway, "chats:typing", types("carol@example.com")).refuses("actor");
    assert_eq!(gateway.events().len(), 3, "typing is in no log");
}

#[test]
fn acts_on_messages_name_the_field_as_they_spell_it() {
    let (gateway, _) = with_chats();
    let own = own_message(&gateway, ALICE);
    let on = |more: Value| {
        let mut body = json!({"chatGuid": ALICE, "messageGuid": own, "actor": "alice@example.com"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let refused = |verb: &str, more: Value, field: &str| drop(act(&gateway, verb, on(more)).refuses(field));
    refused("messages:react", json!({"kind": "love", "targetPartIndex": 1}), "targetPartIndex");
    refused("messages:react", json!({"kind": "emoji", "emoji": "ab"}), "emoji");
    refused("messages:react", json!({"kind": "hug"}), "kind");
    refused("messages:react", json!({"kind": "love", "actor": "bob@example.com"}), "actor");
    refused("messages:edit", json!({"text": " "}), "text");
    refused("messages:edit", json!({"text": "x", "messageGuid": ""}), "messageGuid");
    refused("messages:read", json!({"actor": "nobody"}), "actor");
    act(&gateway, "messages:unsend", on(json!({}))).failure(400, "failed_precondition", "preconditionFailed");
    assert_eq!(gateway.events().len(), 2);
}
