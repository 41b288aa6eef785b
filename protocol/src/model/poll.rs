//! Polls and their changes.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use super::EventContext;

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

/// What changed about a poll; `type` tells which. The event's `actor` is who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum PollChangeDelta {
    /// The poll was sent.
    Created {
        /// The question of the poll; empty when it has none.
        title: String,
        /// The options that it began with.
        options: Vec<PollOption>,
    },
    /// It got another option.
    OptionAdded {
        /// The question of the poll; empty when it has none.
        title: String,
        /// All its options, the new one included.
        options: Vec<PollOption>,
    },
    /// Someone voted.
    Voted {
        /// `optionIdentifier` of the option that got the vote.
        option_identifier: String,
    },
    /// Someone took a vote back.
    Unvoted {
        /// `optionIdentifier` of the option that lost the vote.
        option_identifier: String,
    },
}

/// A change of a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(tag = "type")]
pub enum PollEvent {
    /// The poll changed.
    #[serde(rename = "poll.changed")]
    Changed(PollChanged),
}

/// How a poll changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct PollChanged {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
    /// The message that carries the poll.
    pub poll_message_guid: String,
    /// The change itself, by its `type`.
    pub delta: PollChangeDelta,
}
