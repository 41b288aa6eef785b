//! The REST routes of messages, groups, polls, attachments, addresses and locations, in one table for both ends.
//!
//! The bodies and queries are the proto3-JSON of the gRPC requests, so the table holds no fields: the gateway describes them from the
//! compiled protos. A name in braces is a part of the path that a request fills in.

use crate::grant::Scope;
use crate::wire::routes::Method;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagingDefinition {
    /// How it is called.
    pub method: Method,
    /// The path below the service's address.
    pub path: &'static str,
    /// The gRPC method's name, beginning with a small letter: the `operationId` of the OpenAPI document.
    pub operation: &'static str,
    /// What a token must allow.
    pub scope: Scope,
}

macro_rules! messaging_routes {
    ($($(#[$doc:meta])* $route:ident: $method:ident $path:literal, $operation:literal, $scope:ident;)*) => {
        /// One of the calls about messages, groups, polls, attachments, addresses and locations.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum MessagingRoute {
            $($(#[$doc])* $route,)*
        }

        impl MessagingRoute {
            /// Every route.
            pub const ALL: &'static [Self] = &[$(Self::$route,)*];

            /// Its row of the table. Inlined, so that the wasm keeps only the columns that it reads.
            #[inline(always)]
            #[must_use]
            pub const fn definition(self) -> MessagingDefinition {
                match self {
                    $(Self::$route => MessagingDefinition {
                        method: Method::$method,
                        path: $path,
                        operation: $operation,
                        scope: Scope::$scope,
                    },)*
                }
            }
        }
    };
}

messaging_routes! {
    /// Sends a text.
    SendTextMessage: Post "/v1/messages:sendText", "sendTextMessage", MessagesWrite;
    /// Sends an attachment that was uploaded before.
    SendAttachmentMessage: Post "/v1/messages:sendAttachment", "sendAttachmentMessage", MessagesWrite;
    /// Sends texts and attachments as one message.
    SendMultipartMessage: Post "/v1/messages:sendMultipart", "sendMultipartMessage", MessagesWrite;
    /// Sends the card of a mini app.
    SendCustomizedMiniAppMessage: Post "/v1/messages:sendCustomizedMiniApp", "sendCustomizedMiniAppMessage", MessagesWrite;
    /// Changes the card of a mini app.
    UpdateCustomizedMiniAppMessage: Post "/v1/messages:updateCustomizedMiniApp", "updateCustomizedMiniAppMessage", MessagesWrite;
    /// Changes the text of a message.
    EditMessage: Post "/v1/messages:edit", "editMessage", MessagesWrite;
    /// Takes a message back.
    UnsendMessage: Post "/v1/messages:unsend", "unsendMessage", MessagesWrite;
    /// Adds or removes a reaction.
    SetReaction: Post "/v1/messages:setReaction", "setReaction", MessagesWrite;
    /// Places a sticker on a message.
    PlaceSticker: Post "/v1/messages:placeSticker", "placeSticker", MessagesWrite;
    /// Notifies a person who has silenced notifications.
    NotifySilencedMessage: Post "/v1/messages:notifySilenced", "notifySilencedMessage", MessagesWrite;
    /// Fetches a message.
    GetMessage: Get "/v1/messages/{messageGuid}", "getMessage", MessagesRead;
    /// Lists the newest messages of all chats.
    ListRecentMessages: Get "/v1/messages:listRecent", "listRecentMessages", MessagesRead;
    /// Lists the messages of a chat.
    ListChatMessages: Get "/v1/messages:listByChat", "listChatMessages", MessagesRead;
    /// Fetches the media that is embedded in a message.
    GetEmbeddedMedia: Get "/v1/messages:embeddedMedia", "getEmbeddedMedia", MessagesRead;
    /// Names a group.
    SetDisplayName: Post "/v1/groups:setDisplayName", "setDisplayName", GroupsWrite;
    /// Adds people to a group.
    AddParticipants: Post "/v1/groups:addParticipants", "addParticipants", GroupsWrite;
    /// Removes people from a group.
    RemoveParticipants: Post "/v1/groups:removeParticipants", "removeParticipants", GroupsWrite;
    /// Leaves a group.
    LeaveGroup: Post "/v1/groups:leave", "leaveGroup", GroupsWrite;
    /// Sets a group's icon.
    SetIcon: Post "/v1/groups:setIcon", "setIcon", GroupsWrite;
    /// Removes a group's icon.
    RemoveIcon: Post "/v1/groups:removeIcon", "removeIcon", GroupsWrite;
    /// Fetches a group's icon.
    GetIcon: Get "/v1/groups:icon", "getIcon", ChatsRead;
    /// Creates a poll.
    CreatePoll: Post "/v1/polls", "createPoll", MessagesWrite;
    /// Votes in a poll.
    VotePoll: Post "/v1/polls:vote", "votePoll", MessagesWrite;
    /// Takes the vote in a poll back.
    UnvotePoll: Post "/v1/polls:unvote", "unvotePoll", MessagesWrite;
    /// Adds an option to a poll.
    AddPollOption: Post "/v1/polls:addOption", "addPollOption", MessagesWrite;
    /// Fetches a poll.
    GetPoll: Get "/v1/polls/{pollMessageGuid}", "getPoll", MessagesRead;
    /// Uploads a file. The body is the file itself, or a form with the file and its companion.
    UploadAttachment: Post "/v1/attachments:upload", "uploadAttachment", MessagesWrite;
    /// Describes an attachment.
    GetAttachmentInfo: Get "/v1/attachments/{attachmentGuid}", "getAttachmentInfo", MessagesRead;
    /// Downloads an attachment's bytes.
    DownloadAttachment: Get "/v1/attachments/{attachmentGuid}/data", "downloadAttachment", MessagesRead;
    /// Downloads the bytes of an attachment's companion.
    DownloadCompanion: Get "/v1/attachments/{attachmentGuid}/companion", "downloadCompanion", MessagesRead;
    /// Tells which transports an address has.
    GetAddressInfo: Get "/v1/addresses:info", "getAddressInfo", ChatsRead;
    /// Tells whether a person has silenced notifications.
    GetFocusStatus: Get "/v1/addresses:focusStatus", "getFocusStatus", ChatsRead;
    /// Tells whether an address can be reached over iMessage.
    GetIMessageAvailability: Get "/v1/addresses:imessageAvailability", "getIMessageAvailability", ChatsRead;
    /// Lists the places of the friends who share theirs.
    ListSharedFriendLocations: Get "/v1/locations:sharedFriends", "listSharedFriendLocations", MessagesRead;
    /// Tells the place of one friend.
    GetSharedFriendLocation: Get "/v1/locations:sharedFriend", "getSharedFriendLocation", MessagesRead;
    /// Asks a friend to share a place.
    RequestFriendLocationSharing: Post "/v1/locations:requestSharing", "requestFriendLocationSharing", MessagesWrite;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::routes::Route;

    #[test]
    fn no_two_routes_share_a_path_or_an_operation() {
        let mut taken: Vec<_> =
            Route::ALL.iter().map(|route| (route.definition().path, route.definition().operation)).collect();
        for definition in MessagingRoute::ALL.iter().map(|route| route.definition()) {
            assert!(!taken.iter().any(|(path, operation)| *path == definition.path || *operation == definition.operation));
            taken.push((definition.path, definition.operation));
        }
    }
}
