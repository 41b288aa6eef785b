//! The server's judgement of tokens, and their withdrawal.

use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::Grant;
use im_chats_protocol::server::ServerInput;

use crate::bugs::Bug;
use crate::state::connection::Connection;
use crate::tokens::Token;
use crate::world::{Event, World};

impl World<'_> {
    fn judge(&self, text: &str) -> Result<Token, ErrorCode> {
        if self.now < self.server.no_keys_until {
            return Err(ErrorCode::ServiceUnavailable);
        }
        let refused = if text == "forbidden" { ErrorCode::Unauthorized } else { ErrorCode::Unauthenticated };
        let token = Token::read(text).ok_or(refused)?;
        self.withdrawn(token).map_or(Ok(()), Err)?;
        if token.ends == 0 || token.ends > self.now { Ok(token) } else { Err(ErrorCode::TokenExpired) }
    }

    /// Why a token that was good is good no longer, its time apart.
    fn withdrawn(&self, token: Token) -> Option<ErrorCode> {
        if token.issued < self.server.blocked_before[usize::from(token.rights.subject)] {
            return Some(ErrorCode::TokenBlocked);
        }
        (token.issued < self.server.revoked_before).then_some(ErrorCode::Unauthenticated)
    }

    /// What the server's session must do with a token: end with a code, or go by it.
    fn sentence(&self, connection: &Connection, text: &str) -> Result<Token, ErrorCode> {
        let token = self.judge(text)?;
        let is_another = connection.token.is_some_and(|before| before.rights.subject != token.rights.subject);
        if token.rights.topic.is_none() || is_another { Err(ErrorCode::Unauthorized) } else { Ok(token) }
    }

    /// The grant that a judgement comes to.
    fn grant(&self, connection: &Connection, text: &str) -> Result<Grant, Error> {
        let mut token = self.judge(text).map_err(|code| Error::new(code, "the token is refused"))?;
        match (self.bug, connection.token.map(|before| before.rights)) {
            (Some(Bug::KeepOldGrant), Some(before)) => {
                (token.rights.topic, token.rights.chats) = (before.topic, before.chats);
            }
            (Some(Bug::AnySubject), Some(before)) => token.rights.subject = before.subject,
            _ => {}
        }
        Ok(token.rights.grant((token.ends > 0).then(|| token.ends.saturating_sub(self.now))))
    }

    pub fn verdict(&mut self, index: usize, token: &str) {
        let connection = &self.connections[index];
        if connection.session.is_some() {
            let (sentence, grant) = (self.sentence(connection, token), self.grant(connection, token));
            self.sentenced(index, sentence, ServerInput::Verified(grant));
        }
    }

    /// Tokens were withdrawn: perhaps this session's is one of them.
    pub fn recheck(&mut self, index: usize) {
        let connection = &self.connections[index];
        let Some(code) = connection.token.and_then(|token| self.withdrawn(token)) else { return };
        if connection.session.is_some() {
            let revoked = ServerInput::Revoked(Error::new(code, "the token was withdrawn"));
            let input = if self.bug == Some(Bug::IgnoreRevocation) { ServerInput::Tick } else { revoked };
            self.sentenced(index, Err(code), input);
        }
    }

    /// Withdraws all tokens there are, or those of one subject; the sockets that are open hear of it, too.
    pub fn revoke(&mut self, subject: Option<u8>) {
        match subject {
            Some(subject) => self.server.blocked_before[usize::from(subject)] = self.now,
            None => self.server.revoked_before = self.now,
        }
        for index in 0..self.connections.len() {
            if self.connections[index].session.is_some() {
                let delay = self.rng.u64(0..2_000);
                self.after(delay, Event::Recheck { connection: index });
            }
        }
    }
}
