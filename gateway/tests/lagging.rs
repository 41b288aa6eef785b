//! A front over a replica of the log that is behind: a client that comes from a front that is further goes on from its cursor.

#![cfg(test)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, FutureExt as _, pending, ready};
use futures_util::{SinkExt as _, StreamExt as _};
use im_chats_gateway::app::{self, App};
use im_chats_gateway::fronts::{grpc::GrpcLimits, live::LiveLimits};
use im_chats_gateway::http::access::Access;
use im_chats_gateway::http::admission::Admission;
use im_chats_gateway::http::flags::ServerLimits;
use im_chats_gateway::http::subjects::{SubjectLimits, Subjects};
use im_chats_gateway::log::store::Store;
use im_chats_gateway::log::{self, EndSource, EventKind, EventLog, LogCopy, LoggedEvent, Position};
use im_chats_gateway::metrics::Metrics;
use im_chats_gateway::service::auth::{Authenticator, Identity, Pass};
use im_chats_gateway::service::backend::Backend;
use im_chats_gateway::service::calls::Messaging;
use im_chats_gateway::service::chat_list::{ListChatsRequest, ListChatsResponse};
use im_chats_gateway::service::context::CallContext;
use im_chats_gateway::service::health::Health;
use im_chats_gateway::service::proto::catch_up_events_response::Payload;
use im_chats_gateway::service::proto::event_service_client::EventServiceClient;
use im_chats_gateway::service::proto::{
    CatchUpEventsRequest, CreateChatRequest, CreateChatResponse, GetChatCountRequest, GetChatCountResponse, GetChatRequest,
    GetChatResponse, HasBackgroundRequest, HasBackgroundResponse, MarkChatReadRequest, RemoveBackgroundRequest,
    SetBackgroundRequest, SetTypingRequest, ShareContactInfoRequest,
};
use im_chats_protocol::client::{ClientInput, ClientOutput, Config, Machine, OnGap, Plan, Start};
use im_chats_protocol::error::{Error, ErrorCode};
use im_chats_protocol::grant::Grant;
use im_chats_protocol::server::WholeEnd;
use im_chats_protocol::wire::filter::Filter;
use im_chats_protocol::wire::frame::{After, ClientInfo, ServerFrame, Topic};
use serde_json::{Value, json};
use support::grpc::refused;
use support::server::TIMEOUT;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

const CHAT: &str = "any;-;alice@example.com";

/// A service that has a log and nothing else.
struct Replica(EventLog);

fn none<T>() -> Result<T, Error> {
    Err(Error::new(ErrorCode::OperationNotSupported, "only the log"))
}

impl Messaging for Replica {}

#[async_trait]
impl Backend for Replica {
    async fn create_chat(&self, _: &CallContext, _: CreateChatRequest) -> Result<CreateChatResponse, Error> {
        none()
    }
    async fn mark_chat_read(&self, _: &CallContext, _: MarkChatReadRequest) -> Result<(), Error> {
        none()
    }
    async fn set_background(&self, _: &CallContext, _: SetBackgroundRequest) -> Result<(), Error> {
        none()
    }
    async fn remove_background(&self, _: &CallContext, _: RemoveBackgroundRequest) -> Result<(), Error> {
        none()
    }
    async fn share_contact_info(&self, _: &CallContext, _: ShareContactInfoRequest) -> Result<(), Error> {
        none()
    }
    async fn set_typing(&self, _: &CallContext, _: SetTypingRequest) -> Result<(), Error> {
        none()
    }
    async fn get_chat(&self, _: &CallContext, _: GetChatRequest) -> Result<GetChatResponse, Error> {
        none()
    }
    async fn get_chat_count(&self, _: &CallContext, _: GetChatCountRequest) -> Result<GetChatCountResponse, Error> {
        none()
    }
    async fn has_background(&self, _: &CallContext, _: HasBackgroundRequest) -> Result<HasBackgroundResponse, Error> {
        none()
    }
    async fn list_chats(&self, _: &CallContext, _: ListChatsRequest) -> Result<ListChatsResponse, Error> {
        none()
    }
    fn log(&self) -> &EventLog {
        &self.0
    }
}

/// Everybody is the operator.
struct Anybody(watch::Sender<u64>);

