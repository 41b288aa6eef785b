//! How many files this process may have open. Every connection is one.

use rlimit::Resource;

/// Below this many, a busy gateway runs out of them.
const FEW: u64 = 4096;

/// Raises the soft limit to the hard one, and says in the log what it is then.
pub fn raise_limit() {
    match rlimit::getrlimit(Resource::NOFILE) {
        Ok((soft, hard)) if soft < hard => match rlimit::increase_nofile_limit(u64::MAX) {
            Ok(now) => tracing::info!(limit = now, before = soft, "open files: the soft limit is raised"),
            Err(error) => tracing::warn!(limit = soft, %error, "open files: the soft limit cannot be raised"),
        },
        Ok((soft, _)) if soft < FEW => tracing::warn!(limit = soft, "open files: the limit is low, and each connection is one"),
        Ok((soft, _)) => tracing::debug!(limit = soft, "open files"),
        Err(error) => tracing::debug!(%error, "open files: there is no limit to read"),
    }
}
