//! The polls that are kept: each with the message that carries it.

use std::sync::Arc;

use im_chats_protocol::model::{Poll, PollChangeDelta, PollVote, SingleServiceAddressInfo};

use crate::account::account;

/// Polls by the GUIDs of their messages. Copies share what is the same in them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Polls(imbl::OrdMap<Arc<str>, Arc<Poll>>);

impl Polls {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, in the order of their GUIDs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Poll> {
        self.0.values().map(Arc::as_ref)
    }

    pub(crate) fn get(&self, guid: &str) -> Option<&Poll> {
        self.0.get(guid).map(Arc::as_ref)
    }

    pub(crate) fn add(&mut self, poll: Poll) {
        self.0.insert(poll.poll_message_guid.as_str().into(), Arc::new(poll));
    }

    pub(crate) fn forget(&mut self, guid: &str) {
        self.0.remove(guid);
    }

    pub(crate) fn apply(&mut self, chat: &str, guid: &str, change: &PollChangeDelta, actor: Option<&SingleServiceAddressInfo>) {
        if let PollChangeDelta::Created(created) = change {
            self.add(Poll {
                poll_message_guid: guid.to_owned(),
                chat_guid: chat.to_owned(),
                title: created.title.clone(),
                options: created.options.clone(),
                votes: Vec::new(),
            });
        }
        if let Some(poll) = self.0.get_mut(guid) {
            changed(Arc::make_mut(poll), change, actor);
        }
    }
}

/// A poll with one change more; one that was just made stays as it is.
pub(crate) fn changed(poll: &mut Poll, change: &PollChangeDelta, actor: Option<&SingleServiceAddressInfo>) {
    let voter = || actor.cloned().unwrap_or_else(account);
    match change {
        PollChangeDelta::Created(_) => {}
        PollChangeDelta::OptionAdded(added) => poll.options.clone_from(&added.options),
        PollChangeDelta::Voted(voted) => {
            let participant = voter();
            poll.votes.retain(|vote| vote.participant.address != participant.address);
            poll.votes.push(PollVote { option_identifier: voted.option_identifier.clone(), participant });
        }
        PollChangeDelta::Unvoted(_) => {
            let participant = voter();
            poll.votes.retain(|vote| vote.participant.address != participant.address);
        }
    }
}