impl Authenticator for Anybody {
    fn verify(&self, _: &str) -> Result<Pass, Error> {
        Ok(Pass::new(Grant::ADMIN, Identity::Static { digest: [0; 32] }))
    }
    fn recheck(&self, _: &Pass) -> Result<(), Error> {
        Ok(())
    }
    fn changes(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

/// What the log says when it is asked where it ends.
#[derive(Clone)]
enum Says {
    /// The front's log ends there.
    End(u64),
    /// The log with this id is the log.
    Log(&'static str),
    Away,
    Nothing,
}

struct Source {
    log: Arc<str>,
    says: Says,
    asked: AtomicUsize,
    was_asked: Notify,
}

impl EndSource for Source {
    fn ask(&self) -> BoxFuture<'static, Result<WholeEnd, Error>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.was_asked.notify_one();
        match self.says {
            Says::End(end) => ready(Ok(WholeEnd { log: Arc::clone(&self.log), end })).boxed(),
            Says::Log(log) => ready(Ok(WholeEnd { log: log.into(), end: 20 })).boxed(),
            Says::Away => ready(Err(Error::new(ErrorCode::ServiceUnavailable, "away"))).boxed(),
            Says::Nothing => pending().boxed(),
        }
    }
}

/// A front of its own, in this process.
struct Front {
    address: String,
    log: EventLog,
    copy: LogCopy,
    source: Arc<Source>,
    drain: CancellationToken,
    _data: TempDir,
}

impl Front {
    /// One that holds so many events.
    async fn with(events: u64, says: Says) -> Self {
        let data = TempDir::new().unwrap();
        let store = Store::open(data.path()).unwrap();
        let (log, appender) = log::open(&store).unwrap();
        let mut copy = LogCopy::new(appender, &store).unwrap();
        append(&mut copy, events);
        let source = Arc::new(Source { log: log.id(), says, asked: AtomicUsize::new(0), was_asked: Notify::new() });
        log.set_end_source(Arc::<Source>::clone(&source));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (drain, limits) = (CancellationToken::new(), ServerLimits::default());
        let app = App {
            serves: true,
            backend: Arc::new(Replica(log.clone())),
            emulator: None,
            health: Health::alone(),
            metrics: Metrics::of_relay(),
            metrics_readers: None,
            authenticator: Arc::new(Anybody(watch::Sender::new(0))),
            tokens: None,
            spectrum: None,
            access: Access::new(address, Vec::new(), Vec::new()),
            admission: Admission::new(&limits),
            subjects: Subjects::new(SubjectLimits::default(), &limits),
            grpc: GrpcLimits::default(),
            live: LiveLimits { heartbeat_interval_ms: 1_000, ..LiveLimits::default() },
            drain: drain.clone(),
            tasks: TaskTracker::new(),
        };
        tokio::spawn(axum_serve(listener, app::router(app), drain.clone()));
        Self { address: address.to_string(), log, copy, source, drain, _data: data }
    }

    async fn events(&self) -> EventServiceClient<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        EventServiceClient::new(endpoint.connect().await.unwrap())
    }

    async fn asked(&self) {
        timeout(TIMEOUT, self.source.was_asked.notified()).await.expect("the log is asked");
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.drain.cancel();
    }
}

async fn axum_serve(listener: TcpListener, router: axum::Router, drain: CancellationToken) {
    let limits = ServerLimits::default();
    let parts = im_chats_gateway::http::server::ServerParts {
        tls: None,
        router,
        drain,
        tasks: TaskTracker::new(),
        limits: &limits,
        write_timeout: TIMEOUT,
        metrics: Metrics::of_relay(),
    };
    im_chats_gateway::http::server::serve(listener, parts).await;
}

fn append(copy: &mut LogCopy, count: u64) {
    let head = copy.log().head();
    let event = |sequence: u64| {
        LoggedEvent {
        sequence,
        kind: EventKind::Chat,
        chat_guid: CHAT.into(),
        json: format!(
            r#"{{"type":"chat.archived","chatGuid":"{CHAT}","sequence":{sequence},"isFromMe":true,"occurredAt":"2026-01-01T12:00:00Z"}}"#
        )
        .into(),
        proto: None,
    }
    };
    let position = Position { number: head + count, commit: "commit".into() };
    copy.append((head + 1..=head + count).map(event).collect(), &position).unwrap();
}

/// The SDK's machine with a socket: one stream, from a cursor.
struct Client {
    machine: Machine<Value>,
    address: String,
    began: Instant,
    socket: Option<(u32, WebSocketStream<MaybeTlsStream<TcpStream>>)>,
    sequences: Vec<u64>,
    end: Option<Result<Option<u64>, Error>>,
    failures: Vec<Error>,
    attached: bool,
    sockets: usize,
}

impl Client {
    async fn from(front: &Front, after: u64) -> Self {
        Self::of(front, &front.log.id(), after).await
    }

