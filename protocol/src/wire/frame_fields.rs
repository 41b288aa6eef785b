//! The frames' fields and their names in JSON, once: reading and writing are generated from these tables.
//!
//! The client reads and writes JavaScript values with it, the gateway text, tests both. Each frame is taken apart in full, so a
//! field that a table leaves out does not compile.

use alloc::string::String;

use super::codec::{Expected, Field, ObjectWriter, Problems, Reader, WrongField};
use super::filter::Filter;
use super::frame::{
    After, Attached, ClientFrame, ClientInfo, ErrorFrame, Limits, LogInfo, ServerFrame, Subscribe, Topic, Until,
};
use super::json::ReadJson;

/// Types whose values are words: the name in Rust and the word in JSON. The first stands in for a word that is none of them.
macro_rules! words {
    ($($name:ident { $first:ident: $first_word:literal $(, $other:ident: $word:literal)* })*) => {$(
        impl Field for $name {
            fn read<J: ReadJson>(reader: &Reader<'_, J>, name: &'static str) -> Self {
                match reader.field::<String>(name).as_str() {
                    $first_word => Self::$first,
                    $($word => Self::$other,)*
                    _ => {
                        reader.unacceptable(name, Expected::$name);
                        Self::$first
                    }
                }
            }
            fn write<W: ObjectWriter>(&self, name: &'static str, out: &mut W) {
                out.put_text(name, match self {
                    Self::$first => $first_word,
                    $(Self::$other => $word,)*
                });
            }
        }
    )*};
}

/// Objects: the field in Rust and its name in JSON. They are read and written in this order. `lenient` is for a text that only
/// people read: of another type it counts as absent, since a frame is worth more than its decoration. `within` is for an object whose
/// fields stand among those of the object that it belongs to.
macro_rules! objects {
    (@read $reader:ident $name:literal) => { $reader.field($name) };
    (@read $reader:ident $name:literal lenient) => { $reader.text_or_none($name) };
    (@read $reader:ident $name:literal within) => { Within::read_within($reader) };
    (@write $field:ident $out:ident $name:literal $(lenient)?) => { $field.write($name, $out) };
    (@write $field:ident $out:ident $name:literal within) => { $field.write_within($out) };
    ($($object:ident { $($field:ident: $name:literal $($how:ident)?),* })*) => {$(
        impl $object {
            fn read_fields<J: ReadJson>(reader: &Reader<'_, J>) -> Self {
                Self { $($field: objects!(@read reader $name $($how)?)),* }
            }
            fn write_fields<W: ObjectWriter>(&self, out: &mut W) {
                let Self { $($field),* } = self;
                $(objects!(@write $field out $name $($how)?);)*
            }
        }

        impl Field for $object {
            fn read<J: ReadJson>(reader: &Reader<'_, J>, name: &'static str) -> Self {
                Self::read_fields(&reader.object(name))
            }
            fn write<W: ObjectWriter>(&self, name: &'static str, out: &mut W) {
                out.put_object(name, |object| self.write_fields(object));
            }
        }
    )*};
}

