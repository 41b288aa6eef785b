//! Messages, groups, polls and files over gRPC: what is refused, and what is on the disk.

#![cfg(test)]

mod support;

use im_chats_gateway::service::proto::attachment_ref::Source;
use im_chats_gateway::service::proto::download_attachment_response::Payload;
use im_chats_gateway::service::proto::{
    AddPollOptionRequest, AttachmentRef, Companion, CreatePollRequest, DownloadAttachmentRequest, EditMessageRequest,
    GetAttachmentInfoRequest, GetIconRequest, GetMessageRequest, GetPollRequest, LeaveGroupRequest, ListChatMessagesRequest,
    ListRecentMessagesRequest, Message, MessagePart, MessageReaction, MessageReactionKind, MessageTarget, PollInfo,
    ReplyTarget, SendAttachmentMessageRequest, SendMultipartMessageRequest, SendTextMessageRequest, SetDisplayNameRequest,
    SetIconRequest, SetReactionRequest, TextFormat, Timestamp, UnsendMessageRequest, UploadAttachmentRequest, VotePollRequest,
};
use serde_json::{Value, json};
use support::grpc::refused;
use support::messaging::Clients;
use support::server::{Server, Socket, fresh};
use tonic::{Code, Status};

const BOB: &str = "any;-;bob@example.com";

