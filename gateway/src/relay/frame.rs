//! What travels on the streams, taken apart without losing a byte: an event that this version does not know passes too.

use std::marker::PhantomData;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use im_chats_protocol::error::{Error, ErrorCode};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use crate::service::proto::CatchUpEventsComplete;

/// Field numbers of `CatchUpEventsResponse` and, where it says so, of the answers of the live streams
/// (`SubscribeChatEventsResponse` and its like for messages, groups and polls, which have the same form).
pub mod field {
    /// The event's place; all.
    pub const SEQUENCE: u32 = 1;
    /// The event of a live stream, of whatever kind.
    pub const LIVE: u32 = 10;
    /// A message event.
    pub const MESSAGE: u32 = 10;
    /// A group event.
    pub const GROUP: u32 = 11;
    /// A poll event.
    pub const POLL: u32 = 12;
    /// A chat event.
    pub const CHAT: u32 = 13;
    /// The end of a catch-up.
    pub const COMPLETE: u32 = 20;
    /// A sign of life; all.
    pub const HEARTBEAT: u32 = 99;
}

/// An event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEvent {
    /// Its place.
    pub sequence: u64,
    /// Its field in `CatchUpEventsResponse`, which tells what it is; 0 when there was none.
    pub field: u32,
    /// The message in that field.
    pub payload: Bytes,
    /// The whole `CatchUpEventsResponse`.
    pub frame: Bytes,
}

/// One message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// An event.
    Event(RawEvent),
    /// The end of a catch-up, with the log's head.
    Complete(u64),
    /// The stream is alive.
    Heartbeat,
}

/// Takes a `CatchUpEventsResponse` apart.
///
/// # Errors
/// `internalError` when it is no such message.
pub fn catch_up(frame: Bytes) -> Result<Frame, Error> {
    let parts = Parts::read(frame.clone())?;
    Ok(match (parts.sequence, parts.payload) {
        (_, Some((field::COMPLETE, payload))) => {
            Frame::Complete(CatchUpEventsComplete::decode(payload).map_err(malformed)?.head_sequence)
        }
        (Some(sequence), Some((field, payload))) if field != field::HEARTBEAT => {
            Frame::Event(RawEvent { sequence, field, payload, frame })
        }
        // A sequence with nothing that this version can see: an event, all the same.
        (Some(sequence), None) => Frame::Event(RawEvent { sequence, field: 0, payload: Bytes::new(), frame }),
        _ => Frame::Heartbeat,
    })
}

/// Takes an answer of a live stream apart, whose events have this field in `CatchUpEventsResponse`. What it tells beside
/// events is left to the catch-up.
///
/// # Errors
/// `internalError` when it is no such message.
pub fn live(frame: Bytes, field: u32) -> Result<Frame, Error> {
    let parts = Parts::read(frame)?;
    let (Some(sequence), Some((field::LIVE, payload))) = (parts.sequence, parts.payload) else {
        return Ok(Frame::Heartbeat);
    };
    let mut frame = BytesMut::with_capacity(payload.len().saturating_add(24));
    encode_key(field::SEQUENCE, WireType::Varint, &mut frame);
    encode_varint(sequence, &mut frame);
    encode_key(field, WireType::LengthDelimited, &mut frame);
    encode_varint(payload.len().try_into().unwrap_or(u64::MAX), &mut frame);
    frame.put(payload.clone());
    Ok(Frame::Event(RawEvent { sequence, field, payload, frame: frame.freeze() }))
}

struct Parts {
    sequence: Option<u64>,
    payload: Option<(u32, Bytes)>,
}

impl Parts {
    fn read(mut frame: Bytes) -> Result<Self, Error> {
        let mut parts = Self { sequence: None, payload: None };
        while frame.has_remaining() {
            let (field, wire_type) = decode_key(&mut frame).map_err(malformed)?;
            match (field, wire_type) {
                (field::SEQUENCE, WireType::Varint) => parts.sequence = Some(decode_varint(&mut frame).map_err(malformed)?),
                (_, WireType::LengthDelimited) => {
                    let length = usize::try_from(decode_varint(&mut frame).map_err(malformed)?).unwrap_or(usize::MAX);
                    if length > frame.remaining() {
                        return Err(malformed("a field is longer than its message"));
                    }
                    parts.payload = Some((field, frame.split_to(length)));
                }
                _ => skip_field(wire_type, field, &mut frame, DecodeContext::default()).map_err(malformed)?,
            }
        }
        Ok(parts)
    }
}

fn malformed(reason: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::InternalError, format!("the upstream sent a frame that cannot be read: {reason}"))
}

/// Writes requests as protobuf and leaves the answers as they come.
#[derive(Debug)]
pub struct RawAnswers<Q>(PhantomData<Q>);

