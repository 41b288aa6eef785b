//! Checks of what comes in, before anything is decided. Every refusal names its field.

use std::collections::HashSet;

use im_chats_protocol::error::Error;
use im_chats_protocol::limits::check_key;
use im_chats_protocol::model::{ChatGuid, ChatServiceType};
use im_chats_protocol::wire::routes::{CLIENT_MESSAGE_ID, IDEMPOTENCY_KEY_HEADER};
use prost::Message;
use sha2::{Digest, Sha256};

use crate::base::hex::hex;
use crate::service::context::CallContext;
use crate::service::convert::service_from_wire;
use crate::service::proto::{CreateChatInitialMessage, CreateChatRequest};
use im_chats_emulator::address::Address;
use im_chats_emulator::limits::MAX_CHAT_ADDRESSES;
use im_chats_emulator::{Command, Draft, Write};

/// Longest name of a message or the like: those that are given out are much shorter.
const MAX_NAME_BYTES: usize = 256;

/// Requests with more bytes in them are hashed where blocking is allowed.
const HASH_INLINE_BYTES: usize = 64 * 1024;

/// A chat GUID, trimmed.
pub(crate) fn guid(text: &str, field: &'static str) -> Result<String, Error> {
    ChatGuid::parse(text, field).map(|guid| guid.as_str().to_owned())
}

/// The name of something else: a message, an attachment, a poll or an option. It is trimmed, and not empty.
pub(crate) fn name(text: &str, field: &str) -> Result<String, Error> {
    let name = text.trim();
    if name.is_empty() {
        return Err(Error::invalid(field.to_owned(), "say which"));
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(Error::invalid(field.to_owned(), format!("at most {MAX_NAME_BYTES} bytes"))
            .with_context("bytes", name.len().to_string())
            .with_context("limit", MAX_NAME_BYTES.to_string()));
    }
    Ok(name.to_owned())
}

/// What identifies a write, when its caller gave a key.
pub(super) fn write(
    method: &'static str,
    call: &CallContext,
    client_message_id: Option<&str>,
    request: &impl Message,
) -> Result<Option<Write>, Error> {
    keys(call, client_message_id).map(|keys| identified(method, keys, request))
}

/// As [`write()`], of a request with so many bytes in it: where they are many, they are hashed on a thread that may block.
pub(super) async fn write_apart<M: Message + 'static>(
    method: &'static str,
    call: &CallContext,
    client_message_id: Option<String>,
    bytes: usize,
    request: M,
) -> Result<Option<Write>, Error> {
    let keys = keys(call, client_message_id.as_deref())?;
    if keys.is_empty() || bytes <= HASH_INLINE_BYTES {
        return Ok(identified(method, keys, &request));
    }
    #[cfg(not(feature = "server"))]
    return Ok(identified(method, keys, &request));
    #[cfg(feature = "server")]
    tokio::task::spawn_blocking(move || identified(method, keys, &request)).await.map_err(super::database_failed)
}

/// The keys that a caller gave, each once.
fn keys(call: &CallContext, client_message_id: Option<&str>) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    for (key, field) in [(call.idempotency_key.as_deref(), IDEMPOTENCY_KEY_HEADER), (client_message_id, CLIENT_MESSAGE_ID.name)]
    {
        let Some(key) = key else { continue };
        check_key(key, field)?;
        if !keys.iter().any(|known| known == key) {
            keys.push(key.to_owned());
        }
    }
    Ok(keys)
}

fn identified(method: &'static str, keys: Vec<String>, request: &impl Message) -> Option<Write> {
    if keys.is_empty() {
        return None;
    }
    let digest = Sha256::new().chain_update(method).chain_update([0]).chain_update(request.encode_to_vec()).finalize();
    Some(Write { keys, fingerprint: hex(&digest) })
}

/// Checks a create.
pub(super) fn create(request: &CreateChatRequest) -> Result<Command, Error> {
    let addresses = addresses(&request.addresses)?;
    let service = crate::service::proto::ChatServiceType::try_from(request.service)
        .map_err(|_| Error::invalid("service", format!("{} is not a known transport", request.service)))?;
    // A caller that names no transport means iMessage: that is what the service sends with by default.
    let service = match service_from_wire(service) {
        ChatServiceType::Unknown => ChatServiceType::IMessage,
        service => service,
    };
    let opening = request.initial_message.as_ref().map(opening).transpose()?;
    Ok(Command::Create { addresses, service, opening })
}

pub(super) fn addresses(inputs: &[String]) -> Result<Vec<Address>, Error> {
    if inputs.is_empty() {
        return Err(Error::invalid("addresses", "give at least one e-mail address or phone number"));
    }
    if inputs.len() > MAX_CHAT_ADDRESSES {
        return Err(Error::invalid(
            "addresses",
            format!("at most {MAX_CHAT_ADDRESSES}, this account is the group's 32nd person"),
        )
        .with_context("count", inputs.len().to_string())
        .with_context("limit", MAX_CHAT_ADDRESSES.to_string()));
    }
    let mut seen = HashSet::new();
    inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let field = format!("addresses[{index}]");
            let address = Address::parse(input, &field)?;
            if !seen.insert(address.text.clone()) {
                return Err(Error::invalid(field, "the same recipient twice").with_context("value", address.text));
            }
            Ok(address)
        })
        .collect()
}

fn opening(message: &CreateChatInitialMessage) -> Result<Box<Draft>, Error> {
    Draft::text(&message.text, Vec::new(), "initialMessage.text")?
        .effect(message.effect_id.as_deref(), "initialMessage.effectId")?
        .subject(message.subject.as_deref(), "initialMessage.subject")
        .map(Box::new)
}
