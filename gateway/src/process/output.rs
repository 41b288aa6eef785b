//! What the process says on stderr. The program that started it may have gone away, or may not read: neither must stop the gateway.
//!
//! A thread of its own writes the lines. So a terminal that is held or a full pipe keeps nobody waiting, and a closed one is
//! no error. Lines that find no room are counted, and the count is written as soon as there is room again.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait to be written, at most.
const QUEUE: usize = 4096;

/// How long the end of the process waits for lines that are not written yet.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(300);

static LINES: OnceLock<SyncSender<Item>> = OnceLock::new();
static LOST: AtomicU64 = AtomicU64::new(0);

enum Item {
    Text(Vec<u8>),
    Flush(SyncSender<()>),
}

/// Starts the thread that writes. A second call changes nothing.
///
/// # Errors
/// When the system gives no thread.
pub fn start() -> io::Result<()> {
    let (lines, queue) = sync_channel(QUEUE);
    if LINES.set(lines).is_ok() {
        std::thread::Builder::new().name("stderr".to_owned()).spawn(move || write_all(&queue, io::stderr()))?;
    }
    Ok(())
}

/// Says a sentence to the person who started the process, apart from the log.
pub fn say(text: std::fmt::Arguments<'_>) {
    send(format!("{text}\n").into_bytes());
}

/// Waits until everything said so far is written, or for a moment when nobody reads.
pub fn flush() {
    let (done, written) = sync_channel(1);
    if LINES.get().is_some_and(|lines| lines.try_send(Item::Flush(done)).is_ok()) {
        // An error is the end of the moment, or of the thread.
        let _ = written.recv_timeout(FLUSH_TIMEOUT);
    }
}

fn send(text: Vec<u8>) {
    let Some(lines) = LINES.get() else {
        // In a test of the library nothing was started.
        let _ = io::stderr().write_all(&text);
        return;
    };
    if lines.try_send(Item::Text(text)).is_err() {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

fn write_all(queue: &Receiver<Item>, mut to: impl Write) {
    for item in queue {
        match item {
            Item::Text(text) => {
                // Nobody reads any more: there is no other place to say so.
                let _ = to.write_all(&text);
            }
            Item::Flush(done) => {
                let _ = done.try_send(());
            }
        }
        let lost = LOST.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(to, "im-chats-gateway: {lost} lines of the log are missing here: nobody read them in time");
        }
    }
}

/// Takes the lines of the log.
#[derive(Debug, Clone, Copy)]
pub struct Log;

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        send(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}
