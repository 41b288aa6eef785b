//! Messages, groups, polls and attachments of the real binary over REST: bodies, queries, paths, files and their refusals.

#![cfg(test)]

mod binary;

use binary::{Answer, Gateway};
use serde_json::{Value, json};

const ALICE: &str = "any;-;alice@example.com";
const PNG: &[u8] = include_bytes!("../../examples/node/background.png");
const MOV: &[u8] = b"\0\0\0\x14ftypqt  \0\0\0\0qt  ";
const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";

fn started() -> Gateway {
    let gateway = Gateway::start();
    gateway.post("/v1/chats", &json!({ "addresses": ["alice@example.com"] })).ok();
    gateway
}

fn send(gateway: &Gateway, text: &str) -> Value {
    gateway.post("/v1/messages:sendText", &json!({ "chatGuid": ALICE, "text": text })).ok()["message"].clone()
}

fn upload(gateway: &Gateway, query: &str, media: &str, body: &[u8]) -> Answer {
    gateway.post_with(&format!("/v1/attachments:upload{query}"), &[("content-type", media)], body).unwrap()
}

fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let part = |(head, data): &(&str, &[u8])| {
        [format!("--x\r\ncontent-disposition: form-data; {head}\r\n\r\n").as_bytes(), data, b"\r\n"].concat()
    };
    [parts.iter().map(part).collect::<Vec<_>>().concat(), b"--x--\r\n".to_vec()].concat()
}

#[test]
fn a_message_is_sent_and_read_by_its_path_and_its_chat() {
    let gateway = started();
    let sent = send(&gateway, " hello ");
    assert_eq!(
        (&sent["content"]["text"], &sent["isFromMe"], &sent["chatGuids"]),
        (&json!("hello"), &json!(true), &json!([ALICE]))
    );
    let guid = sent["guid"].as_str().unwrap();
    assert_eq!(gateway.get(&format!("/v1/messages/{guid}")).ok(), json!({ "message": sent }));
    assert_eq!(gateway.get(&format!("/v1/messages:listByChat?chatGuid={ALICE}")).ok(), json!({ "messages": [sent] }));
    // A path may have its colon encoded.
    assert_eq!(gateway.get("/v1/messages%3AlistRecent").ok(), json!({ "messages": [sent] }));
    gateway.get("/v1/messages/none").failure(404, "not_found", "messageNotFound");
    let target = json!({ "target": { "chatGuid": ALICE, "messageGuid": guid } });
    let mut edit = target.clone();
    edit["newText"] = json!("there");
    assert_eq!(gateway.post("/v1/messages:edit", &edit).ok()["message"]["content"]["text"], "there");
    let mut react = target.clone();
    react["reaction"] = json!({ "kind": "MESSAGE_REACTION_KIND_LOVE" });
    react["isSet"] = json!(true);
    let reacted = gateway.post("/v1/messages:setReaction", &react).ok();
    // Love is the first kind: proto3-JSON leaves it out.
    assert_eq!(reacted["message"]["appliedReactions"][0]["reaction"], json!({}));
    assert_eq!(gateway.post("/v1/messages:unsend", &target).ok(), json!({}));
}

#[test]
fn a_list_is_filtered_and_goes_page_by_page() {
    let gateway = started();
    let texts = ["one", "two", "three"];
    for text in texts {
        send(&gateway, text);
    }
    let list = |query: &str| gateway.get(&format!("/v1/messages:listByChat?chatGuid={ALICE}{query}")).ok();
    let first = list("&pageSize=2");
    let said = |page: &Value| {
        let messages = page["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| message["content"]["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(said(&first), ["three", "two"]);
    let second = list(&format!("&pageSize=2&pageToken={}", first["nextPageToken"].as_str().unwrap()));
    assert_eq!((said(&second), second.get("nextPageToken")), (vec!["one".to_owned()], None));
    assert_eq!(said(&list("&isFromMe=false")), [""; 0]);
    assert_eq!(said(&list("&isFromMe=true&after=2000-01-01T00:00:00Z&before=2999-01-01T00:00:00%2B01:00")).len(), 3);
    assert_eq!(said(&list("&before=2000-01-01T00:00:00Z")), [""; 0]);
}

#[test]
fn a_query_that_is_wrong_is_refused_by_its_parameter() {
    let gateway = started();
    for (query, field) in [
        ("pageSize=0", "pageSize"),
        ("pageSize=101", "pageSize"),
        ("pageSize=five", "pageSize"),
        ("pageSize=1.5", "pageSize"),
        ("pageSize=1&page_size=1", "pageSize"),
        ("isFromMe=yes", "isFromMe"),
        ("isRead=", "isRead"),
        ("before=yesterday", "before"),
        ("after=1767268800", "after"),
        ("pageToken=nonsense", "pageToken"),
    ] {
        gateway.get(&format!("/v1/messages:listRecent?{query}")).refuses(field);
    }
    gateway.get("/v1/messages:listByChat").refuses("chatGuid");
    gateway.get("/v1/groups:icon").refuses("chatGuid");
    gateway.post("/v1/messages:sendText", &json!({ "chatGuid": ALICE, "text": " " })).refuses("text");
    gateway.post("/v1/messages:sendText", &json!({ "chatGuid": ALICE, "text": 5 })).refuses("text");
}

#[test]
fn a_file_is_the_body_itself_and_comes_back_to_be_stored() {
    let gateway = started();
    let info = upload(&gateway, "?fileName=a%20photo.png", "image/png", PNG).ok();
    let attachment = &info["attachment"];
    assert_eq!(
        (&attachment["fileName"], &attachment["mimeType"], &attachment["totalBytes"]),
        (&json!("a photo.png"), &json!("image/png"), &json!(PNG.len().to_string()))
    );
    let guid = attachment["guid"].as_str().unwrap();
    assert_eq!(gateway.get(&format!("/v1/attachments/{guid}")).ok(), json!({ "attachment": attachment }));
    let data = gateway.get(&format!("/v1/attachments/{guid}/data"));
    assert!(data.bytes == PNG, "the bytes are the same");
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-disposition", "attachment; filename=\"a photo.png\""),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
    ] {
        assert_eq!(data.header(name), Some(value), "{name}");
    }
    assert_eq!(data.header("x-companion-kind"), None);
    gateway.get(&format!("/v1/attachments/{guid}/companion")).failure(404, "not_found", "attachmentNotFound");
    gateway.get("/v1/attachments/none/data").failure(404, "not_found", "attachmentNotFound");

    let body = json!({ "chatGuid": ALICE, "attachment": { "attachmentGuid": guid } });
    let sent = gateway.post("/v1/messages:sendAttachment", &body).ok();
    assert_eq!(sent["message"]["content"]["attachments"][0]["guid"], guid);
}

