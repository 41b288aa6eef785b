//! The gRPC front: `photon.imessage.v1` as the real service speaks it, standard health and server reflection. It answers
//! from the same backend and the same log as REST and the event stream; `docs/grpc.md` says what is served.
//! It may use `http`, `service` and the log.

mod chats;
mod deadline;
mod events;
mod health;
mod limits;
mod messaging;
mod reader;
mod replay;
mod stream;
mod subscribe;
mod tonic_errors;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode, Version};
use http_body_util::BodyExt as _;
use im_chats_protocol::error::Error;
use im_chats_protocol::limits::{MAX_ATTACHMENT_BYTES, MAX_IMAGE_BYTES, attachment_too_large, image_too_large};
use tokio_util::sync::CancellationToken;
use tonic_health::pb::health_server::HealthServer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::http::activity::Unhurried;
use crate::http::admission::{Admission, counted_body, one_large_answer, one_upload};
use crate::http::call;
use crate::http::failure::Failure;
use crate::http::layers::{Gate, Renderer, Told, require_token};
use crate::metrics::Metrics;
use crate::service::auth::Authenticator;
use crate::service::guard::{Caller, Guard};
use crate::service::proto::address_service_server::AddressServiceServer;
use crate::service::proto::attachment_service_server::AttachmentServiceServer;
use crate::service::proto::chat_service_server::ChatServiceServer;
use crate::service::proto::event_service_server::EventServiceServer;
use crate::service::proto::group_service_server::GroupServiceServer;
use crate::service::proto::location_service_server::LocationServiceServer;
use crate::service::proto::message_service_server::MessageServiceServer;
use crate::service::proto::poll_service_server::PollServiceServer;
use crate::service::proto::{self, DESCRIPTORS};
use crate::service::status;
pub use limits::GrpcLimits;
use limits::Places;
pub use stream::{PAGE_BYTES, PAGE_EVENTS};

/// Largest message of a call that carries no image; the same as over REST.
pub const SMALL_MESSAGE: usize = crate::http::json::SMALL_BODY.0;

/// Largest message of a call that needs no token: the name of a service, or a question about one.
pub const OPEN_MESSAGE: usize = 4 * 1024;

/// Largest message of `SetBackground` and `SetIcon`: the largest image, and room for the rest.
pub const IMAGE_MESSAGE: usize = MAX_IMAGE_BYTES + 64 * 1024;

/// Largest message of `UploadAttachment`: the largest file and the largest companion, and room for the rest.
pub const ATTACHMENT_MESSAGE: usize = 2 * MAX_ATTACHMENT_BYTES + 64 * 1024;

/// How long a request's message may pause on its way.
pub const MESSAGE_IDLE: Duration = Duration::from_secs(20);

/// What the front needs.
pub struct GrpcParts {
    /// The service.
    pub guard: Guard,
    /// Counts streams and what goes out over them.
    pub metrics: Metrics,
    /// What the front gives at most.
    pub limits: GrpcLimits,
    /// How often a stream without events says that it lives.
    pub heartbeat: Duration,
    /// The limits on work under way.
    pub admission: Admission,
    /// Judges tokens, and counts what each user takes.
    pub gate: Gate,
    /// Cancelled when the server begins to drain.
    pub drain: CancellationToken,
}

/// How failures are written here: in trailers.
pub const RENDERER: Renderer = Renderer { speaks: is_grpc::<Body>, complete: complete_trailers, is_fault, told };

/// The services, as handlers of the router. Cheap to clone.
#[derive(Clone)]
struct Front {
    guard: Guard,
    metrics: Metrics,
    authenticator: Arc<dyn Authenticator>,
    places: Places,
    heartbeat: Duration,
    drain: CancellationToken,
}

