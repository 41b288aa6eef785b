use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;

fn key(kid: &str) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": URL_SAFE_NO_PAD.encode([7; 32]) })
}

fn set(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

#[test]
fn only_keys_that_can_be_used_are_and_each_other_one_is_told() {
    let (b32, b128, b256) =
        (URL_SAFE_NO_PAD.encode([7; 32]), URL_SAFE_NO_PAD.encode([7; 128]), URL_SAFE_NO_PAD.encode([0x87; 256]));
    let ec = json!({ "kty": "EC", "crv": "P-256", "kid": "ec", "x": b32, "y": b32, "alg": "ES256", "use": "sig" });
    let rsa = json!({ "kty": "RSA", "kid": "rsa", "n": b256, "e": "AQAB", "key_ops": ["verify"] });
    let changed = |key: &Value, name: &str, value: Value| {
        let mut key = key.clone();
        key["kid"] = "wrong".into();
        key[name] = value;
        key
    };
    for (wrong, says) in [
        (changed(&ec, "use", json!("enc")), "use"),
        (changed(&rsa, "key_ops", json!(["encrypt"])), "key_ops"),
        (changed(&rsa, "key_ops", json!("verify")), "key_ops"),
        (changed(&ec, "kty", json!("XYZ")), "kty XYZ"),
        (json!({ "kty": "oct", "kid": "wrong", "k": b32 }), "secret"),
        (changed(&rsa, "n", json!(b128)), "2048"),
        (changed(&rsa, "n", json!("")), "2048"),
        (changed(&rsa, "n", json!(URL_SAFE_NO_PAD.encode([7; 256]))), "2048"),
        // As many bytes, but the first of them are zero.
        (changed(&rsa, "n", json!(URL_SAFE_NO_PAD.encode([[0; 128], [7; 128]].concat()))), "2048"),
        (changed(&rsa, "alg", json!("RS512")), "RS512"),
        (changed(&rsa, "alg", json!("RSA-OAEP")), "RSA-OAEP"),
        (changed(&ec, "alg", json!("HS256")), "HS256"),
        (changed(&ec, "crv", json!("P-384")), "P-384"),
        (changed(&ec, "x", json!("AAAA")), "32 bytes"),
        (changed(&ec, "x", json!("??")), "base64url"),
        (changed(&ec, "d", json!(b32)), "private"),
        (changed(&key("k"), "crv", json!("X25519")), "X25519"),
        (changed(&key("k"), "x", json!("AAAA")), "EdDSA"),
        (changed(&ec, "kid", Value::Null), "kid"),
        (json!(7), "kid"),
    ] {
        let found = Jwks::parse(&set(&[ec.clone(), wrong.clone(), rsa.clone(), key("ed")])).unwrap();
        assert_eq!(found.keys.keys().map(|kid| &**kid).collect::<Vec<_>>(), ["ec", "ed", "rsa"]);
        assert!(found.left_out.len() == 1 && found.left_out[0].contains(says), "{wrong}: {:?}", found.left_out);
        assert!(Jwks::parse(&set(&[wrong])).is_err(), "a set with no key is no set");
    }
    let twice = Jwks::parse(&set(&[key("a"), changed(&ec, "kid", json!("a"))])).unwrap();
    assert_eq!((twice.keys.len(), twice.left_out.len()), (1, 1));
    for wrong in [&b""[..], b"[]", b"{}", br#"{"keys":{}}"#, br#"{"keys":[]}"#, b"\xff"] {
        assert!(Jwks::parse(wrong).is_err());
    }
}

#[test]
fn an_address_is_https_or_on_this_machine() {
    for good in ["https://id.example/jwks", "http://localhost:8080/x", "http://127.0.0.1/", "http://[::1]:9/"] {
        assert!(matches!(good.parse(), Ok(JwksFlag::Url(_))), "{good}");
    }
    for wrong in
        ["http://id.example/jwks", "ftp://id.example/", "https://user@id.example/", "https:///x", "http://127.0.0.1.example/"]
    {
        assert!(wrong.parse::<JwksFlag>().is_err(), "{wrong}");
    }
    assert_eq!("/etc/jwks.json".parse(), Ok(JwksFlag::File("/etc/jwks.json".into())));
}

/// An address whose answers a test gives, one after the other.
struct Rig {
    remote: Arc<Remote>,
    asked: Arc<AtomicUsize>,
    answers: tokio::sync::mpsc::UnboundedSender<Result<Fetched, String>>,
    changes: watch::Receiver<u64>,
}

impl Rig {
    fn new() -> Self {
        let (answers, given) = tokio::sync::mpsc::unbounded_channel();
        let (given, asked) = (Arc::new(tokio::sync::Mutex::new(given)), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&asked);
        let fetch: Fetch = Box::new(move || {
            let (given, counted) = (Arc::clone(&given), Arc::clone(&counted));
            Box::pin(async move {
                counted.fetch_add(1, Ordering::SeqCst);
                given.lock().await.recv().await.unwrap_or_else(|| Err("the test is over".to_owned()))
            })
        });
        let remote = Arc::new(Remote::new(fetch));
        let sender = watch::Sender::new(0);
        let changes = sender.subscribe();
        let running = Arc::clone(&remote);
        tokio::spawn(async move { running.run(sender).await });
        Self { remote, asked, answers, changes }
    }

    /// Lets everything happen that can without time going by.
    async fn settle(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    async fn answer(&self, keys: &[Value]) {
        self.answers.send(Ok(Fetched { body: set(keys), max_age: None })).unwrap();
        self.settle().await;
    }

    async fn fail(&self) {
        self.answers.send(Err("away".to_owned())).unwrap();
        self.settle().await;
    }

    async fn after(&self, time: Duration) {
        tokio::time::advance(time).await;
        self.settle().await;
    }

    fn code(&self, kid: &str) -> String {
        self.remote.get(kid).map_or_else(
            |error| {
                let is_brief = error.retry_after_ms == Some(RETRY_AFTER_MS);
                assert_eq!((error.code == "serviceUnavailable", error.retryable), (is_brief, is_brief));
                error.code.to_string()
            },
            |_| "ok".to_owned(),
        )
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_unknown_key_asks_once_in_a_while_and_all_who_come_meanwhile_wait_for_one_answer() {
    let mut rig = Rig::new();
    rig.settle().await;
    assert_eq!((rig.asked(), rig.code("a")), (1, "serviceUnavailable".to_owned()), "the first answer is not there yet");
    rig.answer(&[key("a")]).await;
    assert!(rig.changes.has_changed().unwrap());
    rig.changes.mark_unchanged();
    assert_eq!((rig.code("a"), rig.code("b")), ("ok".to_owned(), "unauthenticated".to_owned()));
    rig.after(UNKNOWN_KID_INTERVAL - SECOND).await;
    assert_eq!((rig.code("b"), rig.asked()), ("unauthenticated".to_owned(), 1), "it was asked a moment ago");

    rig.after(SECOND).await;
    for _ in 0..3 {
        assert_eq!((rig.code("b"), rig.code("a")), ("serviceUnavailable".to_owned(), "ok".to_owned()));
        rig.settle().await;
        assert_eq!(rig.asked(), 2);
    }
    rig.answer(&[key("a"), key("b")]).await;
    assert_eq!((rig.code("b"), rig.code("c")), ("ok".to_owned(), "unauthenticated".to_owned()));
    assert!(rig.changes.has_changed().unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_unavailable_for_as_long_as_nobody_can_say() {
    let rig = Rig::new();
    rig.settle().await;
    for _ in 0..5 {
        rig.fail().await;
        assert_eq!(rig.code("a"), "serviceUnavailable");
        rig.after(UNKNOWN_KID_INTERVAL).await;
    }
    rig.answer(&[key("a")]).await;
    assert_eq!((rig.code("a"), rig.code("b")), ("ok".to_owned(), "unauthenticated".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn keys_get_old_and_serve_through_an_outage_of_a_day() {
    let mut rig = Rig::new();
    rig.settle().await;
    rig.answer(&[key("a")]).await;
    rig.changes.mark_unchanged();
    rig.after(REFRESH - SECOND).await;
    assert_eq!(rig.asked(), 1);
    rig.after(SECOND).await;
    assert_eq!(rig.asked(), 2);
    // What is empty or no set is an outage, not a set without keys.
    for body in [&b"{}"[..], br#"{"keys":[]}"#, b"<html>"] {
        rig.answers.send(Ok(Fetched { body: body.to_vec(), max_age: None })).unwrap();
        rig.settle().await;
        assert_eq!((rig.code("a"), rig.code("b")), ("ok".to_owned(), "serviceUnavailable".to_owned()));
        rig.after(UNKNOWN_KID_INTERVAL).await;
    }
    rig.after(OUTAGE - UNKNOWN_KID_INTERVAL * 3).await;
    rig.fail().await;
    assert_eq!(rig.code("a"), "ok");
    assert!(!rig.changes.has_changed().unwrap());
    rig.after(UNKNOWN_KID_INTERVAL).await;
    rig.fail().await;
    assert_eq!(rig.code("a"), "serviceUnavailable", "after a day nobody knows whether the key is still good");
    assert!(rig.changes.has_changed().unwrap());
    rig.after(UNKNOWN_KID_INTERVAL).await;
    rig.answer(&[key("a")]).await;
    assert_eq!(rig.code("a"), "ok");
}

#[tokio::test(start_paused = true)]
async fn an_answer_says_how_long_it_is_good_within_bounds() {
    for (max_age, lasts) in [(0, 60), (600, 600), (10_000_000, 24 * 3600)] {
        let rig = Rig::new();
        rig.settle().await;
        rig.answers.send(Ok(Fetched { body: set(&[key("a")]), max_age: Some(SECOND * max_age) })).unwrap();
        rig.settle().await;
        rig.after(SECOND * (lasts - 1)).await;
        assert_eq!(rig.asked(), 1, "{max_age}");
        rig.after(SECOND).await;
        assert_eq!(rig.asked(), 2, "{max_age}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_soon_and_then_less_often() {
    let rig = Rig::new();
    rig.settle().await;
    for (failures, pause) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
        rig.fail().await;
        rig.after(SECOND * pause - Duration::from_millis(10)).await;
        assert_eq!(rig.asked(), failures + 1);
        rig.after(Duration::from_millis(10)).await;
        assert_eq!(rig.asked(), failures + 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_taken_out_of_the_set_is_good_no_more() {
    let mut rig = Rig::new();
    rig.settle().await;
    rig.answer(&[key("a"), key("b")]).await;
    rig.changes.mark_unchanged();
    rig.after(REFRESH).await;
    rig.answer(&[key("b")]).await;
    assert_eq!((rig.code("a"), rig.code("b")), ("unauthenticated".to_owned(), "ok".to_owned()));
    assert!(rig.changes.has_changed().unwrap());
}
