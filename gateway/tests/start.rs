//! What the gateway does before it serves: its options, the modes of its files, and what it warns of.

#![cfg(unix)]
#![cfg(test)]

mod binary;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use binary::{Gateway, TOKEN, command};
use im_chats_launcher::{Process, kill_if_stuck};
use tempfile::TempDir;

/// Starts, lets `look` see where it listens, drains; everything it said on stderr.
fn run(command: &mut Command, look: impl FnOnce(&str)) -> String {
    let mut gateway = Process::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped())).unwrap();
    let _guard = kill_if_stuck(&gateway.child);
    gateway.keep_log();
    look(gateway.listen().unwrap());
    gateway.terminate().unwrap();
    let status = gateway.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{}", gateway.log());
    gateway.log()
}

/// A start that must fail with this exit code; what it said.
fn refused(command: &mut Command, code: i32) -> String {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _guard = kill_if_stuck(&child);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(code) && output.stdout.is_empty(), "{}: {said}", output.status);
    said
}

fn emulator(data: &Path) -> Command {
    let mut command = command(data);
    command.args(["--token", TOKEN]);
    command
}

/// The emulator, listening elsewhere than on 127.0.0.1.
fn on(data: &Path, listen: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_im-chats-gateway"));
    command.args(["emulator", "--exit-with-parent", "--token", TOKEN, "--listen", listen, "--data"]).arg(data);
    command
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The modes of the files in a directory that are the gateway's, of which there must be some.
fn modes_in(directory: &Path) -> Vec<(String, u32)> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let modes = entries.map(|entry| (entry.file_name().into_string().unwrap(), mode(&entry.path())));
    let modes: Vec<_> = modes.filter(|(name, _)| name != "theirs").collect();
    assert!(modes.iter().any(|(name, _)| name == "gateway.sqlite3"), "{modes:?}");
    modes
}

#[test]
fn nobody_but_the_owner_reads_the_data_whatever_was_there_before() {
    let data = std::sync::Arc::new(TempDir::new().unwrap());
    let path = data.path();
    set_mode(path, 0o755);
    let private = || {
        let modes = modes_in(path);
        assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
        modes.len()
    };
    let mut gateway = Gateway::start_on(std::sync::Arc::clone(&data), &[]);
    gateway.post("/v1/chats", &serde_json::json!({"addresses": ["alice@example.com"]})).ok();
    assert_eq!(mode(path), 0o700);
    assert!(private() >= 4, "lock, database, -wal and -shm");
    // As an earlier version left them, and with a journal that waits to be read.
    gateway.kill();
    set_mode(path, 0o755);
    modes_in(path).iter().for_each(|(name, _)| set_mode(&path.join(name), 0o644));
    let said = run(&mut emulator(path), |_| {
        assert_eq!(mode(path), 0o700);
        assert!(private() >= 4);
    });
    assert!(
        said.contains("others could look into the data directory") && said.contains("others could read this file"),
        "{said}"
    );
    let said = run(&mut emulator(path), |_| ());
    assert!(!said.contains("others"), "once is enough: {said}");
}

#[test]
fn a_directory_with_more_in_it_keeps_its_mode_and_says_so() {
    let data = TempDir::new().unwrap();
    std::fs::write(data.path().join("theirs"), "").unwrap();
    set_mode(data.path(), 0o755);
    let said = run(&mut emulator(data.path()), |_| {
        assert_eq!(mode(data.path()), 0o755);
        assert!(modes_in(data.path()).iter().all(|(_, mode)| *mode == 0o600));
    });
    assert!(said.contains("its mode stays, since it holds theirs"), "{said}");
}

#[test]
fn a_token_that_could_never_arrive_is_refused_at_the_start_and_not_repeated() {
    let data = TempDir::new().unwrap();
    let long = "x".repeat(8193);
    for token in ["", " secret ", "sec ret", "secret\n", "secr\u{e9}t", "\u{65e5}\u{672c}", &long] {
        let upstream = ["relay", "--upstream", "http://127.0.0.1:1"];
        let relay = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_im-chats-gateway"));
            command.args(upstream).args(["--listen", "127.0.0.1:0", "--data"]).arg(data.path().join("none"));
            command.env_remove("IM_CHATS_TOKEN").env_remove("IM_CHATS_UPSTREAM_TOKEN");
            command
        };
        for (command, name) in [
            (command(data.path()).args(["--token", token]), "--token"),
            (command(data.path()).env("IM_CHATS_TOKEN", token), "IM_CHATS_TOKEN"),
            (relay().args(["--token", TOKEN, "--upstream-token", token]), "--upstream-token"),
            (relay().args(["--token", TOKEN]).env("IM_CHATS_UPSTREAM_TOKEN", token), "IM_CHATS_UPSTREAM_TOKEN"),
        ] {
            let said = refused(command, 2);
            assert!(said.contains(name), "{token:?}: {said}");
            assert!(["visible ASCII", "is empty", "longer than 8192"].iter().any(|words| said.contains(words)), "{said}");
            assert!(!said.contains("secr") && !said.contains("xxx"), "{said}");
        }
    }
    // What is allowed works.
    let token = "!\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~";
    run(command(data.path()).args(["--token", token]), |address| {
        let answer = ureq::get(format!("{address}/v1/chats:count")).header("authorization", &format!("Bearer {token}")).call();
        assert_eq!(answer.unwrap().status(), 200);
    });
}