    /// With a cursor of this log.
    async fn of(front: &Front, log: &str, after: u64) -> Self {
        let client = ClientInfo { name: "test".into(), version: "0.0.0".into() };
        let address = format!("ws://{}/v1/events", front.address);
        let mut client = Self {
            machine: Machine::new(Config::new(client, address.clone())),
            address,
            began: Instant::now(),
            socket: None,
            sequences: Vec::new(),
            end: None,
            failures: Vec::new(),
            attached: false,
            sockets: 0,
        };
        let start = Start::After(After { log: Some(log.to_owned()), sequence: after });
        let plan = Plan { filter: Filter::of(Topic::Chats), start, until_head: false, resume: true, on_gap: OnGap::Fail };
        client.feed(ClientInput::Open { stream: 1, plan }).await;
        client.feed(ClientInput::Pull { stream: 1 }).await;
        client
    }

    async fn feed(&mut self, input: ClientInput<Value>) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let now = u64::try_from(self.began.elapsed().as_millis()).unwrap();
            self.machine.handle(now, 0.5, input);
            while let Some(output) = self.machine.poll() {
                match output {
                    ClientOutput::FetchToken { ask } => inputs.push(ClientInput::Token { ask, result: Ok("secret".into()) }),
                    ClientOutput::Connect { attempt } => {
                        let mut request = self.address.as_str().into_client_request().unwrap();
                        request.headers_mut().insert("sec-websocket-protocol", "im.events.v1.json".parse().unwrap());
                        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
                        self.socket = Some((attempt, socket));
                        self.sockets += 1;
                        inputs.push(ClientInput::Connected { attempt });
                    }
                    ClientOutput::Send(frame) => {
                        let (_, socket) = self.socket.as_mut().unwrap();
                        socket.send(Message::text(frame.write::<Value>().to_string())).await.unwrap();
                    }
                    ClientOutput::Disconnect { .. } => self.socket = None,
                    ClientOutput::Attached { .. } => self.attached = true,
                    ClientOutput::Deliver { stream, batch } => {
                        self.sequences
                            .extend(batch.as_array().unwrap().iter().map(|event| event["sequence"].as_u64().unwrap()));
                        inputs.push(ClientInput::Pull { stream });
                    }
                    ClientOutput::End { result, .. } => self.end = Some(result),
                    ClientOutput::Status(status) => self.failures.extend(status.error),
                    ClientOutput::Gap { .. } => panic!("a gap"),
                }
            }
        }
    }

    /// Until something holds.
    async fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        let limit = Instant::now() + TIMEOUT;
        while !holds(self) {
            assert!(Instant::now() < limit, "{:?} {:?} {:?}", self.sequences, self.end, self.failures);
            let deadline = self.machine.deadline().map_or(limit, |ms| self.began + Duration::from_millis(ms));
            let message = async {
                match &mut self.socket {
                    Some((attempt, socket)) => (*attempt, socket.next().await),
                    None => pending().await,
                }
            };
            let input = tokio::select! {
                (attempt, message) = message => match message {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Value = serde_json::from_str(&text).unwrap();
                        ClientInput::Frame { attempt, frame: ServerFrame::read(&frame, Value::clone) }
                    }
                    Some(Ok(_)) => continue,
                    _ => ClientInput::Disconnected { attempt, code: 1006, reason: None },
                },
                () = sleep_until(deadline.min(limit)) => ClientInput::Tick,
            };
            self.feed(input).await;
        }
    }
}

async fn replay(events: &mut EventServiceClient<Channel>, after: u64) -> Result<Vec<u64>, Status> {
    let mut request = tonic::Request::new(CatchUpEventsRequest { after_sequence: Some(after) });
    request.metadata_mut().insert("authorization", "Bearer secret".parse().unwrap());
    let mut stream = events.catch_up_events(request).await?.into_inner();
    let mut sequences = Vec::new();
    while let Some(response) = timeout(TIMEOUT, stream.message()).await.expect("in time")? {
        if !matches!(response.payload, Some(Payload::Complete(_) | Payload::Heartbeat(_))) {
            sequences.extend(response.sequence);
        }
    }
    Ok(sequences)
}

#[tokio::test]
async fn a_client_ahead_of_the_replica_is_attached_once_the_replica_is_there_and_gets_everything_once() {
    let mut front = Front::with(5, Says::End(9)).await;
    let mut client = Client::from(&front, 8).await;
    let mut events = front.events().await;
    let call = tokio::spawn(async move { replay(&mut events, 8).await });
    client.until(|client| client.machine.deadline().is_some() && client.socket.is_some()).await;
    front.asked().await;
    assert!(!client.attached && client.end.is_none());
    tokio::time::sleep(Duration::from_millis(500)).await;
    append(&mut front.copy, 2);
    append(&mut front.copy, 2);
    append(&mut front.copy, 1);
    client.until(|client| client.sequences.last() == Some(&10)).await;
    assert_eq!((client.sequences.as_slice(), client.sockets, &client.end), ([9, 10].as_slice(), 1, &None));
    let replayed = call.await.unwrap().unwrap();
    assert!(replayed == [9] || replayed == [9, 10], "{replayed:?}");
}

