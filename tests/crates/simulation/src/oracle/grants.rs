//! Checks what the server does about tokens: a subscription shows what the token of its beginning allows, and ends with the first
//! token that allows less; a session ends with the right words, and no other does.

use im_chats_protocol::error::ErrorCode;
use im_chats_protocol::server::ServerInput;
use im_chats_protocol::wire::close;
use serde_json::Value;

use super::code_named;
use crate::tokens::Token;
use crate::world::World;

impl World<'_> {
    /// What the server sends, before anything happens to it.
    pub fn check_server_frame(&mut self, index: usize, frame: &Value) {
        let log = &self.logs[self.logs.len() - 1];
        let connection = &mut self.connections[index];
        let (kind, code) = (frame["type"].as_str().unwrap_or_default(), frame["code"].as_str().and_then(code_named));
        if kind == "error" && frame["id"].is_null() {
            connection.refused = code;
        }
        let Some(rights) = connection.token.map(|token| token.rights) else { return };
        let Some(ledger) = connection.ledgers.get_mut(&frame["id"].to_string()) else { return };
        let Some(filter) = ledger.filter else { return };
        let allowed = match ledger.chats.filter(|_| ledger.open) {
            Some(before) => rights.still_allow(filter, before),
            None => rights.allow(filter),
        };
        let wrong = match kind {
            "subscribed" => {
                (ledger.open, ledger.chats) = (true, Some(rights.chats));
                (!allowed).then_some("was opened although the token does not allow it")
            }
            "events" => {
                let sequences = frame["events"].as_array().into_iter().flatten().filter_map(|event| event["sequence"].as_u64());
                let mut events = sequences.filter_map(|sequence| log.after(sequence - 1).first());
                let chats = ledger.chats.unwrap_or(0);
                events.any(|event| !filter.admits(event, chats)).then_some("shows an event that it must not show")
            }
            "error" | "complete" => {
                ledger.open = false;
                (code == Some(ErrorCode::Unauthorized) && allowed).then_some("is refused although the token allows it")
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.fail(format!("subscription {} {wrong}: {filter:?}, {rights:?}", frame["id"]));
        }
    }

    /// The server's session is told about its token, and must do what `sentence` says: go by the token, or end with the code.
    pub fn sentenced(&mut self, index: usize, sentence: Result<Token, ErrorCode>, input: ServerInput<'_>) {
        let now = self.now;
        let connection = &mut self.connections[index];
        // What is due by the clock goes first, and may end the session for another reason.
        let due = connection.session.as_ref().and_then(|session| session.next_deadline()).is_some_and(|due| due <= now);
        if let Ok(token) = sentence {
            connection.token = Some(token);
        }
        self.server_input(index, input);
        let connection = &self.connections[index];
        let wrong = match sentence {
            _ if due => false,
            Ok(_) => matches!(connection.closed, Some(close::UNAUTHENTICATED | close::FORBIDDEN)),
            Err(code) => (connection.closed, connection.refused) != (Some(close_code(code)), Some(code)),
        };
        let rights = sentence.ok().map(|token| token.rights).filter(|_| connection.session.is_some());
        let missed = connection.ledgers.iter().find(|(_, ledger)| {
            let opened = rights.zip(ledger.filter).zip(ledger.chats).filter(|_| ledger.open);
            opened.is_some_and(|((rights, filter), before)| !rights.still_allow(filter, before))
        });
        let missed = missed.map(|(id, _)| id.clone());
        if wrong {
            let ended = (connection.closed, connection.refused);
            self.fail(format!("a session ended with {ended:?} where its token came to {sentence:?}"));
        } else if let Some(id) = missed {
            self.fail(format!("subscription {id} goes on although the fresh token does not allow it"));
        }
    }
}

/// The documented close code.
const fn close_code(code: ErrorCode) -> u16 {
    match code {
        ErrorCode::ServiceUnavailable => close::TRY_AGAIN_LATER,
        ErrorCode::Unauthorized | ErrorCode::TokenBlocked => close::FORBIDDEN,
        _ => close::UNAUTHENTICATED,
    }
}
