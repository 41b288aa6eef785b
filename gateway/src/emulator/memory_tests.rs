use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use im_chats_emulator::{Draft, Target};
use im_chats_protocol::model::{MessageReaction, MessageReactionKind};
use im_chats_protocol::server::{EventFilter, ReadQuery};
use im_chats_protocol::wire::frame::Topic;
use parking_lot::Mutex;
use proptest::prelude::*;
use tokio::sync::mpsc;

use super::*;
use crate::log::kind::Kind;

/// A clock that is set, and the same names each time.
#[derive(Debug, Default)]
struct Set(AtomicI64, AtomicI64);

impl Clock for Set {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn steady_ms(&self) -> u64 {
        u64::try_from(self.now_ms()).unwrap_or(0)
    }

    fn identifiers(&self) -> [String; 2] {
        let number = self.1.fetch_add(1, Ordering::Relaxed);
        [format!("{number:032x}"), format!("MESSAGE-{number}")]
    }
}

/// One thing that is asked for. Chats and messages are chosen among those there are.
#[derive(Debug, Clone)]
enum Step {
    Create(Vec<u8>, Option<u8>),
    Send(usize, Option<u8>, Option<u8>),
    React(usize),
    Archive(usize, bool),
    Background(usize, Option<u8>),
    Upload(u8),
    Generate(u8),
    Later(u16),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (prop::collection::vec(0..5_u8, 0..4), prop::option::of(0..4_u8)).prop_map(|(who, key)| Step::Create(who, key)),
        (any::<usize>(), prop::option::of(0..5_u8), prop::option::of(0..4_u8))
            .prop_map(|(c, who, key)| Step::Send(c, who, key)),
        any::<usize>().prop_map(Step::React),
        (any::<usize>(), any::<bool>()).prop_map(|(chat, archived)| Step::Archive(chat, archived)),
        (any::<usize>(), prop::option::of(any::<u8>())).prop_map(|(chat, image)| Step::Background(chat, image)),
        any::<u8>().prop_map(Step::Upload),
        (1..20_u8).prop_map(Step::Generate),
        any::<u16>().prop_map(Step::Later),
    ]
}

fn address(who: u8) -> Address {
    Address::parse(&format!("p{who}@example.com"), "address").unwrap()
}

/// The write of a key. The fingerprint identifies its request.
fn write(key: Option<u8>, request: &str) -> Option<Write> {
    key.map(|key| Write { keys: vec![key.to_string()], fingerprint: request.to_owned() })
}

/// Takes one step; what its caller hears.
async fn take(emulator: &Emulator, clock: &Set, step: &Step) -> Result<Option<Committed>, Error> {
    let chats: Vec<String> = emulator.chats(None, 1000).iter().map(|listed| listed.chat.guid.as_str().to_owned()).collect();
    let chat =
        |which: usize| chats.get(which % chats.len().max(1)).cloned().unwrap_or_else(|| "any;-;nobody@example.com".to_owned());
    let (command, write, data) = match step {
        Step::Later(ms) => {
            clock.0.fetch_add(i64::from(*ms), Ordering::Relaxed);
            return Ok(None);
        }
        Step::Create(who, key) => {
            let addresses = who.iter().map(|who| address(*who)).collect();
            let service = im_chats_protocol::model::ChatServiceType::IMessage;
            (Command::Create { addresses, service, opening: None }, write(*key, &format!("create {who:?}")), Vec::new())
        }
        Step::Send(which, who, key) => {
            let draft = Box::new(Draft::text("hi", Vec::new(), "text")?);
            let request = format!("send {which} {who:?}");
            (Command::Send { chat: chat(*which), draft, actor: who.map(address) }, write(*key, &request), Vec::new())
        }
        Step::React(which) => {
            let chat = chat(*which);
            let last = emulator.chats(None, 1000).into_iter().find(|listed| listed.chat.guid.as_str() == chat);
            let message = last.and_then(|listed| listed.chat.last_message.as_ref().map(|message| message.guid.clone()));
            let target = Target { chat, message: message.unwrap_or_else(|| "none".to_owned()), part: None };
            let reaction = MessageReaction { kind: MessageReactionKind::Love, emoji: None };
            (Command::React { target, reaction, is_set: true, actor: None }, None, Vec::new())
        }
        Step::Archive(which, archived) => {
            (Command::SetArchived { chat: chat(*which), archived: *archived, actor: None }, None, Vec::new())
        }
        Step::Background(which, Some(image)) => {
            let command = Command::SetBackground { chat: chat(*which), mime: "image/png", actor: None };
            (command, None, vec![*image; 300_000])
        }
        Step::Background(which, None) => (Command::RemoveBackground { chat: chat(*which), actor: None }, None, Vec::new()),
        Step::Upload(byte) => {
            let file = im_chats_emulator::FileDescription::detect("f.bin", &[*byte], "data")?;
            (Command::Upload { file, companion: None, actor: None }, None, vec![*byte])
        }
        // The control plane refuses it.
        Step::Generate(_) if chats.is_empty() => return Ok(None),
        Step::Generate(count) => {
            let chats = chats.iter().map(|chat| chat.as_str().into()).collect();
            (Command::Generate { chats, count: u64::from(*count) }, None, Vec::new())
        }
    };
    emulator.execute(command, write, Beside::one(data.into())).await.map(Some)
}

