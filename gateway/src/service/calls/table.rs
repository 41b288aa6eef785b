//! The calls about messages, groups, polls, attachments, addresses and locations, in one table. What speaks them, serves them, checks
//! them or passes them on is made from it, so that a call stands in one place.

/// Hands the table to another macro: `messaging_calls!(name)` expands to `name! { the table }`.
///
/// ```text
/// Service in generated_module {
///     kind Method method_name(Request) -> Answer at place;
/// } streams {
///     Method method_name(Request) -> Answer as StreamType;
/// }
/// ```
///
/// `kind` says what a repetition does:
/// - `reads`: it changes nothing.
/// - `sets`: doing it twice is the same as doing it once. The body may carry an idempotency key.
/// - `does`: doing it twice does it twice, unless a key tells that it is the same. The body may carry one.
/// - `uploads`: as `does`, but only the metadata carries a key.
///
/// `place` says how a call names the chat that it is about, for a token that is limited to chats:
/// - `chat`: the field `chat_guid`.
/// - `target`, `session`: the field of this name, which names a chat and a message in it.
/// - `message`: the fields `chat_guid` and `message_guid`.
/// - `poll`: the field `poll_message_guid`; the poll is looked up first.
/// - `found_message`, `found_poll`: the answer names it.
/// - `account`: it is about the whole account.
/// - `anywhere`: it is about no chat yet.
macro_rules! messaging_calls {
    ($then:ident) => {
        $then! {
            MessageService in message_service_server {
                /// Sends a text.
                does SendTextMessage send_text_message(SendTextMessageRequest) -> MessageResponse at chat;
                /// Sends an attachment that was uploaded before.
                does SendAttachmentMessage send_attachment_message(SendAttachmentMessageRequest) -> MessageResponse at chat;
                /// Sends texts and attachments as one message.
                does SendMultipartMessage send_multipart_message(SendMultipartMessageRequest) -> MessageResponse at chat;
                /// Sends the card of a mini app.
                does SendCustomizedMiniAppMessage
                    send_customized_mini_app_message(SendCustomizedMiniAppMessageRequest) -> MessageResponse at chat;
                /// Changes the card of a mini app.
                does UpdateCustomizedMiniAppMessage
                    update_customized_mini_app_message(UpdateCustomizedMiniAppMessageRequest) -> MessageResponse at session;
                /// Changes the text of a message.
                does EditMessage edit_message(EditMessageRequest) -> MessageResponse at target;
                /// Takes a message back.
                does UnsendMessage unsend_message(UnsendMessageRequest) -> Empty at target;
                /// Adds or removes a reaction.
                sets SetReaction set_reaction(SetReactionRequest) -> MessageResponse at target;
                /// Places a sticker on a message.
                does PlaceSticker place_sticker(PlaceStickerRequest) -> MessageResponse at target;
                /// Notifies a person who has silenced notifications.
                does NotifySilencedMessage notify_silenced_message(NotifySilencedMessageRequest) -> Empty at message;
                /// One message.
                reads GetMessage get_message(GetMessageRequest) -> GetMessageResponse at found_message;
                /// The newest messages of all chats.
                reads ListRecentMessages
                    list_recent_messages(ListRecentMessagesRequest) -> ListRecentMessagesResponse at account;
                /// The messages of a chat.
                reads ListChatMessages list_chat_messages(ListChatMessagesRequest) -> ListChatMessagesResponse at chat;
                /// The media that is embedded in a message.
                reads GetEmbeddedMedia get_embedded_media(GetEmbeddedMediaRequest) -> GetEmbeddedMediaResponse at message;
            } streams {
                SubscribeMessageEvents subscribe_message_events(SubscribeMessageEventsRequest) -> SubscribeMessageEventsResponse
                    as SubscribeMessageEventsStream;
            }
            GroupService in group_service_server {
                /// Names a group.
                sets SetDisplayName set_display_name(SetDisplayNameRequest) -> SetDisplayNameResponse at chat;
                /// Adds people to a group.
                does AddParticipants add_participants(AddParticipantsRequest) -> AddParticipantsResponse at chat;
                /// Removes people from a group.
                does RemoveParticipants remove_participants(RemoveParticipantsRequest) -> RemoveParticipantsResponse at chat;
                /// Leaves a group.
                does LeaveGroup leave_group(LeaveGroupRequest) -> Empty at chat;
                /// Sets a group's icon.
                does SetIcon set_icon(SetIconRequest) -> Empty at chat;
                /// Removes a group's icon.
                sets RemoveIcon remove_icon(RemoveIconRequest) -> Empty at chat;
                /// A group's icon.
                reads GetIcon get_icon(GetIconRequest) -> GetIconResponse at chat;
            } streams {
                SubscribeGroupEvents subscribe_group_events(SubscribeGroupEventsRequest) -> SubscribeGroupEventsResponse
                    as SubscribeGroupEventsStream;
            }
            PollService in poll_service_server {
                /// Creates a poll.
                does CreatePoll create_poll(CreatePollRequest) -> PollResponse at chat;
                /// Votes in a poll.
                sets VotePoll vote_poll(VotePollRequest) -> PollResponse at poll;
                /// Takes the vote in a poll back.
                sets UnvotePoll unvote_poll(UnvotePollRequest) -> PollResponse at poll;
                /// Adds an option to a poll.
                does AddPollOption add_poll_option(AddPollOptionRequest) -> PollResponse at poll;
                /// One poll.
                reads GetPoll get_poll(GetPollRequest) -> PollResponse at found_poll;
            } streams {
                SubscribePollEvents subscribe_poll_events(SubscribePollEventsRequest) -> SubscribePollEventsResponse
                    as SubscribePollEventsStream;
            }
            AttachmentService in attachment_service_server {
                /// What is known of an attachment.
                reads GetAttachmentInfo get_attachment_info(GetAttachmentInfoRequest) -> GetAttachmentInfoResponse at account;
                /// Takes in a file.
                uploads UploadAttachment upload_attachment(UploadAttachmentRequest) -> UploadAttachmentResponse at anywhere;
            } streams {
                DownloadAttachment download_attachment(DownloadAttachmentRequest) -> DownloadAttachmentResponse
                    as DownloadAttachmentStream;
            }
            AddressService in address_service_server {
                /// The transports of an address.
                reads GetAddressInfo get_address_info(GetAddressInfoRequest) -> GetAddressInfoResponse at account;
                /// Whether a person has silenced notifications.
                reads GetFocusStatus get_focus_status(GetFocusStatusRequest) -> GetFocusStatusResponse at account;
                /// Whether an address can be reached over iMessage.
                reads GetIMessageAvailability
                    get_i_message_availability(GetIMessageAvailabilityRequest) -> GetIMessageAvailabilityResponse at account;
            } streams {}
            LocationService in location_service_server {
                /// The places of the friends who share theirs.
                reads ListSharedFriendLocations
                    list_shared_friend_locations(ListSharedFriendLocationsRequest) -> ListSharedFriendLocationsResponse at account;
                /// The place of one friend.
                reads GetSharedFriendLocation
                    get_shared_friend_location(GetSharedFriendLocationRequest) -> GetSharedFriendLocationResponse at account;
                /// Asks a friend to share a place.
                does RequestFriendLocationSharing
                    request_friend_location_sharing(RequestFriendLocationSharingRequest) -> RequestFriendLocationSharingResponse
                    at chat;
            } streams {
                WatchSharedFriendLocations
                    watch_shared_friend_locations(WatchSharedFriendLocationsRequest) -> WatchSharedFriendLocationsResponse
                    as WatchSharedFriendLocationsStream;
            }
        }
    };
}

pub(crate) use messaging_calls;
