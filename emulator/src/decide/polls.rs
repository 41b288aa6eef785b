//! What is done to polls: sent, voted in, given another option.

use im_chats_protocol::error::Error;
use im_chats_protocol::model::{
    MessageContent, Poll, PollChangeDelta, PollCreated, PollOption, PollOptionAdded, PollUnvoted, PollVoted,
    SingleServiceAddressInfo,
};

use super::{Deciding, member, not_now};
use crate::account::ACCOUNT;
use crate::address::Address;
use crate::entry::{Bubble, Entry, Reply};
use crate::limits::MAX_POLL_OPTIONS;
use crate::polls::changed;
use crate::text::{shown, units};

/// Apple's identifier of the message app that polls belong to.
const BALLOON: &str = "com.apple.messages.MSMessageExtensionBalloonPlugin:0000000000:com.apple.messages.Polls";

/// A poll as it stands, and who acts on it.
struct Acting {
    poll: Poll,
    actor: Option<SingleServiceAddressInfo>,
}

impl Acting {
    /// The option that the actor chose.
    fn chosen(&self) -> Option<&str> {
        let address = self.actor.as_ref().map_or(ACCOUNT, |who| &who.address);
        let vote = self.poll.votes.iter().find(|vote| vote.participant.address == address);
        vote.map(|vote| vote.option_identifier.as_str())
    }
}

impl Deciding<'_> {
    pub(super) fn create_poll(
        &mut self,
        guid: &str,
        title: &str,
        options: &[String],
        actor: Option<&Address>,
    ) -> Result<Reply, Error> {
        let chat = self.writable(guid, actor)?;
        let actor = member(&chat, actor, "actor")?;
        if !(2..=MAX_POLL_OPTIONS).contains(&options.len()) {
            return Err(Error::invalid("options", format!("a poll has 2 to {MAX_POLL_OPTIONS} options"))
                .with_context("count", options.len().to_string())
                .with_context("limit", MAX_POLL_OPTIONS.to_string()));
        }
        let content = MessageContent {
            text: Some(title.to_owned()),
            balloon_bundle_id: Some(BALLOON.to_owned()),
            attachments: Some(Vec::new()),
            formatting: Some(Vec::new()),
            mentions: Some(Vec::new()),
            ..MessageContent::default()
        };
        let message = self.message(&chat, content, 1, actor.clone())?;
        self.land(&chat, &message, vec![Bubble::Text(units(title))])?;
        let options: Vec<PollOption> =
            options.iter().enumerate().map(|(index, text)| option(index, text, actor.as_ref())).collect();
        let acting = Acting {
            poll: Poll {
                poll_message_guid: message.guid,
                chat_guid: chat.guid.clone(),
                title: title.to_owned(),
                options: options.clone(),
                votes: Vec::new(),
            },
            actor,
        };
        self.change_poll(acting, PollChangeDelta::Created(PollCreated { title: title.to_owned(), options }))
    }

    pub(super) fn vote(&mut self, guid: &str, option: &str, actor: Option<&Address>) -> Result<Reply, Error> {
        let acting = self.acting_on(guid, actor)?;
        if !acting.poll.options.iter().any(|known| known.option_identifier == option) {
            return Err(Error::invalid("optionIdentifier", "the poll has no such option; take its identifier, not its text")
                .with_context("value", shown(option)));
        }
        if acting.chosen() == Some(option) {
            return Ok(Reply::Poll(Box::new(acting.poll)));
        }
        self.change_poll(acting, PollChangeDelta::Voted(PollVoted { option_identifier: option.to_owned() }))
    }

    pub(super) fn unvote(&mut self, guid: &str, actor: Option<&Address>) -> Result<Reply, Error> {
        let acting = self.acting_on(guid, actor)?;
        match acting.chosen().map(str::to_owned) {
            None => Ok(Reply::Poll(Box::new(acting.poll))),
            Some(option_identifier) => self.change_poll(acting, PollChangeDelta::Unvoted(PollUnvoted { option_identifier })),
        }
    }

    pub(super) fn add_option(&mut self, guid: &str, text: &str, actor: Option<&Address>) -> Result<Reply, Error> {
        let acting = self.acting_on(guid, actor)?;
        let mut options = acting.poll.options.clone();
        if options.len() >= MAX_POLL_OPTIONS {
            return Err(
                not_now("the poll has as many options as a poll can have").with_context("limit", MAX_POLL_OPTIONS.to_string())
            );
        }
        options.push(option(options.len(), text, acting.actor.as_ref()));
        let title = acting.poll.title.clone();
        self.change_poll(acting, PollChangeDelta::OptionAdded(PollOptionAdded { title, options }))
    }

    /// A poll in a chat where the actor is.
    fn acting_on(&self, guid: &str, actor: Option<&Address>) -> Result<Acting, Error> {
        let poll = self.state.poll(guid)?;
        let chat = &self.state.present(&poll.chat_guid)?.chat;
        let actor = member(chat, actor, "actor")?;
        if self.state.message(guid)?.date_retracted.is_some() {
            return Err(not_now("the poll was taken back").with_context("poll", guid.to_owned()));
        }
        Ok(Acting { poll, actor })
    }

    fn change_poll(&mut self, acting: Acting, change: PollChangeDelta) -> Result<Reply, Error> {
        let Acting { mut poll, actor } = acting;
        changed(&mut poll, &change, actor.as_ref());
        let sequence = self.next_sequence(1)?;
        self.entries.push(Entry::PollChanged {
            sequence,
            at: self.request.now,
            chat: poll.chat_guid.clone(),
            poll: poll.poll_message_guid.clone(),
            change,
            actor,
        });
        Ok(Reply::Poll(Box::new(poll)))
    }
}

fn option(index: usize, text: &str, creator: Option<&SingleServiceAddressInfo>) -> PollOption {
    PollOption {
        text: text.to_owned(),
        option_identifier: format!("option-{}", index.saturating_add(1)),
        creator_handle: Some(creator.map_or(ACCOUNT, |who| &who.address).to_owned()),
    }
}
