//! A reader of the event stream: it gives credit in time, and checks what comes as [`crate::batch`] does.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use im_chats_protocol::wire::frame::SUBPROTOCOL;
use im_chats_protocol::wire::routes::EVENTS_PATH;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::batch::{Check, advance, is};
use crate::process::TOKEN;
use crate::socket::{Buffer, Socket};

/// Events the gateway may send ahead; half of it is given back at a time.
const CREDIT: u64 = 8192;

/// What a reader got.
#[derive(Clone, Copy, Default)]
pub(crate) struct Received {
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
}

pub(crate) struct Subscriber {
    socket: Socket,
    check: Check,
    log: String,
    position: u64,
    owed: u64,
    pub(crate) received: Received,
}

impl Subscriber {
    /// A live subscription of all chats, from the head of this moment.
    pub(crate) async fn connect(address: SocketAddr, check: Check, buffer: Buffer) -> Result<Self> {
        Self::open(address, check, buffer, None).await
    }

    /// A subscription of all chats from the log's beginning.
    pub(crate) async fn connect_at_begin(address: SocketAddr, check: Check) -> Result<Self> {
        let log = Self::connect(address, check, Buffer::Idle).await?.log;
        Self::open(address, check, Buffer::Busy, Some(json!({ "log": log, "sequence": 0 }))).await
    }

    async fn open(address: SocketAddr, check: Check, buffer: Buffer, after: Option<Value>) -> Result<Self> {
        let mut socket = Socket::open(address, EVENTS_PATH, Some(SUBPROTOCOL), buffer).await?;
        socket.say(json!({ "type": "init", "token": TOKEN }).to_string()).await?;
        let mut subscribe = json!({ "type": "subscribe", "id": 1, "topic": "chats", "credit": CREDIT });
        if let (Some(after), Some(frame)) = (after, subscribe.as_object_mut()) {
            frame.insert("after".to_owned(), after);
        }
        socket.say(subscribe.to_string()).await?;
        let after = loop {
            let frame: Value = serde_json::from_str(&socket.text().await?)?;
            match frame.get("type").and_then(Value::as_str) {
                Some("ready") => {}
                Some("subscribed") => break frame.get("after").context("no position")?.clone(),
                _ => bail!("instead of a subscription: {frame}"),
            }
        };
        let position = after.get("sequence").and_then(Value::as_u64).context("no position")?;
        let log = after.get("log").and_then(Value::as_str).context("no log")?.to_owned();
        Ok(Self { socket, check, log, position, owed: 0, received: Received::default() })
    }

    /// Takes events until `through` has come.
    pub(crate) async fn follow(&mut self, through: u64) -> Result<()> {
        while self.position < through {
            self.batch().await?;
        }
        ensure!(self.position == through, "an event {} after the last one, {through}", self.position);
        Ok(())
    }

    /// Takes events until `through` has come, and what came with it.
    pub(crate) async fn reach(&mut self, through: u64) -> Result<()> {
        while self.position < through {
            self.batch().await?;
        }
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

    /// Asks with each heartbeat whether it is heard, as the package does; ends with an error only.
    pub(crate) async fn stay(&mut self) -> Result<()> {
        for n in 1_u64.. {
            while !is(&self.socket.text().await?, "heartbeat") {}
            self.socket.say(json!({ "type": "ping", "n": n }).to_string()).await?;
        }
        Ok(())
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
        let through = advance(self.position, text, self.check)?;
        self.owed = self.owed.saturating_add(through.saturating_sub(self.position));
        self.position = through;
        self.received.frames = self.received.frames.saturating_add(1);
        self.received.bytes = self.received.bytes.saturating_add(u64::try_from(text.len())?);
        Ok(())
    }
}
