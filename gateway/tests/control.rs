//! Acting as the rest of the world, and the description of the interface.

#![cfg(test)]

mod binary;

use std::time::Instant;

use binary::Gateway;
use serde_json::{Value, json};

const ALICE: &str = "any;-;alice@example.com";

fn create(gateway: &Gateway, addresses: &[&str]) -> String {
    gateway.post("/v1/chats", &json!({"addresses": addresses})).ok()["chat"]["guid"].as_str().unwrap().to_owned()
}

#[test]
fn each_act_writes_its_event_once_and_says_which() {
    let gateway = Gateway::start();
    create(&gateway, &["alice@example.com"]);
    let act = |verb: &str, body: Value| gateway.post(&format!("/emulator/v1/{verb}"), &body).ok();
    let alone = json!({"chatGuid": ALICE});
    let by_alice = json!({"chatGuid": ALICE, "actor": "Alice@example.com"});
    let png = json!({"chatGuid": ALICE, "data": "iVBORw0KGgo=", "actor": "+14155552671"});
    let steps = [
        ("chats:archive", alone.clone(), vec![1]),
        ("chats:archive", alone.clone(), vec![]),
        ("chats:unarchive", by_alice.clone(), vec![2]),
        ("chats:unarchive", by_alice.clone(), vec![]),
        ("chats:setBackground", png, vec![3]),
        ("chats:removeBackground", alone.clone(), vec![4]),
        ("chats:removeBackground", alone.clone(), vec![]),
        ("chats:markRead", alone.clone(), vec![]),
        ("messages:receive", json!({"chatGuid": ALICE, "from": "ALICE@example.com", "text": "hi"}), vec![5]),
        ("chats:markRead", alone, vec![6]),
    ];
    for (verb, body, sequences) in steps {
        assert_eq!(act(verb, body)["sequences"], json!(sequences), "{verb}");
    }
    let events = gateway.events();
    let told: Vec<_> = events
        .iter()
        .map(|event| (event["type"].as_str().unwrap(), event["isFromMe"] == true, event["actor"]["address"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("chat.archived", true, None),
            ("chat.unarchived", false, Some("alice@example.com")),
            ("chat.backgroundChanged", false, Some("+14155552671")),
            ("chat.backgroundRemoved", true, None),
            ("message.received", false, Some("alice@example.com")),
            ("chat.markedRead", true, None),
        ]
    );
}

#[test]
fn acts_are_checked_like_everything_else() {
    let gateway = Gateway::start();
    create(&gateway, &["alice@example.com"]);
    let act = |verb: &str, body: Value| gateway.post(&format!("/emulator/v1/{verb}"), &body);
    act("messages:receive", json!({"chatGuid": "any;-;bob@example.com", "from": "bob@example.com", "text": "x"})).failure(
        404,
        "not_found",
        "chatNotFound",
    );
    act("messages:receive", json!({"chatGuid": ALICE, "from": "bob@example.com", "text": "x"})).refuses("from");
    act("messages:receive", json!({"chatGuid": ALICE, "from": "12345", "text": "x"})).refuses("from");
    act("messages:receive", json!({"chatGuid": ALICE, "from": "alice@example.com"})).refuses("text");
    act("chats:archive", json!({"chatGuid": ALICE, "actor": "nobody"})).refuses("actor");
    act("chats:archive", json!({})).refuses("chatGuid");
    act("chats:setBackground", json!({"chatGuid": ALICE, "data": "R0lGODlhAQABAA=="})).refuses("data");
    act("events:generate", json!({"count": 0})).refuses("count");
    act("events:generate", json!({"count": 10_000_001})).refuses("count");
    act("events:generate", json!({"count": -1})).refuses("count");
    act("events:generate", json!({"count": 1, "chatGuids": ["any;-;bob@example.com"]})).failure(
        404,
        "not_found",
        "chatNotFound",
    );
    assert!(gateway.events().is_empty());
    let empty = Gateway::start();
    empty.post("/emulator/v1/events:generate", &json!({"count": 1})).failure(400, "failed_precondition", "preconditionFailed");
}

#[test]
fn the_list_is_paged_and_shows_what_get_shows() {
    let gateway = Gateway::start();
    let mut guids: Vec<String> = (0..5).map(|n| create(&gateway, &[&format!("u{n}@example.com")])).collect();
    guids.sort();
    gateway.post("/v1/chats:setBackground", &json!({"chatGuid": guids[1], "data": "iVBORw0KGgo="})).ok();
    let mut found = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = gateway.get(&format!("/emulator/v1/chats{query}")).ok();
        found.extend(page["chats"].as_array().unwrap().clone());
        let Some(after) = page["nextAfter"].as_str() else { break };
        query = format!("?limit=2&after={after}");
    }
    assert_eq!(found.iter().map(|item| item["chat"]["guid"].as_str().unwrap()).collect::<Vec<_>>(), guids);
    assert_eq!(found.iter().map(|item| item["hasBackground"] == true).collect::<Vec<_>>(), [false, true, false, false, false]);
    gateway.get("/emulator/v1/chats?limit=0").refuses("limit");
    gateway.get(&format!("/emulator/v1/chats:background?chatGuid={}", guids[0])).failure(
        404,
        "failed_precondition",
        "preconditionFailed",
    );
}

