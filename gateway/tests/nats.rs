//! The relay's connection to NATS, against its real server: what is refused and in which words, and what is waited for.

#![cfg(test)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Parser as _;
use im_chats_gateway::cli::{Cli, Command};
use im_chats_gateway::cluster::{self, ClusterArgs, ClusterError, Nats};
use im_chats_launcher::nats::{Nats as Servers, Setup};
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair as TlsKey};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(60);

fn parse(flags: &[&str]) -> Result<ClusterArgs, String> {
    let fixed = ["im-chats-gateway", "relay", "--upstream", "http://localhost:1"];
    match Cli::try_parse_from(fixed.iter().chain(flags)).map_err(|error| error.to_string())?.command {
        Command::Relay(relay) => Ok(relay.cluster),
        other => panic!("{other:?}"),
    }
}

/// A relay with these flags.
async fn connect(url: &str, flags: &[&str]) -> Result<Nats, ClusterError> {
    let args = [&["--log", url, "--log-name", "acme"], flags].concat();
    cluster::connect(&parse(&args).unwrap()).await
}

/// What becomes of a relay that starts with these flags.
async fn start(url: &str, flags: &[&str]) -> Result<Nats, ClusterError> {
    let nats = connect(url, flags).await?;
    timeout(LONG, nats.start()).await.expect("an end")?;
    nats.ready()?;
    Ok(nats)
}

/// As [`start`], with as many copies as there are servers, all of which are shown.
async fn start_at(servers: &Servers, url: &str, flags: &[&str]) -> Result<Nats, ClusterError> {
    let (copies, monitors) = (servers.servers.len().to_string(), servers.monitors());
    start(url, &[&["--log-replicas", &copies, "--nats-monitor", &monitors], flags].concat()).await
}

/// The words of a refusal, which ends the process.
fn refusal(result: Result<Nats, ClusterError>) -> String {
    let error = result.expect_err("a refusal");
    assert!(error.is_fatal(), "{error}");
    error.to_string()
}

fn begin(setup: Setup) -> Servers {
    setup.start().unwrap()
}

