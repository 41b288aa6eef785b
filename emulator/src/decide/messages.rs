//! What is done to messages: sent, edited, taken back, reacted to, read.

use std::sync::Arc;

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::model::{
    Chat, Message, MessageAppliedReaction, MessageContent, MessageItemType, MessageReaction, MessageReactionKind,
    SingleServiceAddressInfo,
};

use super::{Deciding, member, not_now};
use crate::address::Address;
use crate::command::Target;
use crate::draft::{Draft, ReplyTo};
use crate::entry::{Bubble, Change, Entry, MessageChange, Reply};
use crate::limits::{EDIT_WINDOW_MS, UNSEND_WINDOW_MS};
use crate::messages::Kept;
use crate::text::{shown, units};

/// A message of a chat, and who acts on it.
struct Targeted<'a> {
    kept: &'a Kept,
    actor: Option<SingleServiceAddressInfo>,
}

impl<'a> Deciding<'a> {
    pub(super) fn send(&mut self, guid: &str, draft: &Draft, actor: Option<&Address>) -> Result<Reply, Error> {
        let chat = self.writable(guid, actor)?;
        let sender = member(&chat, actor, "from")?;
        self.deliver(&chat, draft, sender).map(|message| Reply::Message(Box::new(message)))
    }

    /// Puts a message together and lets it land.
    pub(super) fn deliver(
        &mut self,
        chat: &Chat,
        draft: &Draft,
        sender: Option<SingleServiceAddressInfo>,
    ) -> Result<Message, Error> {
        let (mut content, parts) = self.content(draft, sender.is_none())?;
        content.expressive_send_style_id = draft.effect.map(|effect| effect.id().to_owned());
        let mut message = self.message(chat, content, parts.len(), sender)?;
        message.subject.clone_from(&draft.subject);
        message.is_audio_message = draft.is_audio_message.then_some(true);
        if let Some(reply_to) = &draft.reply_to {
            self.hang(&mut message, reply_to, &chat.guid)?;
        }
        self.land(chat, &message, parts)?;
        Ok(message)
    }

    /// A message of now.
    pub(super) fn message(
        &self,
        chat: &Chat,
        content: MessageContent,
        parts: usize,
        sender: Option<SingleServiceAddressInfo>,
    ) -> Result<Message, Error> {
        let time = self.time()?;
        let own = sender.is_none().then_some(true);
        Ok(Message {
            guid: self.id(),
            chat_guids: vec![chat.guid.clone()],
            content,
            is_from_me: sender.is_none(),
            sender,
            date_delivered: own.map(|_| time.clone()),
            date_created: time,
            is_sent: own,
            is_delivered: own,
            item_type: Some(MessageItemType::Normal),
            part_count: i32::try_from(parts).ok(),
            applied_reactions: Some(Vec::new()),
            ..Message::default()
        })
    }

    /// A message brings an archived chat back, as it does in Messages; and the oldest one of all goes when there are too many.
    pub(super) fn land(&mut self, chat: &Chat, message: &Message, parts: Vec<Bubble>) -> Result<(), Error> {
        let oldest: Vec<String> = self.state.messages.too_many(1).map(str::to_owned).collect();
        if !oldest.is_empty() {
            self.entries.push(Entry::Forgotten { messages: oldest, attachments: Vec::new() });
        }
        if chat.is_archived {
            self.push_change(&chat.guid, Change::Unarchived, message.sender.clone())?;
        }
        let sequence = self.next_sequence(1)?;
        self.entries.push(Entry::Message {
            sequence,
            at: self.request.now,
            chat: chat.guid.clone(),
            message: Arc::new(message.clone()),
            parts: if parts.len() > 1 { parts } else { Vec::new() },
        });
        Ok(())
    }

    /// Makes a message an answer to another one, in that one's thread.
    fn hang(&self, message: &mut Message, reply_to: &ReplyTo, chat: &str) -> Result<(), Error> {
        let target = self.state.kept(&reply_to.message)?;
        if *target.chat != *chat {
            return Err(elsewhere("replyTo.messageGuid", &reply_to.message));
        }
        if target.message.date_retracted.is_some() {
            return Err(not_now("the message was taken back, so nobody can answer it")
                .with_context("message", reply_to.message.clone()));
        }
        let bubble = target.bubble(reply_to.part, "replyTo.targetPartIndex")?;
        let answered = &target.message;
        message.reply_target_guid = Some(answered.guid.clone());
        message.thread_originator_guid = answered.thread_originator_guid.clone().or_else(|| Some(answered.guid.clone()));
        message.thread_originator_part = answered.thread_originator_part.clone().or_else(|| {
            let length = match bubble {
                Bubble::Text(length) => length,
                Bubble::File => 1,
            };
            Some(format!("{}:0:{length}", reply_to.part.unwrap_or(0)))
        });
        Ok(())
    }

