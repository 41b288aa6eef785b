//! `GET /metrics` of the running gateway: what it counts, who may read it, what can never be a label; and the caller's trace on
//! its way to the upstream and into the log.

#![cfg(test)]

mod binary;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use binary::{Answer, Gateway};
use futures_util::StreamExt as _;
use im_chats_gateway::metrics::{ALL, Kind};
use im_chats_gateway::service::proto::{CatchUpEventsRequest, GetChatRequest, SubscribeChatEventsRequest};
use serde_json::json;
use support::grpc::{clients, refused};
use support::server::{Server, Socket, TIMEOUT, TOKEN, ask, fresh, subscribe};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::Code;

/// `{name="value",…}`, or nothing; a quote inside a value is escaped.
fn check_labels(text: &str, line: &str) {
    let Some(mut rest) = text.strip_prefix('{') else { return assert_eq!(text, "", "{line}") };
    loop {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        assert!(!name.is_empty() && name.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'_'), "{line}");
        let mut escaped = false;
        let end = after.find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        });
        let (_, behind) = after.split_at(end.unwrap_or_else(|| panic!("no end: {line}")));
        rest = behind.strip_prefix('"').expect("the quote");
        if rest == "}" {
            return;
        }
        rest = rest.strip_prefix(',').unwrap_or_else(|| panic!("more behind a label: {line}"));
    }
}