fn alone() -> Setup {
    Setup::alone().unwrap()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

#[test]
fn the_command_line_says_what_is_missing_and_repeats_no_password() {
    for (flags, parts) in [
        (&["--log", "nats://a"][..], &["--log-name"][..]),
        (&["--log-name", "a"], &["--log <"]),
        (&["--role", "front"], &["--log <"]),
        (&["--lease-ms", "5000"], &["--log <"]),
        (&["--nats-allow-unsynced"], &["--log <"]),
        (&["--log", "nats://a", "--log-name", "a.b"], &["--log-name", "1 to 64"]),
        (&["--log", "nats://a", "--log-name", "a", "--lease-ms", "999"], &["--lease-ms", "1000..=600000"]),
        (&["--log", "nats://a", "--log-name", "a", "--log-replicas", "0"], &["--log-replicas"]),
        (&["--log", "nats://a", "--log-name", "a", "--log-creds", "f", "--log-nkey", "g"], &["--log-creds", "--log-nkey"]),
        (&["--log", "nats://a", "--log-name", "a", "--log-cert", "f"], &["--log-key"]),
        (&["--log", "nats://a", "--log-name", "a", "--nats-monitor", "nats://a"], &["--nats-monitor", "http://HOST:PORT"]),
        (&["--log", "ws://u:hush@a", "--log-name", "a"], &["--log", "nats://HOST:PORT"]),
        (&["--log", "nats://u:hush@a/x", "--log-name", "a"], &["--log", "nats://HOST:PORT"]),
        (&["--log", "nats://u:hush@a:0", "--log-name", "a"], &["--log", "nats://HOST:PORT"]),
        (&["--log", "nats://u:hush@a,", "--log-name", "a"], &["--log", "nats://HOST:PORT"]),
        (&["--log", "nats://a,nats://u:hush@a", "--log-name", "a"], &["twice"]),
        (&["--log", "nats://u:hush@a,nats://u:hash@b", "--log-name", "a"], &["one user"]),
    ] {
        let text = parse(flags).unwrap_err();
        says(&text, parts);
        assert!(!text.contains("hush"), "{text}");
    }
    let args = parse(&["--log", "nats://u:hu%73h@a,b:1,tls://[::1]", "--log-name", "x"]).unwrap();
    assert_eq!(args.log.as_ref().unwrap().to_string(), "nats://a,nats://b:1,tls://[::1]");
    assert!(!format!("{args:?}").contains("hush"));
}

#[tokio::test]
async fn a_good_server_is_taken_and_the_bucket_is_as_a_lease_needs_it() {
    let servers = begin(alone());
    let nats = start_at(&servers, &servers.urls(), &[]).await.unwrap();
    let config = nats.bucket().await.unwrap().stream.cached_info().config.clone();
    assert_eq!((config.name.as_str(), config.num_replicas), ("KV_im-chats-acme", 1));
    // Only the leader knows what was written last.
    assert!(!config.allow_direct);
    // The next one finds it.
    start_at(&servers, &servers.urls(), &[]).await.unwrap();
}

#[tokio::test]
async fn a_server_or_an_account_without_jetstream_is_refused() {
    let servers = begin(Setup { jetstream: false, ..alone() });
    says(&refusal(start_at(&servers, &servers.urls(), &[]).await), &["--log: NATS has no JetStream", "switch JetStream on"]);
    let accounts = "accounts { with: { jetstream: enabled, users: [{user: u, password: p}] }, \
                    without: { users: [{user: v, password: p}] } }";
    let servers = begin(alone().with(accounts));
    let url = |user: &str| servers.urls().replace("nats://", &format!("nats://{user}:p@"));
    start_at(&servers, &url("u"), &[]).await.unwrap();
    says(&refusal(start_at(&servers, &url("v"), &[]).await), &["--log: NATS has no JetStream", "for the account"]);
}

#[tokio::test]
async fn fewer_copies_than_wanted_are_refused() {
    let servers = begin(alone());
    let flags = ["--log-replicas", "3", "--nats-allow-unsynced"];
    says(&refusal(start(&servers.urls(), &flags).await), &["--log-replicas:", "KV_im-chats-acme", "kept 3 times"]);
    let cluster = begin(Setup::cluster().unwrap());
    start(&cluster.urls(), &["--log-replicas", "1", "--nats-allow-unsynced"]).await.unwrap();
    says(
        &refusal(start(&cluster.urls(), &flags).await),
        &["--log-replicas:", "`nats stream edit KV_im-chats-acme --replicas 3`"],
    );
}

#[tokio::test]
async fn a_cluster_must_be_shown_whole_and_may_then_miss_a_server() {
    let mut cluster = begin(Setup::cluster().unwrap());
    let one = cluster.servers[0].monitor();
    // Only servers that the leader hears are named; on a busy machine it may hear the second of a new stream late.
    let refused = timeout(LONG, async {
        loop {
            if let Err(error) = start(&cluster.urls(), &["--nats-monitor", &one]).await
                && error.to_string().contains("nats-2, nats-3")
            {
                return refusal(Err(error));
            }
        }
    })
    .await
    .unwrap();
    says(&refused, &["--nats-monitor: no address shows nats-2, nats-3", "`sync_interval: always`", "--nats-allow-unsynced"]);
    let first = start_at(&cluster, &cluster.urls(), &[]).await.unwrap();
    // Frozen, it may still count as there; who has seen it before goes on.
    cluster.servers[2].freeze().unwrap();
    timeout(LONG, async { while first.verify().await.is_err() {} }).await.unwrap();
    cluster.servers[2].thaw().unwrap();
    // The next leader never heard of this one, and JetStream says for minutes that it is not offline.
    let leader = timeout(LONG, async {
        loop {
            let led = first.bucket().await.ok().and_then(|bucket| bucket.stream.cached_info().cluster.clone()?.leader);
            if let Some(name) = led {
                return name;
            }
        }
    })
    .await
    .unwrap();
    let index: usize = leader.strip_prefix("nats-").unwrap().parse().unwrap();
    cluster.servers[index - 1].kill().unwrap();
    // JetStream must have noticed that it is away; until then its word is that the server is there.
    let noticed = async { while start_at(&cluster, &cluster.urls(), &[]).await.is_err() {} };
    timeout(LONG, noticed).await.unwrap();
}

#[tokio::test]
async fn servers_that_do_not_write_at_once_are_refused_unless_that_is_allowed() {
    let servers = begin(Setup { sync_always: false, ..alone() });
    let copies = ["--log-replicas", "1"];
    let refused = refusal(start_at(&servers, &servers.urls(), &[]).await);
    says(&refused, &["--nats-monitor: nats-1 says that it does not write to its disk at once", "--nats-allow-unsynced"]);
    says(&refusal(start(&servers.urls(), &copies).await), &["--nats-monitor: it is not known whether"]);
    start(&servers.urls(), &[&copies[..], &["--nats-allow-unsynced"]].concat()).await.unwrap();
    // Neither silence nor another program is a proof.
    let other = format!("http://{}", servers.servers[0].address());
    let refused = refusal(start(&servers.urls(), &[&copies[..], &["--nats-monitor", &other]].concat()).await);
    says(&refused, &["--nats-monitor: no address shows nats-1", &format!("{other}/varz: ")]);
}

#[tokio::test]
async fn credentials_that_are_not_good_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (user, other) = (KeyPair::new_user(), KeyPair::new_user());
    let users = format!("authorization {{ users: [{{user: u, password: \"p:w\"}}, {{nkey: {}}}] }}", user.public_key());
    let servers = begin(alone().with(&users));
    let url = |login: &str| servers.urls().replace("nats://", &format!("nats://{login}@"));
    start_at(&servers, &url("u:p%3Aw"), &[]).await.unwrap();
    for url in [url("u:wrong"), url("token"), servers.urls()] {
        let refused = refusal(start_at(&servers, &url, &[]).await);
        says(&refused, &["--log: NATS refuses these credentials", "authorization violation"]);
        assert!(!refused.contains("wrong"), "{refused}");
    }
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (good, bad) = (file("good", &format!("{}\n", user.seed().unwrap())), file("bad", &other.seed().unwrap()));
    start_at(&servers, &servers.urls(), &["--log-nkey", &good]).await.unwrap();
    let refused = refusal(start_at(&servers, &servers.urls(), &["--log-nkey", &bad]).await);
    says(&refused, &["--log-nkey: NATS refuses these credentials"]);
    let account = file("account", &KeyPair::new_account().seed().unwrap());
    let none = dir.path().join("none").to_str().unwrap().to_owned();
    for (flag, path, reason) in [
        ("--log-nkey", &account, "no seed of a user's nkey"),
        ("--log-nkey", &none, "No such file"),
        ("--log-creds", &good, "not a user's JWT and the seed"),
        ("--log-creds", &none, "No such file"),
    ] {
        let refused = refusal(connect(&servers.urls(), &[flag, path]).await);
        says(&refused, &[&format!("{flag}: {path}: "), reason]);
    }
    says(&refusal(connect(&url("u:p"), &["--log-nkey", &good]).await), &["--log-nkey: a user already stands in --log"]);
}

