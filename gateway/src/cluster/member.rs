//! One relay among several that share a log: everything that it does for the log, beside serving.

use std::sync::Arc;

use im_chats_protocol::error::Error;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::follow::Follower;
use super::turn::{Term, TurnHealth, Turns, TurnsParts};
use super::{ClusterArgs, ClusterError, Nats, connect, ends};
use crate::log::{EventLog, LogCopy, RetainArgs};
use crate::metrics::Metrics;
use crate::service::health::Health;

/// What a member is made of.
pub struct MemberParts<'a> {
    /// The flags.
    pub args: &'a ClusterArgs,
    /// The copy of the log that it serves from.
    pub copy: LogCopy,
    /// How long events are kept.
    pub retain: RetainArgs,
    /// The health of the upstream; what NATS is needed for stands beside it.
    pub upstream: Health,
    /// Counts commits.
    pub metrics: Metrics,
    /// What is done with a turn at writing the log.
    pub term: Term,
}

/// One relay among several.
pub struct Member {
    nats: Nats,
    lease_ms: u64,
    log: EventLog,
    copy: LogCopy,
    retain: RetainArgs,
    following: Health,
    health: TurnHealth,
    metrics: Metrics,
    term: Option<Term>,
    joined: watch::Sender<bool>,
}

/// Why a relay does not become a member.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// NATS, or an option about it.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The copy of the log cannot be read.
    #[error("{}", .0.message)]
    Copy(Error),
}

impl Member {
    /// Checks the options and begins to connect; nothing is asked yet. Also tells when this relay can serve: once it has a copy of the log,
    /// which one from an earlier run is, too.
    ///
    /// # Errors
    /// See [`MemberError`].
    pub async fn open(parts: MemberParts<'_>) -> Result<(Self, watch::Receiver<bool>), MemberError> {
        let MemberParts { args, copy, retain, upstream, metrics, term } = parts;
        let nats = connect(args).await?;
        copy.log().set_end_source(Arc::new(ends::StreamEnd(nats.clone())));
        let (joined, told) = watch::channel(copy.position().map_err(MemberError::Copy)?.is_some());
        let health = TurnHealth { writer: upstream.beside(), upstream: upstream.clone() };
        // Nothing to write is no failure.
        health.writer.ok();
        let member = Self {
            nats,
            lease_ms: args.lease_ms,
            log: copy.log().clone(),
            copy,
            retain,
            following: upstream.beside(),
            health,
            metrics,
            term: args.role.writes().then_some(term),
            joined,
        };
        Ok((member, told))
    }

    /// The connection to NATS.
    #[must_use]
    pub const fn nats(&self) -> &Nats {
        &self.nats
    }

    /// Works until `drain` is cancelled.
    ///
    /// # Errors
    /// What is wrong with NATS at the start and does not pass by itself.
    pub async fn run(self, drain: CancellationToken) -> Result<(), ClusterError> {
        let Self { nats, lease_ms, log, copy, retain, following, health, metrics, term, joined } = self;
        let bucket = match drain.run_until_cancelled(nats.start_with_bucket()).await {
            Some(bucket) => bucket?,
            None => return Ok(()),
        };
        let parts = TurnsParts {
            nats: nats.clone(),
            bucket: bucket.clone(),
            log: log.clone(),
            lease_ms,
            health,
            metrics,
            retain,
            term,
        };
        let beside = async {
            let ends = async {
                if let Ok(said) = nats.client().subscribe(nats.names.end()).await {
                    ends::hear(said, &log).await;
                }
            };
            tokio::join!(nats.keep(), ends);
            std::future::pending::<()>().await;
        };
        // Tasks of their own: a renewal of the lease does not wait for a copy of a million events.
        let (stop, mut tasks) = (drain.child_token(), JoinSet::new());
        tasks.spawn(Follower::new(nats.clone(), bucket, copy, following, joined).run(stop.clone()));
        tasks.spawn(Turns::new(parts).run(stop.clone()));
        let ended = async {
            let mut result = Ok(());
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended {
                    // Nothing would be followed or written any more, and nobody would hear of it.
                    tracing::error!(%error, "a task of the shared log failed; this relay ends");
                    result = Err(ClusterError::Failed { reason: error.to_string() });
                    stop.cancel();
                }
            }
            result
        };
        tokio::select! {
            result = ended => result,
            () = beside => Ok(()),
        }
    }
}

/// A term, from what is done in it.
pub fn term<F, T>(work: F) -> Term
where
    F: Fn(super::StreamWriter, CancellationToken) -> T + Send + Sync + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |writer, end| Box::pin(work(writer, end)))
}
