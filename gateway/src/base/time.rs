//! Waits that end. A page has no clock of the runtime's: what it does is there already, or never comes.

use std::future::Future;
use std::time::Duration;

/// It took too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Late;

/// Waits for `work`, but not longer than this.
#[cfg(feature = "server")]
pub(crate) async fn within<F: Future>(limit: Duration, work: F) -> Result<F::Output, Late> {
    tokio::time::timeout(limit, work).await.map_err(|_| Late)
}

/// Waits for `work`.
#[cfg(not(feature = "server"))]
pub(crate) async fn within<F: Future>(_: Duration, work: F) -> Result<F::Output, Late> {
    Ok(work.await)
}