    pub(super) fn edit(&mut self, target: &Target, text: &str, actor: Option<&Address>) -> Result<Reply, Error> {
        let Targeted { kept, actor } = self.own(target, actor, "edited", EDIT_WINDOW_MS)?;
        let bubble = kept.bubble(target.part, "target.targetPartIndex")?;
        let before = &kept.message.content;
        if self.state.polls.get(&target.message).is_some() {
            return Err(not_now("a poll cannot be edited"));
        }
        let (Some(whole), Bubble::Text(length)) = (&before.text, bubble) else {
            return Err(not_now("only a text can be edited, and this is a file"));
        };
        let mut parts = kept.parts.to_vec();
        let text = match parts.get_mut(usize::try_from(target.part.unwrap_or(0)).unwrap_or(usize::MAX)) {
            None => text.to_owned(),
            Some(bubble) => {
                *bubble = Bubble::Text(units(text));
                replaced(whole, kept.offset(target.part), length, text)
            }
        };
        if text == *whole {
            return Ok(answer(kept));
        }
        let content =
            MessageContent { text: Some(text), formatting: Some(Vec::new()), mentions: Some(Vec::new()), ..before.clone() };
        self.change_message(kept, MessageChange::Edited { content: Box::new(content), parts }, actor)
    }

    pub(super) fn unsend(&mut self, target: &Target, actor: Option<&Address>) -> Result<Reply, Error> {
        let Targeted { kept, actor } = self.own(target, actor, "taken back", UNSEND_WINDOW_MS)?;
        kept.bubble(target.part, "target.targetPartIndex")?;
        self.change_message(kept, MessageChange::Unsent, actor)?;
        Ok(Reply::Done)
    }

    pub(super) fn react(
        &mut self,
        target: &Target,
        reaction: &MessageReaction,
        is_set: bool,
        actor: Option<&Address>,
    ) -> Result<Reply, Error> {
        let reaction = checked_reaction(reaction)?;
        let Targeted { kept, actor } = self.targeted(target, actor)?;
        kept.bubble(target.part, "target.targetPartIndex")?;
        let reactions = kept.message.applied_reactions.as_deref().unwrap_or_default();
        let address = actor.as_ref().map(|who| &who.address);
        let present = reactions.iter().find(|other| {
            other.sender.as_ref().map(|who| &who.address) == address
                && other.target_part_index.unwrap_or(0) == target.part.unwrap_or(0)
        });
        let same = present.is_some_and(|present| present.reaction == reaction);
        if same == is_set {
            return Ok(answer(kept));
        }
        let mut changes = Vec::new();
        if let Some(present) = present.filter(|_| same || is_set) {
            changes.push(MessageChange::ReactionRemoved(Box::new(present.clone())));
        }
        if is_set {
            changes.push(MessageChange::ReactionAdded(Box::new(MessageAppliedReaction {
                message_guid: self.id(),
                target_part_index: target.part,
                reaction,
                is_from_me: actor.is_none(),
                sender: actor.clone(),
                date_created: self.time()?,
            })));
        }
        self.change_message_by(kept, changes, actor)
    }

    pub(super) fn read_receipt(&mut self, guid: &str, message: Option<&str>, actor: &Address) -> Result<Reply, Error> {
        let chat = Arc::clone(&self.state.present(guid)?.chat);
        let actor = member(&chat, Some(actor), "actor")?;
        let kept = match message {
            Some(message) => {
                let kept = self.state.kept(message)?;
                if *kept.chat != *guid {
                    return Err(elsewhere("messageGuid", message));
                }
                if !kept.message.is_from_me {
                    return Err(Error::invalid("messageGuid", "a read receipt is for a message of this account")
                        .with_context("value", shown(message)));
                }
                if kept.message.date_retracted.is_some() {
                    return Err(not_now("the message was taken back, so nobody can read it"));
                }
                kept
            }
            None => {
                let own = |kept: &&Kept| kept.message.is_from_me && kept.message.date_retracted.is_none();
                let newest = self.state.messages.of_chat_before(guid, None).map(|(_, kept)| kept).find(own);
                newest.ok_or_else(|| not_now("this account has no message in the chat that could be read"))?
            }
        };
        if kept.message.date_read.is_none() {
            self.change_message(kept, MessageChange::Read, actor)?;
        }
        Ok(Reply::Done)
    }

