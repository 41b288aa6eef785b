//! The tables of `docs/`, and what the TypeScript shell repeats, say what the code says.
//!
//! A block between two marks is what a table of the code gives. After a change of that table,
//! `UPDATE_TABLES=1 cargo test -p im-chats-gateway --test documented` writes the blocks again.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use clap::CommandFactory as _;
use im_chats_emulator::limits as emulator;
use im_chats_emulator::{KEY_BYTES, KEY_LIFETIME_MS, KEY_LIMIT, MAX_EMAIL_BYTES};
use im_chats_gateway::cli::Cli;
use im_chats_gateway::fronts::{control, grpc};
use im_chats_gateway::http::flags::ServerLimits;
use im_chats_gateway::http::{admission, body, layers, server, shared_body};
use im_chats_gateway::metrics;
use im_chats_gateway::relay::merge;
use im_chats_gateway::service::status;
use im_chats_gateway::tokens;
use im_chats_protocol::client::{Backoff, Config, PROBE_MS, SILENCE_MARGIN_MS};
use im_chats_protocol::error::{Category, ErrorCode, GrpcCode};
use im_chats_protocol::grant::MAX_CHATS;
use im_chats_protocol::limits::{
    MAX_ATTACHMENT_BYTES, MAX_CREATE_ADDRESSES, MAX_IMAGE_BYTES, MAX_KEY_BYTES, MAX_REQUEST_BODY_BYTES, MAX_STREAM_CHATS,
    MAX_STREAM_TYPES, MAX_TOKEN_BYTES,
};
use im_chats_protocol::model::{EventType, MessageEffect};
use im_chats_protocol::server::SessionLimits;
use im_chats_protocol::wire::close::{self, Meaning, Reaction};
use im_chats_protocol::wire::frame::MAX_ID_BYTES;
use im_chats_protocol::wire::messaging::request::{MAX_FORMATS, MAX_PAGE_SIZE};

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Compares the block of a file between the line with `begin NAME` and the one with `end NAME`.
fn check_block(file: &str, name: &str, expected: &str) {
    let text = read(file);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let line = |mark: String| {
        let found = lines.iter().position(|line| line.contains(&mark));
        found.unwrap_or_else(|| panic!("{file} has no line with {mark:?}"))
    };
    let (begin, end) = (line(format!("begin {name}")), line(format!("end {name}")));
    if lines[begin + 1..end].concat() == expected {
        return;
    }
    if env::var_os("UPDATE_TABLES").is_some() {
        let written = [&lines[..=begin].concat(), expected, &lines[end..].concat()].concat();
        fs::write(path(file), written).expect("the file can be written");
        return;
    }
    panic!("{file}: the block {name} is not what the code says; UPDATE_TABLES=1 writes it again as:\n{expected}");
}

#[test]
fn the_page_of_errors_has_every_code() {
    let mut table =
        String::from("| code | class | gRPC | HTTP | retryable | meaning | what to do |\n|---|---|---|--:|---|---|---|\n");
    for code in ErrorCode::ALL {
        let grpc = code.grpc_code();
        let (meaning, advice) = code.description().split_once("\n\n").expect("two paragraphs");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(
            table,
            "| `{}` | `{}` | {} `{}` | {} | {} | {} | {} |",
            code.as_str(),
            grpc.category().class_name(),
            grpc.number(),
            grpc.name().to_uppercase(),
            grpc.http_status(),
            if code.is_retryable() { "yes" } else { "no" },
            words(meaning),
            words(advice),
        )
        .expect("text");
    }
    check_block("docs/errors.md", "codes", &table);
}

#[test]
fn the_shell_has_every_error_code_with_its_meaning() {
    let mut codes = String::new();
    for code in ErrorCode::ALL {
        let (meaning, _) = code.description().split_once("\n\n").expect("two paragraphs");
        writeln!(codes, "  /** {} */\n  {code}: \"{code}\",", meaning.trim(), code = code.as_str()).expect("text");
    }
    check_block("pkg-template/src/errors.ts", "codes", &codes);
}

#[test]
fn the_shell_has_every_effect_with_its_meaning() {
    let mut effects = String::new();
    for effect in MessageEffect::ALL {
        let meaning = effect.description().trim();
        writeln!(effects, "  /** {meaning} */\n  {}: \"{}\",", effect.name(), effect.id()).expect("text");
    }
    check_block("pkg-template/src/effects.ts", "effects", &effects);
}

