//! Changes of a group: its name, its participants, its icon.

use alloc::string::String;
use serde::{Deserialize, Serialize};

use super::{EventContext, SingleServiceAddressInfo};

/// The group got another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct GroupDisplayNameChanged {
    /// The new name; empty when the group has none any more.
    pub display_name: String,
}

/// Someone was added to the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct GroupParticipantAdded {
    /// The person who was added.
    pub participant: SingleServiceAddressInfo,
}

/// Someone was removed from the group by somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct GroupParticipantRemoved {
    /// The person who was removed.
    pub participant: SingleServiceAddressInfo,
}

/// Someone left the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct GroupParticipantLeft {
    /// The person who left.
    pub participant: SingleServiceAddressInfo,
}

/// The group's icon was set or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct GroupIconChanged {}

/// The group's icon was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub struct GroupIconRemoved {}

tagged_union! {
    /// What changed about a group; `type` tells which.
    pub enum GroupChange {
        /// It got another name.
        DisplayNameChanged(GroupDisplayNameChanged) = "displayNameChanged",
        /// Someone was added.
        ParticipantAdded(GroupParticipantAdded) = "participantAdded",
        /// Someone was removed by somebody else.
        ParticipantRemoved(GroupParticipantRemoved) = "participantRemoved",
        /// Someone left.
        ParticipantLeft(GroupParticipantLeft) = "participantLeft",
        /// The icon was set or replaced.
        IconChanged(GroupIconChanged) = "iconChanged",
        /// The icon was removed.
        IconRemoved(GroupIconRemoved) = "iconRemoved",
    }
}

/// How a group changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct GroupChanged {
    /// Chat, sequence, time.
    #[serde(flatten)]
    pub context: EventContext,
    /// The change itself, by its `type`.
    pub change: GroupChange,
}

tagged_union! {
    /// A change of a group: its `change` tells which.
    pub enum GroupEvent {
        /// The group changed.
        Changed(GroupChanged) = "group.changed",
    }
}
