//! The end of the process: signals, the end of the parent process or of stdin, and a limit to how long an end may take.
//!
//! A thread with a runtime of its own waits for them. Whatever the other threads are stuck in – a disk, a name server, a full
//! pipe – the process ends in time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{ProcessArgs, output};

/// How long the database may take to close after the drain.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Exit code of a process that did not end in time and was ended.
const OVERDUE: i32 = 1;

/// Exit code after a second signal, to which its number is added, as shells do.
const BY_SIGNAL: i32 = 128;

/// How often to look whether the parent process is still there.
#[cfg(unix)]
const PARENT_LOOK: Duration = Duration::from_millis(250);

/// Knows when the process is to end. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown {
    drain: CancellationToken,
    serving: Arc<AtomicBool>,
    /// How long the end may take, from the signal on.
    limit: Duration,
}

impl Shutdown {
    /// Starts to wait for signals, and for the end of the parent process or of stdin where `args` say so. From then on the server may take
    /// `drain_timeout` to drain, and its database [`CLOSE_TIMEOUT`] to close; what takes longer is cut off.
    ///
    /// # Errors
    /// When the system gives no thread, or `--exit-with-parent` is not possible here.
    pub fn watch(args: &ProcessArgs, drain_timeout: Duration) -> io::Result<Self> {
        let parent = if args.exit_with_parent { Some(Parent::present()?) } else { None };
        let stdin = if args.exit_with_stdin { Some(stdin_end()?) } else { None };
        let limit = drain_timeout.saturating_add(CLOSE_TIMEOUT);
        let shutdown = Self { drain: CancellationToken::new(), serving: Arc::default(), limit };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Before the thread runs: a signal must not find the system's own way of handling it.
        let signals = runtime.block_on(async { Signals::install() })?;
        let ours = shutdown.clone();
        std::thread::Builder::new()
            .name("shutdown".to_owned())
            .spawn(move || runtime.block_on(ours.run(signals, parent, stdin)))?;
        Ok(shutdown)
    }

    /// Cancelled when the server is to drain.
    #[must_use]
    pub fn drain(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// From here on the end is a drain. Before, there is nothing to finish, and the process ends at once.
    pub fn serving(&self) {
        self.serving.store(true, Ordering::Release);
    }

    async fn run(self, mut signals: Signals, parent: Option<Parent>, stdin: Option<CancellationToken>) {
        tokio::select! {
            _ = signals.next() => {}
            () = gone(parent) => {}
            Some(()) = cancelled(stdin) => {}
        }
        if !self.serving.load(Ordering::Acquire) {
            exit(0);
        }
        // Nothing comes before this: all that follows may fail or block.
        self.drain.cancel();
        let limit = self.limit;
        match tokio::time::timeout(limit, signals.next()).await {
            Ok(signal) => exit(BY_SIGNAL.saturating_add(signal)),
            Err(_) => {
                output::say(format_args!(
                    "im-chats-gateway: not everything ended in {} s; leaving all the same",
                    limit.as_secs()
                ));
                exit(OVERDUE)
            }
        }
    }
}

fn exit(code: i32) -> ! {
    output::flush();
    std::process::exit(code)
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The number of the next one.
    async fn next(&mut self) -> i32 {
        use tokio::signal::unix::SignalKind;
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> i32 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        2
    }
}

/// The process that started this one.
struct Parent(#[cfg(unix)] u32);

impl Parent {
    #[cfg(unix)]
    fn present() -> io::Result<Self> {
        Ok(Self(std::os::unix::process::parent_id()))
    }

    #[cfg(not(unix))]
    fn present() -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "--exit-with-parent does not work on this system"))
    }
}

/// Cancelled when stdin ends, or cannot be read. Its thread reads whatever comes, and keeps nothing of it.
fn stdin_end() -> io::Result<CancellationToken> {
    let ended = CancellationToken::new();
    let ours = ended.clone();
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        // An error is the end, too: nobody can say any more when it comes.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        ours.cancel();
    })?;
    Ok(ended)
}

/// Nothing at once, when there is nothing to wait for.
async fn cancelled(ended: Option<CancellationToken>) -> Option<()> {
    ended?.cancelled().await;
    Some(())
}

/// Waits for the end of the parent: from then on the system names another one. It is polled, since systems
/// differ in how they report this, and Linux reports the end of the parent's *thread*.
#[cfg(unix)]
async fn gone(parent: Option<Parent>) {
    let Some(Parent(parent)) = parent else { return std::future::pending().await };
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(PARENT_LOOK).await;
    }
}

#[cfg(not(unix))]
async fn gone(_: Option<Parent>) {
    std::future::pending().await
}