/// The wasm gives the number of a class, and the shell looks it up in its list.
#[test]
fn the_shell_lists_the_classes_in_the_order_of_their_numbers() {
    let shell = read("pkg-template/src/errors.ts");
    let names = Category::ALL.map(Category::class_name);
    assert!(shell.contains(&format!("const CLASSES = [{}];", names.join(", "))), "CLASSES is not {names:?}");
    for name in names {
        let declaration = format!("export class {name} extends ");
        assert!(shell.contains(&declaration), "there is no {declaration}");
    }
}

/// Tests reach the control plane without the wasm, which reads the answers of all other calls.
#[test]
fn the_shell_knows_every_status_that_a_failed_answer_may_have() {
    let shell = read("pkg-template/src/failure.ts");
    for status in GrpcCode::ALL.into_iter().filter(|status| *status != GrpcCode::Ok) {
        let row = format!("  {}: [{}, {}],\n", status.name(), status.number(), status.category().number());
        assert!(shell.contains(&row), "failure.ts has no {row}");
    }
}

/// The shell makes a few errors itself.
#[test]
fn the_errors_that_the_shell_makes_are_those_of_the_table() {
    let made = shell_errors();
    assert!(made.len() >= 6, "only {} errors were found: has the form of the shell's errors changed?", made.len());
    for ShellError { file, code, grpc_code, retryable } in made {
        let row = ErrorCode::ALL.iter().find(|row| row.as_str() == code).unwrap_or_else(|| panic!("{file}: {code}"));
        assert_eq!(row.grpc_code().number(), grpc_code, "{file}: {code}");
        // A cursor store that is too slow ends the stream: nobody can say that it will be faster. A page's database that is damaged, or of
        // somebody else, stays so.
        let differs =
            matches!((file.as_str(), code.as_str()), ("cursor-store.ts", "timeout") | ("emulator-store.ts", "databaseError"));
        if let Some(retryable) = retryable {
            assert_eq!(row.is_retryable() != differs, retryable, "{file}: {code}");
        }
    }
}

struct ShellError {
    file: String,
    code: String,
    grpc_code: u8,
    /// Absent where the code does not stand beside it.
    retryable: Option<bool>,
}

/// Every place of the shell that names an error code and behind it a gRPC code.
fn shell_errors() -> Vec<ShellError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path("pkg-template/src")).expect("a folder") {
        let entry = entry.expect("a file");
        let text = fs::read_to_string(entry.path()).expect("text");
        let word = |text: &str| text.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
        for rest in text.split("ErrorCode.").skip(1) {
            let code = word(rest);
            let rest = rest.trim_start_matches(code.as_str()).trim_start_matches(',').trim_start();
            let Ok(grpc_code) = word(rest.trim_start_matches("grpcCode: ")).parse() else { continue };
            let object = rest.split('}').next().unwrap_or_default();
            let retryable = object.split_once("retryable: ").and_then(|(_, value)| word(value).parse().ok());
            found.push(ShellError { file: entry.file_name().to_string_lossy().into_owned(), code, grpc_code, retryable });
        }
    }
    found
}

#[test]
fn the_page_of_the_protocol_has_every_close_code() {
    let mut table = String::from("| code | reason | meaning | the client | its error |\n|--:|---|---|---|---|\n");
    for row in close::ALL {
        let client = match (row.meaning.reaction(), row.meaning) {
            (Reaction::Retry, Meaning::GoingAway) => "comes back, when `drain` said",
            (Reaction::Retry, _) => "comes back, with backoff",
            (Reaction::FreshToken, _) => "asks for a fresh token once, then gives up",
            (Reaction::GiveUp, Meaning::ClientFault) => "gives up: a bug",
            (Reaction::GiveUp, _) => "gives up",
        };
        let error = row.meaning.error();
        let description = row.description.trim();
        writeln!(table, "| {} | {} | {description} | {client} | `{}` |", row.code, row.reason, error.code).expect("text");
    }
    check_block("docs/protocol.md", "close codes", &table);
}

#[test]
fn the_page_of_operating_has_every_metric() {
    let mut table = String::from("| metric | kind | labels | what it says |\n|---|---|---|---|\n");
    for metric in metrics::ALL {
        let labels = metric.labels.iter().map(|(name, values)| format!("`{name}`: {values}"));
        let labels = labels.collect::<Vec<_>>().join("; ");
        writeln!(table, "| `{}` | {} | {labels} | {} |", metric.name(), metric.kind.name(), metric.help).expect("text");
    }
    check_block("docs/operating.md", "metrics", &table);
}

