//! Every metric in one table: what is registered, and what `docs/operating.md` says.

/// What kind of a metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size, with `_bucket`, `_sum` and `_count`.
    Histogram,
}

impl Kind {
    /// The name in a `# TYPE` line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Without the prefix, and without the `_total` of a counter.
    pub(super) stem: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The names of its labels, and the values that each can have.
    pub labels: &'static [(&'static str, &'static str)],
    /// What it says, without a full stop.
    pub help: &'static str,
}

/// What all names begin with.
pub(super) const PREFIX: &str = "im_chats";

impl Metric {
    /// The whole name, as a query writes it.
    #[must_use]
    pub fn name(&self) -> String {
        let end = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{PREFIX}_{}{end}", self.stem)
    }
}

/// No labels.
const NONE: &[(&str, &str)] = &[];

const fn metric(kind: Kind, stem: &'static str, labels: &'static [(&'static str, &'static str)], help: &'static str) -> Metric {
    Metric { stem, kind, labels, help }
}

pub(super) const BUILD: Metric = metric(
    Kind::Gauge,
    "build_info",
    &[("version", "the gateway's version"), ("mode", "`emulator`, `relay`")],
    "Always 1; the labels say what runs",
);
pub(super) const START: Metric =
    metric(Kind::Gauge, "process_start_time_seconds", NONE, "When the process started, in seconds since 1970");
pub(super) const CONNECTIONS: Metric =
    metric(Kind::Gauge, "open_connections", NONE, "Open connections of every kind, those of the scraper included");
pub(super) const SOCKETS: Metric = metric(Kind::Gauge, "open_event_sockets", NONE, "Open WebSockets of the event stream");
pub(super) const SUBSCRIPTIONS: Metric =
    metric(Kind::Gauge, "open_subscriptions", NONE, "Open subscriptions on the WebSockets of the event stream");
pub(super) const STREAMS: Metric =
    metric(Kind::Gauge, "open_grpc_event_streams", NONE, "Open gRPC streams of events, live ones and catch-ups");
pub(super) const APPENDED: Metric = metric(Kind::Counter, "events_appended", NONE, "Events that were written to the log");
pub(super) const DELIVERED: Metric = metric(
    Kind::Counter,
    "events_delivered",
    &[("transport", "`websocket`, `grpc`")],
    "Events that were handed to a transport, once for each subscription or stream that takes them",
);
pub(super) const LAG: Metric = metric(
    Kind::Gauge,
    "slowest_subscription_lag_events",
    NONE,
    "How many events the slowest subscription or gRPC stream has not passed yet, whether it has credit or none",
);
pub(super) const HEAD: Metric = metric(Kind::Gauge, "log_head_sequence", NONE, "The last sequence in the log");
pub(super) const FIRST: Metric =
    metric(Kind::Gauge, "log_first_sequence", NONE, "The smallest cursor that is still good; 0 for a whole log");
pub(super) const COMMITS: Metric = metric(
    Kind::Histogram,
    "log_commit_duration_seconds",
    NONE,
    "How long a transaction of the log took, to the disk; those that failed do not count",
);
pub(super) const READS: Metric = metric(
    Kind::Histogram,
    "log_read_duration_seconds",
    NONE,
    "How long a page of the log from disk took, waiting for a connection included",
);
pub(super) const FROM_MEMORY: Metric =
    metric(Kind::Counter, "log_pages_from_memory", NONE, "Pages of the log that came from memory");
pub(super) const REQUESTS: Metric = metric(
    Kind::Histogram,
    "request_duration_seconds",
    &[("route", "the route as the gateway knows it, never a path"), ("status", "`1xx` to `5xx`")],
    "How long a request took until its answer began; gRPC counts under the HTTP status of its outcome",
);
pub(super) const REFUSALS: Metric = metric(
    Kind::Counter,
    "refusals",
    &[("code", "a code of [errors.md](errors.md), or `other` for one that only the upstream knows")],
    "Errors that callers got, over REST, gRPC and the event stream alike",
);
pub(super) const UPSTREAM: Metric = metric(
    Kind::Gauge,
    "upstream_connected",
    NONE,
    "1 while the upstream is connected and the log is up with it, else 0; a relay only",
);

/// Every metric.
pub const ALL: [Metric; 17] = [
    BUILD,
    START,
    CONNECTIONS,
    SOCKETS,
    SUBSCRIPTIONS,
    STREAMS,
    APPENDED,
    DELIVERED,
    LAG,
    HEAD,
    FIRST,
    COMMITS,
    READS,
    FROM_MEMORY,
    REQUESTS,
    REFUSALS,
    UPSTREAM,
];
