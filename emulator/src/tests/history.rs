//! Random histories.

use im_chats_protocol::server::LoggedEvent;
use proptest::prelude::*;

use super::chat_list::{sorted, walk};
use super::checkpoints::rested;
use super::reader::Chats;
use super::steps::steps;
use super::*;
use crate::limits::MAX_ATTACHMENTS_BYTES;

/// The codes of refusals.
const REFUSALS: [&str; 7] = [
    "chatNotFound",
    "messageNotFound",
    "pollNotFound",
    "attachmentNotFound",
    "duplicateMessage",
    "invalidArgument",
    "preconditionFailed",
];

/// Whether the entry's event tells of something that readers of the state can see. The bytes of an image are not in it, and a
/// run of events may end where it began.
fn shows(entry: &Entry) -> bool {
    let is_image = matches!(entry, Entry::Changed { change: Change::BackgroundChanged(_) | Change::IconChanged(_), .. });
    entry.last_sequence().is_some() && !is_image && !matches!(entry, Entry::Generated { .. })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(384))]

    #[test]
    fn replay_gives_the_same_state_and_the_events_tell_what_changed(history in steps(), cut: usize, again: usize) {
        let mut state = State::default();
        let mut journal: Vec<Entry> = Vec::new();
        let mut log: Vec<LoggedEvent> = Vec::new();
        let mut now = NOON;
        for (step, key, gap) in &history {
            now += gap;
            if !step.is_sensible(&state) {
                continue;
            }
            let request = step.request(&state, *key, now);
            let before = state.clone();
            let decision = match state.decide(&request) {
                Ok(Decision::New(outcome)) => outcome,
                Ok(Decision::Again { entry }) => {
                    // The answer is where it is said to be, and it is that of this write.
                    let Some(Entry::Answered { keys, fingerprint, .. }) = journal.get(usize::try_from(entry).unwrap() - 1) else {
                        panic!("no answer at {entry}")
                    };
                    let write = request.write.as_ref().unwrap();
                    prop_assert_eq!((keys, fingerprint), (&write.keys, &write.fingerprint));
                    continue;
                }
                Err(error) => {
                    prop_assert!(REFUSALS.contains(&error.code.as_ref()), "{:?}", error);
                    let names = error.code != "invalidArgument" || error.context_value("field").is_some();
                    prop_assert!(names, "{:?}", error);
                    continue;
                }
            };
            for entry in &decision.entries {
                let events = entry.events().unwrap();
                prop_assert_eq!(events.last().map(|event| event.sequence), entry.last_sequence());
                log.extend(events);
                let before = state.clone();
                state.apply(entry);
                if shows(entry) {
                    let same = State { head: state.head, entries: state.entries, ..before };
                    prop_assert_ne!(&same, &state, "an event without a change: {:?}", entry);
                }
            }
            prop_assert!(answers_what_a_read_gives(&decision.answer, &state), "{:?}", decision.answer);
            // Deciding changes nothing by itself, and the same write again writes nothing.
            if request.write.is_some() {
                let answered = u64::try_from(journal.len() + decision.entries.len()).unwrap();
                prop_assert_eq!(state.decide(&request), Ok(Decision::Again { entry: answered }));
                let last = decision.entries.last();
                let is_it = matches!(last, Some(Entry::Answered { answer, .. }) if **answer == decision.answer);
                prop_assert!(is_it, "{:?}", last);
            } else if decision.entries.is_empty() {
                prop_assert_eq!(&before, &state);
            }
            journal.extend(decision.entries);
        }

        // The log is gapless here, and its head is the state's.
        let sequences: Vec<u64> = log.iter().map(|event| event.sequence).collect();
        prop_assert_eq!(sequences, (1..=state.head()).collect::<Vec<_>>());

        // A restart: the journal as it lies on disk.
        let mut replayed = State::default();
        let mut relogged = Vec::new();
        for entry in &journal {
            let text = serde_json::to_string(entry).unwrap();
            let entry: Entry = serde_json::from_str(&text).unwrap();
            replayed.apply(&entry);
            relogged.extend(entry.events().unwrap());
        }
        prop_assert_eq!(&replayed, &state);
        prop_assert_eq!(usize::try_from(state.entries()), Ok(journal.len()));
        let texts = |log: &[LoggedEvent]| log.iter().map(|event| (event.kind, event.json.clone())).collect::<Vec<_>>();
        prop_assert_eq!(texts(&relogged), texts(&log));

        // The same from a checkpoint at any place, and again from a checkpoint of that.
        let mut resting = State::default();
        for (index, entry) in journal.iter().enumerate() {
            if index > 0 && (index == cut % journal.len() || index == again % journal.len()) {
                let before = resting.clone();
                resting = rested(&resting);
                prop_assert_eq!(&resting, &before);
                prop_assert_eq!(before.checkpoint().count(), before.checkpoint_len());
                for answer in before.answers() {
                    let holds = matches!(journal[usize::try_from(answer).unwrap() - 1], Entry::Answered { .. });
                    prop_assert!(holds, "{}", answer);
                }
            }
            resting.apply(entry);
        }
        prop_assert_eq!(&resting, &state);

        // What a reader of the events alone believes is what the state says.
        let mut reader = Chats::default();
        log.iter().for_each(|event| reader.read(event));
        reader.agree(&state);
        // The lists are in the order of what was written last.
        for known in state.chats() {
            let last = known.chat.last_message.as_ref().and_then(|last| crate::entry::milliseconds(&last.date_created));
            prop_assert!(last.is_none_or(|last| last == known.activity), "{}", known.chat.guid);
        }
        for archived in [false, true] {
            for page_size in [1, 3, 100] {
                let query = ChatQuery { archived, page_size, ..ChatQuery::default() };
                prop_assert_eq!(walk(&state, &query).0, sorted(&state, archived));
            }
        }
        let bytes: u64 = state.attachments.iter().map(|(_, file)| file.bytes()).sum();
        prop_assert!(bytes <= MAX_ATTACHMENTS_BYTES);
    }
}

/// An answer is what a read gives next.
fn answers_what_a_read_gives(answer: &Reply, state: &State) -> bool {
    match answer {
        Reply::Done => true,
        Reply::Created(result) => *state.chat(&result.chat.guid).unwrap().chat == result.chat,
        Reply::Message(message) => **state.message(&message.guid).unwrap() == **message,
        Reply::Chat(chat) => *state.chat(&chat.guid).unwrap().chat == **chat,
        Reply::Poll(poll) => state.poll(&poll.poll_message_guid).as_ref() == Ok(poll),
        Reply::Attachment(attachment) => state.attachment(&attachment.info.guid) == Ok(attachment),
    }
}
