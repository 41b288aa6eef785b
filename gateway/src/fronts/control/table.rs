//! The routes of the control plane, in one table for the router and the OpenAPI document.

use axum::extract::State;
use axum::routing::{MethodFilter, MethodRouter, on};
use im_chats_protocol::wire::routes::Method;

use super::handlers::{Control, archived, background, generate, list, mark_read, remove_background, set_background, typing};
use super::openapi::{chat_query, page_query};
use super::{files, groups, messages, polls};
use crate::http::openapi::Parameter;

/// One route of the control plane, and what the OpenAPI document says of it.
pub(super) struct ControlRoute {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// The `operationId`.
    pub(super) operation: &'static str,
    /// What it does, in one sentence.
    pub(super) summary: &'static str,
    pub(super) query: fn() -> Vec<Parameter>,
    /// The name of the body's schema, for a write.
    pub(super) body: Option<&'static str>,
    /// The name of the response's schema; none for an image.
    pub(super) response: Option<&'static str>,
    /// Whether the body carries an image, which may be large.
    pub(super) takes_image: bool,
    /// The handler, for its method.
    pub(super) handler: fn(MethodFilter) -> MethodRouter<Control>,
}

/// A write; the body's schema has this name.
const fn act(
    path: &'static str,
    operation: &'static str,
    summary: &'static str,
    body: &'static str,
    handler: fn(MethodFilter) -> MethodRouter<Control>,
) -> ControlRoute {
    ControlRoute {
        method: Method::Post,
        path,
        operation,
        summary,
        query: Vec::new,
        body: Some(body),
        response: Some("Written"),
        takes_image: false,
        handler,
    }
}

/// As [`act`]; the answer's schema has a name of its own.
const fn about(
    path: &'static str,
    operation: &'static str,
    summary: &'static str,
    body: &'static str,
    response: &'static str,
    handler: fn(MethodFilter) -> MethodRouter<Control>,
) -> ControlRoute {
    ControlRoute { response: Some(response), ..act(path, operation, summary, body, handler) }
}

/// A read.
const fn read(
    path: &'static str,
    operation: &'static str,
    summary: &'static str,
    query: fn() -> Vec<Parameter>,
    response: Option<&'static str>,
    handler: fn(MethodFilter) -> MethodRouter<Control>,
) -> ControlRoute {
    ControlRoute { method: Method::Get, path, operation, summary, query, body: None, response, takes_image: false, handler }
}

