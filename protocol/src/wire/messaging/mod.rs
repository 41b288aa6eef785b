//! Messages, groups, polls and attachments over REST: what `im-chats/messages` and the gateway both know.

mod checks;
pub mod groups;
pub mod request;
#[cfg(test)]
mod request_tests;
pub mod response;
#[cfg(test)]
mod response_tests;
pub mod routes;
pub mod upload;
