//! `cargo xtask start`: the emulator with its data in `.im-chats/`, and the console's URL.

use std::env;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::build;
use crate::workspace::Workspace;

/// Where the console is when nothing else has the port: an address a person can keep as a bookmark.
const ADDRESS: &str = "127.0.0.1:8787";

/// Where the emulator's state stays from run to run, in the repository's root.
const DATA: &str = ".im-chats";

/// Where the token stays beside it.
const TOKEN: &str = "token";

/// Builds what is missing, runs the emulator until it ends or a signal comes, and passes its exit code on.
pub fn run(workspace: &Workspace, options: &[String]) -> Result<ExitCode> {
    build::npm_package(workspace)?;
    build::gateway(workspace)?;
    let mut command = Command::new(workspace.gateway());
    // Even if we are killed, nothing stays behind on the port.
    command.current_dir(&workspace.root).args(["emulator", "--exit-with-parent"]);
    if value_of(options, "--listen").is_none() {
        command.args(["--listen", free_address()]);
    }
    let data = match value_of(options, "--data") {
        Some(data) => data,
        None => {
            command.args(["--data", DATA]);
            DATA.to_owned()
        }
    };
    let token = match value_of(options, "--token").or_else(|| env::var("IM_CHATS_TOKEN").ok().filter(|token| !token.is_empty()))
    {
        Some(token) => token,
        None => kept_token(&workspace.path(&data))?,
    };
    // Not as an argument, which every user of the machine can read in the list of processes.
    command.env("IM_CHATS_TOKEN", &token);
    // A group of its own: a terminal's Ctrl-C then reaches the gateway once, through us, as the signal that drains.
    command.args(options).stdout(Stdio::piped()).process_group(0);
    // Before the child is there, so that a signal between the two is not lost.
    let signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let mut child = command.spawn().with_context(|| format!("{} does not start", workspace.gateway().display()))?;
    pass_signals_on(signals, &child)?;
    let output = child.stdout.take().context("the gateway has no output")?;
    announce(output, &token, &data)?;
    wait(&mut child)
}

/// Whatever asks us to end asks the gateway, or another child, to drain and end.
pub fn pass_signals_on(mut signals: Signals, child: &Child) -> Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("the gateway has no process id")?;
    thread::spawn(move || {
        for _ in signals.forever() {
            // Fails only when the gateway has ended, which is what was asked for.
            let _ = kill_process(pid, Signal::TERM);
        }
    });
    Ok(())
}

/// Copies the gateway's output, and says where the console is as soon as the gateway says that it listens.
fn announce(output: ChildStdout, token: &str, data: &str) -> Result<()> {
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        if let Some(address) = line.strip_prefix("listening on ") {
            println!("\n  Console   {address}/#token={token}");
            println!("  Token     {token}");
            println!("  Stop      Ctrl-C (the data stays in {data})\n");
        }
    }
    Ok(())
}

/// Waits for the end of a child, and passes its exit code on.
pub fn wait(child: &mut Child) -> Result<ExitCode> {
    let status = child.wait()?;
    match status.code() {
        Some(0) => Ok(ExitCode::SUCCESS),
        Some(code) => Ok(ExitCode::from(u8::try_from(code).unwrap_or(1))),
        None => bail!("the child was ended: {status}"),
    }
}

fn free_address() -> &'static str {
    match TcpListener::bind(ADDRESS) {
        Ok(_) => ADDRESS,
        Err(error) => {
            println!("{ADDRESS} is not free ({error}): the system chooses another port");
            "127.0.0.1:0"
        }
    }
}

fn value_of(options: &[String], name: &str) -> Option<String> {
    let mut options = options.iter();
    while let Some(option) = options.next() {
        if option == name {
            return options.next().cloned();
        }
        if let Some(value) = option.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

/// The token of the last start with this data, or a new one: programs that run and bookmarks survive a restart.
fn kept_token(data: &Path) -> Result<String> {
    let file = data.join(TOKEN);
    let describe = || format!("the token cannot be kept in {}", file.display());
    match fs::read_to_string(&file) {
        Ok(token) if is_token(token.trim_end()) => return Ok(token.trim_end().to_owned()),
        // What nobody can have in use may be replaced.
        Ok(_) => fs::remove_file(&file).with_context(describe)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(describe),
    }
    let token = new_token()?;
    DirBuilder::new().recursive(true).mode(0o700).create(data).with_context(describe)?;
    let mut kept = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).with_context(describe)?;
    writeln!(kept, "{token}").with_context(describe)?;
    Ok(token)
}

fn is_token(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// 128 bits from the system, as hexadecimal: it must survive a URL's fragment and a copy by hand.
fn new_token() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).context("the system gives no random bytes")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn options(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_token_of_the_users_own_is_used_in_either_spelling() {
        assert_eq!(value_of(&options(&["--data", "x", "--token", "t"]), "--token").as_deref(), Some("t"));
        assert_eq!(value_of(&options(&["--token=t"]), "--token").as_deref(), Some("t"));
        assert_eq!(value_of(&options(&["--tokens", "t"]), "--token"), None);
    }

    #[test]
    fn tokens_differ_and_fit_a_fragment() {
        let (one, other) = (new_token().unwrap(), new_token().unwrap());
        assert_ne!(one, other);
        assert!(is_token(&one));
    }

    #[test]
    fn a_token_is_kept_with_the_data_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let token = kept_token(&data).unwrap();
        assert_eq!(kept_token(&data).unwrap(), token);
        assert_eq!(fs::metadata(data.join(TOKEN)).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(data.join(TOKEN), "half").unwrap();
        assert_ne!(kept_token(&data).unwrap(), token);
    }
}