/// The queries on the page ask for what there is, in codes that there are.
#[test]
fn the_queries_of_the_page_of_operating_find_something() {
    let page = read("docs/operating.md");
    let part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut found = 0;
    for (at, _) in page.match_indices("im_chats_") {
        let (_, rest) = page.split_at(at);
        let name: String = rest.chars().take_while(|letter| part(*letter)).collect();
        let known = metrics::ALL.iter().any(|metric| {
            let ends: &[&str] =
                if metric.kind == metrics::Kind::Histogram { &["", "_bucket", "_sum", "_count"] } else { &[""] };
            ends.iter().any(|end| name == metric.name() + end)
        });
        // The name of the crate, in the value of RUST_LOG and in a line of the log.
        assert!(known || name == "im_chats_gateway", "docs/operating.md: there is no {name}");
        found += 1;
    }
    assert!(found > 30, "only {found} names");
    let mut codes = 0;
    for rest in page.split("code=").skip(1) {
        let values = rest.trim_start_matches('~').trim_start_matches('"').split('"').next().unwrap_or_default();
        for code in values.split("\\|") {
            assert!(ErrorCode::ALL.iter().any(|known| known.as_str() == code), "docs/operating.md: there is no code {code}");
            codes += 1;
        }
    }
    assert!(codes >= 7, "only {codes} codes");
    let limit = ServerLimits::default().max_connections;
    assert!(page.contains(&format!("im_chats_open_connections > 0.8 * {limit}`")), "the default of --max-connections");
}

/// A number as the pages write it: `32,768`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The ways to write a limit: as a number, in MiB or KiB, and, of milliseconds, in seconds or hours.
fn forms(number: u64, is_milliseconds: bool) -> Vec<String> {
    let mut forms = vec![grouped(number)];
    if number.is_multiple_of(1 << 20) {
        forms.push(format!("{} MiB", number >> 20));
    } else if number.is_multiple_of(1 << 10) {
        forms.push(format!("{} KiB", number >> 10));
    }
    if is_milliseconds && number.is_multiple_of(3_600_000) {
        forms = vec![format!("{} hours", number / 3_600_000)];
    } else if is_milliseconds && number.is_multiple_of(1_000) {
        forms = vec![format!("{} s", grouped(number / 1_000)), format!("{} seconds", grouped(number / 1_000))];
    }
    forms
}

/// Whether a text has one of these, and not as a part of a larger number or word.
fn says(text: &str, forms: &[String]) -> bool {
    forms.iter().any(|form| {
        text.match_indices(form.as_str()).any(|(at, _)| {
            let (before, rest) = text.split_at(at);
            let before = before.chars().next_back();
            let after = rest.strip_prefix(form.as_str()).unwrap_or_default();
            !before.is_some_and(|letter| letter.is_alphanumeric() || letter == ',' || letter == '.')
                && !after.starts_with(char::is_alphanumeric)
                // `64 KiB` does not say 64.
                && ![" KiB", " MiB"].iter().any(|unit| after.starts_with(unit))
        })
    })
}

/// The rows of tables that name a flag say its default.
#[test]
fn the_pages_say_the_defaults_of_the_flags() {
    let mut checked = 0;
    for command in Cli::command().get_subcommands() {
        for flag in command.get_arguments() {
            let (Some(name), [default]) = (flag.get_long(), flag.get_default_values()) else { continue };
            let Some(default) = default.to_str().and_then(|text| text.parse::<u64>().ok()) else { continue };
            let wanted = forms(default, name.ends_with("-ms"));
            for page in ["docs/protocol.md", "docs/emulator.md", "docs/relay.md", "docs/grpc.md"] {
                let text = read(page);
                let names = |line: &&str| line.starts_with('|') && line.contains(&format!("`--{name}`"));
                for row in text.lines().filter(names) {
                    // A row about something else that names the flag only in passing.
                    let in_passing = row.contains(&format!("unless `--{name}`"))
                        || row.contains(&format!("every `--{name}`"))
                        || row.contains(&format!("(`--{name}`, at most"));
                    if !in_passing {
                        assert!(says(row, &wanted), "{page} does not say one of {wanted:?} of --{name}: {row}");
                        checked += 1;
                    }
                }
            }
        }
    }
    assert!(checked >= 20, "only {checked} rows name a flag: has the form of the tables changed?");
}

