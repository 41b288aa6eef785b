use serde_json::{Value, json};

use super::*;

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now_ms(&self) -> i64 {
        1_767_268_800_000
    }

    fn steady_ms(&self) -> u64 {
        0
    }
}

fn started(saved: Saved, keeping: Option<Keeping>) -> InProcess {
    InProcess::start("log".into(), "t".to_owned(), Arc::new(Stopped), saved, keeping).unwrap()
}

async fn ask(page: &InProcess, method: &str, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
    let token = format!("Bearer {token}");
    let mut headers = vec![("authorization", token.as_str())];
    if body.is_some() {
        headers.push(("content-type", "application/json"));
    }
    let body = body.map(|body| body.to_string().into()).unwrap_or_default();
    let answer = page.ask(Asked { method, path, headers, body }).await;
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_chat_is_created_and_read_without_a_server() {
    let page = started(Saved::default(), None);
    let (status, made) = ask(&page, "POST", "/v1/chats", "t", Some(json!({ "addresses": ["a@example.com"] }))).await;
    assert_eq!((status, &made["chat"]["guid"]), (200, &json!("any;-;a@example.com")), "{made}");
    let (status, got) = ask(&page, "GET", "/v1/chats:get?chatGuid=any;-;a@example.com", "t", None).await;
    assert_eq!((status, &got["chat"]), (200, &made["chat"]), "{got}");
    let body = json!({ "chatGuid": "any;-;a@example.com", "from": "a@example.com", "text": "hi" });
    let (status, written) = ask(&page, "POST", "/emulator/v1/messages:receive", "t", Some(body)).await;
    assert_eq!((status, page.log().head()), (200, 1), "{written}");
}

#[tokio::test]
async fn what_is_wrong_is_said_as_the_gateway_says_it() {
    let page = started(Saved::default(), None);
    for (method, path, token, body, status, code) in [
        ("GET", "/v1/chats:count", "other", None, 401, "unauthenticated"),
        ("GET", "/v1/nothing", "t", None, 404, "operationNotSupported"),
        ("POST", "/v1/chats", "t", Some(json!({ "addresses": [] })), 400, "invalidArgument"),
        ("GET", "/v1/chats:get?chatGuid=any;-;b@example.com", "t", None, 404, "chatNotFound"),
    ] {
        let (answered, failure) = ask(&page, method, path, token, body).await;
        assert_eq!((answered, &failure["errorCode"]), (status, &json!(code)), "{method} {path}: {failure}");
        assert!(failure["requestId"].is_string(), "{failure}");
    }
}
