//! Debian's package manager, which other programs use, too: a new machine's first minutes, it updates itself.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long another program may keep the package manager busy.
const LOCK_WAIT: Duration = Duration::from_secs(20 * 60);

/// Between two attempts, beside the seconds that apt waits by itself.
const PAUSE: Duration = Duration::from_secs(5);

/// What apt says of a lock that another program holds; the second once it has waited for it by itself.
const LOCKED: [&str; 2] = ["Could not get lock", "Unable to acquire the dpkg frontend lock"];

/// Installs packages, and says so.
///
/// # Errors
/// When there is no `apt-get`, when it fails, and when it is locked for too long.
pub fn install(packages: &[&str]) -> Result<()> {
    println!("installing Debian's packages {}", packages.join(", "));
    let is_root = rustix::process::geteuid().is_root();
    for arguments in [update(), install_arguments(packages)] {
        run_when_unlocked(&command(is_root, &arguments), LOCK_WAIT, PAUSE)?;
    }
    Ok(())
}

fn update() -> Vec<&'static str> {
    vec!["update", "-qq"]
}

fn install_arguments<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    // apt waits for one of its three locks by itself, silently; the other two are ours to wait for, aloud.
    let options =
        ["install", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=5", "--yes", "--no-install-recommends"];
    [&options, packages].concat()
}

fn command<'a>(is_root: bool, arguments: &[&'a str]) -> Vec<&'a str> {
    let sudo: &[&str] = if is_root { &[] } else { &["sudo"] };
    // What it says is read, so it speaks English.
    [sudo, &["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get"], arguments].concat()
}

/// Runs a command of apt, again while another program holds a lock.
fn run_when_unlocked(command: &[&str], longest: Duration, pause: Duration) -> Result<()> {
    let started = Instant::now();
    let mut is_known = false;
    loop {
        let (success, said) = run(command)?;
        if success {
            return Ok(());
        }
        let Some(lock) = said.lines().find(|line| LOCKED.iter().any(|part| line.contains(part))) else {
            bail!("`{}` failed", command.join(" "));
        };
        if started.elapsed() > longest {
            bail!("the package manager was busy for {} minutes: {lock}", longest.as_secs() / 60);
        }
        if !is_known {
            println!("waiting: another program uses the package manager, for up to {} minutes", longest.as_secs() / 60);
            is_known = true;
        }
        thread::sleep(pause);
    }
}

/// Whether it succeeded, and what it wrote to stderr, which is shown, too.
fn run(command: &[&str]) -> Result<(bool, String)> {
    let (program, arguments) = command.split_first().context("no program")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{program} does not start"))?;
    let mut said = Vec::new();
    let mut chunk = [0; 1024];
    if let Some(mut stderr) = child.stderr.take() {
        loop {
            let length = stderr.read(&mut chunk)?;
            let Some(bytes) = chunk.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
            std::io::stderr().write_all(bytes)?;
            said.extend_from_slice(bytes);
        }
    }
    Ok((child.wait()?.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_without_questions_and_wait_for_the_lock() {
        let line = |is_root, arguments: &[&str]| command(is_root, arguments).join(" ");
        let environment = "env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get";
        assert_eq!(line(true, &update()), format!("{environment} update -qq"));
        assert_eq!(
            line(false, &install_arguments(&["a", "b"])),
            format!(
                "sudo {environment} install -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=5 --yes --no-install-recommends a b"
            )
        );
    }

    /// A command that finds the lock taken so many times.
    fn locked(times: usize) -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        let count = dir.path().join("count");
        let script = format!(
            "echo x >> {0}; [ $(wc -l < {0}) -gt {times} ] && exit 0; \
             [ $(wc -l < {0}) -eq 2 ] && echo 'E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend)' >&2 && exit 100; \
             echo 'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 1 (apt)' >&2; exit 100",
            count.display()
        );
        (dir, script)
    }

    fn attempts(dir: &tempfile::TempDir) -> usize {
        std::fs::read_to_string(dir.path().join("count")).unwrap().lines().count()
    }

    #[test]
    fn a_lock_is_waited_for() {
        let (dir, script) = locked(3);
        run_when_unlocked(&["sh", "-c", &script], LOCK_WAIT, Duration::ZERO).unwrap();
        assert_eq!(attempts(&dir), 4);
    }

    #[test]
    fn a_lock_that_stays_is_an_error_that_names_it() {
        let (_dir, script) = locked(1_000_000);
        let error = run_when_unlocked(&["sh", "-c", &script], Duration::ZERO, Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("lock-frontend. It is held by process 1 (apt)"), "{error}");
    }

    #[test]
    fn another_failure_is_not_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let count = dir.path().join("count");
        let script = format!("echo x >> {}; echo 'E: Unable to locate package' >&2; exit 100", count.display());
        assert!(run_when_unlocked(&["sh", "-c", &script], LOCK_WAIT, Duration::ZERO).is_err());
        assert_eq!(attempts(&dir), 1);
    }
}
