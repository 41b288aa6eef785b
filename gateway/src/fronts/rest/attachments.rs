//! Attachments as they are: uploads from a body or a form, downloads as fast as the client takes them.

use std::future::ready;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use im_chats_protocol::error::{Error, ErrorCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::parts::{Rest, query};
use crate::http::call;
use crate::http::failure::Failure;
use crate::http::headers::{COMPANION_BYTES, COMPANION_KIND};
use crate::http::query::Query;
use crate::http::upload;
use crate::service::calls::Pieces;
use crate::service::proto::download_attachment_response::Payload;
use crate::service::proto::{
    Companion, CompanionKind, DownloadAttachmentRequest, DownloadAttachmentResponse, DownloadHeader, UploadAttachmentRequest,
};

/// The type of bytes that say of themselves what no header can.
const ANY_BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Letters, digits and what else RFC 8187 leaves as it is.
const UNSAFE: AsciiSet = NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(super) async fn upload(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let caller = call::read(request.headers(), request.extensions())?;
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    let asked = query.text("fileName")?.to_owned();
    let upload = upload::read(request).await?;
    let companion = match upload.companion {
        Some(data) => Some(Companion { data, kind: companion_kind(upload.companion_kind.as_deref())?.into() }),
        None => None,
    };
    let file_name = if asked.is_empty() { upload.file_name } else { asked };
    let request = UploadAttachmentRequest { file_name, data: upload.data, companion };
    Ok(Json(rest.guard.upload_attachment(&caller, request).await?).into_response())
}

/// The kind by its name or its number, as in proto3-JSON. There is one only, so a form may leave it out.
fn companion_kind(text: Option<&str>) -> Result<CompanionKind, Error> {
    let Some(text) = text else { return Ok(CompanionKind::LivePhotoVideo) };
    let by_number = || text.parse().ok().and_then(|number: i32| CompanionKind::try_from(number).ok());
    CompanionKind::from_str_name(text).or_else(by_number).ok_or_else(|| {
        Error::invalid("companionKind", "expected COMPANION_KIND_LIVE_PHOTO_VIDEO").with_context("value", text.to_owned())
    })
}

pub(super) async fn data(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let (header, pieces) = begin(&rest, request).await?;
    let info = header.attachment.unwrap_or_default();
    let mut response = answer(&info.file_name, &info.mime_type, bytes(pieces, primary));
    if let Some(companion) = header.companion {
        let headers = response.headers_mut();
        headers.insert(COMPANION_KIND, HeaderValue::from_static(companion.kind().as_str_name()));
        headers.insert(COMPANION_BYTES, HeaderValue::from(companion.total_bytes));
    }
    Ok(response)
}

pub(super) async fn companion(State(rest): State<Rest>, request: Request) -> Result<Response, Failure> {
    let (header, pieces) = begin(&rest, request).await?;
    let Some(info) = header.companion else {
        return Err(Error::new(ErrorCode::AttachmentNotFound, "this attachment has no companion").into());
    };
    Ok(answer(&info.file_name, &info.mime_type, bytes(pieces, moving)))
}

/// What is known of the attachment, and the pieces that follow.
async fn begin(rest: &Rest, request: Request) -> Result<(DownloadHeader, Pieces<DownloadAttachmentResponse>), Failure> {
    let (caller, query) = query(request).await?;
    let attachment_guid = query.text("attachmentGuid")?.to_owned();
    let mut pieces = rest.guard.download_attachment(&caller, DownloadAttachmentRequest { attachment_guid }).await?;
    match pieces.try_next().await?.and_then(|piece| piece.payload) {
        Some(Payload::Header(header)) => Ok((header, pieces)),
        _ => Err(Error::new(ErrorCode::InternalError, "the attachment does not begin with what it is").into()),
    }
}

fn primary(piece: DownloadAttachmentResponse) -> Option<Bytes> {
    match piece.payload? {
        Payload::PrimaryChunk(chunk) => Some(chunk),
        _ => None,
    }
}

fn moving(piece: DownloadAttachmentResponse) -> Option<Bytes> {
    match piece.payload? {
        Payload::CompanionChunk(chunk) => Some(chunk),
        _ => None,
    }
}

/// Those of the pieces that are asked for. A failure in the middle cuts the connection, so that nobody takes a part for the whole.
fn bytes(
    pieces: Pieces<DownloadAttachmentResponse>,
    chosen: fn(DownloadAttachmentResponse) -> Option<Bytes>,
) -> impl Stream<Item = Result<Bytes, Error>> {
    pieces.try_filter_map(move |piece| ready(Ok(chosen(piece)))).boxed()
}

/// A file that a browser stores and never shows, whatever is in it.
fn answer(name: &str, media: &str, bytes: impl Stream<Item = Result<Bytes, Error>> + Send + 'static) -> Response {
    let mut response = Response::new(Body::from_stream(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(media).ok().filter(|media| !media.is_empty()).unwrap_or(ANY_BYTES));
    headers.insert(CONTENT_DISPOSITION, disposition(name));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    response
}

/// The name twice: in ASCII for every client, and as it is for those that know RFC 6266.
fn disposition(name: &str) -> HeaderValue {
    let plain = |letter: char| if matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\' | '%') { letter } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    let text = if ascii == name {
        format!("attachment; filename=\"{ascii}\"")
    } else {
        format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(name, &UNSAFE))
    };
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        for (name, expected) in [
            ("photo 1.png", "attachment; filename=\"photo 1.png\""),
            ("a\".exe\"; x=\"", "attachment; filename=\"a_.exe_; x=_\"; filename*=UTF-8''a%22.exe%22%3B%20x%3D%22"),
            ("a\r\nset-cookie: b", "attachment; filename=\"a__set-cookie: b\"; filename*=UTF-8''a%0D%0Aset-cookie%3A%20b"),
            ("größe.txt", "attachment; filename=\"gr__e.txt\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.txt"),
            ("", "attachment; filename=\"\""),
        ] {
            assert_eq!(disposition(name), expected);
        }
    }

    #[test]
    fn a_companion_is_a_live_photos_film() {
        for text in [None, Some("COMPANION_KIND_LIVE_PHOTO_VIDEO"), Some("1")] {
            assert_eq!(companion_kind(text), Ok(CompanionKind::LivePhotoVideo));
        }
        assert_eq!(companion_kind(Some("film")).unwrap_err().context_value("field"), Some("companionKind"));
    }
}
