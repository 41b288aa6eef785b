//! Every route, gRPC method and frame with every kind of token. The routes come from the served OpenAPI document and the methods from
//! the gRPC descriptors, so one without a rule here fails.

#![cfg(test)]

mod support;

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::FileDescriptorSet;
use serde_json::{Value, json};
use support::grpc::{Raw, framed};
use support::server::{Server, Socket, TOKEN};
use support::tokens::{DENIED, Keys, SCOPES, claims, now, sign, signed, token};

use im_chats_gateway::service::proto::{self, DESCRIPTORS};

const OTHER: &str = "any;-;somebody@example.com";

/// What an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// One chat.
    Chat,
    /// The account as a whole: never with a token that is limited to chats.
    Account,
    /// All that the token shows.
    Filtered,
}

/// What a token must allow.
#[derive(Debug, Clone, Copy)]
enum Rule {
    Needs(&'static str, About),
    Operator,
    /// Answered without a token, too.
    Open,
}

/// A token, and what it should be good for.
struct Kind {
    name: String,
    /// Sent, unless there is none.
    token: Option<String>,
    holds: Holds,
}

enum Holds {
    /// Refused everywhere with this code.
    Nothing(&'static str),
    /// One scope, for every chat, for the chat of the test, or for another.
    Scope(&'static str, Limit),
    Everything,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    None,
    ThisChat,
    OtherChat,
}

impl Kind {
    /// The code of the refusal that a rule means for this token; none when it is let through.
    fn refusal(&self, rule: Rule) -> Option<&'static str> {
        match (&self.holds, rule) {
            (_, Rule::Open) | (Holds::Everything, _) => None,
            (Holds::Nothing(code), _) => Some(code),
            (Holds::Scope(..), Rule::Operator) => Some("unauthorized"),
            (Holds::Scope(held, limit), Rule::Needs(scope, about)) => {
                let has = *held == scope || (*held == "events:all" && scope == "events");
                let reaches = match about {
                    About::Chat => *limit != Limit::OtherChat,
                    About::Account => *limit == Limit::None,
                    About::Filtered => true,
                };
                if has && reaches { None } else { Some("unauthorized") }
            }
        }
    }
}

/// Every kind of token there is.
fn kinds(chat: &str) -> Vec<Kind> {
    let refused = |name: &str, token: Option<String>, code| Kind { name: name.to_owned(), token, holds: Holds::Nothing(code) };
    let with = |name: &str, value: Value| {
        let mut claims = claims("u", &SCOPES.join(" "), None);
        claims[name] = value;
        claims
    };
    let expired = {
        let mut claims = with("exp", json!(now() - 60));
        claims["iat"] = json!(now() - 660);
        claims
    };
    let good = with("sub", json!("u"));
    let header = |name: &str, value: Value| {
        let mut header = json!({ "alg": "HS256", "typ": "im+jwt", "kid": "k1" });
        header[name] = value;
        header
    };
    let secret = support::tokens::SECRET;
    let mut kinds = vec![
        refused("none", None, "unauthenticated"),
        refused("a word", Some("nonsense".to_owned()), "unauthenticated"),
        refused("another secret", Some(signed(&header("kid", json!("k1")), &good, &[7; 32])), "unauthenticated"),
        refused("an unknown kid", Some(signed(&header("kid", json!("../k1")), &good, secret)), "unauthenticated"),
        refused("alg none", Some(signed(&header("alg", json!("none")), &good, secret)), "unauthenticated"),
        refused("another typ", Some(signed(&header("typ", json!("JWT")), &good, secret)), "unauthenticated"),
        refused("crit", Some(signed(&header("crit", json!(["exp"])), &good, secret)), "unauthenticated"),
        refused("another audience", Some(sign(&with("aud", json!("other")))), "unauthenticated"),
        refused("an end in milliseconds", Some(sign(&with("exp", json!((now() + 600) * 1000)))), "unauthenticated"),
        refused("not yet", Some(sign(&with("nbf", json!(now() + 300)))), "unauthenticated"),
        refused("expired", Some(sign(&expired)), "tokenExpired"),
        refused("denied", Some(sign(&with("jti", json!(DENIED)))), "tokenBlocked"),
        Kind { name: "the operator's".to_owned(), token: Some(TOKEN.to_owned()), holds: Holds::Everything },
    ];
    let limits = [(Limit::None, None), (Limit::ThisChat, Some(vec![chat])), (Limit::OtherChat, Some(vec![OTHER]))];
    for scope in SCOPES {
        for (limit, chats) in &limits {
            let token = token("u", scope, chats.as_deref());
            kinds.push(Kind { name: format!("{scope}, {limit:?}"), token: Some(token), holds: Holds::Scope(scope, *limit) });
        }
    }
    kinds
}

/// What there is to ask about.
struct There {
    chat: String,
    message: String,
    poll: String,
}

impl There {
    fn new(server: &Server) -> Self {
        let chat = server.create("alice@example.com");
        let sent = server.post("/v1/messages:sendText", &json!({ "chatGuid": chat, "text": "hi" }));
        let poll = server.post("/v1/polls", &json!({ "chatGuid": chat, "title": "Go?", "options": ["Yes", "No"] }));
        let text = |value: &Value| value.as_str().expect("a GUID").to_owned();
        Self { message: text(&sent["message"]["guid"]), poll: text(&poll["poll"]["pollMessageGuid"]), chat }
    }