/// The routes of every service. They check tokens themselves, since some need none.
pub fn routes(parts: GrpcParts) -> Router {
    let GrpcParts { guard, metrics, limits, heartbeat, admission, gate, drain } = parts;
    let (authenticator, places) = (Arc::clone(&gate.authenticator), Places::new(&limits));
    let front = Front { guard, metrics, authenticator, places, heartbeat, drain };
    macro_rules! small {
        ($server:ident) => {
            $server::new(front.clone()).max_decoding_message_size(SMALL_MESSAGE)
        };
    }
    let chats = small!(ChatServiceServer);
    let images = ChatServiceServer::new(front.clone()).max_decoding_message_size(IMAGE_MESSAGE);
    let events = small!(EventServiceServer);
    let icons = GroupServiceServer::new(front.clone()).max_decoding_message_size(IMAGE_MESSAGE);
    let files = AttachmentServiceServer::new(front.clone()).max_decoding_message_size(ATTACHMENT_MESSAGE);
    let images = Router::new()
        .route_service("/photon.imessage.v1.ChatService/SetBackground", images)
        .route_service("/photon.imessage.v1.GroupService/SetIcon", icons)
        .layer(map_response(too_large_an_image));
    let upload = Router::new()
        .route_service("/photon.imessage.v1.AttachmentService/UploadAttachment", files)
        .layer(map_response(too_large_a_file))
        .merge(images)
        .layer(RequestBodyTimeoutLayer::new(MESSAGE_IDLE))
        .route_layer(from_fn_with_state(admission.clone(), one_upload));
    let large = Router::new()
        .route_service("/photon.imessage.v1.GroupService/GetIcon", small!(GroupServiceServer))
        .route_service("/photon.imessage.v1.MessageService/ListRecentMessages", small!(MessageServiceServer))
        .route_service("/photon.imessage.v1.MessageService/ListChatMessages", small!(MessageServiceServer))
        .route_service("/photon.imessage.v1.MessageService/GetEmbeddedMedia", small!(MessageServiceServer))
        .route_layer(from_fn_with_state(admission.clone(), one_large_answer));
    let guarded = Router::new()
        .route_service("/photon.imessage.v1.ChatService/{method}", chats)
        .route_service("/photon.imessage.v1.EventService/{method}", events)
        .route_service("/photon.imessage.v1.MessageService/{method}", small!(MessageServiceServer))
        .route_service("/photon.imessage.v1.GroupService/{method}", small!(GroupServiceServer))
        .route_service("/photon.imessage.v1.PollService/{method}", small!(PollServiceServer))
        .route_service("/photon.imessage.v1.AttachmentService/{method}", small!(AttachmentServiceServer))
        .route_service("/photon.imessage.v1.AddressService/{method}", small!(AddressServiceServer))
        .route_service("/photon.imessage.v1.LocationService/{method}", small!(LocationServiceServer))
        .merge(large)
        .layer(RequestBodyTimeoutLayer::new(MESSAGE_IDLE))
        .route_layer(from_fn_with_state(admission.clone(), counted_body))
        .merge(upload)
        .route_layer(from_fn_with_state(gate, require_token));
    // Open, as /healthz and /openapi.json are: a prober has no token, and the shapes are public.
    let health = HealthServer::new(front.clone()).max_decoding_message_size(OPEN_MESSAGE);
    let open = Router::new().route_service("/grpc.health.v1.Health/{method}", health).merge(reflection(front));
    guarded.merge(open).route_layer(from_fn(deadline::within)).route_layer(from_fn(only_grpc))
}

/// The library refuses a message by its size before it looks inside: in this call, the image is what makes it large.
async fn too_large_an_image(response: Response) -> Response {
    match tonic::Status::from_header_map(response.headers()) {
        Some(status) if tonic_errors::is_too_large(&status) => Failure::from(image_too_large("data")).into_response(),
        _ => response,
    }
}

/// As [`too_large_an_image`], for a file.
async fn too_large_a_file(response: Response) -> Response {
    match tonic::Status::from_header_map(response.headers()) {
        Some(status) if tonic_errors::is_too_large(&status) => Failure::from(attachment_too_large("data")).into_response(),
        _ => response,
    }
}

