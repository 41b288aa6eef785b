//! What answers that are no success, and sockets that closed, say of the reason.

use im_chats_protocol::error::Error;
use im_chats_protocol::number::whole_part;
use im_chats_protocol::wire::failure::{self, FailedResponse};
use im_chats_protocol::wire::routes::REQUEST_ID_HEADER;

use crate::js::Parsed;

/// An answer that is no success, apart from its body.
pub(crate) struct Refusal {
    status: u16,
    retry_after_ms: Option<u64>,
    request_id: Option<String>,
    location: Option<String>,
}

impl Refusal {
    /// Reads what the headers say.
    pub(crate) fn read(status: u16, header: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            status,
            retry_after_ms: header("retry-after")
                .and_then(|value| failure::retry_after_seconds(&value).or_else(|| until(&value))),
            request_id: header(REQUEST_ID_HEADER),
            location: header("location"),
        }
    }

    /// The error of a call.
    pub(crate) fn of_call(&self, body: Option<Parsed>) -> Error {
        failure::read(self.response(), body)
    }

    /// The error of a WebSocket that was refused.
    pub(crate) fn of_upgrade(&self, body: Option<Parsed>) -> Error {
        failure::read_upgrade(self.response(), body, self.location.as_deref())
    }

    fn response(&self) -> FailedResponse<'_> {
        FailedResponse { status: self.status, retry_after_ms: self.retry_after_ms, request_id: self.request_id.as_deref() }
    }
}

/// The milliseconds until a date; nothing when it is none.
fn until(date: &str) -> Option<u64> {
    whole_part((js_sys::Date::parse(date) - js_sys::Date::now()).max(0.0)).filter(|_| !js_sys::Date::parse(date).is_nan())
}