    /// A path with its braces filled in.
    fn fill(&self, path: &str) -> String {
        let path = path.replace("{messageGuid}", &self.message).replace("{pollMessageGuid}", &self.poll);
        path.replace("{attachmentGuid}", "none")
    }
}

/// The rule of a REST route, with a query or a body that is right.
fn route(method: &str, path: &str, There { chat, message, poll }: &There) -> (Rule, String, Value) {
    let for_chat = json!({ "chatGuid": chat });
    let query = format!("?chatGuid={}", chat.replace(';', "%3B").replace('+', "%2B"));
    let of_message = format!("{query}&messageGuid={message}");
    let with = |name: &str, value: Value| {
        let mut body = for_chat.clone();
        body[name] = value;
        body
    };
    let (rule, query, body) = match path {
        "/v1/chats" if method == "get" => (Rule::Needs("chats:read", About::Filtered), "", for_chat),
        "/v1/chats" => (Rule::Needs("chats:create", About::Account), "", json!({ "addresses": ["new@example.com"] })),
        "/v1/chats:markRead" | "/v1/chats:removeBackground" | "/v1/chats:shareContactInfo" | "/v1/chats:setTyping" => {
            (Rule::Needs("chats:write", About::Chat), "", for_chat)
        }
        // Not an image: that is found out behind the rules.
        "/v1/chats:setBackground" => (Rule::Needs("chats:write", About::Chat), "", with("data", json!("AAAA"))),
        "/v1/chats:get" | "/v1/chats:hasBackground" => (Rule::Needs("chats:read", About::Chat), &*query, for_chat),
        "/v1/chats:count" => (Rule::Needs("chats:count", About::Account), "", for_chat),
        "/v1/messages:sendText"
        | "/v1/messages:sendAttachment"
        | "/v1/messages:sendMultipart"
        | "/v1/messages:sendCustomizedMiniApp"
        | "/v1/polls"
        | "/v1/locations:requestSharing" => (Rule::Needs("messages:write", About::Chat), "", for_chat),
        "/v1/messages:edit" | "/v1/messages:unsend" | "/v1/messages:setReaction" | "/v1/messages:placeSticker" => {
            let target = json!({ "target": { "chatGuid": chat, "messageGuid": message } });
            (Rule::Needs("messages:write", About::Chat), "", target)
        }
        "/v1/messages:updateCustomizedMiniApp" => {
            let session = json!({ "session": { "chatGuid": chat, "messageGuid": message, "targetMessageGuid": message } });
            (Rule::Needs("messages:write", About::Chat), "", session)
        }
        "/v1/messages:notifySilenced" => (Rule::Needs("messages:write", About::Chat), "", with("messageGuid", json!(message))),
        "/v1/polls:vote" | "/v1/polls:unvote" | "/v1/polls:addOption" => {
            (Rule::Needs("messages:write", About::Chat), "", with("pollMessageGuid", json!(poll)))
        }
        "/v1/attachments:upload" => (Rule::Needs("messages:write", About::Filtered), "", json!("")),
        "/v1/messages/{messageGuid}" | "/v1/polls/{pollMessageGuid}" => {
            (Rule::Needs("messages:read", About::Chat), "", for_chat)
        }
        "/v1/messages:listByChat" => (Rule::Needs("messages:read", About::Chat), &*query, for_chat),
        "/v1/messages:embeddedMedia" => (Rule::Needs("messages:read", About::Chat), &*of_message, for_chat),
        "/v1/messages:listRecent"
        | "/v1/attachments/{attachmentGuid}"
        | "/v1/attachments/{attachmentGuid}/data"
        | "/v1/attachments/{attachmentGuid}/companion"
        | "/v1/locations:sharedFriends"
        | "/v1/locations:sharedFriend" => (Rule::Needs("messages:read", About::Account), "?address=a@example.com", for_chat),
        "/v1/groups:icon" => (Rule::Needs("chats:read", About::Chat), &*query, for_chat),
        path if path.starts_with("/v1/groups:") => (Rule::Needs("groups:write", About::Chat), "", for_chat),
        path if path.starts_with("/v1/addresses:") => {
            (Rule::Needs("chats:read", About::Account), "?address=a@example.com", for_chat)
        }
        "/v1/tokens" => (Rule::Operator, "", json!({ "sub": "u", "scope": "chats:read", "ttlSeconds": 60 })),
        "/healthz" => (Rule::Open, "", for_chat),
        path if path.starts_with("/emulator/v1/") => (Rule::Operator, &*query, for_chat),
        path => panic!("{path} has no rule: which scope does it need?"),
    };
    (rule, query.to_owned(), body)
}

/// Sends a request and gives the code of the refusal, when it is one of the token.
fn refusal(server: &Server, method: &str, target: &str, token: Option<&str>, body: &Value) -> Option<String> {
    let (status, answer) = server.request_as(token, &[], method, target, (method == "POST").then_some(body));
    let code = answer["errorCode"].as_str().unwrap_or_default().to_owned();
    assert!(!matches!(status, 401 | 403) || !code.is_empty(), "{target}: a refusal without a code: {answer}");
    assert_ne!(status, 429, "{target}: {answer}");
    matches!(status, 401 | 403).then_some(code)
}

#[test]
fn every_route_lets_in_whom_its_rule_names_and_nobody_else() {
    let keys = Keys::new();
    let many = ["--max-subject-call-burst", "1000", "--max-subject-calls-per-second", "1000"];
    let (emulator, _data) = keys.serve(&many);
    let (relay, _cache) = keys.relay(&emulator, &many);
    let there = There::new(&emulator);
    every_route(&emulator, &there, 36);
    every_route(&relay, &there, 47);
}

/// Asks for each route; so many of them are not the control plane's.
fn every_route(server: &Server, there: &There, routes: usize) {
    let (_, document) = server.request("GET", "/openapi.json", None);
    let paths = document["paths"].as_object().expect("paths");
    let others = paths.keys().filter(|path| !path.starts_with("/emulator/")).collect::<Vec<_>>();
    assert_eq!(others.len(), routes, "{others:?}");
    let kinds = kinds(&there.chat);
    for (path, item) in paths {
        for method in item.as_object().expect("methods").keys() {
            let (rule, query, body) = route(method, path, there);
            let filled = there.fill(path);
            for kind in &kinds {
                let refusal =
                    refusal(server, &method.to_uppercase(), &format!("{filled}{query}"), kind.token.as_deref(), &body);
                assert_eq!(refusal.as_deref(), kind.refusal(rule), "{method} {path} with {}", kind.name);
            }
        }
    }
}

/// The rule of a gRPC method, with a message that is right.
fn method(service: &str, name: &str, There { chat, message, poll }: &There) -> (Rule, Vec<u8>) {
    use proto::*;
    let chat_guid = chat.to_owned();
    let write = Rule::Needs("chats:write", About::Chat);
    let read = Rule::Needs("chats:read", About::Chat);
    match (service, name) {
        ("ChatService", "CreateChat") => {
            let request = CreateChatRequest { addresses: vec!["new@example.com".to_owned()], ..CreateChatRequest::default() };
            (Rule::Needs("chats:create", About::Account), request.encode_to_vec())
        }
        ("ChatService", "MarkChatRead") => (write, MarkChatReadRequest { chat_guid }.encode_to_vec()),
        ("ChatService", "SetBackground") => {
            (write, SetBackgroundRequest { chat_guid, data: vec![0; 3].into() }.encode_to_vec())
        }
        ("ChatService", "RemoveBackground") => (write, RemoveBackgroundRequest { chat_guid }.encode_to_vec()),
        ("ChatService", "ShareContactInfo") => (write, ShareContactInfoRequest { chat_guid }.encode_to_vec()),
        ("ChatService", "SetTyping") => (write, SetTypingRequest { chat_guid, is_typing: true }.encode_to_vec()),
        ("ChatService", "GetChat") => (read, GetChatRequest { chat_guid }.encode_to_vec()),
        ("ChatService", "HasBackground") => (read, HasBackgroundRequest { chat_guid }.encode_to_vec()),
        ("ChatService", "GetChatCount") => (Rule::Needs("chats:count", About::Account), Vec::new()),
        ("ChatService", "SubscribeChatEvents") => {
            let request = SubscribeChatEventsRequest { chat_guid: Some(chat_guid) };
            (Rule::Needs("events", About::Chat), request.encode_to_vec())
        }
        ("MessageService" | "GroupService" | "PollService" | "AttachmentService" | "AddressService" | "LocationService", _) => {
            messaging(name, chat, message, poll)
        }
        ("EventService", "CatchUpEvents") => (Rule::Needs("events:all", About::Filtered), Vec::new()),
        other => panic!("{other:?} has no rule: which scope does it need?"),
    }
}

/// As [`method`], for messages, groups, polls, attachments, addresses and locations.
fn messaging(name: &str, chat: &str, message: &str, poll: &str) -> (Rule, Vec<u8>) {
    use proto::*;
    let (chat_guid, message_guid, poll_message_guid) = (chat.to_owned(), message.to_owned(), poll.to_owned());
    // The requests of one shape have the fields of these at the same places.
    let for_chat = LeaveGroupRequest { chat_guid: chat_guid.clone(), ..LeaveGroupRequest::default() }.encode_to_vec();
    let target = MessageTarget { chat_guid: chat_guid.clone(), message_guid: message_guid.clone(), target_part_index: None };
    let for_target = UnsendMessageRequest { target: Some(target), ..UnsendMessageRequest::default() }.encode_to_vec();
    let for_message = GetEmbeddedMediaRequest { chat_guid: chat_guid.clone(), message_guid: message_guid.clone() };
    let session = MiniAppCardSession {
        chat_guid: chat_guid.clone(),
        message_guid: message_guid.clone(),
        target_message_guid: message_guid.clone(),
        session_id: "s".to_owned(),
    };
    let for_session =
        UpdateCustomizedMiniAppMessageRequest { session: Some(session), ..UpdateCustomizedMiniAppMessageRequest::default() };
    let for_poll = GetPollRequest { poll_message_guid }.encode_to_vec();
    let write = Rule::Needs("messages:write", About::Chat);
    let read = Rule::Needs("messages:read", About::Chat);
    let account = Rule::Needs("messages:read", About::Account);
    match name {
        "SendTextMessage"
        | "SendAttachmentMessage"
        | "SendMultipartMessage"
        | "SendCustomizedMiniAppMessage"
        | "CreatePoll"
        | "RequestFriendLocationSharing" => (write, for_chat),
        "UpdateCustomizedMiniAppMessage" => (write, for_session.encode_to_vec()),
        "EditMessage" | "UnsendMessage" | "SetReaction" | "PlaceSticker" => (write, for_target),
        "NotifySilencedMessage" => (write, for_message.encode_to_vec()),
        "GetEmbeddedMedia" => (read, for_message.encode_to_vec()),
        "GetMessage" => (read, GetMessageRequest { message_guid }.encode_to_vec()),
        "ListChatMessages" => (read, for_chat),
        "VotePoll" | "UnvotePoll" | "AddPollOption" => (write, for_poll),
        "GetPoll" => (read, for_poll),
        "UploadAttachment" => (Rule::Needs("messages:write", About::Filtered), Vec::new()),
        "ListRecentMessages"
        | "GetAttachmentInfo"
        | "DownloadAttachment"
        | "ListSharedFriendLocations"
        | "GetSharedFriendLocation"
        | "WatchSharedFriendLocations" => (account, Vec::new()),
        "GetAddressInfo" | "GetFocusStatus" | "GetIMessageAvailability" => {
            (Rule::Needs("chats:read", About::Account), Vec::new())
        }
        "GetIcon" => (Rule::Needs("chats:read", About::Chat), for_chat),
        "SubscribeMessageEvents" | "SubscribeGroupEvents" => (Rule::Needs("events:all", About::Chat), for_chat),
        "SubscribePollEvents" => (Rule::Needs("events:all", About::Filtered), for_poll),
        name => {
            assert!(matches!(
                name,
                "SetDisplayName" | "AddParticipants" | "RemoveParticipants" | "LeaveGroup" | "SetIcon" | "RemoveIcon"
            ));
            (Rule::Needs("groups:write", About::Chat), for_chat)
        }
    }
}

#[tokio::test]
async fn every_grpc_method_lets_in_whom_its_rule_names_and_nobody_else() {
    let keys = Keys::new();
    let (server, _data) = keys.serve(&["--max-subject-call-burst", "1000", "--max-subject-calls-per-second", "1000"]);
    let there = There::new(&server);
    let descriptors = FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
    let services = descriptors.file.iter().flat_map(|file| &file.service);
    let methods: Vec<(&str, &str)> =
        services.flat_map(|service| service.method.iter().map(|method| (service.name(), method.name()))).collect();
    assert_eq!(methods.len(), 50, "{methods:?}");
    let kinds = kinds(&there.chat);
    for (service, name) in methods {
        let (rule, message) = method(service, name, &there);
        let everyone = (name == "SubscribeChatEvents").then(|| (Rule::Needs("events", About::Filtered), Vec::new()));
        for (rule, message) in [Some((rule, message)), everyone].into_iter().flatten() {
            for kind in &kinds {
                // A connection each: the streams that begin here never end.
                let client = Raw::connect(&server).await;
                let bearer = kind.token.as_ref().map(|token| format!("Bearer {token}")).unwrap_or_default();
                let path = format!("/photon.imessage.v1.{service}/{name}");
                let head = client.begin(&path, &[("authorization", bearer.as_bytes())], framed(&message)).await;
                let refused = matches!(head.said("grpc-status"), "7" | "16");
                let code = refused.then(|| head.said("error-code"));
                assert_eq!(code, kind.refusal(rule), "{service}/{name} with {}", kind.name);
            }
        }
    }
}

#[tokio::test]
async fn every_frame_lets_in_whom_its_rule_names_and_nobody_else() {
    let keys = Keys::new();
    let (server, _data) = keys.serve(&[]);
    let chat = server.create("alice@example.com");
    for kind in kinds(&chat) {
        let mut socket = Socket::connect(&server).await;
        let mut init = json!({ "type": "init" });
        if let Some(token) = &kind.token {
            init["token"] = json!(token);
        }
        socket.say(&init).await;
        let first = socket.next().await;
        if let Some(code) = kind.refusal(Rule::Needs("events", About::Filtered)) {
            assert_eq!((&first["type"], &first["code"]), (&json!("error"), &json!(code)), "{}", kind.name);
            let forbidden = matches!(code, "unauthorized" | "tokenBlocked");
            assert_eq!(socket.close_code().await, if forbidden { 4403 } else { 4401 }, "{}", kind.name);
            continue;
        }
        assert_eq!(first["type"], "ready", "{}", kind.name);
        let asked = [
            ("chats", None, Rule::Needs("events", About::Filtered)),
            ("chats", Some(&chat), Rule::Needs("events", About::Chat)),
            ("all", None, Rule::Needs("events:all", About::Filtered)),
            ("all", Some(&chat), Rule::Needs("events:all", About::Chat)),
        ];
        for (id, (topic, chat, _)) in asked.iter().enumerate() {
            socket.say(&json!({ "type": "subscribe", "id": id, "topic": topic, "chat": chat, "credit": 9 })).await;
        }
        let mut answers: BTreeMap<u64, Option<String>> = BTreeMap::new();
        for frame in socket.rest().await {
            if let Some(id) = frame["id"].as_u64() {
                answers.entry(id).or_insert_with(|| frame["code"].as_str().map(str::to_owned));
            }
        }
        for (id, (topic, chat, rule)) in (0_u64..).zip(asked) {
            let expected = kind.refusal(rule).map(str::to_owned);
            assert_eq!(answers.get(&id), Some(&expected), "{topic} of {chat:?} with {}", kind.name);
        }
    }
}
