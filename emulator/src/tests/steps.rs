//! Commands by number, so that proptest can shrink them.

use proptest::prelude::*;

use super::*;

const PEOPLE: [&str; 5] = ["alice@example.com", "bob@example.com", "carol@example.com", "+14155552671", ACCOUNT];

fn address(who: usize) -> Address {
    someone(PEOPLE[who % PEOPLE.len()])
}

/// Which people, which chat or message of those there are, how much of something.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Create { people: Vec<usize>, text: Option<u8> },
    On { chat: usize, what: u8, actor: Option<usize> },
    Send { chat: usize, actor: Option<usize>, bubbles: u8, reply: Option<usize>, file: Option<usize> },
    OnMessage { message: usize, what: u8, part: Option<i32>, actor: Option<usize> },
    Receipt { chat: usize, message: Option<usize>, actor: usize },
    People { chat: usize, people: Vec<usize>, add: bool, actor: Option<usize> },
    Poll { chat: usize, actor: Option<usize> },
    OnPoll { poll: usize, what: u8, actor: Option<usize> },
    Upload { actor: Option<usize>, companion: bool },
    Generate { chats: usize, count: u64 },
}

/// A step, the key it comes with, and how many milliseconds it comes after the one before.
pub(super) type Timed = (Step, Option<u8>, i64);

pub(super) fn steps() -> impl Strategy<Value = Vec<Timed>> {
    let people = || proptest::sample::subsequence(vec![0, 1, 2, 3, 4], 1..=4);
    let actor = || proptest::option::of(0usize..4);
    let step = prop_oneof![
        2 => (proptest::sample::subsequence(vec![0, 1, 2, 3], 1..=4), proptest::option::of(0u8..3))
            .prop_map(|(people, text)| Step::Create { people, text }),
        4 => (0usize..6, 0u8..13, actor()).prop_map(|(chat, what, actor)| Step::On { chat, what, actor }),
        6 => (0usize..6, actor(), 1u8..4, proptest::option::weighted(0.3, 0usize..20), proptest::option::weighted(0.2, 0usize..4))
            .prop_map(|(chat, actor, bubbles, reply, file)| Step::Send { chat, actor, bubbles, reply, file }),
        8 => (0usize..20, 0u8..16, proptest::option::of(0i32..3), actor())
            .prop_map(|(message, what, part, actor)| Step::OnMessage { message, what, part, actor }),
        2 => (0usize..6, proptest::option::of(0usize..20), 0usize..4)
            .prop_map(|(chat, message, actor)| Step::Receipt { chat, message, actor }),
        3 => (0usize..6, people(), any::<bool>(), actor())
            .prop_map(|(chat, people, add, actor)| Step::People { chat, people, add, actor }),
        1 => (0usize..6, actor()).prop_map(|(chat, actor)| Step::Poll { chat, actor }),
        3 => (0usize..4, 0u8..6, actor()).prop_map(|(poll, what, actor)| Step::OnPoll { poll, what, actor }),
        2 => (actor(), any::<bool>()).prop_map(|(actor, companion)| Step::Upload { actor, companion }),
        1 => (1usize..4, 1u64..20).prop_map(|(chats, count)| Step::Generate { chats, count }),
    ];
    // Some keys end on the way, and some are used again after that; some edits come in time, and some too late.
    let gap = prop_oneof![Just(1_000), Just(MINUTE), Just(10 * MINUTE), Just(9_000_000), Just(30_000_000)];
    proptest::collection::vec((step, proptest::option::of(0u8..6), gap), 1..60)
}

/// Where there is none, one that nobody knows.
fn nth<T>(mut things: impl Iterator<Item = T>, index: usize, guid: impl Fn(T) -> String, none: &str) -> String {
    things.nth(index).map_or_else(|| none.to_owned(), guid)
}

impl Step {
    pub(super) fn request(&self, state: &State, key: Option<u8>, now: i64) -> Request {
        Request {
            command: self.command(state),
            write: key.map(|key| Write { keys: vec![format!("key {key}")], fingerprint: format!("{self:?}") }),
            now,
            ids: [format!("group{now}"), format!("message{now}")],
        }
    }

    /// Two chats of one GUID must not appear twice in one generated run.
    pub(super) fn is_sensible(&self, state: &State) -> bool {
        !matches!(self, Self::Generate { chats, .. } if *chats > state.chats().count())
    }