/// Checks that the first line of a file that contains `place` says a limit.
fn check_number(page: &str, place: &str, limit: u64, is_milliseconds: bool) {
    let text = read(page).replace('_', ",");
    let place = place.replace('_', ",");
    let line = text.lines().find(|line| line.contains(&place)).unwrap_or_else(|| panic!("{page} has no {place:?}"));
    let wanted = forms(limit, is_milliseconds);
    assert!(says(line, &wanted), "{page} does not say one of {wanted:?}: {line}");
}

/// What the pages say of limits that no flag changes, or that a flag changes which the row does not name.
#[test]
fn the_pages_say_the_limits() {
    let number = |number: usize| u64::try_from(number).expect("a number");
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).expect("a number");
    let key_lifetime_ms = KEY_LIFETIME_MS.try_into().expect("a time");
    let session = SessionLimits::DEFAULT;
    for (page, place, limit, is_milliseconds) in [
        ("docs/protocol.md", "| frame from the client |", number(session.max_frame_bytes), false),
        ("docs/protocol.md", "| frame from the server |", number(session.max_outgoing_frame_bytes), false),
        ("docs/protocol.md", "| events in a batch |", number(session.max_batch_events), false),
        ("docs/protocol.md", "| subscriptions on a socket |", number(session.max_subscriptions), false),
        ("docs/protocol.md", "| frames from the client |", session.max_frames_per_second, false),
        ("docs/protocol.md", "| frames from the client |", session.max_frame_burst, false),
        ("docs/protocol.md", "| a client that takes nothing", session.write_timeout_ms, true),
        ("docs/protocol.md", "| `init` |", session.init_timeout_ms, true),
        ("docs/protocol.md", "wait to be written to a socket", number(session.high_water_bytes), false),
        ("docs/protocol.md", "- **`id`**", number(MAX_ID_BYTES), false),
        ("docs/emulator.md", "| body of `setBackground`, `setIcon` |", number(MAX_IMAGE_BYTES), false),
        ("docs/emulator.md", "(20,971,520 bytes)", number(MAX_IMAGE_BYTES), false),
        ("docs/emulator.md", "| any other body |", number(MAX_REQUEST_BODY_BYTES), false),
        ("docs/emulator.md", "| text, subject of a message |", number(emulator::MAX_TEXT_BYTES), false),
        ("docs/emulator.md", "| text, subject of a message |", number(emulator::MAX_SUBJECT_BYTES), false),
        ("docs/emulator.md", "| addresses of a chat |", number(emulator::MAX_CHAT_ADDRESSES), false),
        ("docs/emulator.md", "- Two to ", number(emulator::MAX_CHAT_ADDRESSES), false),
        ("docs/emulator.md", "methods: any text of 1 to", number(MAX_KEY_BYTES), false),
        ("docs/emulator.md", "| `--token TOKEN` |", number(MAX_TOKEN_BYTES), false),
        ("docs/grpc.md", "| message of `SetBackground`", number(MAX_IMAGE_BYTES), false),
        ("docs/grpc.md", "| message of `SetBackground`", number(MAX_REQUEST_BODY_BYTES), false),
        ("docs/grpc.md", "| message of `UploadAttachment`", number(MAX_ATTACHMENT_BYTES), false),
        ("docs/emulator.md", "- Keys are part of the journal", key_lifetime_ms, true),
        ("docs/emulator.md", "- Keys are part of the journal", number(KEY_LIMIT), false),
        ("docs/emulator.md", "- Keys are part of the journal", number(KEY_BYTES), false),
        ("docs/emulator.md", "quotes only where it needs them", number(MAX_EMAIL_BYTES), false),
        ("docs/emulator.md", "| `GET chats?after=&limit=` |", number(control::PAGE.0), false),
        ("docs/emulator.md", "| `GET chats?after=&limit=` |", number(control::PAGE.1), false),
        ("docs/emulator.md", "| `GET chats?after=&limit=` |", number(control::PAGE_BYTES), false),
        ("docs/emulator.md", "`events:generate` appends", control::MAX_GENERATED, false),
        ("docs/emulator.md", "It answers `{first, last, count}`", control::GENERATE_CHUNK, false),
        ("docs/emulator.md", "It answers `{first, last, count}`", control::LISTED_SEQUENCES, false),
        ("docs/emulator.md", "answer the header `x-request-id`", number(layers::MAX_REQUEST_ID), false),
        ("docs/emulator.md", "| request head |", number(server::MAX_HEAD_BYTES), false),
        ("docs/emulator.md", "| request head |", number(server::MAX_HEADERS), false),
        ("docs/emulator.md", "seconds of silence", milliseconds(body::IDLE), true),
        ("docs/emulator.md", "seconds of silence", milliseconds(body::TOTAL), true),
        ("docs/emulator.md", "| uploads at a time |", milliseconds(admission::UPLOAD_WAIT), true),
        ("docs/emulator.md", "requests at a time on one HTTP/2 connection", server::MAX_H2_STREAMS.into(), false),
        ("docs/emulator.md", "A body that is refused", shared_body::DISCARD_BYTES, false),
        ("docs/emulator.md", "A body that is refused", milliseconds(shared_body::DISCARD_TIME), true),
        ("docs/grpc.md", "the gateway holds a page of", number(grpc::PAGE_EVENTS), false),
        ("docs/grpc.md", "the gateway holds a page of", number(grpc::PAGE_BYTES), false),
        ("docs/grpc.md", "| `x-request-id` | up to", number(layers::MAX_REQUEST_ID), false),
        ("docs/grpc.md", "A value longer than", number(status::MAX_VALUE), false),
        ("docs/grpc.md", "| message of `SetBackground`", number(grpc::OPEN_MESSAGE), false),
        ("docs/grpc.md", "| uploads at a time", milliseconds(admission::UPLOAD_WAIT), true),
        ("docs/grpc.md", "| pause within a message", milliseconds(grpc::MESSAGE_IDLE), true),
        ("docs/grpc.md", "| calls at a time on one connection", server::MAX_H2_STREAMS.into(), false),
        ("docs/grpc.md", "| metadata |", number(server::MAX_HEAD_BYTES), false),
        ("docs/grpc.md", "| metadata |", number(server::MAX_HEADERS), false),
        ("docs/grpc.md", "| streams reset before", number(server::MAX_PENDING_RESETS), false),
        ("docs/grpc.md", "| streams reset before", number(server::MAX_FAULTY_STREAMS), false),
        ("docs/grpc.md", "| bytes waiting to be sent on one stream |", number(server::H2_SEND_BUFFER), false),
        ("docs/relay.md", "| the upstream is slow |", number(merge::HELD), false),
        ("docs/security.md", "It is a JSON Web Token", number(MAX_TOKEN_BYTES), false),
        ("docs/security.md", "| `sub` | Whose it is", number(tokens::MAX_NAME_BYTES), false),
        ("docs/security.md", "| `iat`, `exp` |", tokens::MAX_LIFETIME_S * 1000, true),
        ("docs/security.md", "| `chats` | The chats", number(MAX_CHATS), false),
        ("docs/security.md", "Clocks may be", tokens::LEEWAY_S * 1000, true),
        ("docs/security.md", "| `--token-key KID=ALG:FILE` |", number(tokens::MIN_SECRET_BYTES), false),
        ("docs/security.md", "start, then every", milliseconds(tokens::REFRESH) / 60_000, false),
        ("docs/security.md", "start, then every", milliseconds(tokens::REFRESH_RANGE.0) / 60_000, false),
        ("docs/security.md", "start, then every", milliseconds(tokens::REFRESH_RANGE.1), true),
        ("docs/security.md", "ask at once, but once in", milliseconds(tokens::UNKNOWN_KID_INTERVAL), true),
        ("docs/security.md", "ask at once, but once in", tokens::MAX_JWKS_BYTES, false),
        ("docs/security.md", "ask at once, but once in", milliseconds(tokens::JWKS_TIMEOUT), true),
        ("docs/security.md", "keys serve for", milliseconds(tokens::OUTAGE), true),
        ("docs/security.md", "`scope` and `ttlSeconds` (", tokens::MAX_LIFETIME_S, false),
        ("docs/security.md", "open connections, too. It may have", tokens::MAX_DENY_BYTES, false),
        ("protocol/src/model/chat.rs", "bytes in UTF-8 that is not only white space", number(MAX_KEY_BYTES), false),
        ("pkg-template/src/snapshot.ts", "const MAX_IMAGE_BYTES = ", number(MAX_IMAGE_BYTES), false),
        ("pkg-template/src/snapshot.ts", "const MAX_ADDRESSES = ", number(MAX_CREATE_ADDRESSES), false),
        ("pkg-template/src/snapshot.ts", "const MAX_BODY_BYTES = ", number(MAX_REQUEST_BODY_BYTES), false),
        ("pkg-template/src/messages-calls.ts", "const MAX_ATTACHMENT_BYTES = ", number(MAX_ATTACHMENT_BYTES), false),
        ("pkg-template/src/messages-calls.ts", "const MAX_FORMATS = ", number(MAX_FORMATS), false),
        ("pkg-template/src/world.ts", "const MAX_BYTES = ", number(MAX_IMAGE_BYTES), false),
        ("pkg-template/src/world.ts", "expected a whole number from 1 to ", control::MAX_GENERATED, false),
        ("docs/protocol.md", "- **`chats`**: only these chats, 1 to ", number(MAX_STREAM_CHATS), false),
        ("docs/protocol.md", "- **`types`**: only events whose `type` is one of these, 1 to ", number(MAX_STREAM_TYPES), false),
        ("docs/events.md", "- `chats`: 1 to ", number(MAX_STREAM_CHATS), false),
        ("docs/events.md", "- `types`: 1 to ", number(MAX_STREAM_TYPES), false),
        ("pkg-template/src/types.ts", "Only events of these chats, by their `guid`: 1 to ", number(MAX_STREAM_CHATS), false),
        ("pkg-template/src/types.ts", "Only events of these types: 1 to ", number(MAX_STREAM_TYPES), false),
        ("docs/messages.md", "Bytes are 1 to ", number(MAX_ATTACHMENT_BYTES), false),
        ("docs/messages.md", "The whole request has at most ", number(MAX_REQUEST_BODY_BYTES), false),
        ("docs/messages.md", "`pageSize` is 1 to 100", MAX_PAGE_SIZE, false),
    ] {
        check_number(page, place, limit, is_milliseconds);
    }
}

