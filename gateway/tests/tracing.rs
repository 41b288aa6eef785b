//! A caller's trace: on its way through gateways to the upstream, and in the log of each of them.

#![cfg(test)]

mod binary;
mod support;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse as _;
use binary::Gateway;
use im_chats_gateway::service::proto::GetChatRequest;
use parking_lot::Mutex;
use serde_json::{Value, json};
use support::grpc::{clients, refused};
use support::server::{Server, TOKEN, ask};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::Code;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What an upstream was asked: path and headers.
type Asked = Arc<Mutex<Vec<(String, http::HeaderMap)>>>;

/// An upstream that refuses everything with a code that no gateway knows, and remembers what it was asked.
async fn fake_upstream() -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    let router = Router::new().fallback(move |request: Request| {
        seen.lock().push((request.uri().path().to_owned(), request.headers().clone()));
        let headers = [("content-type", "application/grpc"), ("grpc-status", "5"), ("error-code", "moonPhaseExceeded")];
        async move { headers.into_response() }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_gets_the_callers_trace_and_request_id_and_no_trace_is_invented() {
    let (url, asked) = fake_upstream().await;
    let data = TempDir::new().unwrap();
    let relay = Server::relay(data.path(), &url, &[]);
    let bearer = format!("Bearer {TOKEN}");
    let call = |headers: &[(&str, &str)]| {
        asked.lock().clear();
        let all = [&[("authorization", bearer.as_str())], headers].concat();
        let (status, body) = ask(&relay.address, &all, "GET", "/v1/chats:count", None);
        assert_eq!(status, 404, "{body}");
        let calls = asked.lock();
        let (_, headers) = calls.iter().find(|(path, _)| path.ends_with("/GetChatCount")).expect("the call came");
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (text("x-request-id"), text("traceparent"), text("tracestate"))
    };
    let given = |text: &str| Some(text.to_owned());
    let (id, parent, state) =
        call(&[("x-request-id", "r-1"), ("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")]);
    assert_eq!((id, parent, state), (given("r-1"), given(PARENT), given("a=1,b=2")));
    // A broken one is as none, and a state alone belongs to nothing.
    for headers in [
        vec![],
        vec![("traceparent", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"), ("tracestate", "a=1")],
        vec![("tracestate", "a=1")],
    ] {
        let (id, parent, state) = call(&headers);
        assert_eq!((id.is_some_and(|id| id.len() == 36), parent, state), (true, None, None), "{headers:?}");
    }
    let (_, parent, state) = call(&[("traceparent", PARENT), ("tracestate", "A=broken")]);
    assert_eq!((parent, state), (given(PARENT), None));
    // The same over gRPC, where the caller's metadata is the upstream's.
    asked.lock().clear();
    let (mut chats, _) = clients(&relay).await;
    let mut request = tonic::Request::new(GetChatRequest { chat_guid: "any;-;a@example.com".to_owned() });
    request.metadata_mut().insert("traceparent", PARENT.parse().unwrap());
    refused(chats.get_chat(request).await, Code::NotFound, "moonPhaseExceeded");
    let calls = asked.lock().clone();
    let (_, headers) = calls.iter().find(|(path, _)| path.ends_with("/GetChat")).expect("the call came");
    assert_eq!(headers["traceparent"], PARENT);
    // What the relay asks by itself belongs to no caller.
    let own = calls.iter().find(|(path, _)| path.ends_with("/SubscribeChatEvents"));
    assert!(own.is_none_or(|(_, headers)| !headers.contains_key("traceparent")));
    // The code that only the upstream knows is one label, whatever it is.
    // A code that only the upstream knows is no label of ours.
    let (_, metrics) = relay.request("GET", "/metrics", None);
    let counted = |line: &str| line.strip_prefix(r#"im_chats_refusals_total{code="other"} "#).map(|count| count.parse::<u32>());
    let counted = metrics.as_str().and_then(|text| text.lines().find_map(counted)).expect("the refusals are counted");
    assert!(counted.expect("a number") >= 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_in_the_log_lines_of_every_gateway_on_its_way() {
    let environment = [("RUST_LOG", "im_chats_gateway=debug")];
    let upstream = Gateway::start_logged(&["--log-format", "json"], &environment);
    let data = TempDir::new().unwrap();
    let relay = Server::relay(data.path(), &upstream.base, &[]);
    let headers = [
        ("authorization", format!("Bearer {TOKEN}")),
        ("traceparent", PARENT.to_owned()),
        ("x-request-id", "through-both".to_owned()),
    ];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(ask(&relay.address, &headers, "GET", "/v1/chats:count", None).0, 200);
    upstream.get_with("/healthz", &[("x-request-id", "without")]).unwrap();
    let said = upstream.stop();
    let line = |id: &str| {
        let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut lines = lines.map(|line| line["fields"].clone()).filter(|fields| fields["request_id"] == id);
        lines.next().unwrap_or_else(|| panic!("no line of {id}: {said}"))
    };
    let fields = line("through-both");
    assert_eq!((&fields["trace_id"], &fields["route"]), (&json!(TRACE), &json!("/photon.imessage.v1.ChatService/{method}")));
    assert_eq!(line("without").get("trace_id"), None);
}

#[test]
fn a_page_may_send_its_trace() {
    let gateway = Gateway::start_with(&["--allow-origin", "https://app.example"]);
    use std::io::{Read as _, Write as _};
    let mut stream = gateway.connect();
    let host = gateway.address();
    write!(
        stream,
        "OPTIONS /v1/chats HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\norigin: https://app.example\r\n\
         access-control-request-method: POST\r\naccess-control-request-headers: traceparent,tracestate\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let answer = answer.to_ascii_lowercase();
    let allowed = answer.lines().find(|line| line.starts_with("access-control-allow-headers:")).expect("an answer");
    assert!(allowed.contains("traceparent") && allowed.contains("tracestate"), "{allowed}");
}
