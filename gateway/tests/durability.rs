//! What was answered is there after `kill -9`, once; and one directory has one owner.

#![cfg(test)]

mod binary;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use binary::{Gateway, TOKEN, command};
use im_chats_launcher::Process;
use serde_json::{Value, json};

const WRITERS: usize = 6;
const ROUNDS: usize = 3;
const ANSWERS_BEFORE_THE_KILL: usize = 120;

/// One write: an opening message with a key of its own and a text that is its name in the log.
fn write(name: &str) -> Value {
    json!({"addresses": [format!("{name}@example.com")], "initialMessage": {"text": name}, "clientMessageId": name})
}

#[test]
fn kill_9_under_load_loses_nothing_answered_and_repeats_nothing() {
    let mut gateway = Gateway::start();
    let mut answered: HashMap<String, Value> = HashMap::new();
    let mut in_doubt: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let (report, reports) = mpsc::channel();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (gateway, report, stop) = (&gateway, report.clone(), &stop);
                scope.spawn(move || {
                    for index in 0.. {
                        let name = format!("r{round}w{writer}n{index}");
                        let answer = gateway.post_with("/v1/chats", &[], write(&name).to_string().as_bytes());
                        let done = answer.as_ref().is_err() || stop.load(Ordering::Relaxed);
                        let answer = answer.ok().map(|answer| answer.ok());
                        if report.send((name, answer)).is_err() || done {
                            return;
                        }
                    }
                });
            }
            drop(report);
            let mut note = |(name, answer): (String, Option<Value>)| match answer {
                Some(answer) => drop(answered.insert(name, answer)),
                None => in_doubt.push(name),
            };
            (0..ANSWERS_BEFORE_THE_KILL).for_each(|_| note(reports.recv().unwrap()));
            // The writers are in the middle of their next writes.
            stop.store(true, Ordering::Relaxed);
            gateway.signal_kill();
            reports.iter().for_each(note);
        });
        gateway = gateway.kill_and_restart();
        for (name, answer) in &answered {
            let found = gateway.get(&format!("/v1/chats:get?chatGuid=any;-;{name}%40example.com")).ok();
            assert_eq!(found["chat"]["lastMessage"], answer["initialMessage"], "{name}");
        }
    }
    // A client that never heard an answer asks again, with the same key; so does one that did.
    for name in &in_doubt {
        answered.insert(name.clone(), gateway.post("/v1/chats", &write(name)).ok());
    }
    for (name, answer) in &answered {
        assert_eq!(gateway.post("/v1/chats", &write(name)).ok(), *answer, "{name}");
    }
    let events = gateway.events();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["sequence"], json!(index + 1));
        *seen.entry(event["message"]["content"]["text"].as_str().unwrap()).or_default() += 1;
    }
    assert!(answered.len() >= ANSWERS_BEFORE_THE_KILL * ROUNDS);
    assert!(answered.keys().all(|name| seen.get(name.as_str()) == Some(&1)), "each answered write is in the log once");
    assert_eq!(seen.len(), answered.len());
    println!("{} writes answered, {} of them only after the crash", answered.len(), in_doubt.len());
}

#[test]
fn a_second_process_on_the_same_data_is_refused_with_a_sentence() {
    let gateway = Gateway::start();
    let second = command(gateway.data.path()).args(["--token", TOKEN]).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(!second.status.success());
    assert!(said.contains("in use by another im-chats-gateway process"), "{said}");
    assert!(second.stdout.is_empty());
    gateway.get("/v1/chats:count").ok();
}

#[test]
fn sigterm_ends_with_0_and_the_data_stays() {
    let mut gateway = Gateway::start();
    gateway.post("/v1/chats", &write("stays")).ok();
    assert_eq!(gateway.terminate().code(), Some(0));
    let gateway = Gateway::start_on(std::sync::Arc::clone(&gateway.data), &[]);
    assert_eq!(gateway.get("/v1/chats:count").ok(), json!({"count": "1"}));
}

#[test]
fn a_background_and_a_generated_run_survive_a_kill() {
    let gateway = Gateway::start();
    gateway.post("/v1/chats", &write("alice")).ok();
    let guid = "any;-;alice@example.com";
    gateway.post("/v1/chats:setBackground", &json!({"chatGuid": guid, "data": "iVBORw0KGgo="})).ok();
    let run = gateway.post("/emulator/v1/events:generate", &json!({"count": 10_001})).ok();
    assert_eq!(run, json!({"first": 3, "last": 10_003, "count": 10_001}));
    let gateway = gateway.kill_and_restart();
    let found = gateway.get("/v1/chats:get?chatGuid=any;-;alice%40example.com").ok();
    assert_eq!(found["chat"]["isArchived"], json!(true), "an odd number of toggles ends in the archive");
    let image = gateway.get("/emulator/v1/chats:background?chatGuid=any;-;alice%40example.com");
    assert_eq!((image.header("content-type"), image.bytes.as_slice()), (Some("image/png"), b"\x89PNG\r\n\x1a\n".as_slice()));
    let events = gateway.events();
    assert_eq!(events.len(), 10_003);
}

#[test]
fn a_token_is_generated_and_printed_on_stderr_when_none_is_given() {
    let data = tempfile::tempdir().unwrap();
    let mut gateway = Process::start_logged(&mut command(data.path())).unwrap();
    gateway.terminate().unwrap();
    gateway.wait().unwrap();
    let log = gateway.log();
    let line = log.lines().find(|line| line.starts_with("token")).unwrap_or_default();
    let token = line.trim().rsplit(' ').next().unwrap();
    assert!(token.len() == 32, "{line}");
}