/// A picture and its moving half, as far as their first bytes say.
fn heic(size: usize) -> Vec<u8> {
    [b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".as_slice(), &vec![7; size - 24]].concat()
}

fn movie(size: usize) -> Vec<u8> {
    [b"\0\0\0\x14ftypqt  \0\0\0\0qt  ".as_slice(), &vec![9; size - 20]].concat()
}

fn text(chat: &str, text: &str) -> SendTextMessageRequest {
    SendTextMessageRequest { chat_guid: chat.to_owned(), text: text.to_owned(), ..Default::default() }
}

fn target(chat: &str, message: &str) -> Option<MessageTarget> {
    Some(MessageTarget { chat_guid: chat.to_owned(), message_guid: message.to_owned(), target_part_index: None })
}

fn uploaded(guid: &str) -> Option<AttachmentRef> {
    Some(AttachmentRef { source: Some(Source::AttachmentGuid(guid.to_owned())), attachment_name: None })
}

async fn sent(clients: &mut Clients, request: SendTextMessageRequest) -> Message {
    clients.messages.send_text_message(request).await.unwrap().into_inner().message.unwrap()
}

async fn upload(clients: &mut Clients, name: &str, data: Vec<u8>) -> String {
    let request = UploadAttachmentRequest { file_name: name.to_owned(), data: data.into(), companion: None };
    clients.files.upload_attachment(request).await.unwrap().into_inner().attachment.unwrap().guid
}

/// The names of the pieces in order, each with its bytes.
async fn download(clients: &mut Clients, guid: &str) -> Result<Vec<(&'static str, Vec<u8>)>, Status> {
    let request = DownloadAttachmentRequest { attachment_guid: guid.to_owned() };
    let mut pieces = clients.files.download_attachment(request).await?.into_inner();
    let mut found = Vec::new();
    while let Some(piece) = pieces.message().await? {
        found.push(match piece.payload.unwrap() {
            Payload::Header(header) => ("header", header.attachment.unwrap().file_name.into_bytes()),
            Payload::PrimaryChunk(bytes) => ("primary", bytes.to_vec()),
            Payload::CompanionChunk(bytes) => ("companion", bytes.to_vec()),
        });
    }
    Ok(found)
}

fn all_of(pieces: &[(&str, Vec<u8>)], kind: &str) -> Vec<u8> {
    pieces.iter().filter(|(name, _)| *name == kind).flat_map(|(_, bytes)| bytes.clone()).collect()
}

async fn head(server: &Server) -> u64 {
    Socket::ready(server).await.1["log"]["head"].as_u64().unwrap()
}

/// Everything that reads answer.
async fn seen(clients: &mut Clients, chats: &[&str], polls: &[&str], files: &[&str], icons: &[&str]) -> Vec<Value> {
    let mut seen = Vec::new();
    for chat in chats {
        let request = ListChatMessagesRequest { chat_guid: (*chat).to_owned(), page_size: Some(100), ..Default::default() };
        let page = clients.messages.list_chat_messages(request).await.unwrap().into_inner();
        for message in &page.messages {
            let request = GetMessageRequest { message_guid: message.guid.clone() };
            let one = clients.messages.get_message(request).await.unwrap().into_inner().message.unwrap();
            assert_eq!(one, *message);
        }
        seen.push(serde_json::to_value(page).unwrap());
    }
    for poll in polls {
        let request = GetPollRequest { poll_message_guid: (*poll).to_owned() };
        seen.push(serde_json::to_value(clients.polls.get_poll(request).await.unwrap().into_inner()).unwrap());
    }
    for guid in files {
        let request = GetAttachmentInfoRequest { attachment_guid: (*guid).to_owned() };
        seen.push(serde_json::to_value(clients.files.get_attachment_info(request).await.unwrap().into_inner()).unwrap());
        seen.push(json!(download(clients, guid).await.unwrap()));
    }
    for chat in icons {
        let icon = clients.groups.get_icon(GetIconRequest { chat_guid: (*chat).to_owned() }).await.unwrap().into_inner();
        seen.push(json!([icon.mime_type, icon.data]));
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_groups_polls_and_files_are_the_same_after_a_kill() {
    let (mut server, data) = fresh(&[]);
    server.create("bob@example.com");
    let group = server.post("/v1/chats", &json!({ "addresses": ["bob@example.com", "carol@example.com"] }));
    let group = group["chat"]["guid"].as_str().unwrap().to_owned();
    let mut clients = Clients::of(&server).await;

    let keyed = SendTextMessageRequest {
        formatting: vec![TextFormat { r#type: "bold".into(), start: 1, length: 2, effect_name: None }],
        subject: Some("about".into()),
        client_message_id: Some("once".into()),
        ..text(BOB, " hello ")
    };
    let first = sent(&mut clients, keyed.clone()).await;
    let reply_to = Some(ReplyTarget { message_guid: first.guid.clone(), target_part_index: None });
    let reply = sent(&mut clients, SendTextMessageRequest { reply_to, ..text(BOB, "a reply") }).await;
    assert_eq!(reply.reply_target_guid.as_deref(), Some(first.guid.as_str()));
    let edited = EditMessageRequest { target: target(BOB, &reply.guid), new_text: "edited".into(), ..Default::default() };
    clients.messages.edit_message(edited).await.unwrap();
    let gone = sent(&mut clients, text(BOB, "a mistake")).await;
    let unsend = UnsendMessageRequest { target: target(BOB, &gone.guid), client_message_id: None };
    clients.messages.unsend_message(unsend).await.unwrap();
    let heart = MessageReaction { kind: MessageReactionKind::Love.into(), emoji: None };
    let react =
        SetReactionRequest { target: target(BOB, &first.guid), reaction: Some(heart), is_set: true, client_message_id: None };
    let reacted = clients.messages.set_reaction(react).await.unwrap().into_inner().message.unwrap();
    assert_eq!(reacted.applied_reactions.len(), 1);

    let photo = UploadAttachmentRequest {
        file_name: "../photo.HEIC".into(),
        data: heic(600_000).into(),
        companion: Some(Companion { data: movie(300_000).into(), kind: 0 }),
    };
    let live = clients.files.upload_attachment(photo).await.unwrap().into_inner();
    let (photo, companion) = (live.attachment.unwrap(), live.companion.unwrap());
    assert_eq!((photo.file_name.as_str(), companion.file_name.as_str()), ("photo.HEIC", "photo.MOV"));
    let note = upload(&mut clients, "note.txt", b"a note".to_vec()).await;
    let file = SendAttachmentMessageRequest { chat_guid: BOB.into(), attachment: uploaded(&photo.guid), ..Default::default() };
    clients.messages.send_attachment_message(file).await.unwrap();
    let parts = vec![
        MessagePart { text: Some("see".into()), ..Default::default() },
        MessagePart { attachment: uploaded(&note), ..Default::default() },
    ];
    let parts = SendMultipartMessageRequest { chat_guid: group.clone(), parts, ..Default::default() };
    clients.messages.send_multipart_message(parts).await.unwrap();

    let name = SetDisplayNameRequest { chat_guid: group.clone(), display_name: " Trip ".into(), client_message_id: None };
    let named = clients.groups.set_display_name(name).await.unwrap().into_inner().chat.unwrap();
    assert_eq!(named.display_name.as_deref(), Some("Trip"));
    let icon =
        SetIconRequest { chat_guid: group.clone(), data: b"GIF89a\x01\0\x01\0".as_slice().into(), client_message_id: None };
    clients.groups.set_icon(icon).await.unwrap();
    let options = vec!["Pizza".to_owned(), "Sushi".to_owned()];
    let poll = CreatePollRequest { chat_guid: group.clone(), title: "Lunch?".into(), options, client_message_id: None };
    let poll: PollInfo = clients.polls.create_poll(poll).await.unwrap().into_inner().poll.unwrap();
    let poll = poll.poll_message_guid;
    let more = AddPollOptionRequest { poll_message_guid: poll.clone(), option_text: "Thai".into(), client_message_id: None };
    let options = clients.polls.add_poll_option(more).await.unwrap().into_inner().poll.unwrap().options;
    let vote = VotePollRequest {
        poll_message_guid: poll.clone(),
        option_identifier: options[2].option_identifier.clone(),
        client_message_id: None,
    };
    assert_eq!(clients.polls.vote_poll(vote).await.unwrap().into_inner().poll.unwrap().votes.len(), 1);
    server.post("/emulator/v1/messages:receive", &json!({ "chatGuid": group, "from": "carol@example.com", "text": "hi" }));

    let (chats, files) = ([BOB, group.as_str()], [photo.guid.as_str(), note.as_str()]);
    let before = seen(&mut clients, &chats, &[&poll], &files, &[&group]).await;
    let (listed, head_before) = (server.request("GET", "/emulator/v1/chats", None), head(&server).await);
    server.kill();
    let server = Server::start(data.path(), &[]);
    let mut clients = Clients::of(&server).await;
    assert_eq!(seen(&mut clients, &chats, &[&poll], &files, &[&group]).await, before);
    assert_eq!(server.request("GET", "/emulator/v1/chats", None), listed);
    // The key is known, and what it did is not done again.
    assert_eq!(sent(&mut clients, keyed.clone()).await, first);
    let other = SendTextMessageRequest { text: "other".into(), ..keyed };
    refused(clients.messages.send_text_message(other).await, Code::AlreadyExists, "duplicateMessage");
    assert_eq!(head(&server).await, head_before);
    let leave = LeaveGroupRequest { chat_guid: group.clone(), client_message_id: None };
    clients.groups.leave_group(leave).await.unwrap();
    refused(clients.messages.send_text_message(text(&group, "x")).await, Code::FailedPrecondition, "preconditionFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_has_its_header_first_and_no_piece_is_large() {
    let (server, _data) = fresh(&[]);
    let mut clients = Clients::of(&server).await;
    let (picture, moving) = (heic(1_000_000), movie(262_145));
    let request = UploadAttachmentRequest {
        file_name: "a.heic".into(),
        data: picture.clone().into(),
        companion: Some(Companion { data: moving.clone().into(), kind: 1 }),
    };
    let guid = clients.files.upload_attachment(request).await.unwrap().into_inner().attachment.unwrap().guid;
    let pieces = download(&mut clients, &guid).await.unwrap();
    let kinds: Vec<_> = pieces.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["header", "primary", "primary", "primary", "primary", "companion", "companion"]);
    assert!(pieces.iter().all(|(_, bytes)| bytes.len() <= 256 * 1024));
    assert!(all_of(&pieces, "primary") == picture && all_of(&pieces, "companion") == moving);
    refused(download(&mut clients, "no-such").await, Code::NotFound, "attachmentNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_bytes_are_refused_before_the_first_of_them_and_everything_else_goes_on() {
    let (mut server, data) = fresh(&[]);
    server.create("bob@example.com");
    let mut clients = Clients::of(&server).await;
    let whole = upload(&mut clients, "whole.bin", vec![1; 700_000]).await;
    let broken = upload(&mut clients, "broken.bin", vec![2; 700_000]).await;
    let torn = upload(&mut clients, "torn.bin", vec![3; 700_000]).await;
    server.terminate();
    server.exit().await;
    let database = rusqlite::Connection::open(data.path().join("gateway.sqlite3")).unwrap();
    let flip = "UPDATE blobs SET data = zeroblob(length(data)) WHERE owner = ?1 AND piece = 2";
    assert_eq!(database.execute(flip, [&broken]).unwrap(), 1);
    assert_eq!(database.execute("DELETE FROM blobs WHERE owner = ?1 AND piece = 1", [&torn]).unwrap(), 1);
    drop(database);

    let server = Server::start(data.path(), &[]);
    let mut clients = Clients::of(&server).await;
    for (guid, says) in [(&broken, "is not what was written"), (&torn, "is missing, or a part of it")] {
        // The call itself is refused, and not its stream.
        let request = DownloadAttachmentRequest { attachment_guid: guid.clone() };
        let answer = clients.files.download_attachment(request).await.map(|_| ());
        let refusal = refused(answer, Code::Internal, "databaseError");
        assert!(!refusal.retryable(), "{refusal:?}");
        let message = refusal.0.message();
        assert!(message.contains(&format!("the attachment of {guid} {says}")), "{message}");
    }
    assert_eq!(all_of(&download(&mut clients, &whole).await.unwrap(), "primary").len(), 700_000);
    sent(&mut clients, text(BOB, "still here")).await;
    assert_eq!(server.request("GET", "/healthz", None).0, 503);
}

/// Sends what is wrong, and checks the field that is named.
macro_rules! names {
    ($client:expr, $call:ident, $request:expr, $field:literal) => {{
        let refusal = refused($client.$call($request).await, Code::InvalidArgument, "invalidArgument");
        assert_eq!(refusal.context("field").as_deref(), Some($field), "{refusal:?}");
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_names_its_field_and_nothing_is_stored() {
    let (server, _data) = fresh(&[]);
    server.create("bob@example.com");
    server.create("carol@example.com");
    let mut clients = Clients::of(&server).await;
    let own = sent(&mut clients, text(BOB, "own")).await.guid;
    let other = sent(&mut clients, text("any;-;carol@example.com", "elsewhere")).await.guid;
    let came = server.post(
        "/emulator/v1/messages:receiveAttachment",
        &json!({ "chatGuid": BOB, "from": "bob@example.com", "fileName": "a.txt", "data": "aGk=" }),
    );
    let foreign = came["attachment"]["guid"].as_str().unwrap().to_owned();
    let before = (head(&server).await, server.request("GET", "/emulator/v1/chats", None));
    let Clients { messages, groups, polls, files } = &mut clients;

    let bold = |start, length| TextFormat { r#type: "bold".into(), start, length, effect_name: None };
    let formatted = |format| SendTextMessageRequest { formatting: vec![format], ..text(BOB, "four") };
    let reply = |guid: &str, part| SendTextMessageRequest {
        reply_to: Some(ReplyTarget { message_guid: guid.to_owned(), target_part_index: part }),
        ..text(BOB, "a reply")
    };
    names!(messages, send_text_message, text("bob", "x"), "chatGuid");
    names!(messages, send_text_message, text(BOB, " \n "), "text");
    names!(messages, send_text_message, text(BOB, "a\0b"), "text");
    names!(messages, send_text_message, text(BOB, &"x".repeat(20_001)), "text");
    names!(messages, send_text_message, formatted(bold(-1, 1)), "formatting[0].start");
    names!(messages, send_text_message, formatted(bold(2, 3)), "formatting[0].length");
    names!(messages, send_text_message, formatted(TextFormat { r#type: "loud".into(), ..bold(0, 1) }), "formatting[0].type");
    names!(messages, send_text_message, SendTextMessageRequest { effect_id: Some("x".into()), ..text(BOB, "x") }, "effectId");
    let subject = SendTextMessageRequest { subject: Some("s".repeat(1001)), ..text(BOB, "x") };
    names!(messages, send_text_message, subject, "subject");
    names!(messages, send_text_message, reply("", None), "replyTo.messageGuid");
    names!(messages, send_text_message, reply(&other, None), "replyTo.messageGuid");
    names!(messages, send_text_message, reply(&own, Some(1)), "replyTo.targetPartIndex");
    names!(messages, send_text_message, reply(&own, Some(-1)), "replyTo.targetPartIndex");
    refused(messages.send_text_message(reply("no-such", None)).await, Code::NotFound, "messageNotFound");
    refused(messages.send_text_message(text("any;-;nobody", "x")).await, Code::NotFound, "chatNotFound");

    let file = |attachment| SendAttachmentMessageRequest { chat_guid: BOB.into(), attachment, ..Default::default() };
    let path = AttachmentRef { source: Some(Source::AttachmentPath("/etc/passwd".into())), attachment_name: None };
    names!(messages, send_attachment_message, file(None), "attachment.attachmentGuid");
    names!(messages, send_attachment_message, file(Some(path)), "attachment.attachmentPath");
    names!(messages, send_attachment_message, file(uploaded(&foreign)), "attachment.attachmentGuid");
    refused(messages.send_attachment_message(file(uploaded("no-such"))).await, Code::NotFound, "attachmentNotFound");
    let parts = |parts: Vec<MessagePart>| SendMultipartMessageRequest { chat_guid: BOB.into(), parts, ..Default::default() };
    let of = |words: &str| MessagePart { text: Some(words.to_owned()), ..Default::default() };
    names!(messages, send_multipart_message, parts(vec![]), "parts");
    names!(messages, send_multipart_message, parts(vec![of("a"), of(" ")]), "parts[1].text");
    names!(messages, send_multipart_message, parts(vec![MessagePart::default()]), "parts[0].text");
    let both = MessagePart { attachment: uploaded(&foreign), ..of("a") };
    names!(messages, send_multipart_message, parts(vec![both]), "parts[0].attachment");
    let mention = MessagePart { mentioned_address: Some("nobody".into()), ..of("a") };
    names!(messages, send_multipart_message, parts(vec![mention]), "parts[0].mentionedAddress");
    let mention =
        MessagePart { mentioned_address: Some("bob@example.com".into()), text: None, attachment: uploaded("x"), ..of("") };
    names!(messages, send_multipart_message, parts(vec![mention]), "parts[0].mentionedAddress");
    let foreign_part = MessagePart { attachment: uploaded(&foreign), ..Default::default() };
    names!(messages, send_multipart_message, parts(vec![of("a"), foreign_part]), "parts[1].attachment.attachmentGuid");

    let edit = |target, new_text: &str| EditMessageRequest { target, new_text: new_text.to_owned(), ..Default::default() };
    names!(messages, edit_message, edit(None, "x"), "target");
    names!(messages, edit_message, edit(target(BOB, ""), "x"), "target.messageGuid");
    names!(messages, edit_message, edit(target(BOB, &own), " "), "newText");
    names!(messages, edit_message, edit(target(BOB, &other), "x"), "target.messageGuid");
    refused(messages.edit_message(edit(target(BOB, "no-such"), "x")).await, Code::NotFound, "messageNotFound");
    let react = |kind: i32, emoji: Option<&str>| SetReactionRequest {
        target: target(BOB, &own),
        reaction: Some(MessageReaction { kind, emoji: emoji.map(str::to_owned) }),
        is_set: true,
        client_message_id: None,
    };
    names!(messages, set_reaction, SetReactionRequest { reaction: None, ..react(0, None) }, "reaction");
    names!(messages, set_reaction, react(99, None), "reaction.kind");
    names!(messages, set_reaction, react(6, Some("ab")), "reaction.emoji");
    refused(messages.set_reaction(react(7, None)).await, Code::Unimplemented, "operationNotSupported");
    let page = |page_size| ListRecentMessagesRequest { page_size, ..Default::default() };
    for size in [-1, 0, 101] {
        names!(messages, list_recent_messages, page(Some(size)), "pageSize");
    }
    let token = ListRecentMessagesRequest { page_token: Some("no-such".into()), ..page(None) };
    names!(messages, list_recent_messages, token, "pageToken");
    let never = Some(Timestamp { seconds: i64::MAX, nanos: 0 });
    names!(messages, list_recent_messages, ListRecentMessagesRequest { before: never, ..page(None) }, "before");

    let rename = SetDisplayNameRequest { chat_guid: BOB.into(), display_name: "x".into(), client_message_id: None };
    names!(groups, set_display_name, rename.clone(), "chatGuid");
    names!(groups, set_display_name, SetDisplayNameRequest { display_name: " ".into(), ..rename }, "displayName");
    names!(groups, get_icon, GetIconRequest { chat_guid: BOB.into() }, "chatGuid");
    let icon = SetIconRequest { chat_guid: BOB.into(), data: b"no image".as_slice().into(), client_message_id: None };
    names!(groups, set_icon, icon, "data");
    let poll = |title: &str, options: &[&str]| CreatePollRequest {
        chat_guid: BOB.into(),
        title: title.to_owned(),
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        client_message_id: None,
    };
    names!(polls, create_poll, poll("", &["a", "b"]), "title");
    names!(polls, create_poll, poll("t", &["a"]), "options");
    names!(polls, create_poll, poll("t", &["a", " "]), "options[1]");
    let vote = VotePollRequest { poll_message_guid: own, option_identifier: "option-1".into(), client_message_id: None };
    names!(polls, vote_poll, VotePollRequest { option_identifier: String::new(), ..vote.clone() }, "optionIdentifier");
    refused(polls.vote_poll(vote).await, Code::NotFound, "pollNotFound");
    let upload = |data: Vec<u8>, companion: Option<(Vec<u8>, i32)>| UploadAttachmentRequest {
        file_name: "f".into(),
        data: data.into(),
        companion: companion.map(|(data, kind)| Companion { data: data.into(), kind }),
    };
    names!(files, upload_attachment, upload(vec![], None), "data");
    names!(files, upload_attachment, upload(b"text".to_vec(), Some((movie(40), 1))), "data");
    names!(files, upload_attachment, upload(heic(40), Some((heic(40), 1))), "companion.data");
    names!(files, upload_attachment, upload(heic(40), Some((movie(40), 5))), "companion.kind");
    names!(files, upload_attachment, upload(vec![0; 104_857_601], None), "data");

    assert_eq!((head(&server).await, server.request("GET", "/emulator/v1/chats", None)), before);
}
