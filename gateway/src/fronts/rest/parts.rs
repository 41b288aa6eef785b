//! What the handlers share: the service, and a read's query.

use axum::RequestExt as _;
use axum::extract::{RawPathParams, Request};
use im_chats_protocol::error::Error;

use crate::http::admission::Admission;
use crate::http::call;
use crate::http::failure::Failure;
use crate::http::query::Query;
use crate::service::guard::{Caller, Guard};

/// What the routes need. Cheap to clone.
#[derive(Clone)]
pub struct Rest {
    /// The service.
    pub guard: Guard,
    /// The limits on work under way.
    pub admission: Admission,
}

/// A read: who calls, and what the query and the path say.
pub(super) async fn query(mut request: Request) -> Result<(Caller, Query), Failure> {
    let caller = call::read(request.headers(), request.extensions())?;
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    let path = request.extract_parts::<RawPathParams>().await;
    let path = path.map_err(|_| Error::invalid("path", "a part of the path is not UTF-8"))?;
    Ok((caller, query.with_path(&path)))
}