/// A JWT as NATS has them.
fn jwt(issuer: &KeyPair, subject: &KeyPair, nats: serde_json::Value) -> String {
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let (from, to) = (issuer.public_key(), subject.public_key());
    let claims = json!({"jti": "1", "iat": 1, "iss": from, "sub": to, "name": "test", "nats": nats});
    let signed = format!("{}.{}", encode(json!({"typ": "JWT", "alg": "ed25519-nkey"})), encode(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes()).unwrap()))
}

fn write_creds(path: &Path, account: &KeyPair) {
    let user = KeyPair::new_user();
    let jwt = jwt(account, &user, json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}));
    let seed = user.seed().unwrap();
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n*** IMPORTANT ***\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    std::fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_file_of_credentials_is_read_again_at_each_connection() {
    let dir = tempfile::tempdir().unwrap();
    let (operator, account, system) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
    });
    let no_storage = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
    });
    let account_jwt = |of: &KeyPair, limits| jwt(&operator, of, json!({"type": "account", "version": 2, "limits": limits}));
    let config = format!(
        "operator: \"{}\"\nsystem_account: {}\nresolver: MEMORY\nresolver_preload {{ {}: \"{}\", {}: \"{}\" }}",
        jwt(&operator, &operator, json!({"type": "operator", "version": 2})),
        system.public_key(),
        account.public_key(),
        account_jwt(&account, limits),
        system.public_key(),
        account_jwt(&system, no_storage),
    );
    let mut servers = begin(alone().with(&config));
    let path = dir.path().join("relay.creds");
    let flag = path.to_str().unwrap().to_owned();
    write_creds(&path, &account);
    let nats = start_at(&servers, &servers.urls(), &["--log-creds", &flag]).await.unwrap();
    let other = dir.path().join("other.creds");
    write_creds(&other, &KeyPair::new_account());
    let refused = refusal(start_at(&servers, &servers.urls(), &["--log-creds", other.to_str().unwrap()]).await);
    says(&refused, &["--log-creds: NATS refuses these credentials"]);
    // While the file is bad there is no connection, and once it is good there is one.
    std::fs::write(&path, "nothing").unwrap();
    let keeping = tokio::spawn({
        let nats = nats.clone();
        async move { nats.keep().await }
    });
    servers.servers[0].kill().unwrap();
    servers.servers[0].start().unwrap();
    until(&nats, Result::is_err).await.unwrap_err();
    assert!(nats.ready().is_err());
    write_creds(&path, &account);
    until(&nats, Result::is_ok).await.unwrap();
    keeping.abort();
}

