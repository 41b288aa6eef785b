//! An upstream that does what a test says: any of the service's methods, one by one; those that nobody gave it are unknown.

use std::convert::Infallible;
use std::future::Future;

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// What a stream gives.
pub type Answers<A> = BoxStream<'static, Result<A, Status>>;

/// Large enough for what any test sends.
const MAX_MESSAGE: usize = 512 * 1024 * 1024;

/// The methods of such an upstream.
#[derive(Default)]
pub struct Methods(Router);

/// One that listens. It is gone when this is dropped.
pub struct Upstream {
    pub url: String,
    task: AbortHandle,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Answering<F>(F);

impl<F, Q, A, T> UnaryService<Q> for Answering<F>
where
    F: Fn(Request<Q>) -> T,
    T: Future<Output = Result<A, Status>> + Send + 'static,
    A: Send + 'static,
{
    type Response = A;
    type Future = BoxFuture<'static, Result<Response<A>, Status>>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let answer = (self.0)(request);
        Box::pin(async move { Ok(Response::new(answer.await?)) })
    }
}

#[derive(Clone)]
struct Streaming<F>(F);

impl<F, Q, A> ServerStreamingService<Q> for Streaming<F>
where
    F: Fn(Request<Q>) -> Result<Answers<A>, Status>,
    A: Send + 'static,
{
    type Response = A;
    type ResponseStream = Answers<A>;
    type Future = BoxFuture<'static, Result<Response<Answers<A>>, Status>>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let answer = (self.0)(request).map(Response::new);
        Box::pin(async move { answer })
    }
}

impl Methods {
    /// Answers `Service/Method` so.
    pub fn unary<Q, A, F, T>(self, path: &str, answer: F) -> Self
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
        F: Fn(Request<Q>) -> T + Clone + Send + Sync + 'static,
        T: Future<Output = Result<A, Status>> + Send + 'static,
    {
        let handler = move |request: http::Request<Body>| {
            let answer = Answering(answer.clone());
            async move {
                let codec: ProstCodec<A, Q> = ProstCodec::default();
                let mut grpc = Grpc::new(codec).max_decoding_message_size(MAX_MESSAGE);
                Ok::<_, Infallible>(grpc.unary(answer, request).await)
            }
        };
        Self(self.0.route(&format!("/photon.imessage.v1.{path}"), any(handler)))
    }

    /// Answers `Service/Method` with a stream.
    pub fn stream<Q, A, F>(self, path: &str, answer: F) -> Self
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
        F: Fn(Request<Q>) -> Result<Answers<A>, Status> + Clone + Send + Sync + 'static,
    {
        let handler = move |request: http::Request<Body>| {
            let answer = Streaming(answer.clone());
            async move {
                let codec: ProstCodec<A, Q> = ProstCodec::default();
                Ok::<_, Infallible>(Grpc::new(codec).server_streaming(answer, request).await)
            }
        };
        Self(self.0.route(&format!("/photon.imessage.v1.{path}"), any(handler)))
    }

    /// Listens on a port of its own.
    pub async fn start(self) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let unknown = || async { Status::unimplemented("no such method").into_http::<Body>() };
        let router = self.0.fallback(unknown);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") }).abort_handle();
        Upstream { url, task }
    }
}