#[test]
fn two_hundred_thousand_events_are_whole_and_other_writes_come_in_between() {
    const COUNT: u64 = 200_000;
    let gateway = Gateway::start();
    let chats: Vec<String> = (0..3).map(|n| create(&gateway, &[&format!("u{n}@example.com")])).collect();
    let small = gateway.post("/emulator/v1/events:generate", &json!({"count": 3, "chatGuids": [chats[0], chats[0]]})).ok();
    assert_eq!(small, json!({"first": 1, "last": 3, "count": 3, "sequences": [1, 2, 3]}));
    let started = Instant::now();
    let (run, between) = std::thread::scope(|scope| {
        let run = scope.spawn(|| gateway.post("/emulator/v1/events:generate", &json!({"count": COUNT})).ok());
        let mut between = 0;
        while !run.is_finished() {
            let message = json!({"chatGuid": chats[1], "from": "u1@example.com", "text": "in between"});
            gateway.post("/emulator/v1/messages:receive", &message).ok();
            between += 1;
        }
        (run.join().unwrap(), between)
    });
    let seconds = started.elapsed().as_secs_f64();
    println!("{COUNT} events in {seconds:.2} s: {:.0} a second, {between} messages in between", COUNT as f64 / seconds);
    assert_eq!(run["count"], COUNT);
    assert!(between > 1, "the generator kept others out");
    let events = gateway.events();
    let mut archived = std::collections::HashMap::new();
    let mut generated = 0;
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["sequence"], json!(index + 1));
        let state = archived.entry(event["chatGuid"].as_str().unwrap()).or_insert(false);
        match event["type"].as_str().unwrap() {
            "chat.archived" => assert!(!std::mem::replace(state, true)),
            "chat.unarchived" => assert!(std::mem::replace(state, false)),
            _ => continue,
        }
        generated += 1;
    }
    // A message that found its chat in the archive took it out: that is an event too.
    assert!(generated >= COUNT + 3 && generated <= COUNT + 3 + between);
}

#[test]
fn a_colon_in_a_path_may_be_encoded() {
    let gateway = Gateway::start();
    create(&gateway, &["alice@example.com"]);
    let body = json!({"chatGuid": ALICE});
    for colon in [":", "%3A", "%3a"] {
        assert_eq!(gateway.get(&format!("/v1/chats{colon}count")).ok(), json!({"count": "1"}), "{colon}");
        gateway.post(&format!("/v1/chats{colon}setTyping"), &body).ok();
        gateway.post(&format!("/v1/chats{colon}setBackground"), &json!({"chatGuid": ALICE, "data": "iVBORw0KGgo="})).ok();
        gateway.post(&format!("/emulator/v1/chats{colon}markRead"), &body).ok();
        gateway.post(&format!("/emulator/v1/events{colon}generate"), &json!({"count": 2.0})).ok();
    }
    gateway.get("/v1/chats%253Acount").failure(404, "unimplemented", "operationNotSupported");
}

#[test]
fn an_image_has_the_type_of_bytes_for_a_client_that_accepts_only_those() {
    let gateway = Gateway::start();
    create(&gateway, &["alice@example.com"]);
    gateway.post("/v1/chats:setBackground", &json!({"chatGuid": ALICE, "data": "iVBORw0KGgo="})).ok();
    let token = format!("Bearer {}", binary::TOKEN);
    for (accept, media) in
        [("*/*", "image/png"), ("image/*", "image/png"), ("application/octet-stream", "application/octet-stream")]
    {
        let path = format!("/emulator/v1/chats:background?chatGuid={ALICE}");
        let answer = gateway.get_with(&path, &[("authorization", &token), ("accept", accept)]).unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(media)), "{accept}");
    }
}

#[test]
fn the_description_is_valid_and_every_path_in_it_is_served() {
    let gateway = Gateway::start();
    let document = gateway.get_with("/openapi.json", &[]).unwrap().ok();
    let spec = oas3::from_json(document.to_string()).expect("valid OpenAPI 3.1");
    assert_eq!(spec.openapi, "3.1.0");
    let mut operations = 0;
    for (path, method, operation) in spec.operations() {
        operations += 1;
        let answer = match method.as_str() {
            "GET" => gateway.get_with(&path, &[]).unwrap(),
            _ => gateway.post_with(&path, &[("authorization", "Bearer wrong")], b"{}").unwrap(),
        };
        let expected = if path == "/healthz" { 200 } else { 401 };
        assert_eq!(answer.status, expected, "{method} {path}");
        for parameter in operation.parameters(&spec).unwrap() {
            assert!(!parameter.name.is_empty());
        }
    }
    assert_eq!(operations, 59);
    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}