#[tokio::test]
async fn a_cursor_beyond_the_end_of_the_log_is_ahead() {
    let front = Front::with(5, Says::End(7)).await;
    let mut client = Client::from(&front, 8).await;
    client.until(|client| client.end.is_some()).await;
    let error = client.end.unwrap().unwrap_err();
    assert_eq!((error.code.as_ref(), error.context_value("head")), ("cursorAhead", Some("7")));
    let ahead = refused(replay(&mut front.events().await, 8).await, Code::FailedPrecondition, "cursorAhead");
    assert_eq!(ahead.context("head").as_deref(), Some("7"));
}

#[tokio::test]
async fn a_client_that_a_replica_makes_wait_too_long_comes_back_and_goes_on() {
    for says in [Says::Away, Says::Nothing, Says::End(20)] {
        let mut front = Front::with(5, says).await;
        let began = Instant::now();
        let mut client = Client::from(&front, 8).await;
        let mut events = front.events().await;
        let call = tokio::spawn(async move { replay(&mut events, 8).await });
        client.until(|client| !client.failures.is_empty()).await;
        assert!(began.elapsed() >= Duration::from_secs(2));
        let code = client.failures[0].code.as_ref();
        assert_eq!((code, &client.end, client.attached), ("serviceUnavailable", &None, false));
        let behind = refused(call.await.unwrap(), Code::Unavailable, "serviceUnavailable");
        assert!(behind.retryable());
        append(&mut front.copy, 5);
        client.until(|client| client.sequences.last() == Some(&10)).await;
        assert_eq!((client.sequences.as_slice(), client.sockets, &client.end), ([9, 10].as_slice(), 2, &None));
    }
}

#[tokio::test]
async fn a_client_of_a_log_that_the_replica_has_not_heard_of_goes_on_once_it_has() {
    for says in [Says::Log("next"), Says::Away] {
        let mut front = Front::with(5, says).await;
        let mut client = Client::of(&front, "next", 3).await;
        tokio::select! {
            () = front.asked() => {}
            () = client.until(|client| client.attached || client.end.is_some()) => panic!("{:?}", client.end),
        }
        front.copy.begin_anew("next").unwrap();
        append(&mut front.copy, 4);
        client.until(|client| client.sequences.last() == Some(&4)).await;
        assert_eq!((client.sequences.as_slice(), client.sockets, &client.end), ([4].as_slice(), 1, &None));
        // It has heard of the next one: who reads this one is told.
        front.copy.begin_anew("last").unwrap();
        client.until(|client| client.end.is_some()).await;
        assert_eq!(client.end.unwrap().unwrap_err().code, "logChanged");
    }
}

#[tokio::test]
async fn a_cursor_of_another_log_is_told_so_once_the_log_is_asked_and_never_otherwise() {
    for says in [Says::End(5), Says::Log("third")] {
        let front = Front::with(5, says).await;
        let mut client = Client::of(&front, "next", 3).await;
        client.until(|client| client.end.is_some()).await;
        let error = client.end.unwrap().unwrap_err();
        assert_eq!((error.code.as_ref(), error.context_value("expected")), ("logChanged", Some("next")));
    }
    for says in [Says::Away, Says::Nothing, Says::Log("next")] {
        let front = Front::with(5, says).await;
        let began = Instant::now();
        let mut client = Client::of(&front, "next", 3).await;
        client.until(|client| !client.failures.is_empty()).await;
        assert!(began.elapsed() >= Duration::from_secs(2));
        let error = &client.failures[0];
        assert_eq!((error.code.as_ref(), error.context_value("expected")), ("serviceUnavailable", Some("next")));
        assert_eq!((&client.end, client.attached), (&None, false));
    }
}

#[tokio::test]
async fn a_thousand_readers_that_move_at_once_ask_twice() {
    let front = Front::with(5, Says::Nothing).await;
    let log = front.log.clone();
    let asks = futures_util::future::join_all((0..1_000).map(|_| log.ask_end()));
    let answers = timeout(TIMEOUT, asks).await.unwrap();
    assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|error| error.code == "timeout")));
    assert_eq!(front.source.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_client_of_a_replica_that_is_behind_sees_how_far() {
    let front = Front::with(5, Says::Away).await;
    let mut client = Client::from(&front, 5).await;
    client.until(|client| client.attached).await;
    front.log.announce(&front.log.id(), 25);
    front.log.announce(&"another".into(), 99);
    client.until(|client| client.machine.lag() > 0).await;
    assert_eq!((client.machine.lag(), client.machine.state().as_str(), client.sockets), (20, "live", 1));
    assert_eq!(json!(front.log.state().now()), json!(5), "nothing is decided by it");
}
