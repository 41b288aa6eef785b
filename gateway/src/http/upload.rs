//! Files on their way in: the body is the file itself, or a form of the file and its companion.

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use im_chats_protocol::error::Error;
use im_chats_protocol::limits::{MAX_ATTACHMENT_BYTES, attachment_too_large};
use multer::{Constraints, Field, Multipart, SizeLimit};

use super::body::{self, IDLE, TOTAL};
use super::failure::Failure;
use crate::base::time::within;

/// Longest text of a form's field that is no file, in bytes.
const MAX_TEXT: usize = 1024;

/// Largest form: two files, and room for the rest.
const MAX_FORM: usize = 2 * MAX_ATTACHMENT_BYTES + 64 * 1024;

/// The fields of a form.
const FILE: &str = "file";
const COMPANION: &str = "companion";
const COMPANION_KIND: &str = "companionKind";

/// A file that came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upload {
    /// The name that the form gives; empty when there is none.
    pub file_name: String,
    /// Its bytes.
    pub data: Bytes,
    /// Those of its companion.
    pub companion: Option<Bytes>,
    /// The kind of the companion, as the form writes it.
    pub companion_kind: Option<String>,
}

/// Reads a request's body.
///
/// # Errors
/// 413 for a file of more than [`MAX_ATTACHMENT_BYTES`], naming the field; 408 when it does not arrive in time; `invalidArgument` for a form
/// that cannot be read, or has no file.
pub async fn read(request: Request) -> Result<Upload, Failure> {
    let boundary = boundary(request.headers())?;
    let Some(boundary) = boundary else {
        let data = body::read(request.into_body(), MAX_ATTACHMENT_BYTES).await.map_err(|failure| match failure.status {
            StatusCode::PAYLOAD_TOO_LARGE => too_large("data"),
            _ => failure,
        })?;
        return Ok(Upload { data, ..Upload::default() });
    };
    within(TOTAL, form(request.into_body(), boundary)).await.map_err(|_| late())?
}

/// The boundary of a form; none when the body is no form.
fn boundary(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("multipart/form-data") {
        return Ok(None);
    }
    let boundary = multer::parse_boundary(media);
    boundary.map(Some).map_err(|error| Error::invalid("content-type", format!("the form cannot be read: {error}")))
}

async fn form(body: Body, boundary: String) -> Result<Upload, Failure> {
    // The library reads ahead what there is; this bounds it.
    let limit = SizeLimit::new().whole_stream(u64::try_from(MAX_FORM).unwrap_or(u64::MAX));
    let constraints = Constraints::new().size_limit(limit);
    let mut form = Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
    let mut upload = Upload::default();
    let mut has_file = false;
    while let Some(field) = within(IDLE, form.next_field()).await.map_err(|_| late())?.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_repeated = match name.as_str() {
            FILE => std::mem::replace(&mut has_file, true),
            COMPANION => upload.companion.is_some(),
            COMPANION_KIND => upload.companion_kind.is_some(),
            _ => return Err(Error::invalid("body", "the form takes file, companion and companionKind").into()),
        };
        if is_repeated {
            return Err(Error::invalid(name, "the form has this field more than once").into());
        }
        match name.as_str() {
            FILE => {
                upload.file_name = field.file_name().unwrap_or_default().to_owned();
                upload.data = bytes(field, MAX_ATTACHMENT_BYTES, || too_large("data")).await?;
            }
            COMPANION => {
                upload.companion = Some(bytes(field, MAX_ATTACHMENT_BYTES, || too_large("companion.data")).await?);
            }
            _ => {
                let too_long = || Error::invalid(COMPANION_KIND, format!("at most {MAX_TEXT} bytes")).into();
                let text = bytes(field, MAX_TEXT, too_long).await?;
                let text = std::str::from_utf8(&text).map_err(|_| Error::invalid(COMPANION_KIND, "this is not UTF-8"))?;
                upload.companion_kind = Some(text.to_owned());
            }
        }
    }
    if !has_file {
        return Err(Error::invalid(FILE, "the form has no file").into());
    }
    if upload.companion.is_none() && upload.companion_kind.is_some() {
        return Err(Error::invalid(COMPANION, "the form names the kind of a companion and has none").into());
    }
    Ok(upload)
}