/// Waits until the link is so.
async fn until(nats: &Nats, mut wanted: impl FnMut(&Result<(), ClusterError>) -> bool) -> Result<(), ClusterError> {
    let mut link = nats.link();
    timeout(LONG, link.wait_for(|link| wanted(link))).await.expect("in time").expect("the connection is there").clone()
}

#[tokio::test]
async fn what_the_user_may_not_do_is_named() {
    for (permissions, named) in [
        ("publish: { deny: \"$JS.API.>\" }", "$JS.API.INFO"),
        ("publish: { deny: \"$JS.API.STREAM.CREATE.>\" }", "$JS.API.STREAM.CREATE.KV_im-chats-acme"),
        ("subscribe: { deny: \"_INBOX.>\" }", "_INBOX."),
    ] {
        let user = format!("authorization {{ users: [{{user: u, password: p, permissions: {{ {permissions} }} }}] }}");
        let servers = begin(alone().with(&user));
        let url = servers.urls().replace("nats://", "nats://u:p@");
        says(&refusal(start_at(&servers, &url, &[]).await), &["--log: NATS does not allow this user", named]);
    }
}

/// An authority, and what it made.
struct Authority {
    dir: TempDir,
}

impl Authority {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, TlsKey::generate().unwrap()).unwrap();
        std::fs::write(dir.path().join("ca.pem"), issuer.pem()).unwrap();
        for name in ["server", "client"] {
            let key = TlsKey::generate().unwrap();
            let params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            std::fs::write(dir.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
            std::fs::write(dir.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn flag(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn config(&self, verify: bool) -> String {
        let (cert, key, ca) = (self.path("server.pem"), self.path("server.key"), self.path("ca.pem"));
        format!("tls {{ cert_file: {cert:?}, key_file: {key:?}, ca_file: {ca:?}, verify: {verify} }}")
    }
}

#[tokio::test]
async fn tls_is_trusted_as_the_flags_say() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let servers = begin(alone().with(&authority.config(false)));
    let url = servers.urls().replace("nats://", "tls://");
    start_at(&servers, &url, &["--log-ca", &authority.flag("ca.pem")]).await.unwrap();
    for flags in [&["--log-ca", &stranger.flag("ca.pem")][..], &[]] {
        let refused = refusal(start_at(&servers, &url, flags).await);
        says(&refused, &["--log-ca: no TLS with NATS at tls://127.0.0.1:", "certificate"]);
    }
    let key = authority.flag("server.key");
    says(&refusal(connect(&url, &["--log-ca", &key]).await), &["--log-ca: ", &key, "no certificate"]);
    // One that speaks no TLS.
    let plain = begin(alone());
    let url = plain.urls().replace("nats://", "tls://");
    says(&refusal(start_at(&plain, &url, &[]).await), &["--log: no TLS with NATS"]);
}

#[tokio::test]
async fn servers_that_want_a_certificate_get_it() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let servers = begin(alone().with(&authority.config(true)));
    let url = servers.urls().replace("nats://", "tls://");
    let ca = authority.flag("ca.pem");
    let with = |of: &Authority, key: &str| {
        [
            "--log-ca".to_owned(),
            ca.clone(),
            "--log-cert".to_owned(),
            of.flag("client.pem"),
            "--log-key".to_owned(),
            of.flag(key),
        ]
    };
    let borrowed = |flags: &[String]| flags.iter().map(String::clone).collect::<Vec<_>>();
    let own = borrowed(&with(&authority, "client.key"));
    let own: Vec<_> = own.iter().map(String::as_str).collect();
    start_at(&servers, &url, &own).await.unwrap();
    let others = with(&stranger, "client.key");
    let others: Vec<_> = others.iter().map(String::as_str).collect();
    says(&refusal(start_at(&servers, &url, &others).await), &["--log-cert: no TLS with NATS", "alert"]);
    says(&refusal(start_at(&servers, &url, &["--log-ca", &ca]).await), &["no TLS with NATS", "alert"]);
    let mixed = with(&authority, "server.key");
    let mixed: Vec<_> = mixed.iter().map(String::as_str).collect();
    says(&refusal(connect(&url, &mixed).await), &["--log-key: ", &authority.flag("server.key")]);
}

#[tokio::test]
async fn a_relay_waits_for_servers_that_are_away_and_sends_nothing_meanwhile() {
    let mut servers = begin(alone());
    servers.servers[0].kill().unwrap();
    let flags = ["--log-replicas", "1", "--nats-monitor", &servers.monitors()];
    let nats = connect(&servers.urls(), &flags).await.unwrap();
    let started = tokio::spawn({
        let nats = nats.clone();
        async move {
            nats.start().await.unwrap();
            nats.keep().await;
        }
    });
    let away = until(&nats, |link| link.as_ref().is_err_and(|error| error.to_string().contains("refused"))).await.unwrap_err();
    says(&away.to_string(), &["--log: NATS is not reached at nats://127.0.0.1:"]);
    assert!(!away.is_fatal());
    servers.servers[0].start().unwrap();
    until(&nats, Result::is_ok).await.unwrap();
    nats.ready().unwrap();
    nats.tell(nats.names.usage(), "x".into()).await.unwrap();
    servers.servers[0].kill().unwrap();
    until(&nats, Result::is_err).await.unwrap_err();
    assert!(nats.ready().is_err());
    assert!(!nats.tell(nats.names.usage(), "x".into()).await.unwrap_err().is_fatal());
    servers.servers[0].start().unwrap();
    until(&nats, Result::is_ok).await.unwrap();
    nats.tell(nats.names.usage(), "x".into()).await.unwrap();
    // Another server where the good one was, and older.
    let address = servers.servers[0].address();
    servers.servers[0].kill().unwrap();
    let old = tokio::spawn(be_old(TcpListener::bind(&address).await.unwrap(), "2.10.22"));
    let refused = until(&nats, |link| matches!(link, Err(ClusterError::TooOld { .. }))).await.unwrap_err();
    says(&refused.to_string(), &["version 2.10.22"]);
    assert!(nats.ready().is_err());
    old.abort();
    started.abort();
}

/// A server that says this version, and that it is there.
async fn be_old(listener: TcpListener, version: &'static str) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let (read, mut write) = stream.into_split();
            let info = json!({
                "server_id": "x", "server_name": "old", "version": version, "go": "", "host": "127.0.0.1", "port": 1, "proto": 1,
                "max_payload": 1_048_576, "headers": true, "jetstream": true,
            });
            let _ = write.write_all(format!("INFO {info}\r\n").as_bytes()).await;
            let mut lines = BufReader::new(read).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if line.starts_with("PING") {
                    let _ = write.write_all(b"PONG\r\n").await;
                }
            }
        });
    }
}

#[tokio::test]
async fn a_server_that_could_lose_what_it_confirmed_is_refused() {
    for version in ["2.9.10", "2.10.22", "2.10.23-RC.1", "unknown"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("nats://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(be_old(listener, version));
        let refused = refusal(start(&url, &["--nats-allow-unsynced"]).await);
        says(&refused, &["--log: the server old of NATS is version ", version, "2.10.23 or newer"]);
        server.abort();
    }
}
