//! gRPC clients: one made from the same definitions as the server, and a raw one that may break the rules.

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Method, Request, StatusCode, Version};
use im_chats_gateway::service::proto::chat_service_client::ChatServiceClient;
use im_chats_gateway::service::proto::event_service_client::EventServiceClient;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::server::{Server, TIMEOUT, TOKEN};

pub type Token = fn(tonic::Request<()>) -> Result<tonic::Request<()>, Status>;
pub type Chats = ChatServiceClient<InterceptedService<Channel, Token>>;
pub type Events = EventServiceClient<InterceptedService<Channel, Token>>;

#[allow(clippy::unnecessary_wraps, reason = "the shape of an interceptor")]
pub fn token(mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
    request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse().expect("ASCII"));
    Ok(request)
}

pub async fn channel(server: &Server) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).expect("a URL");
    timeout(TIMEOUT, endpoint.connect()).await.expect("in time").expect("a connection")
}

/// A connection of its own that takes little before it is read: nothing of what waits can hide in its buffers.
pub async fn narrow(server: &Server) -> Chats {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).expect("a URL");
    let endpoint = endpoint.initial_stream_window_size(Some(16_384)).initial_connection_window_size(Some(65_535));
    let channel = timeout(TIMEOUT, endpoint.connect()).await.expect("in time").expect("a connection");
    ChatServiceClient::with_interceptor(channel, token as Token)
}

pub async fn clients(server: &Server) -> (Chats, Events) {
    let channel = channel(server).await;
    let chats = ChatServiceClient::with_interceptor(channel.clone(), token as Token);
    (chats, EventServiceClient::with_interceptor(channel, token as Token))
}

/// Checks that a call was refused so, and gives what the metadata says.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, error_code: &str) -> Refusal {
    let status = answer.expect_err("a refusal");
    assert_eq!((status.code(), text(status.metadata().get("error-code"))), (code, Some(error_code.to_owned())), "{status:?}");
    assert!(!status.message().is_empty());
    if let Some(field) = text(status.metadata().get("error-context-field")) {
        assert!(status.message().starts_with(&format!("{field}: ")), "{status:?}");
    }
    Refusal(status)
}

fn text(value: Option<&tonic::metadata::AsciiMetadataValue>) -> Option<String> {
    value.map(|value| value.to_str().expect("ASCII").to_owned())
}

/// A refusal that carries one of our codes.
#[derive(Debug)]
pub struct Refusal(pub Status);

impl Refusal {
    pub fn context(&self, name: &str) -> Option<String> {
        text(self.0.metadata().get(format!("error-context-{name}")))
    }

    pub fn retryable(&self) -> bool {
        text(self.0.metadata().get("x-retryable")).as_deref() == Some("true")
    }
}

/// A connection of HTTP/2, and nothing above it.
pub struct Raw {
    pub sender: SendRequest<Bytes>,
    authority: String,
}

/// What came back, byte for byte.
#[derive(Debug)]
pub struct RawAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
}

impl RawAnswer {
    /// `grpc-status` and `error-code`, wherever they are.
    pub fn verdict(&self) -> (&str, &str) {
        (self.said("grpc-status"), self.said("error-code"))
    }

    pub fn said(&self, name: &str) -> &str {
        let trailers = self.trailers.as_ref().and_then(|trailers| trailers.get(name));
        trailers.or_else(|| self.headers.get(name)).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Raw {
    pub async fn connect(server: &Server) -> Self {
        Self::over(TcpStream::connect(&server.address).await.expect("a connection"), &server.address).await
    }

    pub async fn over(io: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static, address: &str) -> Self {
        let (sender, connection) = timeout(TIMEOUT, h2::client::handshake(io)).await.expect("in time").expect("HTTP/2");
        // Ends with the server's end; what it ended with, the streams tell.
        tokio::spawn(async move { drop(connection.await) });
        Self { sender, authority: address.to_owned() }
    }

    pub fn request(&self, path: &str, headers: &[(&str, &[u8])]) -> Request<()> {
        let mut request =
            Request::builder().method(Method::POST).version(Version::HTTP_2).uri(format!("http://{}{path}", self.authority));
        let defaults: [(&str, &[u8]); 3] =
            [("content-type", b"application/grpc"), ("te", b"trailers"), ("authorization", b"Bearer secret")];
        for (name, value) in defaults.iter().filter(|(name, _)| !headers.iter().any(|(other, _)| other == name)) {
            request = request.header(*name, *value);
        }
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request")
    }

    /// Sends these bytes as the whole body, and gives the head of the answer without waiting for its end.
    pub async fn begin(&self, path: &str, headers: &[(&str, &[u8])], body: impl Into<Bytes>) -> RawAnswer {
        let exchange = async {
            let mut sender = self.sender.clone().ready().await.expect("room for a stream");
            let (answer, mut stream) = sender.send_request(self.request(path, headers), false).expect("a stream");
            let _ = stream.send_data(body.into(), true);
            let (head, _) = answer.await.expect("an answer").into_parts();
            RawAnswer { status: head.status, headers: head.headers, body: Vec::new(), trailers: None }
        };
        timeout(TIMEOUT, exchange).await.expect("an answer in time")
    }

    /// Sends these bytes as the whole body.
    pub async fn call(&self, path: &str, headers: &[(&str, &[u8])], body: impl Into<Bytes>) -> RawAnswer {
        let exchange = async {
            let mut sender = self.sender.clone().ready().await.expect("room for a stream");
            let (answer, mut stream) = sender.send_request(self.request(path, headers), false).expect("a stream");
            // A server may answer before it has read everything, and then takes no more.
            let _ = stream.send_data(body.into(), true);
            let (head, mut body) = answer.await.expect("an answer").into_parts();
            let mut bytes = Vec::new();
            while let Some(chunk) = body.data().await {
                let chunk = chunk.expect("the rest of the answer");
                let _ = body.flow_control().release_capacity(chunk.len());
                bytes.extend_from_slice(&chunk);
            }
            let trailers = body.trailers().await.expect("the end of the answer");
            RawAnswer { status: head.status, headers: head.headers, body: bytes, trailers }
        };
        timeout(TIMEOUT, exchange).await.expect("an answer in time")
    }
}

/// A message with its five bytes of framing.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let size = u32::try_from(message.len()).expect("a size");
    [&[0][..], &size.to_be_bytes(), message].concat()
}
