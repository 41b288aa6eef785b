//! The console: one page, its modules and the npm package it is written with, all inside this binary. It may use `http`.
//!
//! Nothing here is secret and nothing asks for a token; the Host check before every handler keeps other sites out.

use std::sync::LazyLock;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rust_embed::{Embed, EmbeddedFile};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::http::openapi::Mode;

const PAGE: &str = "console/index.html";

/// What the build script staged: `console/` (the page) and, when it was built, `im-chats/` (the package).
#[derive(Embed)]
#[folder = "$OUT_DIR/console"]
struct Assets;

/// The page allows itself its own files, WebAssembly, pictures it makes, and the one import map written in it.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let page = Assets::get(PAGE).map(|file| String::from_utf8_lossy(&file.data).into_owned()).unwrap_or_default();
    let inline =
        import_map(&page).map_or_else(String::new, |map| format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(map))));
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{inline}; style-src 'self'; connect-src 'self'; \
         img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// `/`, `/console/*` and `/im-chats/*`. `/console/config.json` tells the page what serves it: on a relay it has no "others" to play, and
/// warns before something reaches a real person.
pub fn routes<S: Clone + Send + Sync + 'static>(mode: Mode) -> Router<S> {
    Router::new()
        .route("/", get(|headers: HeaderMap| async move { serve(PAGE, &headers) }))
        .route("/console/config.json", get(move || async move { config(mode) }))
        .route(
            "/console/{*path}",
            get(|Path(path): Path<String>, headers: HeaderMap| async move { serve(&format!("console/{path}"), &headers) }),
        )
        .route(
            "/im-chats/{*path}",
            get(|Path(path): Path<String>, headers: HeaderMap| async move { serve(&format!("im-chats/{path}"), &headers) }),
        )
}

fn config(mode: Mode) -> Response {
    let mode = match mode {
        Mode::Emulator => "emulator",
        Mode::Relay => "relay",
    };
    let body = Body::from(json!({ "mode": mode }).to_string());
    answer(StatusCode::OK, HeaderValue::from_static("application/json; charset=utf-8"), body)
}

fn serve(path: &str, request: &HeaderMap) -> Response {
    let Some(file) = Assets::get(path) else {
        return answer(
            StatusCode::NOT_FOUND,
            HeaderValue::from_static("text/plain; charset=utf-8"),
            Body::from("there is no such file\n"),
        );
    };
    let tag = entity_tag(&file);
    let kind = content_type(&file);
    let known = request.get(IF_NONE_MATCH).is_some_and(|held| held == tag);
    let mut response =
        if known { answer(StatusCode::NOT_MODIFIED, kind, Body::empty()) } else { answer(StatusCode::OK, kind, body(file)) };
    response.headers_mut().insert(ETAG, tag);
    response
}

fn answer(status: StatusCode, kind: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    // Asked again each time, answered with 304: after an update of the gateway nobody runs yesterday's page.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    response
}

fn body(file: EmbeddedFile) -> Body {
    match file.data {
        std::borrow::Cow::Borrowed(bytes) => Body::from(Bytes::from_static(bytes)),
        std::borrow::Cow::Owned(bytes) => Body::from(bytes),
    }
}

fn entity_tag(file: &EmbeddedFile) -> HeaderValue {
    let tag = format!("\"{}\"", STANDARD.encode(file.metadata.sha256_hash()));
    HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""))
}

fn content_type(file: &EmbeddedFile) -> HeaderValue {
    let kind = file.metadata.mimetype();
    let text = kind.starts_with("text/") || kind.ends_with("javascript") || kind.ends_with("json");
    let kind = if text { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
    HeaderValue::try_from(kind).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// The text between the tags of the page's import map: exactly what a browser hashes.
fn import_map(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("<script type=\"importmap\">")?;
    rest.split_once("</script>").map(|(map, _)| map)
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use http::Request;
    use tower::ServiceExt;

    use super::*;

    async fn get(path: &str, held: Option<&HeaderValue>) -> Response {
        let mut request = Request::get(path);
        if let Some(held) = held {
            request = request.header(IF_NONE_MATCH, held);
        }
        routes::<()>(Mode::Emulator).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn the_page_is_served_and_may_only_use_what_is_its_own() {
        let response = get("/", None).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe-inline"), "{policy}");
    }

    #[tokio::test]
    async fn a_browser_that_has_the_page_is_not_sent_it_again() {
        let first = get("/", None).await;
        let again = get("/", first.headers().get(ETAG)).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(to_bytes(again.into_body(), 1).await.unwrap().is_empty());
        assert_eq!(get("/", Some(&HeaderValue::from_static("\"old\""))).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn what_is_not_embedded_is_not_found() {
        for path in
            ["/console/none.js", "/im-chats/../../Cargo.toml", "/console/%2e%2e/%2e%2e/Cargo.toml", "/console//etc/passwd"]
        {
            assert_eq!(get(path, None).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn the_page_learns_whether_an_emulator_or_a_relay_serves_it() {
        for (mode, name) in [(Mode::Emulator, "emulator"), (Mode::Relay, "relay")] {
            let request = Request::get("/console/config.json").body(Body::empty()).unwrap();
            let response = routes::<()>(mode).oneshot(request).await.unwrap();
            assert_eq!(response.headers()[CONTENT_TYPE], "application/json; charset=utf-8");
            // A page that was opened on an emulator must not believe it is still there.
            assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");
            let body = to_bytes(response.into_body(), 1024).await.unwrap();
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), json!({ "mode": name }));
        }
    }

    #[test]
    fn the_import_map_is_found_as_a_browser_sees_it() {
        let page = "<head><script type=\"importmap\">\n{}\n</script><script src=x></script>";
        assert_eq!(import_map(page), Some("\n{}\n"));
        assert_eq!(import_map("<html></html>"), None);
    }
}
