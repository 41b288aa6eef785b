//! Clients of the services of messages, groups, polls and attachments.

use im_chats_gateway::service::proto::attachment_service_client::AttachmentServiceClient;
use im_chats_gateway::service::proto::group_service_client::GroupServiceClient;
use im_chats_gateway::service::proto::message_service_client::MessageServiceClient;
use im_chats_gateway::service::proto::poll_service_client::PollServiceClient;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use super::grpc::{Token, channel, token};
use super::server::Server;

type Client = InterceptedService<Channel, Token>;

/// All of them, over one connection.
pub struct Clients {
    pub messages: MessageServiceClient<Client>,
    pub groups: GroupServiceClient<Client>,
    pub polls: PollServiceClient<Client>,
    pub files: AttachmentServiceClient<Client>,
}

impl Clients {
    pub async fn of(server: &Server) -> Self {
        let client = InterceptedService::new(channel(server).await, token as Token);
        let most = 256 * 1024 * 1024;
        Self {
            messages: MessageServiceClient::new(client.clone()),
            groups: GroupServiceClient::new(client.clone()).max_decoding_message_size(most),
            polls: PollServiceClient::new(client.clone()),
            files: AttachmentServiceClient::new(client).max_encoding_message_size(most),
        }
    }
}
