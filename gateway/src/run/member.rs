//! A relay that shares its log with others.

use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::error::RunError;
use super::serving::{Service, listen, tokens};
use crate::cli::ServeArgs;
use crate::cluster::{self, ClusterArgs, ClusterError, Member, MemberParts};
use crate::log::LogCopy;
use crate::process::shutdown::{CLOSE_TIMEOUT, Shutdown};
use crate::relay::Source;

/// What such a relay is made of.
pub(super) struct Parts {
    pub(super) cluster: ClusterArgs,
    pub(super) serve: ServeArgs,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) source: Source,
    pub(super) copy: LogCopy,
    pub(super) service: Service,
}

/// Serves once there is a copy of the log, which one of an earlier run is, too. Ends early when NATS is not good enough for a log.
pub(super) async fn run(parts: Parts, shutdown: &Shutdown) -> Result<(), RunError> {
    let Parts { cluster, serve, tls, source, copy, mut service } = parts;
    let upstream = service.health.clone();
    let serves = cluster.role.serves();
    let term = cluster::term({
        let upstream = upstream.clone();
        move |writer, end| {
            let (source, upstream) = (source.clone(), upstream.clone());
            async move {
                match source.ingest(Box::new(writer), upstream.clone()).await {
                    Ok(ingest) => ingest.run(end).await,
                    Err(error) => upstream.degraded(&error),
                }
            }
        }
    });
    let metrics = service.metrics.clone();
    let parts = MemberParts { args: &cluster, copy, retain: serve.retain, upstream, metrics, term };
    let (member, mut joined) = Member::open(parts).await?;
    service.others = Some((member.nats().clone(), cluster.relay_name));
    let tokens = tokens(&serve.token, None)?;
    let drain = shutdown.drain();
    let mut member = tokio::spawn(member.run(drain.clone()));
    if !*joined.borrow() {
        tracing::info!("waiting for NATS to say which log it is; then this relay listens");
    }
    tokio::select! {
        Ok(_) = joined.wait_for(|joined| *joined) => {}
        ended = &mut member => return judge(ended),
    }
    tokio::select! {
        served = listen(serve, tls, tokens, service, serves, shutdown) => served?,
        Err(error) = failed(&mut member) => return Err(error),
    }
    // The turn at writing is given back. It may have been by now, and then there is nothing to wait for: what was waited for above has
    // its answer already.
    if !member.is_finished() {
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, member).await;
    }
    Ok(())
}

type Running = JoinHandle<Result<(), ClusterError>>;

/// Ends only with an error.
async fn failed(member: &mut Running) -> Result<(), RunError> {
    judge(member.await)?;
    std::future::pending().await
}

fn judge(ended: Result<Result<(), ClusterError>, tokio::task::JoinError>) -> Result<(), RunError> {
    match ended {
        Ok(ended) => Ok(ended?),
        Err(error) => Err(RunError::Start(std::io::Error::other(error))),
    }
}
