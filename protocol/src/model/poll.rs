//! Polls and their changes.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::{EventContext, SingleServiceAddressInfo};

/// One option of a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PollOption {
    /// The text that voters see.
    pub text: String,
    /// Apple's identifier of the option; votes name it.
    pub option_identifier: String,
    /// Address of the person who added the option; absent = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub creator_handle: Option<String>,
}

/// The poll was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PollCreated {
    /// The question of the poll; empty when it has none.
    pub title: String,
    /// The options that it began with.
    pub options: Vec<PollOption>,
}

/// The poll got another option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PollOptionAdded {
    /// The question of the poll; empty when it has none.
    pub title: String,
    /// All its options, the new one included.
    pub options: Vec<PollOption>,
}

/// Someone voted; the event's `actor` is who.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PollVoted {
    /// `optionIdentifier` of the option that got the vote.
    pub option_identifier: String,
}

/// Someone took a vote back; the event's `actor` is who.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PollUnvoted {
    /// `optionIdentifier` of the option that lost the vote.
    pub option_identifier: String,
}

tagged_union! {
    /// What changed about a poll; `type` tells which. The event's `actor` is who did it.
    pub enum PollChangeDelta {
        /// The poll was sent.
        Created(PollCreated) = "created",
        /// It got another option.
        OptionAdded(PollOptionAdded) = "optionAdded",
        /// Someone voted.
        Voted(PollVoted) = "voted",
        /// Someone took a vote back.
        Unvoted(PollUnvoted) = "unvoted",
    }
}

/// How a poll changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PollChanged {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
    /// The `guid` of the message that carries the poll.
    pub poll_message_guid: String,
    /// The change itself, by its `type`.
    pub delta: PollChangeDelta,
}

tagged_union! {
    /// A change of a poll: its `delta` tells which.
    pub enum PollEvent {
        /// The poll changed.
        Changed(PollChanged) = "poll.changed",
    }
}

/// Who chose which option of a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PollVote {
    /// The option's identifier.
    pub option_identifier: String,
    /// The voter.
    pub participant: SingleServiceAddressInfo,
}

/// A poll as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct Poll {
    /// The GUID of the message that carries the poll: what every call on it takes.
    pub poll_message_guid: String,
    /// The chat that has it.
    pub chat_guid: String,
    /// Its question.
    pub title: String,
    /// Its options, in the order in which they were added.
    pub options: Vec<PollOption>,
    /// The votes, at most one of each participant.
    pub votes: Vec<PollVote>,
}
