//! What the gateway counts of itself, as Prometheus reads it. It uses no other room: whoever counts is handed a [`Metrics`].
//!
//! A label has a value of the gateway's own and never one that a caller can invent: a route, not a path; a known error code.

mod readers;
mod table;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use im_chats_protocol::error::ErrorCode;
use parking_lot::Mutex;
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric as Registered, Registry};

use readers::{Reader, Readers};
pub use table::{ALL, Kind, Metric};

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// The code of an error that is not ours: an upstream may invent any number of them.
const OTHER: &str = "other";

/// The route of a request that has none.
pub(crate) const NO_ROUTE: &str = "(none)";

/// Upper bounds of the disk's latencies, in seconds.
const DISK_BUCKETS: [f64; 13] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Upper bounds of a request's latencies, in seconds.
const REQUEST_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];

/// A gauge that cannot be negative.
type Level = Gauge<u64, AtomicU64>;

/// What is counted. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    connections: Level,
    sockets: Level,
    subscriptions: Level,
    streams: Level,
    appended: Counter,
    websocket_delivered: Counter,
    grpc_delivered: Counter,
    readers: Readers,
    commits: Histogram,
    reads: Histogram,
    from_memory: Counter,
    requests: Family<RequestLabels, Histogram>,
    refusals: Family<CodeLabel, Counter>,
    /// What is looked at when it is asked for. One answer at a time, so that each is of one moment.
    observed: Mutex<ObservedGauges>,
}

#[derive(Debug, Default)]
struct ObservedGauges {
    head: Level,
    first: Level,
    lag: Level,
    upstream: Level,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabel {
    transport: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
    mode: &'static str,
}

/// What is true at the moment of a scrape and needs no counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The log's beginning.
    pub first: u64,
    /// The log's head.
    pub head: u64,
    /// Whether the upstream is connected; a gateway without one has no such metric.
    pub upstream_connected: bool,
}

impl Metrics {
    /// Of a gateway that needs no other server.
    #[must_use]
    pub fn of_emulator() -> Self {
        Self::new("emulator", false)
    }

    /// Of a gateway in front of another server.
    #[must_use]
    pub fn of_relay() -> Self {
        Self::new("relay", true)
    }

    fn new(mode: &'static str, has_upstream: bool) -> Self {
        let delivered = Family::<TransportLabel, Counter>::default();
        let by = |transport| delivered.get_or_create_owned(&TransportLabel { transport });
        let refusals = Family::<CodeLabel, Counter>::default();
        // From the start, so that the first one is seen as a rise.
        for code in ErrorCode::ALL.iter().map(|code| code.as_str()).chain([OTHER]) {
            refusals.get_or_create_owned(&CodeLabel { code });
        }
        let mut inner = Inner {
            registry: Registry::with_prefix(table::PREFIX),
            connections: Level::default(),
            sockets: Level::default(),
            subscriptions: Level::default(),
            streams: Level::default(),
            appended: Counter::default(),
            websocket_delivered: by("websocket"),
            grpc_delivered: by("grpc"),
            readers: Readers::default(),
            commits: Histogram::new(DISK_BUCKETS),
            reads: Histogram::new(DISK_BUCKETS),
            from_memory: Counter::default(),
            requests: Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS)),
            refusals,
            observed: Mutex::default(),
        };
        inner.register(mode, has_upstream, delivered);
        Self(Arc::new(inner))
    }

    /// A connection, open until this is dropped.
    #[must_use]
    pub fn connection(&self) -> Open {
        Open::one(&self.0.connections)
    }

    /// A WebSocket of the event stream, open until this is dropped.
    #[must_use]
    pub fn socket(&self) -> SocketMetrics {
        SocketMetrics {
            _open: Open::one(&self.0.sockets),
            reader: self.0.readers.enter(),
            subscriptions: 0,
            metrics: self.clone(),
        }
    }

    /// A gRPC stream of events that begins after `after`, open until this is dropped.
    #[must_use]
    pub fn grpc_stream(&self, after: u64) -> StreamMetrics {
        let reader = self.0.readers.enter();
        reader.at(Some(after));
        StreamMetrics { _open: Open::one(&self.0.streams), reader, delivered: 0, metrics: self.clone() }
    }

    /// A transaction of the log is on disk, with so many events.
    pub fn committed(&self, took: Duration, events: usize) {
        self.0.commits.observe(took.as_secs_f64());
        self.0.appended.inc_by(u64::try_from(events).unwrap_or(u64::MAX));
    }

    /// A page of the log was read from disk.
    pub fn read_from_disk(&self, took: Duration) {
        self.0.reads.observe(took.as_secs_f64());
    }

    /// A page of the log came from memory.
    pub fn read_from_memory(&self) {
        self.0.from_memory.inc();
    }

    /// A request was answered. `route` is the pattern that it matched, if any, and never its path.
    pub fn request(&self, route: Option<&str>, status: u16, took: Duration) {
        // Other spellings of one route are one route.
        let route = route.unwrap_or(NO_ROUTE);
        let route = if route.contains('%') { route.replace("%3A", ":").replace("%3a", ":") } else { route.to_owned() };
        let labels = RequestLabels { route, status: class(status) };
        self.0.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// A caller got an error.
    pub fn refused(&self, code: &str) {
        self.refused_often(code, 1);
    }

    /// Callers got an error so many times.
    pub fn refused_often(&self, code: &str, times: u64) {
        let known = ErrorCode::ALL.iter().map(|known| known.as_str()).find(|known| *known == code);
        self.0.refusals.get_or_create(&CodeLabel { code: known.unwrap_or(OTHER) }).inc_by(times);
    }

    /// All of it, in the text format of Prometheus.
    #[must_use]
    pub fn text(&self, moment: Moment) -> String {
        let Inner { registry, readers, observed, .. } = &*self.0;
        let observed = observed.lock();
        observed.head.set(moment.head);
        observed.first.set(moment.first);
        observed.lag.set(readers.lag(moment.head));
        observed.upstream.set(u64::from(moment.upstream_connected));
        let mut text = String::new();
        if let Err(error) = prometheus_text::encode(&mut text, registry) {
            tracing::error!(%error, "the metrics cannot be written");
        }
        text
    }
}

