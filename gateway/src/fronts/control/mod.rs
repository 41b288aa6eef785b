//! The control plane: what other people and other devices of the account do. It may use `http`, `service`, the log and, alone
//! among the fronts, the emulator.

mod answer;
mod files;
mod groups;
mod handlers;
mod messages;
mod openapi;
mod polls;
mod table;

use axum::Router;

use crate::emulator::Emulator;
use crate::http::admission::Admission;
use crate::http::openapi::{Content, Description, Operation};
use crate::http::routes::{filter, split};
use handlers::Control;
pub use handlers::{GENERATE_CHUNK, LISTED_SEQUENCES, MAX_GENERATED, PAGE, PAGE_BYTES};
use table::ROUTES;

/// The routes of the table. Each needs a token; the layers around them check it.
pub fn routes(emulator: Emulator, admission: Admission) -> Router {
    let routes = ROUTES.iter().map(|route| (route.path, route.takes_image, (route.handler)(filter(route.method))));
    split(routes, &admission).with_state(Control { emulator, admission })
}

/// The operations of the table and their schemas.
#[must_use]
pub fn description() -> Description {
    let operations = ROUTES
        .iter()
        .map(|route| Operation {
            method: route.method,
            path: route.path,
            id: route.operation,
            summary: route.summary,
            query: (route.query)(),
            body: route.body.map(Into::into),
            content: route.response.map_or(Content::Image, |name| Content::Json(name.into())),
            takes_key: false,
            is_extension: false,
            scope: None,
        })
        .collect();
    Description { operations, schemas: openapi::schemas() }
}