/// Every series of a scrape, by name and labels.
#[derive(Debug, Clone, PartialEq)]
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    /// Reads the text format strictly: each metric has its help and its type before its values, and no series comes twice.
    fn parse(text: &str) -> Self {
        let mut series = BTreeMap::new();
        let (mut helped, mut typed) = (String::new(), (String::new(), String::new()));
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help text");
                assert!(help.ends_with('.') && help.len() > 10, "{line}");
                helped = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert_eq!(name, helped, "{line}");
                typed = (name.to_owned(), kind.to_owned());
            } else {
                let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
                let stem = name.split('{').next().unwrap();
                let end = stem.strip_prefix(typed.0.as_str()).unwrap_or_else(|| panic!("{line} under {typed:?}"));
                let ends: &[&str] = if typed.1 == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(ends.contains(&end), "{line} under {typed:?}");
                check_labels(name.strip_prefix(stem).unwrap(), line);
                let value: f64 = value.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
                assert!(value >= 0.0 && series.insert(name.to_owned(), value).is_none(), "{line}");
            }
        }
        assert!(text.ends_with('\n'));
        let scrape = Self(series);
        scrape.check_histograms();
        scrape
    }

    fn check_histograms(&self) {
        for (name, whole) in self.0.iter().filter(|(name, _)| name.contains("le=\"+Inf\"")) {
            let labels = name.replace("_bucket", "_count").replace(",le=\"+Inf\"", "").replace("{le=\"+Inf\"}", "");
            assert_eq!(self.get(&labels), *whole, "{name}");
            let start = name.split("le=").next().unwrap();
            assert!(
                self.0
                    .range(start.to_owned()..)
                    .take_while(|(other, _)| other.starts_with(start))
                    .all(|(_, count)| count <= whole)
            );
        }
    }

    /// A value; the name is given without the prefix.
    #[track_caller]
    fn get(&self, name: &str) -> f64 {
        let name = if name.starts_with("im_chats_") { name.to_owned() } else { format!("im_chats_{name}") };
        *self.0.get(&name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// A value, or 0 for a series that nothing was counted in.
    fn or_zero(&self, name: &str) -> f64 {
        self.0.get(&format!("im_chats_{name}")).copied().unwrap_or(0.0)
    }
}

fn scrape(server: &Server) -> Scrape {
    let (status, text) = server.request("GET", "/metrics", None);
    assert_eq!(status, 200, "{text}");
    Scrape::parse(text.as_str().expect("text"))
}

/// Scrapes until it says so.
async fn eventually(server: &Server, name: &str, value: f64) {
    let end = Instant::now() + TIMEOUT;
    loop {
        let now = scrape(server).get(name);
        if now == value {
            return;
        }
        assert!(Instant::now() < end, "{name} is {now} and not {value}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn refusals(code: &str) -> String {
    format!("refusals_total{{code=\"{code}\"}}")
}

fn requests(route: &str, status: &str) -> String {
    format!("request_duration_seconds_count{{route=\"{route}\",status=\"{status}\"}}")
}

const WEBSOCKET: &str = "events_delivered_total{transport=\"websocket\"}";
const GRPC: &str = "events_delivered_total{transport=\"grpc\"}";

async fn events(socket: &mut Socket, count: usize) {
    let mut seen = 0;
    while seen < count {
        let frame = socket.next_but_heartbeats().await;
        seen += frame["events"].as_array().map_or(0, Vec::len);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_counted_from_the_log_to_their_readers() {
    let (server, data) = fresh(&[]);
    let bob = server.create("bob@example.com");
    let before = scrape(&server);
    for name in ["open_event_sockets", "open_subscriptions", "open_grpc_event_streams", "slowest_subscription_lag_events"] {
        assert_eq!(before.get(name), 0.0, "{name}");
    }
    assert_eq!((before.get("events_appended_total"), before.get("log_head_sequence")), (0.0, 0.0));
    assert_eq!((before.get(WEBSOCKET), before.get(GRPC)), (0.0, 0.0));
    for kind in ["chat.archived", "chat.unarchived", "chat.archived"] {
        server.act(kind, &bob);
    }
    let after = scrape(&server);
    assert_eq!((after.get("events_appended_total"), after.get("log_head_sequence")), (3.0, 3.0));
    let commits = |scrape: &Scrape| scrape.get("log_commit_duration_seconds_count");
    assert_eq!(commits(&after) - commits(&before), 3.0);
    assert!(after.get("log_commit_duration_seconds_sum") > before.get("log_commit_duration_seconds_sum"));

    // A WebSocket with credit for ten of a hundred, and another that is up with the log.
    let head = server.generate(97, &[&bob]) as f64;
    assert_eq!(head, 100.0);
    let (mut slow, _) = Socket::ready(&server).await;
    slow.say(&subscribe(1, Some(0), 10)).await;
    slow.say(&subscribe(2, None, 10)).await;
    events(&mut slow, 10).await;
    slow.rest().await;
    let now = scrape(&server);
    assert_eq!((now.get(WEBSOCKET), now.get("open_event_sockets"), now.get("open_subscriptions")), (10.0, 1.0, 2.0));
    assert_eq!(now.get("slowest_subscription_lag_events"), 90.0);
    assert!(now.get("log_pages_from_memory_total") >= 1.0);
    assert_eq!(now.get("log_read_duration_seconds_count"), 0.0, "all of it is in memory");
    slow.say(&json!({ "type": "credit", "id": 1, "add": 1000 })).await;
    events(&mut slow, 90).await;
    eventually(&server, "slowest_subscription_lag_events", 0.0).await;
    // A place that is not there is an error of the event stream's own.
    slow.say(&subscribe(3, Some(1000), 1)).await;
    slow.rest().await;
    assert_eq!(scrape(&server).get(&refusals("cursorAhead")), 1.0);
    slow.say(&json!({ "type": "unsubscribe", "id": 2 })).await;
    slow.rest().await;
    assert_eq!(scrape(&server).get("open_subscriptions"), 1.0);

    // gRPC: a live stream stays open, a catch-up ends.
    let (mut chats, mut replays) = clients(&server).await;
    let mut live = chats.subscribe_chat_events(SubscribeChatEventsRequest::default()).await.unwrap().into_inner();
    live.message().await.unwrap().expect("it is attached");
    assert_eq!(scrape(&server).get("open_grpc_event_streams"), 1.0);
    let mut replay = replays.catch_up_events(CatchUpEventsRequest { after_sequence: Some(40) }).await.unwrap().into_inner();
    while replay.message().await.unwrap().is_some() {}
    eventually(&server, GRPC, 60.0).await;
    drop(live);
    eventually(&server, "open_grpc_event_streams", 0.0).await;
    let ahead = replays.catch_up_events(CatchUpEventsRequest { after_sequence: Some(1000) }).await;
    refused(ahead.map(drop), Code::FailedPrecondition, "cursorAhead");
    assert_eq!(scrape(&server).get(&refusals("cursorAhead")), 2.0);

    // An error in the middle of a stream.
    let mut request = tonic::Request::new(SubscribeChatEventsRequest::default());
    request.metadata_mut().insert("grpc-timeout", "100m".parse().unwrap());
    let mut brief = chats.subscribe_chat_events(request).await.unwrap().into_inner();
    while timeout(TIMEOUT, brief.message()).await.expect("in time").is_ok() {}
    assert_eq!(scrape(&server).get(&refusals("timeout")), 1.0);

    slow.0.close(None).await.unwrap();
    eventually(&server, "open_event_sockets", 0.0).await;
    assert_eq!(scrape(&server).get("open_subscriptions"), 0.0);

    // After a restart nothing is in memory.
    drop((server, slow));
    let server = Server::start(data.path(), &[]);
    assert_eq!(scrape(&server).get("log_head_sequence"), 100.0);
    let (mut socket, _) = Socket::ready(&server).await;
    socket.say(&subscribe(1, Some(0), 1000)).await;
    events(&mut socket, 100).await;
    let now = scrape(&server);
    assert!(now.get("log_read_duration_seconds_count") >= 1.0);
    assert_eq!((now.get("events_appended_total"), now.get(WEBSOCKET)), (0.0, 100.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_nobody_reads_is_behind() {
    let (server, _data) = fresh(&[]);
    let bob = server.create("bob@example.com");
    let mut narrow = support::grpc::narrow(&server).await;
    let mut stream = narrow.subscribe_chat_events(SubscribeChatEventsRequest::default()).await.unwrap().into_inner();
    stream.message().await.unwrap().expect("it is attached");
    let head = server.generate(6_000, &[&bob]) as f64;
    let lag = scrape(&server).get("slowest_subscription_lag_events");
    assert!(lag > head / 2.0, "{lag} of {head}: the client has taken nothing, and the transport holds little");
    while timeout(TIMEOUT, stream.message()).await.expect("in time").unwrap().expect("it goes on").sequence != Some(6_000) {}
    eventually(&server, "slowest_subscription_lag_events", 0.0).await;
    let now = scrape(&server);
    assert_eq!((now.get(GRPC), now.get("open_grpc_event_streams")), (head, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_route_and_outcome_and_refusals_by_code() {
    let (server, _data) = fresh(&[]);
    let alice = server.create("alice@example.com");
    let before = scrape(&server);
    assert!(before.get("open_connections") >= 1.0, "the scrape itself");
    assert_eq!(before.get(&requests("/v1/chats", "2xx")), 1.0);
    for path in ["/v1/chats:count", "/v1/chats%3Acount", "/v1/chats%3acount"] {
        assert_eq!(server.request("GET", path, None).0, 200, "{path}");
    }
    assert_eq!(server.request("GET", "/v1/chats:get?chatGuid=any;-;nobody@example.com", None).0, 404);
    assert_eq!(server.request("POST", "/v1/chats", Some(&json!({ "addresses": [] }))).0, 400);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let without = agent.get(format!("http://{}/v1/chats:count", server.address)).call().unwrap();
    assert_eq!(without.status(), 401);
    let (mut chats, _) = clients(&server).await;
    chats.get_chat(GetChatRequest { chat_guid: alice }).await.unwrap();
    for _ in 0..2 {
        let guid = "any;-;nobody@example.com".to_owned();
        refused(chats.get_chat(GetChatRequest { chat_guid: guid }).await, Code::NotFound, "chatNotFound");
    }
    let mut unknown = Socket::connect(&server).await;
    unknown.say(&json!({ "type": "init", "token": "wrong" })).await;
    closed(unknown).await;

    let after = scrape(&server);
    let grown = |name: &str| after.or_zero(name) - before.or_zero(name);
    let grpc = "/photon.imessage.v1.ChatService/{method}";
    for (name, by) in [
        (requests("/v1/chats:count", "2xx"), 3.0),
        (requests("/v1/chats:count", "4xx"), 1.0),
        (requests("/v1/chats:get", "4xx"), 1.0),
        (requests("/v1/chats", "4xx"), 1.0),
        (requests(grpc, "2xx"), 1.0),
        (requests(grpc, "4xx"), 2.0),
        (requests("/metrics", "2xx"), 1.0),
        (requests("/v1/events", "1xx"), 1.0),
        (refusals("chatNotFound"), 3.0),
        (refusals("invalidArgument"), 1.0),
        (refusals("unauthenticated"), 2.0),
        (refusals("internalError"), 0.0),
    ] {
        assert_eq!(grown(&name), by, "{name}");
    }
    assert!(after.get(&requests("/v1/chats:count", "2xx").replace("_count{", "_sum{")) > 0.0);
}

/// Reads until the server has closed the socket.
async fn closed(mut socket: Socket) {
    while let Some(Ok(_)) = timeout(TIMEOUT, socket.0.next()).await.expect("in time") {}
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_stranger_sends_becomes_a_label() {
    let (server, _data) = fresh(&[]);
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build().into();
    let (mut chats, _) = clients(&server).await;
    let mut round = async |evil: &str| {
        for path in [
            format!("/{evil}"),
            format!("/v1/{evil}"),
            format!("/v1/chats:get?chatGuid={evil}"),
            format!("/v1/chats:{evil}"),
            format!("/console/{evil}"),
            format!("/im-chats/{evil}"),
            format!("/metrics/{evil}"),
            format!("/photon.imessage.v1.ChatService/{evil}"),
            format!("/emulator/v1/chats?after={evil}"),
        ] {
            for method in ["GET", "POST", evil] {
                let request = ureq::http::Request::builder()
                    .method(method)
                    .uri(format!("http://{}{path}", server.address))
                    .header("x-request-id", evil)
                    .header("authorization", format!("Bearer {evil}"))
                    .body(())
                    .unwrap();
                agent.run(request).unwrap();
            }
        }
        let guid = format!("any;-;{evil}@example.com");
        chats.get_chat(GetChatRequest { chat_guid: guid }).await.unwrap_err();
        let mut socket = Socket::connect(&server).await;
        socket.say(&json!({ "type": "init", "token": evil, "client": { "name": evil, "version": evil } })).await;
        closed(socket).await;
    };
    round("EVILONE").await;
    scrape(&server);
    let first = scrape(&server);
    for number in 0..5 {
        round(&format!("EVIL{}", "X".repeat(number + 1))).await;
    }
    let last = scrape(&server);
    let names = |scrape: &Scrape| scrape.0.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&last), names(&first), "no series is new");
    assert!(!names(&last).iter().any(|name| name.contains("EVIL") || name.contains("example.com")));
    assert!(last.get(&requests("(none)", "4xx")) > first.get(&requests("(none)", "4xx")));
}

fn metrics(gateway: &Gateway, token: Option<&str>) -> Answer {
    let token = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = token.iter().map(|token| ("authorization", token.as_str())).collect();
    gateway.get_with("/metrics", &headers).unwrap()
}

fn opens(answer: Answer) {
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    Scrape::parse(std::str::from_utf8(&answer.bytes).unwrap());
}

fn stays_shut(answer: Answer) {
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    answer.failure(401, "unauthenticated", "unauthenticated");
}

#[test]
fn without_a_token_of_their_own_only_the_gateways_opens_the_metrics() {
    let gateway = Gateway::start();
    opens(metrics(&gateway, Some(TOKEN)));
    for wrong in [None, Some("wrong"), Some("")] {
        stays_shut(metrics(&gateway, wrong));
    }
    gateway.post("/metrics", &json!({})).failure(405, "unimplemented", "operationNotSupported");
}

#[test]
fn the_metrics_token_opens_the_metrics_and_nothing_else_and_is_never_shown() {
    let environment = [("IM_CHATS_METRICS_TOKEN", "from-environment"), ("RUST_LOG", "trace")];
    for (flags, environment, token) in
        [(&["--metrics-token", "scrape-me"][..], &environment[1..], "scrape-me"), (&[], &environment[..], "from-environment")]
    {
        let gateway = Gateway::start_logged(flags, environment);
        opens(metrics(&gateway, Some(token)));
        for wrong in [None, Some(TOKEN), Some("scrape"), Some("scrape-me-not")] {
            stays_shut(metrics(&gateway, wrong));
        }
        let bearer = format!("Bearer {token}");
        for path in ["/v1/chats:count", "/emulator/v1/chats", "/v1/chats:get?chatGuid=x"] {
            stays_shut(gateway.get_with(path, &[("authorization", &bearer)]).unwrap());
        }
        stays_shut(gateway.post_with("/v1/chats", &[("authorization", &bearer)], b"{}").unwrap());
        let said = gateway.stop();
        assert!(!said.contains(token) && !said.is_empty(), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_token_opens_no_stream() {
    let (server, _data) = fresh(&["--metrics-token", "scrape-me"]);
    let mut socket = Socket::connect(&server).await;
    socket.say(&json!({ "type": "init", "token": "scrape-me" })).await;
    assert_eq!(socket.next().await["code"], "unauthenticated");
    assert_eq!(socket.close_code().await, 4401);
    let channel = support::grpc::channel(&server).await;
    let mut chats = im_chats_gateway::service::proto::chat_service_client::ChatServiceClient::new(channel);
    let mut request = tonic::Request::new(GetChatRequest::default());
    request.metadata_mut().insert("authorization", "Bearer scrape-me".parse().unwrap());
    refused(chats.get_chat(request).await, Code::Unauthenticated, "unauthenticated");
}

#[test]
fn a_token_file_is_read_again_and_wins_and_must_be_good_at_the_start() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("token");
    let path = file.to_str().unwrap();
    let start = || Server::try_start(&directory.path().join("data"), &["--metrics-token-file", path]);
    let said = start().err().expect("there is no file");
    assert!(said.contains("--metrics-token-file"), "{said}");
    fs::write(&file, "two words\n").unwrap();
    let said = start().err().expect("that is no token");
    assert!(said.contains("--metrics-token-file") && !said.contains("two words"), "{said}");

    fs::write(&file, "first\n").unwrap();
    let gateway = Gateway::start_with(&["--metrics-token-file", path, "--metrics-token", "other"]);
    opens(metrics(&gateway, Some("first")));
    stays_shut(metrics(&gateway, Some("other")));
    fs::write(&file, "second\n").unwrap();
    opens(metrics(&gateway, Some("second")));
    stays_shut(metrics(&gateway, Some("first")));
}

/// The address of the metrics, from the log, which is written beside the line on stdout and may come after it.
fn own_address(server: &Server) -> String {
    let end = Instant::now() + TIMEOUT;
    loop {
        let said = server.said();
        let place = said.split_once("metrics at http://").and_then(|(_, rest)| rest.split_once("/metrics"));
        if let Some((address, _)) = place {
            return address.to_owned();
        }
        assert!(Instant::now() < end, "{said}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A GET: status and body.
fn get(address: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let (status, body) = ask(address, headers, "GET", path, None);
    (status, body.as_str().map_or_else(|| body.to_string(), str::to_owned))
}

#[test]
fn an_address_of_their_own_has_the_metrics_and_health_and_nothing_else() {
    let data = TempDir::new().unwrap();
    let server = Server::logged(data.path(), &["--metrics-listen", "127.0.0.1:0"]);
    let own = own_address(&server);
    let (status, text) = get(&own, "/metrics", &[]);
    assert_eq!(status, 200);
    assert_eq!(Scrape::parse(&text).get("log_head_sequence"), 0.0);
    assert_eq!(get(&own, "/healthz", &[]), (200, "ok\n".to_owned()));
    let bearer = format!("Bearer {TOKEN}");
    for path in ["/", "/v1/chats:count", "/openapi.json", "/v1/events", "/emulator/v1/chats"] {
        let (status, body) = get(&own, path, &[("authorization", &bearer)]);
        assert_eq!(status, 404, "{path} {body}");
    }
    // A name that somebody points at this machine reaches nothing here either.
    assert_eq!(get(&own, "/metrics", &[("host", "evil.example")]).0, 403);
    // The main address has them no more, and everything else.
    assert_eq!(server.request("GET", "/metrics", None).0, 404);
    assert_eq!(server.request("GET", "/v1/chats:count", None).0, 200);

    // Of the same process, so it is seen here.
    let (_, text) = get(&own, "/metrics", &[]);
    assert_eq!(Scrape::parse(&text).get(&requests("/v1/chats:count", "2xx")), 1.0);

    let taken = Server::try_start(&data.path().join("other"), &["--metrics-listen", &own]);
    let said = taken.err().expect("the address is taken");
    assert!(said.contains("--metrics-listen: cannot listen on"), "{said}");
}

#[test]
fn an_address_of_their_own_asks_for_a_token_when_there_is_one() {
    let data = TempDir::new().unwrap();
    let server = Server::logged(data.path(), &["--metrics-listen", "127.0.0.1:0", "--metrics-token", "scrape-me"]);
    let own = own_address(&server);
    let with = |token: &str| get(&own, "/metrics", &[("authorization", &format!("Bearer {token}"))]).0;
    assert_eq!((get(&own, "/metrics", &[]).0, with(TOKEN), with("scrape-me")), (401, 401, 200));
    assert_eq!(get(&own, "/healthz", &[]).0, 200);
    assert!(!server.said().contains("without --metrics-token"), "{}", server.said());
}

#[test]
fn metrics_that_anybody_can_reach_are_warned_of() {
    let data = TempDir::new().unwrap();
    let server = Server::logged(data.path(), &["--metrics-listen", "0.0.0.0:0"]);
    own_address(&server);
    assert!(server.said().contains("without --metrics-token"), "{}", server.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_the_table_is_there_and_the_upstreams_only_where_there_is_one() {
    let (mut upstream, _data) = fresh(&[]);
    let data = TempDir::new().unwrap();
    let relay = Server::relay(data.path(), &format!("http://{}", upstream.address), &[]);
    eventually(&relay, "upstream_connected", 1.0).await;
    relay.request("GET", "/v1/chats:count", None);
    for (server, mode) in [(&relay, "relay"), (&upstream, "emulator")] {
        scrape(server);
        let found = scrape(server);
        let mut missing: Vec<String> = ALL
            .iter()
            .filter(|metric| {
                let name = metric.name() + if metric.kind == Kind::Histogram { "_count" } else { "" };
                !found.0.keys().any(|series| series.split('{').next() == Some(name.as_str()))
            })
            .map(im_chats_gateway::metrics::Metric::name)
            .collect();
        missing.retain(|name| mode == "relay" || name != "im_chats_upstream_connected");
        assert_eq!(missing, [""; 0], "{mode}");
        let build = format!("build_info{{version=\"{}\",mode=\"{mode}\"}}", env!("CARGO_PKG_VERSION"));
        assert_eq!(found.get(&build), 1.0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - found.get("process_start_time_seconds");
        assert!((0.0..120.0).contains(&age), "{age}");
    }
    assert!(!scrape(&upstream).0.contains_key("im_chats_upstream_connected"));
    // What the relay wrote into its own log.
    let bob = relay.create("bob@example.com");
    upstream.generate(10, &[&bob]);
    eventually(&relay, "events_appended_total", 10.0).await;
    upstream.kill();
    eventually(&relay, "upstream_connected", 0.0).await;
}
