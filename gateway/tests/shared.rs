//! What relays over one log share through a real NATS: the key for tokens, the deny list, and the limits of each user.

#![cfg(test)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use im_chats_gateway::cluster::{self, ClusterArgs, Nats, RelayName, shared};
use im_chats_gateway::http::flags::ServerLimits;
use im_chats_gateway::http::subjects::{SubjectLimits, Subjects};
use im_chats_gateway::service::auth::{Authenticator as _, Pass};
use im_chats_gateway::tokens::{TokenArgs, Tokens, Wish};
use im_chats_launcher::nats::{Nats as Servers, Setup};
use im_chats_protocol::error::Error;
use im_chats_protocol::grant::{Grant, Scopes};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A wait that is never used up when things work.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a token that was denied may still be good, here with room for a slow machine.
const SOON: Duration = Duration::from_secs(5);

/// How often the fronts look at their files. Less than they do.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Parser)]
struct ClusterFlags {
    #[command(flatten)]
    cluster: ClusterArgs,
}

#[derive(Parser)]
struct TokenFlags {
    #[command(flatten)]
    tokens: TokenArgs,
}

fn servers() -> Servers {
    Setup::alone().unwrap().start().unwrap()
}

/// One relay, as far as it has a part of what is shared.
struct Front {
    nats: Nats,
    tokens: Arc<Tokens>,
    subjects: Subjects,
    stop: CancellationToken,
    dir: TempDir,
}

impl Front {
    /// With a deny list of its own, and few calls.
    async fn start(servers: &Servers, name: &str) -> Self {
        let front = Self::begin(servers, name).await;
        front.nats.start().await.unwrap();
        front
    }