async fn everything(emulator: &Emulator) -> Vec<String> {
    let query = ReadQuery {
        after: 0,
        through: u64::MAX,
        filter: EventFilter::of(Topic::All),
        max_events: 100_000,
        max_bytes: usize::MAX,
    };
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let page = emulator.event_log().read(ReadQuery { after, ..query.clone() }).await.unwrap();
        found.extend(page.events.iter().map(|event| event.json.to_string()));
        if page.through == after {
            break;
        }
        after = page.through;
    }
    for listed in emulator.chats(None, 1000) {
        found.push(format!("{listed:?}"));
        if let Some(background) = emulator.background(listed.chat.guid.as_str()).await.unwrap() {
            let bytes: Vec<Bytes> = background.into_pieces(()).try_collect().await.unwrap();
            found.push(format!("{:?} {}", bytes.concat().first(), bytes.concat().len()));
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is asked for, the journal in memory answers as the one on disk, and comes back from what it handed out to be kept.
    #[test]
    fn both_journals_answer_alike(steps in prop::collection::vec(any_step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let set = || Arc::new(Set(AtomicI64::new(1_767_268_800_000), AtomicI64::default()));
            let clocks = [set(), set()];
            let (disk, writer) = Emulator::open_by(Store::open(directory.path()).unwrap(), clocks[0].clone()).unwrap();
            let (keeping, mut waiting) = mpsc::unbounded_channel::<Kept>();
            let kept = Arc::new(Mutex::new((Vec::new(), HashMap::<(Kind, String), (String, Bytes)>::new())));
            let keeper = Arc::clone(&kept);
            tokio::spawn(async move {
                while let Some(Kept { first, entries, deeds, done }) = waiting.recv().await {
                    let mut kept = keeper.lock();
                    assert_eq!(usize::try_from(first), Ok(kept.0.len() + 1));
                    kept.0.extend(entries);
                    for Deed { kind, owner, put } in deeds {
                        match put {
                            Some(put) => kept.1.insert((kind, owner), put),
                            None => kept.1.remove(&(kind, owner)),
                        };
                    }
                    done.send(Ok(())).unwrap();
                }
            });
            let log = EventLog::in_memory("log".into());
            let memory = Emulator::in_memory(log, clocks[1].clone(), Saved::default(), Some(keeping)).unwrap();
            for step in &steps {
                let on_disk = take(&disk, &clocks[0], step).await;
                let in_memory = take(&memory, &clocks[1], step).await;
                assert_eq!(in_memory, on_disk, "{step:?}");
            }
            assert_eq!(everything(&memory).await, everything(&disk).await);
            let (entries, blobs) = std::mem::take(&mut *kept.lock());
            let bytes = blobs.into_iter().map(|((kind, owner), (mime, data))| (kind, owner, mime, data)).collect();
            let saved = Saved { entries, bytes };
            let again = Emulator::in_memory(EventLog::in_memory("log".into()), clocks[1].clone(), saved, None).unwrap();
            assert_eq!(*again.0.view.read(), *memory.0.view.read());
            assert_eq!(again.event_log().head(), memory.event_log().head());
            drop(disk);
            tokio::task::spawn_blocking(|| writer.join()).await.unwrap().unwrap();
        });
    }
}

/// What cannot be kept has not happened.
#[tokio::test]
async fn a_write_that_cannot_be_kept_is_refused_and_forgotten() {
    let (keeping, mut waiting) = mpsc::unbounded_channel::<Kept>();
    tokio::spawn(async move {
        let mut fails = true;
        while let Some(kept) = waiting.recv().await {
            let outcome = if fails { Err(Error::new(ErrorCode::DatabaseError, "no room")) } else { Ok(()) };
            fails = false;
            kept.done.send(outcome).unwrap();
        }
    });
    let clock = Arc::new(Set::default());
    let emulator =
        Emulator::in_memory(EventLog::in_memory("log".into()), clock.clone(), Saved::default(), Some(keeping)).unwrap();
    let step = Step::Create(vec![1], Some(1));
    assert_eq!(take(&emulator, &clock, &step).await.unwrap_err().message, "no room");
    assert!(emulator.chats(None, 10).is_empty());
    take(&emulator, &clock, &step).await.unwrap();
    assert_eq!(emulator.chats(None, 10).len(), 1);
}

/// What was kept comes back whole or not at all.
#[tokio::test]
async fn what_no_emulator_kept_is_refused_and_says_what_is_wrong_with_it() {
    let (keeping, mut waiting) = mpsc::unbounded_channel::<Kept>();
    let keeper = tokio::spawn(async move {
        let mut saved = Saved::default();
        while let Some(Kept { entries, deeds, done, .. }) = waiting.recv().await {
            saved.entries.extend(entries);
            let put = |deed: Deed| deed.put.map(|(mime, data)| (deed.kind, deed.owner, mime, data));
            saved.bytes.extend(deeds.into_iter().filter_map(put));
            done.send(Ok(())).unwrap();
        }
        saved
    });
    let clock = Arc::new(Set::default());
    let start = |saved, keeping| Emulator::in_memory(EventLog::in_memory("log".into()), clock.clone(), saved, keeping);
    let emulator = start(Saved::default(), Some(keeping)).unwrap();
    for step in [Step::Create(vec![1], None), Step::Send(0, Some(1), None), Step::Background(0, Some(7))] {
        take(&emulator, &clock, &step).await.unwrap();
    }
    drop(emulator);
    let saved = keeper.await.unwrap();
    start(saved.clone(), None).unwrap();

    let mut damaged = saved.clone();
    damaged.entries[1].truncate(20);
    let twice = Saved { entries: [saved.entries.clone(), saved.entries.clone()].concat(), ..saved.clone() };
    let bare = Saved { bytes: Vec::new(), ..saved };
    for (wrong, why) in [(damaged, "entry 2"), (twice, "sequence"), (bare, "the background of any;-;p1@example.com is missing")]
    {
        let error = start(wrong, None).unwrap_err();
        assert_eq!(error.code, "databaseError");
        assert!(error.message.contains(why), "{error}");
    }
}
