//! Changes of a group: its name, its participants, its icon.

use alloc::string::String;
use serde::{Deserialize, Serialize};

use super::{EventContext, SingleServiceAddressInfo};

/// What changed about a group; `type` tells which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum GroupChange {
    /// It got another name.
    DisplayNameChanged {
        /// The new name; empty when the group has none any more.
        display_name: String,
    },
    /// Someone was added.
    ParticipantAdded {
        /// The person who was added.
        participant: SingleServiceAddressInfo,
    },
    /// Someone was removed by somebody else.
    ParticipantRemoved {
        /// The person who was removed.
        participant: SingleServiceAddressInfo,
    },
    /// Someone left.
    ParticipantLeft {
        /// The person who left.
        participant: SingleServiceAddressInfo,
    },
    /// The icon was set or replaced.
    IconChanged,
    /// The icon was removed.
    IconRemoved,
}

/// A change of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(tag = "type")]
pub enum GroupEvent {
    /// The group changed.
    #[serde(rename = "group.changed")]
    Changed(GroupChanged),
}

/// How a group changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct GroupChanged {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
    /// The change itself, by its `type`.
    pub change: GroupChange,
}
