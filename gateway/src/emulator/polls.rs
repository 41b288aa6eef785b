//! The calls about polls.

use im_chats_emulator::{Command, Reply, Write};
use im_chats_protocol::error::Error;

use super::{Beside, Emulator, draft, input};
use crate::service::context::CallContext;
use crate::service::proto::{
    AddPollOptionRequest, CreatePollRequest, GetPollRequest, PollResponse, UnvotePollRequest, VotePollRequest,
};

impl Emulator {
    pub(super) async fn send_poll(&self, call: &CallContext, request: &CreatePollRequest) -> Result<PollResponse, Error> {
        let write = input::write("CreatePoll", call, request.client_message_id.as_deref(), request)?;
        let command = draft::create_poll(&request.chat_guid, &request.title, &request.options, None)?;
        self.change_poll(command, write).await
    }

    pub(super) async fn vote(&self, call: &CallContext, request: &VotePollRequest) -> Result<PollResponse, Error> {
        let write = input::write("VotePoll", call, request.client_message_id.as_deref(), request)?;
        self.change_poll(draft::vote(&request.poll_message_guid, &request.option_identifier, None)?, write).await
    }

    pub(super) async fn unvote(&self, call: &CallContext, request: &UnvotePollRequest) -> Result<PollResponse, Error> {
        let write = input::write("UnvotePoll", call, request.client_message_id.as_deref(), request)?;
        self.change_poll(draft::unvote(&request.poll_message_guid, None)?, write).await
    }

    pub(super) async fn add_option(&self, call: &CallContext, request: &AddPollOptionRequest) -> Result<PollResponse, Error> {
        let write = input::write("AddPollOption", call, request.client_message_id.as_deref(), request)?;
        self.change_poll(draft::add_option(&request.poll_message_guid, &request.option_text, None)?, write).await
    }

    pub(super) fn poll(&self, request: &GetPollRequest) -> Result<PollResponse, Error> {
        let guid = input::name(&request.poll_message_guid, "pollMessageGuid")?;
        let poll = self.0.view.read().poll(&guid)?;
        Ok(PollResponse { poll: Some((&poll).into()) })
    }

    async fn change_poll(&self, command: Command, write: Option<Write>) -> Result<PollResponse, Error> {
        match self.execute(command, write, Beside::default()).await?.answer {
            Reply::Poll(poll) => Ok(PollResponse { poll: Some(poll.as_ref().into()) }),
            _ => Err(draft::unexpected()),
        }
    }
}