/// Server reflection in both of its versions. Its descriptors are compiled in, so they are whole; were they not, reflection
/// would be missing and everything else would be served.
fn reflection(front: Front) -> Router {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let mut router = Router::new();
    match builder().build_v1() {
        Ok(service) => {
            let service = service.max_decoding_message_size(OPEN_MESSAGE);
            router = router.route_service("/grpc.reflection.v1.ServerReflection/{method}", service);
        }
        Err(error) => tracing::error!(%error, "no server reflection"),
    }
    match builder().build_v1alpha() {
        Ok(service) => {
            let service = service.max_decoding_message_size(OPEN_MESSAGE);
            router = router.route_service("/grpc.reflection.v1alpha.ServerReflection/{method}", service);
        }
        Err(error) => tracing::error!(%error, "no server reflection (v1alpha)"),
    }
    router.route_layer(from_fn_with_state(front, asks_until_drain))
}

/// A client may keep its questions open for ever, so it has a place while it does; a drain ends them, and with them the call.
async fn asks_until_drain(State(front): State<Front>, request: Request, next: Next) -> Response {
    let slot = match front.places.open_stream(request.extensions()) {
        Ok(slot) => slot,
        Err(error) => return Failure::from(error).into_response(),
    };
    let asks = |body: Body| Body::from_stream(body.into_data_stream().take_until(front.drain.cancelled_owned()));
    let response = next.run(request.map(asks)).await;
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _slot = &slot;
            frame
        }))
    })
}

async fn only_grpc(request: Request, next: Next) -> Response {
    if is_grpc(&request) {
        return next.run(request).await;
    }
    let error = Error::invalid("content-type", "this path is gRPC; send application/grpc over HTTP/2");
    Failure::with_status(error, StatusCode::UNSUPPORTED_MEDIA_TYPE).into_response()
}

/// Whether a request is answered as gRPC, failures included. gRPC-Web and other encodings than protobuf are not.
fn is_grpc<B>(request: &http::Request<B>) -> bool {
    let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default().trim();
    request.version() == Version::HTTP_2 && matches!(essence, "application/grpc" | "application/grpc+proto")
}

/// Turns whatever was answered to a gRPC request into a gRPC answer that carries our error codes.
fn complete_trailers(mut response: Response) -> Response {
    let failure = response.extensions_mut().remove::<Failure>().map(|failure| failure.error);
    let refused = failure.or_else(|| match response.status() {
        StatusCode::NOT_FOUND => Some(tonic_errors::no_such_method()),
        status if status.is_client_error() || status.is_server_error() => Some(Failure::from_status(status).error),
        _ => tonic::Status::from_header_map(response.headers()).and_then(|status| tonic_errors::own_words(&status)),
    });
    match refused {
        Some(error) => status::from_error(&error).into_http(),
        None => response,
    }
}

/// Whether an answer says that the server itself failed.
fn is_fault(headers: &HeaderMap) -> bool {
    headers.get(tonic::Status::GRPC_STATUS).is_some_and(|code| matches!(code.as_bytes(), b"13" | b"15"))
}

/// The error that an answer carries. One that is none of ours, such as the library's own `NOT_FOUND` of a health check, has the
/// code of its status.
fn told(headers: &HeaderMap) -> Option<Told> {
    let status = tonic::Status::from_header_map(headers).filter(|status| status.code() != tonic::Code::Ok)?;
    let error = status::to_error(&status);
    Some(Told { status: error.grpc_code.http_status(), code: error.code.clone() })
}

/// Who calls, and the request.
fn incoming<T>(request: tonic::Request<T>) -> Result<(Caller, T), tonic::Status> {
    let (metadata, extensions, message) = request.into_parts();
    let caller = call::read(metadata.as_ref(), &extensions).map_err(|error| status::from_error(&error))?;
    Ok((caller, message))
}

/// What a call answers with.
fn outgoing<T>(result: Result<T, Error>) -> Result<tonic::Response<T>, tonic::Status> {
    result.map(tonic::Response::new).map_err(|error| status::from_error(&error))
}

/// A stream of events: it has a place of its own, and its client may take its time.
fn streaming<T>(stream: T) -> tonic::Response<T> {
    let mut response = tonic::Response::new(stream);
    response.extensions_mut().insert(Unhurried);
    response
}

/// The names of the services whose health can be asked for, beside [`messaging::SERVICES`]; the empty one is the whole server.
const SERVICES: [&str; 3] = ["", proto::chat_service_server::SERVICE_NAME, proto::event_service_server::SERVICE_NAME];
