//! Whose account it is.

use im_chats_protocol::model::{ChatServiceType, SingleServiceAddressInfo};

/// The address of the account that the emulator plays. Nobody else has it: a chat with it cannot be made.
pub const ACCOUNT: &str = "me@example.com";

/// The account as a chat's participants are told of: who votes, and who leaves a group.
#[must_use]
pub fn account() -> SingleServiceAddressInfo {
    SingleServiceAddressInfo { address: ACCOUNT.to_owned(), service: ChatServiceType::IMessage, country: None }
}