/// Frames: the value of `type`, the variant, and its fields as for objects. `by` names the function that the caller gives for a field
/// whose type only the caller knows.
macro_rules! frames {
    ($frame:ident $(<$batch:ident> by $by:ident)? { $($word:literal => $variant:ident $fields:tt)* }) => {
        impl $(<$batch>)? $frame $(<$batch>)? {
            /// Every value of `type`.
            pub const TYPES: &'static [&'static str] = &[$($word),*];

            /// `None` when the `type` is none of these.
            pub(crate) fn read_fields<J: ReadJson>(
                reader: &Reader<'_, J>,
                $($by: impl FnOnce(J) -> $batch,)?
            ) -> Option<Self> {
                Some(match reader.field::<String>("type").as_str() {
                    $($word => frames!(@read reader $variant $fields),)*
                    _ => return None,
                })
            }

            pub(crate) fn write_fields<W: ObjectWriter>(
                &self,
                out: &mut W,
                $($by: impl FnOnce(&$batch, &'static str, &mut W),)?
            ) {
                match self {
                    $(frames!(@pattern object $variant $fields) => {
                        out.put_text("type", $word);
                        frames!(@write object out $fields);
                    })*
                }
            }
        }
    };

    (@read $reader:ident $variant:ident ($object:ident)) => {
        Self::$variant($object::read_fields($reader))
    };
    (@read $reader:ident $variant:ident { $($field:ident: $name:literal $(by $by:ident)?),* }) => {
        Self::$variant { $($field: frames!(@read_field $reader $name $($by)?)),* }
    };
    (@read_field $reader:ident $name:literal) => { $reader.field($name) };
    (@read_field $reader:ident $name:literal $by:ident) => { $by($reader.array($name)) };

    (@pattern $object:ident $variant:ident ($type:ident)) => { Self::$variant($object) };
    (@pattern $object:ident $variant:ident { $($field:ident: $name:literal $(by $by:ident)?),* }) => { Self::$variant { $($field),* } };

    (@write $object:ident $out:ident ($type:ident)) => { $object.write_fields($out) };
    (@write $object:ident $out:ident { $($field:ident: $name:literal $(by $by:ident)?),* }) => {
        $(frames!(@write_field $field $out $name $($by)?);)*
    };
    (@write_field $field:ident $out:ident $name:literal) => { $field.write($name, $out) };
    (@write_field $field:ident $out:ident $name:literal $by:ident) => { $by($field, $name, $out) };
}

frames! {
    ClientFrame {
        "init" => Init { token: "token", client: "client" }
        "subscribe" => Subscribe(Subscribe)
        "credit" => Credit { id: "id", add: "add" }
        "unsubscribe" => Unsubscribe { id: "id" }
        "token" => Token { token: "token" }
        "ping" => Ping { n: "n" }
    }
}

frames! {
    ServerFrame<B> by batch {
        "ready" => Ready {
            protocol: "protocol",
            log: "log",
            heartbeat_interval_ms: "heartbeatIntervalMs",
            limits: "limits",
            token_expires_in_ms: "tokenExpiresInMs",
            features: "features"
        }
        "subscribed" => Subscribed { id: "id", after: "after", head: "head" }
        "events" => Events { id: "id", prev: "prev", through: "through", events: "events" by batch }
        "caughtUp" => CaughtUp { id: "id", head: "head" }
        "complete" => Complete { id: "id", head: "head" }
        "heartbeat" => Heartbeat { head: "head" }
        "drain" => Drain { reconnect_min_ms: "reconnectMinMs", reconnect_max_ms: "reconnectMaxMs" }
        "error" => Error(ErrorFrame)
        "pong" => Pong { n: "n" }
    }
}

objects! {
    Subscribe { id: "id", filter: "" within, after: "after", until: "until", credit: "credit" }
    Filter { topic: "topic", chat: "chat", chats: "chats", types: "types" }
    After { log: "log", sequence: "sequence" }
    ClientInfo { name: "name", version: "version" }
    LogInfo { id: "id", first: "first", head: "head" }
    Limits {
        max_frame_bytes: "maxFrameBytes",
        max_outgoing_frame_bytes: "maxOutgoingFrameBytes",
        max_batch_events: "maxBatchEvents",
        max_subscriptions: "maxSubscriptions"
    }
    Attached { log: "log", sequence: "sequence" }
    ErrorFrame {
        id: "id",
        fatal: "fatal",
        code: "code",
        grpc_code: "grpcCode",
        message: "message",
        retryable: "retryable",
        retry_after_ms: "retryAfterMs",
        context: "context",
        source: "source" lenient,
        request_id: "requestId" lenient
    }
}

/// An object whose fields stand among those of another one.
trait Within: Sized {
    fn read_within<J: ReadJson>(reader: &Reader<'_, J>) -> Self;
    fn write_within<W: ObjectWriter>(&self, out: &mut W);
}

impl Within for Filter {
    fn read_within<J: ReadJson>(reader: &Reader<'_, J>) -> Self {
        Self::read_fields(reader)
    }
    fn write_within<W: ObjectWriter>(&self, out: &mut W) {
        self.write_fields(out);
    }
}

words! {
    Topic { Chats: "chats", All: "all" }
    Until { Head: "head" }
}

impl ClientFrame {
    /// The frame as JSON.
    #[must_use]
    pub fn write<W: ObjectWriter>(&self) -> W {
        W::build(|out| self.write_fields(out))
    }

    /// Reads a parsed frame; `None` is a frame of a type that no client sends.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn read<J: ReadJson>(frame: J) -> Result<Option<Self>, WrongField> {
        let problems = Problems::default();
        let frame = Self::read_fields(&Reader::new(frame, &problems));
        problems.malformed().or(problems.unacceptable()).map_or(Ok(frame), Err)
    }
}

impl<B> ServerFrame<B> {
    /// The frame as JSON. `batch` writes the events under the name it gets.
    #[must_use]
    pub fn write<W: ObjectWriter>(&self, batch: impl FnOnce(&B, &'static str, &mut W)) -> W {
        W::build(|out| self.write_fields(out, batch))
    }

    /// Reads a parsed frame; `None` is a frame of a type that this version does not know, which the protocol says to ignore. The array
    /// of events is not looked at, but given to `batch` as it is.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn read<J: ReadJson>(frame: J, batch: impl FnOnce(J) -> B) -> Result<Option<Self>, WrongField> {
        let problems = Problems::default();
        let frame = Self::read_fields(&Reader::new(frame, &problems), batch);
        problems.malformed().map_or(Ok(frame), Err)
    }
}
