//! `grpc-timeout`: how long the client will wait. Past it nobody reads the answer, so nothing goes on working for it.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use im_chats_protocol::error::{Error, ErrorCode};
use tokio::time::{Instant, timeout_at};

use crate::http::failure::Failure;
use crate::service::auth::Pass;

/// The longest any call may take until its answer begins, the arrival of its message included.
const LONGEST: Duration = Duration::from_secs(300);

/// When the client stops waiting; streams find it in the extensions.
#[derive(Debug, Clone, Copy)]
struct Deadline(Instant);

pub(super) async fn within(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let timeout = match timeout(request.headers()) {
        Ok(timeout) => timeout,
        Err(error) => return Failure::from(error).into_response(),
    };
    if timeout == Some(Duration::ZERO) {
        return Failure::from(passed()).into_response();
    }
    if let Some(deadline) = timeout.and_then(|timeout| started.checked_add(timeout)) {
        request.extensions_mut().insert(Deadline(deadline));
    }
    let end = started + timeout.unwrap_or(LONGEST).min(LONGEST);
    match timeout_at(end, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure::from(passed()).into_response(),
    }
}

/// When a stream must end, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) at: Instant,
    why: fn() -> Error,
}

impl End {
    /// The client's deadline or its token's end, whichever comes first; absent = goes on for ever.
    pub(super) fn of(extensions: &http::Extensions) -> Option<Self> {
        let deadline = extensions.get::<Deadline>().map(|deadline| Self { at: deadline.0, why: passed });
        let expiry = extensions.get::<Pass>().and_then(|pass| pass.grant.expires_in_ms);
        let expiry = expiry.and_then(|millis| Instant::now().checked_add(Duration::from_millis(millis)));
        let expiry = expiry.map(|at| Self { at, why: expired });
        [deadline, expiry].into_iter().flatten().min_by_key(|end| end.at)
    }

    /// The error a stream ends with, once it must.
    pub(super) fn reached(&self) -> Option<Error> {
        (self.at <= Instant::now()).then(self.why)
    }
}

fn expired() -> Error {
    Error::new(ErrorCode::TokenExpired, "the token of this stream has expired; open it again with a fresh one")
}

/// The client's time is over. Retryable, as a timeout over REST is.
pub(super) fn passed() -> Error {
    Error::new(ErrorCode::Timeout, "the call's deadline has passed")
}

/// One to eight digits and a unit, as the gRPC protocol writes it.
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Error> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    let wrong = || Error::invalid("grpc-timeout", "write one to eight digits and one of H, M, S, m, u, n");
    let text = value.to_str().map_err(|_| wrong())?;
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(wrong());
    }
    let amount: u64 = digits.parse().map_err(|_| wrong())?;
    Ok(Some(match unit {
        "H" => Duration::from_secs(amount.saturating_mul(3600)),
        "M" => Duration::from_secs(amount.saturating_mul(60)),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return Err(wrong()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_timeout_is_read_as_the_protocol_writes_it() {
        let read = |text: &'static str| {
            let headers =
                HeaderMap::from_iter([(http::HeaderName::from_static("grpc-timeout"), HeaderValue::from_static(text))]);
            timeout(&headers)
        };
        for (text, millis) in [("1S", 1000), ("250m", 250), ("2M", 120_000), ("99999999n", 99), ("1H", 3_600_000), ("5000u", 5)]
        {
            assert_eq!(read(text).unwrap().unwrap().as_millis(), millis, "{text}");
        }
        for text in ["", "S", "1", "1s", "-1S", "123456789S", "1.5S", " 1S"] {
            assert_eq!(read(text).unwrap_err().context_value("field"), Some("grpc-timeout"), "{text:?}");
        }
        assert_eq!(timeout(&HeaderMap::new()), Ok(None));
    }
}
