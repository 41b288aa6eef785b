//! The client's end of a WebSocket: the same for the gateway and for what it is compared with.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Longer than any wait of a run that works.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of the read buffer of a socket that gets much, and of one that gets nearly nothing.
#[derive(Clone, Copy)]
pub(crate) enum Buffer {
    Busy = 64 * 1024,
    Idle = 1024,
}

pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    pub(crate) async fn open(
        address: SocketAddr,
        path: &str,
        subprotocol: Option<&'static str>,
        buffer: Buffer,
    ) -> Result<Self> {
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        if let Some(name) = subprotocol {
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
        }
        let config = WebSocketConfig::default().read_buffer_size(buffer as usize).write_buffer_size(0);
        let opening = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(client_async_with_config(request, stream, Some(config)).await?.0)
        };
        Ok(Self(patiently("a socket", opening).await?))
    }

    pub(crate) async fn say(&mut self, text: impl Into<Utf8Bytes>) -> Result<()> {
        patiently("a frame to be taken", async { Ok(self.0.send(Message::Text(text.into())).await?) }).await
    }

    /// The next text.
    pub(crate) async fn text(&mut self) -> Result<Utf8Bytes> {
        loop {
            match patiently("the next frame", async { Ok(self.0.next().await) }).await? {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Err(error)) => return Err(error).context("a socket broke"),
                other => bail!("a socket ended: {other:?}"),
            }
        }
    }
}

/// Waits, but not for ever.
pub(crate) async fn patiently<T>(what: &str, future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(TIMEOUT, future).await.with_context(|| format!("waited in vain for {what}"))?
}