#[test]
fn a_host_name_can_be_listened_on_and_is_served() {
    let data = TempDir::new().unwrap();
    run(&mut on(data.path(), "localhost:0"), |address| {
        let bound: std::net::SocketAddr = address.strip_prefix("http://").unwrap().parse().expect("a numeric address");
        assert!(bound.ip().is_loopback() && bound.port() != 0);
        let mut stream = TcpStream::connect(bound).unwrap();
        write!(stream, "GET /healthz HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\r\n", bound.port()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    });
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        run(&mut on(data.path(), "[::1]:0"), |address| {
            assert!(address.starts_with("http://[::1]:"), "{address}");
            assert_eq!(ureq::get(format!("{address}/healthz")).call().unwrap().status(), 200);
        });
    } else {
        assert!(refused(&mut on(data.path(), "[::1]:0"), 1).contains("--listen: cannot listen on [::1]:0"));
    }
}

#[test]
fn an_address_that_cannot_be_listened_on_is_refused_by_the_options_name() {
    let data = TempDir::new().unwrap();
    for listen in ["", "8787", ":8787", "localhost", "localhost:99999", "::1:80", "http://localhost:80", "*:80"] {
        let said = refused(&mut on(data.path(), listen), 2);
        assert!(said.contains("--listen"), "{listen:?}: {said}");
        assert!(listen.is_empty() || said.contains("[::1]:8787, localhost:8787"), "{listen:?}: {said}");
    }
    let said = refused(&mut on(data.path(), "no-such-name.invalid:0"), 1);
    assert!(said.contains("--listen: cannot listen on no-such-name.invalid:0"), "{said}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let said = refused(&mut on(data.path(), &taken), 1);
    assert!(said.contains(&format!("--listen: cannot listen on {taken}")), "{said}");
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    let data = TempDir::new().unwrap();
    let said = refused(emulator(data.path()).args(["--drain-timeout-ms", "20000"]), 2);
    assert!(said.contains("--drain-timeout-ms"), "{said}");
    let said = refused(emulator(data.path()).args(["--drain-reconnect-min-ms", "6000"]), 1);
    assert!(said.contains("--drain-reconnect-min-ms: at most --drain-reconnect-max-ms"), "{said}");
}

#[test]
fn what_lets_in_more_than_meant_is_warned_of() {
    let data = TempDir::new().unwrap();
    let without_tls = "listening beyond this machine without TLS";
    let said = run(&mut on(data.path(), "0.0.0.0:0"), |_| ());
    assert!(said.contains("WARN") && said.contains(without_tls) && !said.contains("--allow-origin"), "{said}");
    let said = run(emulator(data.path()).args(["--allow-origin", "*"]), |_| ());
    assert!(said.contains("WARN") && said.contains("--allow-origin '*'") && !said.contains(without_tls), "{said}");
    let said = run(emulator(data.path()).args(["--allow-origin", "https://app.example"]), |_| ());
    assert!(!said.contains("WARN"), "{said}");
    for (upstream, warned) in
        [("http://upstream.invalid:1", true), ("https://upstream.invalid:1", false), ("http://[::1]:1", false)]
    {
        let data = TempDir::new().unwrap();
        let relay =
            ["relay", "--listen", "127.0.0.1:0", "--token", TOKEN, "--upstream-token", "t", "--upstream", upstream, "--data"];
        let said = run(Command::new(env!("CARGO_BIN_EXE_im-chats-gateway")).args(relay).arg(data.path()), |_| ());
        assert_eq!(said.contains("--upstream is not https"), warned, "{said}");
    }
}

#[test]
fn a_rust_log_that_cannot_be_read_is_reported_and_an_empty_one_is_none() {
    let data = TempDir::new().unwrap();
    let said = run(emulator(data.path()).env("RUST_LOG", "im_chats_gateway=loud"), |_| ());
    assert!(said.contains("WARN") && said.contains("RUST_LOG cannot be read"), "{said}");
    let said = run(emulator(data.path()).env("RUST_LOG", ""), |_| ());
    assert!(said.contains("draining") && !said.contains("RUST_LOG"), "{said}");
}
