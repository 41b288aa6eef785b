//! `grpc.health.v1.Health`: serving, until a drain begins.

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::{Front, SERVICES};

#[tonic::async_trait]
impl Health for Front {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        if !known(&service) {
            return Err(Status::not_found("this server has no such service"));
        }
        Ok(Response::new(self.health()))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let slot = self.state.grpc.open_slot().map_err(|error| crate::status::from_error(&error))?;
        let service = request.into_inner().service;
        let now = if known(&service) { self.health() } else { answer(ServingStatus::ServiceUnknown) };
        let drain = self.state.drain.clone();
        let end = stream::once(async move {
            drain.cancelled().await;
            drop(slot);
            Ok(answer(ServingStatus::NotServing))
        });
        Ok(Response::new(stream::iter([Ok(now)]).chain(end).boxed()))
    }
}

impl Front {
    fn health(&self) -> HealthCheckResponse {
        let draining = self.state.drain.is_cancelled();
        answer(if draining { ServingStatus::NotServing } else { ServingStatus::Serving })
    }
}

fn known(service: &str) -> bool {
    SERVICES.contains(&service)
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