#[test]
fn a_live_photo_is_a_form_of_two_files() {
    let gateway = started();
    let parts: [(&str, &[u8]); 3] = [
        (r#"name="file"; filename="live.heic""#, HEIC),
        (r#"name="companion"; filename="live.mov""#, MOV),
        (r#"name="companionKind""#, b"COMPANION_KIND_LIVE_PHOTO_VIDEO"),
    ];
    let info = upload(&gateway, "", "multipart/form-data; boundary=x", &form(&parts)).ok();
    assert_eq!(info["attachment"]["fileName"], "live.heic");
    assert_eq!(info["companion"]["kind"], "COMPANION_KIND_LIVE_PHOTO_VIDEO");
    let guid = info["attachment"]["guid"].as_str().unwrap();
    let data = gateway.get(&format!("/v1/attachments/{guid}/data"));
    assert_eq!(data.bytes, HEIC);
    let size = MOV.len().to_string();
    assert_eq!(
        (data.header("x-companion-kind"), data.header("x-companion-total-bytes")),
        (Some("COMPANION_KIND_LIVE_PHOTO_VIDEO"), Some(size.as_str()))
    );
    assert_eq!(gateway.get(&format!("/v1/attachments/{guid}/companion")).bytes, MOV);
}

#[test]
fn an_upload_that_is_wrong_is_refused_by_its_field_and_leaves_nothing() {
    let gateway = started();
    upload(&gateway, "?fileName=a", "image/png", b"").refuses("data");
    upload(&gateway, "", "multipart/form-data; boundary=x", &form(&[])).refuses("file");
    upload(&gateway, "", "multipart/form-data; boundary=x", &form(&[(r#"name="other""#, b"a")])).refuses("body");
    let large = vec![0; 100 * 1024 * 1024 + 1];
    let refused = upload(&gateway, "?fileName=a", "application/octet-stream", &large);
    let context = refused.failure(413, "invalid_argument", "invalidArgument")["context"].clone();
    assert_eq!((&context["field"], &context["limit"]), (&json!("data"), &json!("104857600")));
    assert!(gateway.events().is_empty());
}

#[test]
fn polls_and_groups_are_changed_by_their_paths() {
    let gateway = started();
    let people = json!({ "addresses": ["alice@example.com", "bob@example.com"] });
    let group = gateway.post("/v1/chats", &people).ok()["chat"]["guid"].as_str().unwrap().to_owned();
    let named = gateway.post("/v1/groups:setDisplayName", &json!({ "chatGuid": group, "displayName": "Us" })).ok();
    assert_eq!(named["chat"]["displayName"], "Us");
    use base64::Engine as _;
    let icon = base64::engine::general_purpose::STANDARD.encode(PNG);
    gateway.post("/v1/groups:setIcon", &json!({ "chatGuid": group, "data": icon })).ok();
    let query = group.replace('+', "%2B");
    assert_eq!(
        gateway.get(&format!("/v1/groups:icon?chatGuid={query}")).ok(),
        json!({ "data": icon, "mimeType": "image/png" })
    );
    gateway.post("/v1/groups:removeIcon", &json!({ "chatGuid": group })).ok();
    gateway.get(&format!("/v1/groups:icon?chatGuid={query}")).failure(404, "not_found", "groupIconNotFound");

    let poll = gateway.post("/v1/polls", &json!({ "chatGuid": group, "title": "Go?", "options": ["Yes", "No"] })).ok();
    let guid = poll["poll"]["pollMessageGuid"].as_str().unwrap();
    let vote = json!({ "pollMessageGuid": guid, "optionIdentifier": poll["poll"]["options"][1]["optionIdentifier"] });
    let voted = gateway.post("/v1/polls:vote", &vote).ok();
    assert_eq!(voted["poll"]["votes"].as_array().unwrap().len(), 1);
    assert_eq!(gateway.get(&format!("/v1/polls/{guid}")).ok(), voted);
    gateway.get("/v1/polls/none").failure(404, "not_found", "pollNotFound");
    gateway.post("/v1/groups:leave", &json!({ "chatGuid": group })).ok();
}

#[test]
fn a_write_with_a_key_is_done_once() {
    let gateway = started();
    let body = json!({ "chatGuid": ALICE, "text": "once", "clientMessageId": "k-1" });
    let first = gateway.post("/v1/messages:sendText", &body).ok();
    assert_eq!(gateway.post("/v1/messages:sendText", &body).ok(), first);
    let other = json!({ "chatGuid": ALICE, "text": "twice", "clientMessageId": "k-1" });
    gateway.post("/v1/messages:sendText", &other).failure(409, "already_exists", "duplicateMessage");
    assert_eq!(gateway.get("/v1/messages:listRecent").ok()["messages"].as_array().unwrap().len(), 1);
}
