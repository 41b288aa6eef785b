//! The least a WebSocket server can do: axum, without a protocol, a log or a check. It runs as a process of its own.
//!
//! `/echo` gives every text back. `/room` gives it to everyone who is there, the sender too. `/send` takes a text, `FRAMES
//! BYTES`, and sends that many texts of that size, all of them the same bytes. Buffers are as small as the gateway's, and Nagle's delay is off, as there.

use std::io::Write as _;

use anyhow::Result;
use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::broadcast;

const BUFFER_BYTES: usize = 4 * 1024;

/// Texts that may wait for someone in the room.
const ROOM: usize = 16;

/// Serves until it is killed.
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on http://{}", listener.local_addr()?)?;
    stdout.flush()?;
    drop(stdout);
    let room = broadcast::Sender::new(ROOM);
    let enter = move |upgrade| {
        let room = room.clone();
        async move { upgraded(upgrade, |socket| stay(socket, room)) }
    };
    let router = Router::new()
        .route("/echo", get(|upgrade| async { upgraded(upgrade, echo) }))
        .route("/room", get(enter))
        .route("/send", get(|upgrade| async { upgraded(upgrade, send) }));
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

fn upgraded<F, R>(upgrade: WebSocketUpgrade, serve: F) -> Response
where
    F: FnOnce(WebSocket) -> R + Send + 'static,
    R: Future<Output = Option<()>> + Send + 'static,
{
    let upgrade = upgrade.read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
    upgrade.on_upgrade(|socket| async move {
        // `None`: the client is gone, as it is at the end of each run.
        let _ = serve(socket).await;
    })
}

async fn text(socket: &mut WebSocket) -> Option<Utf8Bytes> {
    match socket.recv().await?.ok()? {
        Message::Text(text) => Some(text),
        _ => None,
    }
}

async fn echo(mut socket: WebSocket) -> Option<()> {
    loop {
        let text = text(&mut socket).await?;
        socket.send(Message::Text(text)).await.ok()?;
    }
}

async fn stay(mut socket: WebSocket, room: broadcast::Sender<Utf8Bytes>) -> Option<()> {
    let mut said = room.subscribe();
    // Who has entered hears so: from here on nothing is missed.
    socket.send(Message::Text("entered".into())).await.ok()?;
    loop {
        tokio::select! {
            text = text(&mut socket) => drop(room.send(text?).ok()?),
            said = said.recv() => socket.send(Message::Text(said.ok()?)).await.ok()?,
        }
    }
}

async fn send(mut socket: WebSocket) -> Option<()> {
    loop {
        let order = text(&mut socket).await?;
        let (frames, bytes) = order.split_once(' ')?;
        let (frames, bytes) = (frames.parse::<u64>().ok()?, bytes.parse().ok()?);
        let payload = Utf8Bytes::from("x".repeat(bytes));
        for _ in 0..frames {
            socket.send(Message::Text(payload.clone())).await.ok()?;
        }
    }
}