/// Of a gateway that needs no other server.
impl Default for Metrics {
    fn default() -> Self {
        Self::of_emulator()
    }
}

impl Inner {
    /// In the order of the table.
    fn register(&mut self, mode: &'static str, has_upstream: bool, delivered: Family<TransportLabel, Counter>) {
        let build = Family::<BuildLabels, Gauge>::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION"), mode }).set(1);
        let start = Gauge::<f64, AtomicU64>::default();
        start.set(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        let observed = self.observed.get_mut();
        let registry = &mut self.registry;
        put(registry, &table::BUILD, build);
        put(registry, &table::START, start);
        put(registry, &table::CONNECTIONS, self.connections.clone());
        put(registry, &table::SOCKETS, self.sockets.clone());
        put(registry, &table::SUBSCRIPTIONS, self.subscriptions.clone());
        put(registry, &table::STREAMS, self.streams.clone());
        put(registry, &table::APPENDED, self.appended.clone());
        put(registry, &table::DELIVERED, delivered);
        put(registry, &table::LAG, observed.lag.clone());
        put(registry, &table::HEAD, observed.head.clone());
        put(registry, &table::FIRST, observed.first.clone());
        put(registry, &table::COMMITS, self.commits.clone());
        put(registry, &table::READS, self.reads.clone());
        put(registry, &table::FROM_MEMORY, self.from_memory.clone());
        put(registry, &table::REQUESTS, self.requests.clone());
        put(registry, &table::REFUSALS, self.refusals.clone());
        if has_upstream {
            put(registry, &table::UPSTREAM, observed.upstream.clone());
        }
    }
}

/// The registry ends each help text with a full stop.
fn put(registry: &mut Registry, metric: &Metric, value: impl Registered) {
    registry.register(metric.stem, metric.help, value);
}

const fn class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

/// One of what is open, until this is dropped.
#[derive(Debug)]
pub struct Open(Level);

impl Open {
    fn one(of: &Level) -> Self {
        of.inc();
        Self(of.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What one WebSocket of the event stream adds.
#[derive(Debug)]
pub struct SocketMetrics {
    _open: Open,
    reader: Reader,
    subscriptions: u64,
    metrics: Metrics,
}

impl SocketMetrics {
    /// So many events went out.
    pub fn delivered(&self, events: u64) {
        self.metrics.0.websocket_delivered.inc_by(events);
    }

    /// The client got an error so many times.
    pub fn refused(&self, code: &str, times: u64) {
        self.metrics.refused_often(code, times);
    }

    /// How many subscriptions there are now.
    pub fn subscriptions(&mut self, now: usize) {
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        let before = std::mem::replace(&mut self.subscriptions, now);
        let all = &self.metrics.0.subscriptions;
        if now > before {
            all.inc_by(now.saturating_sub(before));
        } else if now < before {
            all.dec_by(before.saturating_sub(now));
        }
    }

    /// How far the slowest of them is.
    pub fn slowest(&self, place: Option<u64>) {
        self.reader.at(place);
    }
}

impl Drop for SocketMetrics {
    fn drop(&mut self) {
        self.subscriptions(0);
    }
}

/// What one gRPC stream of events adds.
#[derive(Debug)]
pub struct StreamMetrics {
    _open: Open,
    reader: Reader,
    /// Of the page under way.
    delivered: u64,
    metrics: Metrics,
}

impl StreamMetrics {
    /// An event went out. It is counted with its page.
    pub const fn delivered(&mut self) {
        self.delivered = self.delivered.saturating_add(1);
    }

    /// A page is through, and the stream has seen everything up to `place`.
    pub fn page_ends(&mut self, place: u64) {
        self.reader.at(Some(place));
        self.count();
    }

    /// The stream ends with this error.
    pub fn refused(&self, code: &str) {
        self.metrics.refused(code);
    }

    fn count(&mut self) {
        let events = std::mem::take(&mut self.delivered);
        if events > 0 {
            self.metrics.0.grpc_delivered.inc_by(events);
        }
    }
}

impl Drop for StreamMetrics {
    fn drop(&mut self) {
        self.count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Moment = Moment { first: 2, head: 9, upstream_connected: true };

    #[test]
    fn a_code_or_spelling_that_a_stranger_invents_is_no_label() {
        let metrics = Metrics::default();
        let lines = metrics.text(MOMENT).lines().count();
        for code in ["invented", "unauthenticated\"} 1\nx{a=\"", "", "Unauthenticated"] {
            metrics.refused(code);
        }
        let text = metrics.text(MOMENT);
        assert!(text.contains("im_chats_refusals_total{code=\"other\"} 4\n"), "{text}");
        assert_eq!(text.lines().count(), lines, "no series is new");
        for route in [Some("/v1/chats:get"), Some("/v1/chats%3Aget"), Some("/v1/chats%3aget"), None] {
            metrics.request(route, 200, Duration::from_millis(1));
        }
        let text = metrics.text(MOMENT);
        for (route, count) in [("/v1/chats:get", 3), ("(none)", 1)] {
            let line = format!("im_chats_request_duration_seconds_count{{route=\"{route}\",status=\"2xx\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
    }

    #[test]
    fn what_is_dropped_is_open_no_more_and_what_it_had_delivered_counts() {
        let metrics = Metrics::of_relay();
        let (connection, mut socket, mut stream) = (metrics.connection(), metrics.socket(), metrics.grpc_stream(4));
        socket.subscriptions(3);
        socket.subscriptions(2);
        socket.slowest(Some(7));
        stream.delivered();
        let has = |line: &str| {
            let text = metrics.text(MOMENT);
            assert!(text.contains(&format!("im_chats_{line}\n")), "{line}: {text}");
        };
        has("open_connections 1");
        has("open_event_sockets 1");
        has("open_subscriptions 2");
        has("open_grpc_event_streams 1");
        has("slowest_subscription_lag_events 5");
        has("events_delivered_total{transport=\"grpc\"} 0");
        stream.page_ends(9);
        has("slowest_subscription_lag_events 2");
        has("events_delivered_total{transport=\"grpc\"} 1");
        stream.delivered();
        drop((connection, socket, stream));
        for gauge in ["open_connections", "open_event_sockets", "open_subscriptions", "open_grpc_event_streams"] {
            has(&format!("{gauge} 0"));
        }
        has("events_delivered_total{transport=\"grpc\"} 2");
        has("slowest_subscription_lag_events 0");
        has("upstream_connected 1");
    }

    #[test]
    fn the_table_is_what_is_registered() {
        for (metrics, without) in [(Metrics::of_relay(), None), (Metrics::of_emulator(), Some("im_chats_upstream_connected"))] {
            metrics.request(None, 200, Duration::ZERO);
            let text = metrics.text(MOMENT);
            let written: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(str::to_owned).collect();
            let table = ALL.iter().filter(|metric| Some(metric.name().as_str()) != without);
            let expected: Vec<_> = table.clone().map(|metric| format!("{} {}", metric.name(), metric.kind.name())).collect();
            assert_eq!(written, expected);
            for metric in table {
                assert!(text.contains(&format!("# HELP {} {}.\n", metric.name(), metric.help)), "{}", metric.name());
                for (label, _) in metric.labels {
                    assert!(text.contains(&format!("{label}=\"")), "{label}");
                }
            }
        }
    }
}
