//! A stream does not outlive its token.

#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use im_chats_gateway::app::{self, App};
use im_chats_gateway::emulator::Emulator;
use im_chats_gateway::fronts::grpc::GrpcLimits;
use im_chats_gateway::fronts::live::LiveLimits;
use im_chats_gateway::http::access::Access;
use im_chats_gateway::http::admission::Admission;
use im_chats_gateway::http::flags::ServerLimits;
use im_chats_gateway::http::server::{self, ServerParts};
use im_chats_gateway::http::subjects::{SubjectLimits, Subjects};
use im_chats_gateway::log::store::Store;
use im_chats_gateway::metrics::Metrics;
use im_chats_gateway::service::auth::{Authenticator, Identity, Pass};
use im_chats_gateway::service::health::Health;
use im_chats_gateway::service::proto::SubscribeChatEventsRequest;
use im_chats_gateway::service::proto::chat_service_client::ChatServiceClient;
use im_chats_protocol::error::Error;
use im_chats_protocol::grant::Grant;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Code;

/// Every token is good for a tenth of a second.
struct Brief(watch::Sender<u64>);

impl Authenticator for Brief {
    fn verify(&self, _: &str) -> Result<Pass, Error> {
        let identity = Identity::Signed { key: "k".into(), id: None, fingerprint: [0; 32], issued_at: 0 };
        Ok(Pass::new(Grant { expires_in_ms: Some(100), ..Grant::ADMIN }, identity))
    }

    fn recheck(&self, _: &Pass) -> Result<(), Error> {
        Ok(())
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let data = tempfile::tempdir().unwrap();
    let (emulator, _writer) = Emulator::open(Store::open(data.path()).unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (drain, tasks) = (CancellationToken::new(), TaskTracker::new());
    let router = app::router(App {
        serves: true,
        backend: Arc::new(emulator.clone()),
        emulator: Some(emulator),
        health: Health::alone(),
        metrics: Metrics::default(),
        metrics_readers: None,
        authenticator: Arc::new(Brief(watch::Sender::new(0))),
        tokens: None,
        spectrum: None,
        access: Access::new(address, Vec::new(), Vec::new()),
        admission: Admission::new(&ServerLimits::default()),
        subjects: Subjects::new(SubjectLimits::default(), &ServerLimits::default()),
        grpc: GrpcLimits::default(),
        live: LiveLimits::default(),
        drain: drain.clone(),
        tasks: tasks.clone(),
    });
    let serving = drain.clone();
    tokio::spawn(async move {
        let parts = ServerParts {
            tls: None,
            router,
            drain: serving,
            tasks,
            limits: &ServerLimits::default(),
            write_timeout: Duration::from_secs(60),
            metrics: Metrics::default(),
        };
        server::serve(listener, parts).await;
    });

    let mut chats = ChatServiceClient::connect(format!("http://{address}")).await.unwrap();
    let mut request = tonic::Request::new(SubscribeChatEventsRequest::default());
    request.metadata_mut().insert("authorization", "Bearer brief".parse().unwrap());
    let mut stream = chats.subscribe_chat_events(request).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let end = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.expect("the stream ends");
    let status = end.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.metadata().get("error-code").unwrap(), "tokenExpired");
    drain.cancel();
}