    fn command(&self, state: &State) -> Command {
        let guid = |index: usize| nth(state.chats(), index, |known| known.chat.guid.clone(), "any;-;nobody@example.com");
        let message = |index: usize| nth(state.messages.iter(), index, |(_, kept)| kept.message.guid.clone(), "no message");
        match self {
            Self::Create { people, text } => Command::Create {
                addresses: people.iter().map(|who| address(*who)).collect(),
                service: ChatServiceType::IMessage,
                opening: text.map(|text| draft(&format!("text {text}"))),
            },
            Self::On { chat, what, actor } => on_chat(guid(*chat), *what, actor.map(address)),
            Self::Send { chat, actor, bubbles, reply, file } => {
                let text = |bubble: u8| Part::text(&format!("text {bubble}"), Vec::new(), None, "text").unwrap();
                let mut parts: Vec<Part> = (0..*bubbles).map(text).collect();
                if let Some(file) = file {
                    let guid = nth(state.attachments.iter(), *file, |(_, file)| file.info.guid.clone(), "no file");
                    parts[0] = Part::file(guid, None);
                }
                let reply_to = reply.map(|index| ReplyTo { message: message(index), part: None });
                // Into the chat of what it answers, mostly.
                let chat = match reply_to.as_ref().and_then(|reply_to| state.kept(&reply_to.message).ok()) {
                    Some(kept) if *chat > 0 => kept.chat.to_string(),
                    _ => guid(*chat),
                };
                let draft = Draft::parts(parts).unwrap().reply_to(reply_to);
                Command::Send { chat, draft: Box::new(draft), actor: actor.map(address) }
            }
            Self::OnMessage { message: index, what, part, actor } => {
                let message = message(*index);
                let chat = state.kept(&message).map_or_else(|_| guid(0), |kept| kept.chat.to_string());
                on_message(Target { chat, message, part: *part }, *what, actor.map(address))
            }
            Self::Receipt { chat, message: index, actor } => {
                Command::ReadReceipt { chat: guid(*chat), message: index.map(message), actor: address(*actor) }
            }
            Self::People { chat, people, add, actor } => {
                let (chat, actor) = (guid(*chat), actor.map(address));
                let addresses = people.iter().map(|who| address(*who)).collect();
                match add {
                    true => Command::AddParticipants { chat, addresses, actor },
                    false => Command::RemoveParticipants { chat, addresses, actor },
                }
            }
            Self::Poll { chat, actor } => Command::CreatePoll {
                chat: guid(*chat),
                title: "title".to_owned(),
                options: vec!["a".to_owned(), "b".to_owned()],
                actor: actor.map(address),
            },
            Self::OnPoll { poll, what, actor } => {
                let poll = nth(state.polls.iter(), *poll, |poll| poll.poll_message_guid.clone(), "no poll");
                let actor = actor.map(address);
                match what {
                    0 => Command::AddPollOption { poll, text: "more".to_owned(), actor },
                    1 => Command::Unvote { poll, actor },
                    option => Command::Vote { poll, option: format!("option-{}", option - 1), actor },
                }
            }
            Self::Upload { actor, companion } => {
                let file =
                    |mime: &str, bytes| FileDescription { name: "a.heic".into(), mime: mime.into(), uti: "u".into(), bytes };
                let companion = companion.then(|| file("video/quicktime", 300));
                // Large enough that some are too many.
                Command::Upload { file: file("image/heic", 900_000_000), companion, actor: actor.map(address) }
            }
            Self::Generate { chats, count } => {
                Command::Generate { chats: (0..*chats).map(|index| guid(index).into()).collect(), count: *count }
            }
        }
    }
}

fn on_chat(chat: String, what: u8, actor: Actor) -> Command {
    match what {
        0 => Command::Touch { chat },
        1 | 2 => Command::MarkRead { chat, actor },
        3 => Command::SetBackground { chat, mime: "image/png", actor },
        4 => Command::RemoveBackground { chat, actor },
        5 | 6 => Command::SetArchived { chat, archived: what == 5, actor },
        7 | 8 => Command::Rename { chat, name: format!("name {what}"), actor },
        9 => Command::SetIcon { chat, mime: "image/gif", actor },
        10 => Command::RemoveIcon { chat, actor },
        _ => Command::Leave { chat, actor },
    }
}

fn on_message(target: Target, what: u8, actor: Actor) -> Command {
    use MessageReactionKind::{Like, Love};
    match what {
        0..5 => Command::Edit { target, text: format!("edited {}", what % 3), actor },
        5 | 6 => Command::Unsend { target, actor },
        7..10 => Command::React { target, reaction: tapback(Love), is_set: true, actor },
        10..13 => Command::React { target, reaction: tapback(Like), is_set: true, actor },
        _ => Command::React { target, reaction: tapback(Love), is_set: false, actor },
    }
}
