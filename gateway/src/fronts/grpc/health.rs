//! `grpc.health.v1.Health`: serving, while the data directory can be used and no drain has begun.

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::{Front, SERVICES, messaging};

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
        let slot = self.places.open_stream(request.extensions()).map_err(|error| crate::service::status::from_error(&error))?;
        let service = request.into_inner().service;
        let now = if known(&service) { self.health() } else { answer(ServingStatus::ServiceUnknown) };
        let drain = self.drain.clone();
        let end = stream::once(async move {
            drop(slot);
            Ok(answer(ServingStatus::NotServing))
        });
        if now.status() == ServingStatus::ServiceUnknown {
            let now = stream::iter([Ok(now)]).chain(stream::pending());
            return Ok(Response::new(now.take_until(drain.cancelled_owned()).chain(end).boxed()));
        }
        // The first one at once, then whatever differs from the one before.
        let watched = (now.status(), self.guard.log().faults().watch(), false);
        let changes = stream::unfold(watched, |(last, mut faults, sent)| async move {
            if !sent {
                return Some((Ok(answer(last)), (last, faults, true)));
            }
            loop {
                faults.changed().await.ok()?;
                let status = status(faults.borrow_and_update().is_none());
                if status != last {
                    return Some((Ok(answer(status)), (status, faults, true)));
                }
            }
        });
        Ok(Response::new(changes.take_until(drain.cancelled_owned()).chain(end).boxed()))
    }
}

impl Front {
    fn health(&self) -> HealthCheckResponse {
        answer(status(!self.drain.is_cancelled() && self.guard.log().faults().reason().is_none()))
    }
}

const fn status(serves: bool) -> ServingStatus {
    if serves { ServingStatus::Serving } else { ServingStatus::NotServing }
}

fn known(service: &str) -> bool {
    SERVICES.contains(&service) || messaging::SERVICES.contains(&service)
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}
