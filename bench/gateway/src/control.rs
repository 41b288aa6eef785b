//! The gateway's HTTP side: chats to have events in, and events.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::request::Builder;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::process::TOKEN;
use crate::socket::patiently;

/// Chats that the generated events are spread over.
const CHATS: usize = 16;

/// One connection, one request after the other.
pub(crate) struct Control {
    connection: SendRequest<Full<Bytes>>,
    address: SocketAddr,
}

impl Control {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (connection, serving) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                eprintln!("the connection for requests: {error}");
            }
        });
        Ok(Self { connection, address })
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        patiently(path, self.ask(path, body)).await.with_context(|| format!("POST {path} failed"))
    }

    async fn ask(&mut self, path: &str, body: &Value) -> Result<Value> {
        Ok(serde_json::from_slice(&self.send(Request::post(path), path, body.to_string()).await?)?)
    }

    async fn send(&mut self, request: Builder, path: &str, body: String) -> Result<Bytes> {
        self.connection.ready().await?;
        let request = request
            .header("host", self.address.to_string())
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let answer = self.connection.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&body));
        Ok(body)
    }

    /// The sequence of the last event in the server's log, which its metrics have.
    pub(crate) async fn head(&mut self) -> Result<u64> {
        let path = "/metrics";
        let metrics = patiently(path, self.send(Request::get(path), path, String::new())).await?;
        let metrics = std::str::from_utf8(&metrics)?;
        let number = metrics.lines().find_map(|line| line.strip_prefix("im_chats_log_head_sequence "));
        number.and_then(|number| number.trim().parse().ok()).context("the metrics have no head of the log")
    }

    /// A new chat's GUID.
    pub(crate) async fn chat(&mut self, address: &str) -> Result<String> {
        let answer = self.post("/v1/chats", &json!({ "addresses": [address] })).await?;
        let guid = answer.pointer("/chat/guid").and_then(Value::as_str);
        Ok(guid.context("a chat without a GUID")?.to_owned())
    }

    pub(crate) async fn chats(&mut self) -> Result<()> {
        for index in 0..CHATS {
            self.chat(&format!("person{index}@example.com")).await?;
        }
        Ok(())
    }

    /// Makes events in all chats; gives the last one's sequence.
    pub(crate) async fn generate(&mut self, count: u64) -> Result<u64> {
        let answer = self.post("/emulator/v1/events:generate", &json!({ "count": count })).await?;
        answer.get("last").and_then(Value::as_u64).context("no sequence of the last event")
    }
}
