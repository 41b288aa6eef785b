//! A reader of the event stream that costs little, so that the gateway is what is measured.
//!
//! Of a batch it looks at `prev` and `through` in the frame's head and at the last event's `sequence` in its end: the first
//! must be its position, the other two the same. A [`Check::Every`] reader parses the frame and looks at every event as well;
//! one of the readers of each run does.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use im_chats::wire::frame::{PATH, SUBPROTOCOL};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::process::TOKEN;
use crate::socket::{Buffer, Socket};

/// Events the gateway may send ahead; half of it is given back at a time.
const CREDIT: u64 = 8192;

/// How closely a reader looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// At each batch.
    Batches,
    /// At each event.
    Every,
}

/// What a reader got.
#[derive(Clone, Copy, Default)]
pub(crate) struct Received {
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
}

pub(crate) struct Subscriber {
    socket: Socket,
    check: Check,
    position: u64,
    owed: u64,
    pub(crate) received: Received,
}

#[derive(Deserialize)]
struct Frame {
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    sequence: u64,
}

impl Subscriber {
    /// A live subscription of all chats, from the head of this moment.
    pub(crate) async fn connect(address: SocketAddr, check: Check, buffer: Buffer) -> Result<Self> {
        let mut socket = Socket::open(address, PATH, Some(SUBPROTOCOL), buffer).await?;
        socket.say(json!({ "type": "init", "token": TOKEN }).to_string()).await?;
        let subscribe = json!({ "type": "subscribe", "id": 1, "topic": "chats", "credit": CREDIT });
        socket.say(subscribe.to_string()).await?;
        let position = loop {
            let frame: Value = serde_json::from_str(&socket.text().await?)?;
            match frame.get("type").and_then(Value::as_str) {
                Some("ready") => {}
                Some("subscribed") => break frame.pointer("/after/sequence").and_then(Value::as_u64).context("no position")?,
                _ => bail!("instead of a subscription: {frame}"),
            }
        };
        Ok(Self { socket, check, position, owed: 0, received: Received::default() })
    }

    /// Takes events until `through` has come.
    pub(crate) async fn follow(&mut self, through: u64) -> Result<()> {
        while self.position < through {
            self.batch().await?;
        }
        ensure!(self.position == through, "an event {} after the last one, {through}", self.position);
        Ok(())
    }

    /// Takes the next batch; gives the position after it.
    pub(crate) async fn batch(&mut self) -> Result<u64> {
        loop {
            let text = self.socket.text().await?;
            if is(&text, "events") {
                self.take(&text)?;
                break;
            }
            ensure!(is(&text, "heartbeat") || is(&text, "caughtUp"), "instead of events: {text}");
        }
        if self.owed >= CREDIT / 2 {
            let add = std::mem::take(&mut self.owed);
            self.socket.say(json!({ "type": "credit", "id": 1, "add": add }).to_string()).await?;
        }
        Ok(self.position)
    }

    /// Waits for a heartbeat; nothing else may come before but what follows a subscription.
    pub(crate) async fn heartbeat(&mut self) -> Result<()> {
        loop {
            let text = self.socket.text().await?;
            if is(&text, "heartbeat") {
                return Ok(());
            }
            ensure!(is(&text, "caughtUp"), "instead of a heartbeat: {text}");
        }
    }

    fn take(&mut self, text: &Utf8Bytes) -> Result<()> {
        let seen = |text: &str, rest: Option<&str>| number(rest).with_context(|| format!("no number in {text}"));
        let prev = seen(text, text.split_once(r#""prev":"#).map(|(_, rest)| rest))?;
        let through = seen(text, text.split_once(r#""through":"#).map(|(_, rest)| rest))?;
        let last = seen(text, text.rsplit_once(r#""sequence":"#).map(|(_, rest)| rest))?;
        ensure!(prev == self.position, "a batch after {prev}, and the position is {}", self.position);
        ensure!(last == through && through > prev, "a batch after {prev} through {through} that ends with {last}");
        if self.check == Check::Every {
            let frame: Frame = serde_json::from_str(text)?;
            let expected = prev.saturating_add(1)..=through;
            ensure!(frame.events.iter().map(|event| event.sequence).eq(expected), "a batch after {prev} with a hole: {text}");
        }
        self.position = through;
        self.owed = self.owed.saturating_add(through.saturating_sub(prev));
        self.received.frames = self.received.frames.saturating_add(1);
        self.received.bytes = self.received.bytes.saturating_add(u64::try_from(text.len())?);
        Ok(())
    }
}

/// Whether it is a frame of this type; the type is what every frame begins with.
fn is(text: &str, kind: &str) -> bool {
    text.strip_prefix(r#"{"type":""#).and_then(|rest| rest.strip_prefix(kind)).is_some_and(|rest| rest.starts_with('"'))
}

/// The number that a text begins with.
fn number(text: Option<&str>) -> Option<u64> {
    text?.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