    /// The message that is meant, in the chat that is meant, where the actor is.
    fn targeted(&self, target: &Target, actor: Option<&Address>) -> Result<Targeted<'a>, Error> {
        let chat = &self.state.present(&target.chat)?.chat;
        let actor = member(chat, actor, "actor")?;
        let kept = self.state.kept(&target.message)?;
        if *kept.chat != *target.chat {
            return Err(elsewhere("target.messageGuid", &target.message));
        }
        if kept.message.date_retracted.is_some() {
            return Err(not_now("the message was taken back").with_context("message", target.message.clone()));
        }
        Ok(Targeted { kept, actor })
    }

    /// The same, where the message is the actor's own and young enough.
    fn own(&self, target: &Target, actor: Option<&Address>, done: &str, window: i64) -> Result<Targeted<'a>, Error> {
        let targeted = self.targeted(target, actor)?;
        let refuse = |message: String| {
            Err(Error::new(ErrorCode::PreconditionFailed, message).with_context("message", target.message.clone()))
        };
        let sender = targeted.kept.message.sender.as_ref().map(|who| &who.address);
        if targeted.kept.message.is_from_me != targeted.actor.is_none()
            || sender != targeted.actor.as_ref().map(|who| &who.address)
        {
            return refuse(format!("a message can be {done} only by who sent it"));
        }
        if self.request.now.saturating_sub(targeted.kept.at) > window {
            return refuse(format!("a message can be {done} within {} minutes after it was sent", window / 60_000));
        }
        Ok(targeted)
    }

    fn change_message(
        &mut self,
        kept: &Kept,
        change: MessageChange,
        actor: Option<SingleServiceAddressInfo>,
    ) -> Result<Reply, Error> {
        self.change_message_by(kept, vec![change], actor)
    }

    /// Writes the changes down and answers with the message as it is after them.
    fn change_message_by(
        &mut self,
        kept: &Kept,
        changes: Vec<MessageChange>,
        actor: Option<SingleServiceAddressInfo>,
    ) -> Result<Reply, Error> {
        let mut message = (*kept.message).clone();
        let mut parts = Arc::clone(&kept.parts);
        for change in changes {
            change.apply(&mut message, &mut parts, Some(self.time()?));
            let sequence = self.next_sequence(1)?;
            self.entries.push(Entry::MessageChanged {
                sequence,
                at: self.request.now,
                chat: kept.chat.to_string(),
                message: kept.message.guid.clone(),
                change,
                actor: actor.clone(),
            });
        }
        Ok(Reply::Message(Box::new(message)))
    }
}

impl Kept {
    /// The bubble that is meant; absent = the first.
    fn bubble(&self, part: Option<i32>, field: &'static str) -> Result<Bubble, Error> {
        let alone = [match &self.message.content.text {
            Some(text) => Bubble::Text(units(text)),
            None => Bubble::File,
        }];
        let bubbles = if self.parts.is_empty() { alone.as_slice() } else { &self.parts };
        let index = part.unwrap_or(0);
        let bubble = usize::try_from(index).ok().and_then(|index| bubbles.get(index)).copied();
        bubble.ok_or_else(|| {
            Error::invalid(field, format!("the message has {} bubbles, counted from 0", bubbles.len()))
                .with_context("value", index.to_string())
        })
    }

    /// Where the text of a bubble begins in the whole text, in UTF-16 units.
    fn offset(&self, part: Option<i32>) -> i32 {
        let before = usize::try_from(part.unwrap_or(0)).unwrap_or(usize::MAX);
        self.parts.iter().take(before).fold(0, |offset, bubble| match bubble {
            // One unit more: the texts of bubbles stand in lines of their own.
            Bubble::Text(length) => offset.saturating_add(*length).saturating_add(1),
            Bubble::File => offset,
        })
    }
}

/// A text in which `length` UTF-16 units from `start` on are replaced.
fn replaced(text: &str, start: i32, length: i32, new: &str) -> String {
    let place = |units: i32| usize::try_from(units).unwrap_or(usize::MAX);
    let units: Vec<u16> = text.encode_utf16().collect();
    let before = units.get(..place(start)).unwrap_or(&units);
    let after = units.get(place(start.saturating_add(length))..).unwrap_or_default();
    [String::from_utf16_lossy(before).as_str(), new, &String::from_utf16_lossy(after)].concat()
}

fn answer(kept: &Kept) -> Reply {
    Reply::Message(Box::new((*kept.message).clone()))
}

fn elsewhere(field: &'static str, message: &str) -> Error {
    Error::invalid(field, "the message is in another chat").with_context("value", shown(message))
}

/// A tapback that people can put on a message.
fn checked_reaction(reaction: &MessageReaction) -> Result<MessageReaction, Error> {
    match reaction.kind {
        MessageReactionKind::Emoji => {
            let emoji = reaction.emoji.as_deref().unwrap_or_default().trim();
            if emojis::get(emoji).is_none() {
                return Err(Error::invalid("reaction.emoji", "exactly one emoji").with_context("value", shown(emoji)));
            }
            Ok(MessageReaction { kind: reaction.kind, emoji: Some(emoji.to_owned()) })
        }
        MessageReactionKind::Sticker => Err(Error::new(ErrorCode::OperationNotSupported, "the emulator has no stickers")),
        MessageReactionKind::Unknown => Err(Error::invalid("reaction.kind", "no such tapback")),
        kind => Ok(MessageReaction { kind, emoji: None }),
    }
}