/// The bytes of a field, grown as they arrive.
async fn bytes(mut field: Field<'_>, limit: usize, too_large: impl Fn() -> Failure) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = within(IDLE, field.chunk()).await.map_err(|_| late())?.map_err(unreadable)? {
        if bytes.len().saturating_add(piece.len()) > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

fn too_large(field: &'static str) -> Failure {
    Failure::with_status(attachment_too_large(field), StatusCode::PAYLOAD_TOO_LARGE)
}

fn late() -> Failure {
    Failure::from_status(StatusCode::REQUEST_TIMEOUT)
}

#[allow(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn unreadable(error: multer::Error) -> Failure {
    match error {
        multer::Error::StreamSizeExceeded { .. } => {
            let error = Error::invalid("body", format!("at most {MAX_FORM} bytes"));
            Failure::with_status(error.with_context("limit", MAX_FORM.to_string()), StatusCode::PAYLOAD_TOO_LARGE)
        }
        error => Error::invalid("body", format!("the form cannot be read: {error}")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const FORM: &str = "multipart/form-data; boundary=x";

    async fn sent(media: &'static str, body: impl Into<Body>) -> Result<Upload, Failure> {
        let mut request = Request::new(body.into());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
        read(request).await
    }

    fn part(head: &str, data: &str) -> String {
        format!("--x\r\ncontent-disposition: form-data; {head}\r\n\r\n{data}\r\n")
    }

    #[tokio::test]
    async fn a_body_that_is_no_form_is_the_file_itself_whatever_its_type() {
        for media in ["application/json", "image/png", "application/octet-stream", "text/plain"] {
            assert_eq!(sent(media, "{").await.unwrap(), Upload { data: "{".into(), ..Upload::default() }, "{media}");
        }
    }

    #[tokio::test]
    async fn a_form_has_a_file_and_may_have_a_companion() {
        let file = part(r#"name="file"; filename="a.heic""#, "photo");
        let only = sent(FORM, format!("{file}--x--\r\n")).await.unwrap();
        assert_eq!(only, Upload { file_name: "a.heic".to_owned(), data: "photo".into(), ..Upload::default() });
        let companion = part(r#"name="companion"; filename="a.mov""#, "film") + &part(r#"name="companionKind""#, "1");
        let both = sent(FORM, format!("{companion}{file}--x--\r\n")).await.unwrap();
        assert_eq!((both.companion, both.companion_kind.as_deref()), (Some("film".into()), Some("1")));
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_form_is_named() {
        let file = part(r#"name="file""#, "a");
        let other = part(r#"name="other""#, "a");
        let kind = part(r#"name="companionKind""#, "1");
        for (media, body, field) in [
            (FORM, format!("{file}{file}--x--\r\n"), "file"),
            (FORM, format!("{file}{other}--x--\r\n"), "body"),
            (FORM, format!("{file}{kind}--x--\r\n"), "companion"),
            (FORM, "--x--\r\n".to_owned(), "file"),
            (FORM, file.clone(), "body"),
            (FORM, String::new(), "body"),
            ("multipart/form-data", file.clone(), "content-type"),
        ] {
            let failure = sent(media, body.clone()).await.unwrap_err();
            assert_eq!(failure.error.context_value("field"), Some(field), "{body:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_is_named() {
        let pieces = || {
            let piece = Bytes::from(vec![0; 1024 * 1024]);
            futures_util::stream::iter((0..101).map(move |_| Ok::<_, std::io::Error>(piece.clone())))
        };
        let failure = sent("image/png", Body::from_stream(pieces())).await.unwrap_err();
        assert_eq!((failure.status.as_u16(), failure.error.context_value("field")), (413, Some("data")));
        use futures_util::StreamExt as _;
        let head = part(r#"name="companion""#, "");
        let head = Bytes::from(head.trim_end_matches("\r\n").to_owned() + "\r\n\r\n");
        let end = Bytes::from_static(b"\r\n--x--\r\n");
        let body = futures_util::stream::iter([Ok(head)]).chain(pieces()).chain(futures_util::stream::iter([Ok(end)]));
        let failure = sent(FORM, Body::from_stream(body)).await.unwrap_err();
        assert_eq!((failure.status.as_u16(), failure.error.context_value("field")), (413, Some("companion.data")));
    }
}