impl<Q> Default for RawAnswers<Q> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Q: Message + 'static> Codec for RawAnswers<Q> {
    type Encode = Q;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<Q: Message> Encoder for RawAnswers<Q> {
    type Item = Q;
    type Error = Status;

    fn encode(&mut self, request: Q, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        request.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl<Q> Decoder for RawAnswers<Q> {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::proto::{
        CatchUpEventsResponse, ChatArchived, ChatChangeEvent, GroupChangeEvent, GroupIconChanged, Heartbeat,
        MessageChangeEvent, MessageRead, PollChangeEvent, PollVoted, SubscribeChatEventsResponse, SubscribeGroupEventsResponse,
        SubscribeMessageEventsResponse, SubscribePollEventsResponse, catch_up_events_response, chat_change_event,
        group_change_event, message_change_event, poll_change_event, subscribe_chat_events_response,
        subscribe_group_events_response, subscribe_message_events_response, subscribe_poll_events_response,
    };

    fn replayed(payload: catch_up_events_response::Payload, sequence: Option<u64>) -> Bytes {
        CatchUpEventsResponse { sequence, payload: Some(payload) }.encode_to_vec().into()
    }

    /// A live answer and the catch-up's answer for the same event.
    macro_rules! both {
        ($answer:ident, $payload:ident, $kind:ident, $event:expr) => {{
            let payload = Some($payload::Payload::$kind($event));
            let live = $answer { sequence: Some(300), payload }.encode_to_vec();
            (Bytes::from(live), replayed(catch_up_events_response::Payload::$kind($event), Some(300)))
        }};
    }

    #[test]
    fn a_live_event_of_any_kind_becomes_the_frame_that_a_catch_up_has_for_it() {
        let chat = ChatChangeEvent {
            chat_guid: "any;-;a".to_owned(),
            change: Some(chat_change_event::Change::Archived(ChatArchived {})),
            ..ChatChangeEvent::default()
        };
        let message = MessageChangeEvent {
            chat_guid: "any;-;a".to_owned(),
            is_from_me: true,
            change: Some(message_change_event::Change::MessageRead(MessageRead::default())),
            ..MessageChangeEvent::default()
        };
        let group = GroupChangeEvent {
            chat_guid: "any;+;g".to_owned(),
            change: Some(group_change_event::Change::IconChanged(GroupIconChanged {})),
            ..GroupChangeEvent::default()
        };
        let voted = PollVoted { option_identifier: "option-1".to_owned() };
        let poll = PollChangeEvent {
            poll_message_guid: "m".to_owned(),
            change: Some(poll_change_event::Change::Voted(voted)),
            ..PollChangeEvent::default()
        };
        let kinds = [
            (field::CHAT, both!(SubscribeChatEventsResponse, subscribe_chat_events_response, ChatChanged, chat.clone())),
            (
                field::MESSAGE,
                both!(SubscribeMessageEventsResponse, subscribe_message_events_response, MessageChanged, message.clone()),
            ),
            (field::GROUP, both!(SubscribeGroupEventsResponse, subscribe_group_events_response, GroupChanged, group.clone())),
            (field::POLL, both!(SubscribePollEventsResponse, subscribe_poll_events_response, PollChanged, poll.clone())),
        ];
        for (field, (from_live, from_catch_up)) in kinds {
            let from_catch_up = catch_up(from_catch_up).unwrap();
            assert!(matches!(&from_catch_up, Frame::Event(event) if event.field == field), "{from_catch_up:?}");
            assert_eq!(live(from_live, field).unwrap(), from_catch_up);
        }
    }

    #[test]
    fn ends_and_signs_of_life_are_told_from_events() {
        let complete = catch_up_events_response::Payload::Complete(CatchUpEventsComplete { head_sequence: 7 });
        assert_eq!(catch_up(replayed(complete, None)), Ok(Frame::Complete(7)));
        let beat = catch_up_events_response::Payload::Heartbeat(Heartbeat {});
        assert_eq!(catch_up(replayed(beat, None)), Ok(Frame::Heartbeat));
        assert_eq!((live(Bytes::new(), field::CHAT), catch_up(Bytes::new())), (Ok(Frame::Heartbeat), Ok(Frame::Heartbeat)));
    }

    #[test]
    fn an_event_of_a_kind_that_nobody_knows_is_an_event() {
        // Field 1: 9; field 42: two bytes.
        let frame = Bytes::from_static(&[0x08, 9, 0xd2, 0x02, 2, 0xff, 0xfe]);
        let expected = RawEvent { sequence: 9, field: 42, payload: Bytes::from_static(&[0xff, 0xfe]), frame: frame.clone() };
        assert_eq!(catch_up(frame), Ok(Frame::Event(expected)));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_an_error(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
            let _ = (catch_up(bytes.clone().into()), live(bytes.into(), field::CHAT));
        }
    }
}
