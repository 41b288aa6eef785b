//! Messages, groups, polls and attachments over REST: what `im-chats/messages` and the gateway both know.

pub mod routes;
