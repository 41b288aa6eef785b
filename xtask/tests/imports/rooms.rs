//! The allowed order of rooms, written down once. A room is a module with everything below it. It may use itself and the rooms
//! that its entry names, and nothing else of its crate; the crate's root file may use every room, and no room uses the root.

/// One room.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// The path of its module inside the crate.
    pub path: &'static str,
    /// The rooms that it may use. They stand before it in the list, so the list allows no circle.
    pub uses: &'static [&'static str],
}

const fn room(path: &'static str, uses: &'static [&'static str]) -> Room {
    Room { path, uses }
}

/// The crates whose rooms are ordered, by package.
pub const ORDERED: [(&str, &[Room]); 4] = [
    ("im-chats-protocol", &PROTOCOL),
    ("im-chats-emulator", &EMULATOR),
    ("im-chats-gateway", &GATEWAY),
    ("im-chats-page", &PAGE),
];

const PROTOCOL: [Room; 8] = [
    // Whole numbers that JavaScript can hold exactly.
    room("number", &[]),
    // The only error type, and the table of codes.
    room("error", &[]),
    // The documented JSON shapes, one noun a file.
    room("model", &["number", "error"]),
    // Every limit that both ends know.
    room("limits", &["number", "error"]),
    // What a token allows.
    room("grant", &["error", "model"]),
    // The codec of routes, bodies and frames.
    room("wire", &["number", "error", "model", "limits", "grant"]),
    // The client's session machine.
    room("client", &["number", "error", "model", "limits", "wire"]),
    // The server's session machine.
    room("server", &["number", "error", "model", "limits", "grant", "wire"]),
];

const EMULATOR: [Room; 21] = [
    // The most that the emulator takes.
    room("limits", &[]),
    // Marks that come with a copied address or a file's name and are no part of it.
    room("marks", &[]),
    // E-mail addresses.
    room("email", &[]),
    // Phone numbers.
    room("phone", &["marks"]),
    // Either of the two: who a chat is with.
    room("address", &["marks", "email", "phone"]),
    // The account that the emulator is.
    room("account", &[]),
    // The kinds of images.
    room("image", &[]),
    // Texts, and their formatted stretches.
    room("text", &["limits"]),
    // Idempotency keys that were used.
    room("keys", &[]),
    // A message that is to be sent.
    room("draft", &["limits", "address", "text"]),
    // What can be asked for.
    room("command", &["address", "keys", "draft"]),
    // What a file is, by its bytes and its name.
    room("file_type", &["limits", "marks", "image", "command"]),
    // What the journal holds.
    room("entry", &[]),
    // The messages, files and polls that are kept.
    room("messages", &["limits", "entry"]),
    room("attachments", &["limits", "entry"]),
    room("polls", &["account"]),
    // The chats in the order in which they are listed.
    room("chat_list", &[]),
    // What follows from the journal.
    room("state", &["account", "keys", "entry", "messages", "attachments", "polls", "chat_list"]),
    // What can be read of it.
    room("read", &["entry", "messages", "chat_list", "state"]),
    // A state at rest, from which the journal goes on.
    room("checkpoint", &["keys", "entry", "messages", "state"]),
    // The decision on a command.
    room(
        "decide",
        &[
            "limits",
            "address",
            "account",
            "text",
            "keys",
            "draft",
            "command",
            "file_type",
            "entry",
            "messages",
            "polls",
            "state",
            "read",
        ],
    ),
];

const GATEWAY: [Room; 23] = [
    // Files, flag values, throttled log lines.
    room("base", &[]),
    // The process's end, its stderr, its log, its open files.
    room("process", &["base"]),
    // What the gateway counts of itself.
    room("metrics", &[]),
    // The durable event log and the data directory.
    room("log", &["base", "metrics"]),
    // What a chat service is: calls, tokens, wire types, the gRPC form of errors, health.
    room("service", &["base", "log"]),
    // The log of several relays, on NATS.
    room("cluster", &["base", "metrics", "log", "service"]),
    // Who a token is: the operator's own ones, signed ones, keys, what was withdrawn.
    room("tokens", &["base", "service"]),
    // The chat service that needs no Mac.
    room("emulator", &["base", "log", "service"]),
    // The real service, behind a log of ours.
    room("relay", &["base", "metrics", "log", "service"]),
    // Connections, limits, hosts and origins, bodies, failures: the same for every front, and without knowing any.
    room("http", &["base", "metrics", "log", "service"]),
    // The fronts. None knows another.
    room("fronts::rest", &["base", "log", "service", "http"]),
    room("fronts::grpc", &["base", "metrics", "log", "service", "http"]),
    room("fronts::live", &["base", "metrics", "log", "service", "http"]),
    room("fronts::health", &["base", "log", "service", "http"]),
    room("fronts::tokens", &["base", "log", "service", "tokens", "http"]),
    // The cloud of another SDK: a project, and tokens for it.
    room("fronts::spectrum", &["service", "tokens", "http"]),
    room("fronts::metrics", &["base", "metrics", "log", "service", "http"]),
    room("fronts::console", &["http"]),
    // The emulator's control plane: the one front of one service.
    room("fronts::control", &["base", "log", "service", "http", "emulator"]),
    // Those of them that need no server, put together for a page.
    room("in_process", &["base", "log", "service", "emulator", "http", "fronts"]),
    // The fronts, put together into one router.
    room("app", &["base", "metrics", "log", "service", "tokens", "emulator", "http", "fronts"]),
    // The command line: the flags of every room.
    room("cli", &["base", "process", "log", "service", "cluster", "tokens", "emulator", "relay", "http", "fronts"]),
    // From the command line to a running server.
    room(
        "run",
        &[
            "base", "process", "metrics", "log", "service", "cluster", "tokens", "emulator", "relay", "http", "fronts", "app",
            "cli",
        ],
    ),
];

const PAGE: [Room; 3] = [
    // The page's time.
    room("clock", &[]),
    // One socket of the event stream.
    room("socket", &["clock"]),
    // Both for JavaScript.
    room("binding", &["clock", "socket"]),
];