#[test]
fn the_page_of_the_protocol_names_every_type_of_event_that_can_be_asked_for() {
    let page = read("docs/protocol.md");
    let (_, rest) = page.split_once("- **`types`**").expect("the rule of types");
    let (rule, _) = rest.split_once("- **`after`**").expect("the rule behind it");
    let named: BTreeSet<&str> = rule.split('`').filter(|word| EventType::parse(word).is_some()).collect();
    assert_eq!(named, EventType::all().map(|(_, name)| name).collect());
}

/// What the pages say of the client's times, and the constants of the tests that wait for them.
#[test]
fn the_pages_say_the_times_of_the_client() {
    let Backoff { initial_ms, cap_ms } = Backoff::RECONNECT;
    for (page, place, limit, is_milliseconds) in [
        ("docs/events.md", "events wait in your program", Config::WINDOW, false),
        ("docs/events.md", "Each may hold", Config::WINDOW, false),
        ("docs/events.md", "| `live` |", SILENCE_MARGIN_MS, true),
        ("docs/events.md", "| `reconnecting` |", initial_ms, true),
        ("docs/events.md", "| `reconnecting` |", cap_ms, true),
        ("docs/events.md", "| `reconnecting` |", SessionLimits::DEFAULT.drain_reconnect_max_ms, true),
        ("docs/events.md", "the socket is probed", PROBE_MS, true),
        ("docs/protocol.md", "- nothing came for 2", SILENCE_MARGIN_MS, true),
        ("docs/protocol.md", "was not answered for 2", SILENCE_MARGIN_MS, true),
        ("docs/protocol.md", "- after a wake-up", PROBE_MS, true),
        ("docs/relay.md", "| the upstream is away", initial_ms, true),
        ("docs/relay.md", "| the upstream is away", cap_ms, true),
        ("tests/suites/chaos/report.mjs", "const BACKOFF_CAP_MS = ", cap_ms, false),
        ("tests/suites/chaos/chaos.mjs", "const HEALTHY_MS = ", Backoff::HEALTHY_MS, false),
        ("tests/suites/browser/wake.test.mjs", "const PROBE_MS = ", PROBE_MS, false),
        ("tests/suites/browser/wake.test.mjs", "const WAY_BACK_MS = ", initial_ms, false),
    ] {
        check_number(page, place, limit, is_milliseconds);
    }
}

/// The shell alone knows how long a store of cursors may take.
#[test]
fn the_page_of_events_says_the_times_of_a_cursor_store() {
    let shell = read("pkg-template/src/cursor-store.ts");
    let (_, rest) = shell.split_once("const LIMIT_S = { loaded: ").expect("the constant");
    let (loaded, rest) = rest.split_once(", saved: ").expect("two times");
    let (saved, _) = rest.split_once(" }").expect("its end");
    let page = read("docs/events.md");
    for sentence in [
        format!("A save may take {saved} seconds, a load {loaded}."),
        format!("did not load within {loaded} s, or save within {saved} s"),
    ] {
        assert!(page.contains(&sentence), "docs/events.md does not say {sentence:?}");
    }
}
