//! Random histories against what a user may rely on, and what a client sees of single commands.

mod chat_list;
mod chats;
mod checkpoints;
mod drafts;
mod files;
mod groups;
mod history;
mod limits;
mod messages;
mod polls;
mod reader;
mod steps;

use im_chats_protocol::error::Error;
use im_chats_protocol::model::{Chat, ChatServiceType, Message, MessageReaction, MessageReactionKind, Poll, TextFormat};
use serde_json::Value;

use super::*;
use crate::address::Address;

const NOON: i64 = 1_767_268_800_000;

const DIRECT: &str = "any;-;alice@example.com";

const GROUP: &str = "any;+;group";

const MINUTE: i64 = 60_000;

fn someone(text: &str) -> Address {
    Address::parse(text, "address").unwrap()
}

fn alice() -> Actor {
    Some(someone("alice@example.com"))
}

fn bob() -> Actor {
    Some(someone("bob@example.com"))
}

fn draft(text: &str) -> Box<Draft> {
    Box::new(Draft::text(text, Vec::new(), "text").unwrap())
}

fn asked(command: Command) -> Request {
    Request { command, write: None, now: NOON, ids: ["group".to_owned(), "message".to_owned()] }
}

fn create(people: &[&str], service: ChatServiceType, opening: Option<Box<Draft>>) -> Command {
    Command::Create { addresses: people.iter().map(|who| someone(who)).collect(), service, opening }
}

fn decide(state: &mut State, request: &Request) -> Result<Outcome, Error> {
    let Decision::New(decision) = state.decide(request)? else { panic!("no request here comes twice") };
    decision.entries.iter().for_each(|entry| state.apply(entry));
    Ok(decision)
}

fn events(outcome: &Outcome) -> Vec<Value> {
    let events = outcome.entries.iter().flat_map(|entry| entry.events().unwrap());
    events.map(|event| serde_json::from_str(&event.json).unwrap()).collect()
}

/// A direct chat with Alice and a group with Alice and Bob, and a clock.
struct World {
    state: State,
    now: i64,
    made: u32,
}

impl World {
    fn new() -> Self {
        let mut world = Self { state: State::default(), now: NOON, made: 0 };
        world.outcome(create(&["alice@example.com"], ChatServiceType::IMessage, None)).unwrap();
        world.outcome(create(&["alice@example.com", "bob@example.com"], ChatServiceType::IMessage, None)).unwrap();
        world
    }

    /// Files are `M1`, `M2` and so on, and so are messages and tapbacks: one number for each command.
    fn outcome(&mut self, command: Command) -> Result<Outcome, Error> {
        self.made += 1;
        let group = if self.made <= 2 { "group".to_owned() } else { format!("group{}", self.made) };
        let ids = [group, format!("M{}", self.made)];
        let before = self.state.clone();
        let outcome = decide(&mut self.state, &Request { command, write: None, now: self.now, ids });
        if outcome.is_err() {
            assert_eq!(self.state, before, "a refusal leaves nothing behind");
        }
        outcome
    }

    /// The answer and the events.
    fn run(&mut self, command: Command) -> (Reply, Vec<Value>) {
        let outcome = self.outcome(command).unwrap();
        let events = events(&outcome);
        (outcome.answer, events)
    }

    fn types(&mut self, command: Command) -> Vec<String> {
        self.run(command).1.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    fn send(&mut self, chat: &str, draft: Draft, actor: Actor) -> Message {
        message(self.run(Command::Send { chat: chat.to_owned(), draft: Box::new(draft), actor }).0)
    }

    fn text(&mut self, chat: &str, text: &str, actor: Actor) -> String {
        self.send(chat, *draft(text), actor).guid
    }

    /// The code and the field of a refusal.
    fn refused(&mut self, command: Command) -> (String, Option<String>) {
        let error = self.outcome(command).unwrap_err();
        (error.code.to_string(), error.context_value("field").map(str::to_owned))
    }

    fn chat(&self, guid: &str) -> &Chat {
        &self.state.chat(guid).unwrap().chat
    }

    fn kept(&self, guid: &str) -> &Message {
        self.state.message(guid).unwrap()
    }
}

fn invalid(field: &str) -> (String, Option<String>) {
    ("invalidArgument".to_owned(), Some(field.to_owned()))
}

fn code(code: &str) -> (String, Option<String>) {
    (code.to_owned(), None)
}

fn message(reply: Reply) -> Message {
    match reply {
        Reply::Message(message) => *message,
        other => panic!("no message: {other:?}"),
    }
}

fn poll(reply: Reply) -> Poll {
    match reply {
        Reply::Poll(poll) => *poll,
        other => panic!("no poll: {other:?}"),
    }
}

fn target(chat: &str, message: &str) -> Target {
    Target { chat: chat.to_owned(), message: message.to_owned(), part: None }
}

fn tapback(kind: MessageReactionKind) -> MessageReaction {
    MessageReaction { kind, emoji: None }
}

fn format(style: &str, start: i32, length: i32) -> TextFormat {
    TextFormat { style: style.to_owned(), start, length, effect_name: None }
}

fn field(error: &Error) -> Option<&str> {
    assert_eq!(error.code, "invalidArgument", "{error}");
    error.context_value("field")
}