/// Every route of the control plane.
pub(super) static ROUTES: [ControlRoute; 22] = [
    read(
        "/emulator/v1/chats",
        "emulatorListChats",
        "All chats, page by page, in the order of their GUIDs. Emulator only.",
        page_query,
        Some("ChatPage"),
        |method| on(method, list),
    ),
    read(
        "/emulator/v1/chats:background",
        "emulatorGetBackground",
        "The background's bytes. Emulator only.",
        chat_query,
        None,
        |method| on(method, background),
    ),
    act(
        "/emulator/v1/chats:archive",
        "emulatorArchive",
        "Put a chat into the archive. Emulator only.",
        "ActRequest",
        |method| on(method, |State(emulator), request| archived(emulator, request, true)),
    ),
    act(
        "/emulator/v1/chats:unarchive",
        "emulatorUnarchive",
        "Take a chat out of the archive. Emulator only.",
        "ActRequest",
        |method| on(method, |State(emulator), request| archived(emulator, request, false)),
    ),
    ControlRoute {
        takes_image: true,
        ..act(
            "/emulator/v1/chats:setBackground",
            "emulatorSetBackground",
            "Set a background as somebody else. Emulator only.",
            "ActSetBackgroundRequest",
            |method| on(method, set_background),
        )
    },
    act(
        "/emulator/v1/chats:removeBackground",
        "emulatorRemoveBackground",
        "Remove a background as somebody else. Emulator only.",
        "ActRequest",
        |method| on(method, remove_background),
    ),
    act(
        "/emulator/v1/chats:markRead",
        "emulatorMarkRead",
        "Mark a chat read on another device. Emulator only.",
        "ActRequest",
        |method| on(method, mark_read),
    ),
    act(
        "/emulator/v1/chats:typing",
        "emulatorTyping",
        "Show that somebody is typing, or no more. The list of chats tells. Emulator only.",
        "ActTypingRequest",
        |method| on(method, typing),
    ),
    about(
        "/emulator/v1/messages:receive",
        "emulatorReceive",
        "Let a message come in. Emulator only.",
        "ReceiveRequest",
        "WrittenMessage",
        |method| on(method, messages::receive),
    ),
    ControlRoute {
        takes_image: true,
        ..about(
            "/emulator/v1/messages:receiveAttachment",
            "emulatorReceiveAttachment",
            "Let a file come in. A body that is not JSON is the file itself, and the rest stands in the query. Emulator only.",
            "ReceiveAttachmentRequest",
            "WrittenMessage",
            |method| on(method, files::receive),
        )
    },
    about(
        "/emulator/v1/messages:edit",
        "emulatorEdit",
        "Let somebody edit a message of their own. Emulator only.",
        "ActEditRequest",
        "WrittenMessage",
        |method| on(method, messages::edit),
    ),
    act(
        "/emulator/v1/messages:unsend",
        "emulatorUnsend",
        "Let somebody take a message of their own back. Emulator only.",
        "ActOnMessageRequest",
        |method| on(method, messages::unsend),
    ),
    about(
        "/emulator/v1/messages:react",
        "emulatorReact",
        "Let somebody put a tapback on a message, or take it away. Emulator only.",
        "ActReactRequest",
        "WrittenMessage",
        |method| on(method, messages::react),
    ),
    act(
        "/emulator/v1/messages:read",
        "emulatorRead",
        "Let somebody read a message of this account, and those before it. Emulator only.",
        "ActReadRequest",
        |method| on(method, messages::read),
    ),
    about(
        "/emulator/v1/groups:join",
        "emulatorJoin",
        "Let somebody bring a person into a group; the account too, when it left. Emulator only.",
        "ActJoinRequest",
        "WrittenChat",
        |method| on(method, groups::join),
    ),
    act("/emulator/v1/groups:leave", "emulatorLeave", "Let somebody leave a group. Emulator only.", "ActRequest", |method| {
        on(method, groups::leave)
    }),
    about(
        "/emulator/v1/groups:rename",
        "emulatorRename",
        "Let somebody name a group. Emulator only.",
        "ActRenameRequest",
        "WrittenChat",
        |method| on(method, groups::rename),
    ),
    about(
        "/emulator/v1/polls:create",
        "emulatorCreatePoll",
        "Let somebody send a poll. Emulator only.",
        "ActCreatePollRequest",
        "WrittenPoll",
        |method| on(method, polls::create),
    ),
    about(
        "/emulator/v1/polls:vote",
        "emulatorVote",
        "Let somebody vote in a poll. Emulator only.",
        "ActVoteRequest",
        "WrittenPoll",
        |method| on(method, polls::vote),
    ),
    about(
        "/emulator/v1/polls:unvote",
        "emulatorUnvote",
        "Let somebody take a vote back. Emulator only.",
        "ActOnPollRequest",
        "WrittenPoll",
        |method| on(method, polls::unvote),
    ),
    about(
        "/emulator/v1/polls:addOption",
        "emulatorAddPollOption",
        "Let somebody add an option to a poll. Emulator only.",
        "ActAddOptionRequest",
        "WrittenPoll",
        |method| on(method, polls::add_option),
    ),
    ControlRoute {
        response: Some("Generated"),
        ..act(
            "/emulator/v1/events:generate",
            "emulatorGenerate",
            "Append many chat events, for load tests. Emulator only.",
            "GenerateRequest",
            |method| on(method, generate),
        )
    },
];
