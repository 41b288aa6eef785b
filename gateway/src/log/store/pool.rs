//! The connections that read. Their number is fixed and all are opened at the start: a burst of readers waits in turn
//! instead of using up the process's open files, and sockets that use them up cannot stop the reads.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::open_reader;
use super::problem::Problem;

/// Fewest connections, however few cores there are: one slow read must not stop the others.
const MIN: usize = 4;

/// Most connections.
const MAX: usize = 16;

#[derive(Debug)]
pub(super) struct Pool {
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

/// The right to use one connection. Given back when dropped.
pub(super) struct Place(#[allow(dead_code, reason = "held, not looked at")] OwnedSemaphorePermit);

impl Pool {
    pub(super) fn open(database: &Path) -> Result<Self, rusqlite::Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let size = cores.saturating_mul(2).clamp(MIN, MAX);
        let idle = (0..size).map(|_| open_reader(database)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { places: Arc::new(Semaphore::new(size)), idle: Mutex::new(idle) })
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close(&self) {
        self.idle.lock().clear();
    }

    /// Waits for a connection to be free, in the order of asking. A caller that gives up takes nothing.
    pub(super) async fn place(&self) -> Option<Place> {
        Arc::clone(&self.places).acquire_owned().await.ok().map(Place)
    }

    /// Works with a connection. Blocks. A connection that failed is closed, and the next one opened when it is needed.
    pub(super) fn work<T, F>(&self, database: &Path, _place: Place, work: F) -> Result<T, Problem>
    where
        F: FnOnce(&Connection) -> Result<T, Problem>,
    {
        let kept = self.idle.lock().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => open_reader(database)?,
        };
        let result = work(&connection);
        match &result {
            Err(Problem::Failed(_)) => {}
            _ => self.idle.lock().push(connection),
        }
        result
    }
}