    /// As [`Front::start`], without the wait for NATS.
    async fn begin(servers: &Servers, name: &str) -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("deny"), "").unwrap();
        let deny = dir.path().join("deny").display().to_string();
        let tokens = TokenFlags::parse_from(["", "--token", "admin", "--token-deny", &deny]).tokens;
        let tokens = Arc::new(Tokens::open_shared(&tokens).unwrap().0);
        let (urls, monitors) = (servers.urls(), servers.monitors());
        let flags = ["", "--log", &urls, "--log-name", "test", "--log-replicas", "1", "--nats-monitor", &monitors];
        let nats = cluster::connect(&ClusterFlags::parse_from(flags).cluster).await.unwrap();
        let limits =
            SubjectLimits { max_subject_calls_per_second: 1, max_subject_call_burst: 100, max_subject_sockets: 2, ..limits() };
        let subjects = Subjects::shared(limits, &ServerLimits::default());
        let stop = CancellationToken::new();
        let name: RelayName = name.parse().unwrap();
        tokio::spawn(shared::run(nats.clone(), name, Arc::<Tokens>::clone(&tokens), Arc::new(subjects.clone()), stop.clone()));
        let (started, stopped) = (nats.clone(), stop.clone());
        tokio::spawn(async move {
            let keep = async {
                let _ = started.start().await;
                started.keep().await;
            };
            stopped.run_until_cancelled(keep).await
        });
        let (watched, stopped) = (Arc::clone(&tokens), stop.clone());
        tokio::spawn(async move { stopped.run_until_cancelled(watched.watch(LOOK)).await });
        Self { nats, tokens, subjects, stop, dir }
    }

    async fn mint(&self) -> (String, String) {
        let wish = Wish { sub: Some("alice".into()), scope: Some("events".into()), chats: None, ttl_seconds: Some(600) };
        until("a key", || async { self.tokens.prepare().await.is_ok() }).await;
        let minted = self.tokens.mint(&wish).unwrap();
        (minted.token, minted.id)
    }

    fn deny(&self, lines: &str) {
        std::fs::write(self.dir.path().join("deny"), lines).unwrap();
    }

    /// What a client meets that tries again when it is told to.
    async fn verify(&self, token: &str) -> Result<Pass, Error> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.tokens.verify(token) {
                Err(error) if error.retryable && Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(error.retry_after_ms.unwrap())).await;
                }
                verdict => return verdict,
            }
        }
    }

    async fn code(&self, token: &str) -> String {
        self.verify(token).await.map_or_else(|error| error.code.to_string(), |_| "ok".to_owned())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn limits() -> SubjectLimits {
    SubjectLimits::default()
}

fn alice() -> Grant {
    Grant { subject: Some("alice".into()), scopes: Scopes::ALL, chats: None, expires_in_ms: None }
}

fn line(id: &str) -> String {
    serde_json::json!({ "jti": id }).to_string()
}

async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_front_is_good_at_the_other_until_either_denies_it_or_the_key_is_deleted() {
    let servers = servers();
    let (one, two) = (Front::start(&servers, "one").await, Front::start(&servers, "two").await);
    // Both want a key at the same time, and have one.
    let ((first, first_id), (second, second_id)) = tokio::join!(one.mint(), two.mint());
    for front in [&one, &two] {
        assert_eq!((front.code(&first).await, front.code(&second).await), ("ok".to_owned(), "ok".to_owned()));
    }
    assert_eq!(
        one.code("eyJhbGciOiJIUzI1NiIsInR5cCI6ImltK2p3dCIsImtpZCI6ImxvY2FsLTAwMDAwMDAwIn0.e30.x").await,
        "unauthenticated"
    );

    // An open socket has a pass, and looks at it again when something changes.
    let pass = two.verify(&first).await.unwrap();
    let mut changes = two.tokens.changes();
    changes.mark_unchanged();
    let denied = Instant::now();
    one.deny(&line(&first_id));
    tokio::time::timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    assert!(denied.elapsed() < SOON, "{:?}", denied.elapsed());
    until("denied", || async { two.tokens.recheck(&pass).is_err() }).await;
    assert_eq!((two.code(&first).await, two.code(&second).await), ("tokenBlocked".to_owned(), "ok".to_owned()));

    // One that was never there, and one that denies something itself.
    let three = Front::start(&servers, "three").await;
    assert_eq!((three.code(&first).await, three.code(&second).await), ("tokenBlocked".to_owned(), "ok".to_owned()));
    two.deny(&line(&second_id));
    until("both", || async { one.code(&second).await == "tokenBlocked" }).await;
    one.deny("");
    until("one line is taken back", || async { three.code(&first).await == "ok" }).await;
    assert_eq!(three.code(&second).await, "tokenBlocked");
    // The list of a relay that is no more stays.
    drop(two);
    let four = Front::start(&servers, "four").await;
    assert_eq!(four.code(&second).await, "tokenBlocked");

    one.nats.bucket().await.unwrap().delete("token-key").await.unwrap();
    until("the key is taken back", || async { three.code(&first).await == "unauthenticated" }).await;
    let (third, _) = three.mint().await;
    assert_eq!((one.code(&third).await, one.code(&first).await), ("ok".to_owned(), "unauthenticated".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_over_both_and_a_dead_one_gives_back_its_places() {
    let servers = servers();
    let (one, two) = (Front::start(&servers, "one").await, Front::start(&servers, "two").await);
    let (here, there) = (one.subjects.of(&alice()).unwrap(), two.subjects.of(&alice()).unwrap());
    let places = (here.socket().unwrap(), here.socket().unwrap());
    until("sockets count", || async { there.socket().is_err() }).await;
    for _ in 0..95 {
        here.call().unwrap();
    }
    // It is told long before its own hundred are used up.
    let mut taken = 0;
    while there.call().is_ok() {
        taken += 1;
        assert!(taken < 90, "calls count");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(places);
    until("sockets are given back", || async { there.socket().is_ok() }).await;
    let held = (here.socket().unwrap(), here.socket().unwrap());
    until("sockets count again", || async { there.socket().is_err() }).await;
    one.stop.cancel();
    until("a dead front has nothing", || async { there.socket().is_ok() }).await;
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_may_go_and_come_and_even_the_bucket_may_be_made_again() {
    let mut servers = servers();
    let (one, two) = (Front::start(&servers, "one").await, Front::start(&servers, "two").await);
    let three = Front::start(&servers, "three").await;
    let ((first, first_id), (second, second_id)) = tokio::join!(one.mint(), two.mint());
    let (last, last_id) = three.mint().await;
    three.deny(&line(&last_id));
    until("denied", || async { one.code(&last).await == "tokenBlocked" && two.code(&last).await == "tokenBlocked" }).await;
    drop(three);

    servers.servers[0].kill().unwrap();
    until("it is away", || async { one.nats.ready().is_err() && two.nats.ready().is_err() }).await;
    assert_eq!((one.code(&first).await, one.code(&last).await), ("ok".to_owned(), "tokenBlocked".to_owned()));
    // Here at once, elsewhere when NATS is back.
    one.deny(&line(&first_id));
    until("the own list", || async { one.code(&first).await == "tokenBlocked" }).await;
    assert_eq!(two.code(&first).await, "ok");
    // Who has read nothing lets nobody in with a signed token.
    let late = Front::begin(&servers, "late").await;
    let error = late.tokens.verify(&second).unwrap_err();
    assert_eq!((error.code.as_ref(), error.retryable), ("serviceUnavailable", true));
    assert!(late.tokens.verify("admin").is_ok());

    servers.servers[0].start().unwrap();
    until("it is told", || async { two.code(&first).await == "tokenBlocked" }).await;
    assert_eq!((late.code(&second).await, late.code(&last).await), ("ok".to_owned(), "tokenBlocked".to_owned()));
    two.deny(&line(&second_id));
    until("it is followed", || async { one.code(&second).await == "tokenBlocked" }).await;

    let stream = one.nats.names.bucket_stream();
    one.nats.jetstream().delete_stream(&stream).await.unwrap();
    until("another key", || async { one.code(&last).await == "unauthenticated" && two.code(&last).await == "unauthenticated" })
        .await;
    let (next, next_id) = one.mint().await;
    assert_eq!((one.code(&next).await, two.code(&next).await), ("ok".to_owned(), "ok".to_owned()));
    for name in ["one", "two"] {
        let part = format!("deny.{name}.0");
        until("the living write their lists again", || async {
            one.nats.bucket().await.unwrap().get(&part).await.unwrap().is_some()
        })
        .await;
    }
    // Whoever comes new reads the lists that the living have written again.
    let new = Front::start(&servers, "new").await;
    one.deny(&line(&next_id));
    until("the new bucket is followed", || async { two.code(&next).await == "tokenBlocked" }).await;
    until("by all", || async { new.code(&next).await == "tokenBlocked" }).await;
}
