use std::path::PathBuf;

use im_chats_protocol::grant::{Scope, Scopes};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW_S: u64 = 1_800_000_000;
const RSA_PUBLIC: &[u8] = include_bytes!("../../tests/keys/rsa.pub.pem");

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name)
}

struct Rig {
    data: TempDir,
    args: TokenArgs,
}

impl Rig {
    /// With the operator's token `admin`.
    fn new() -> Self {
        let args = TokenArgs { token: Some("admin".to_owned()), ..crate::base::flags::defaults() };
        Self { data: TempDir::new().unwrap(), args }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn with_key(mut self, kid: &str, algorithm: Algorithm, path: &Path) -> Self {
        self.args.token_key.push(format!("{kid}={algorithm}:{}", path.display()).parse().unwrap());
        self
    }

    /// A key `k` of HS256 with [`SECRET`].
    fn with_secret(self) -> Self {
        let path = self.write("secret", SECRET);
        self.with_key("k", Algorithm::Hs256, &path)
    }

    fn open(&self) -> Tokens {
        let mut tokens = Tokens::open(&self.args, self.data.path()).unwrap().0;
        tokens.now = || NOW_S * 1000;
        tokens
    }
}

fn wish() -> Wish {
    Wish { sub: Some("u1".into()), scope: Some("chats:read events".into()), chats: None, ttl_seconds: Some(600) }
}

fn claims() -> Value {
    json!({ "sub": "u1", "aud": "im-chats", "iat": NOW_S, "exp": NOW_S + 600, "jti": "j1", "scope": "events" })
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn header() -> Value {
    json!({ "alg": "HS256", "typ": "im+jwt", "kid": "k" })
}

/// Signed with HS256, whatever the header says.
fn token_of(header: &str, claims: &str, secret: &[u8]) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    format!("{message}.{}", encode(ring::hmac::sign(&key, message.as_bytes())))
}

fn token(claims: &Value) -> String {
    token_of(&header().to_string(), &claims.to_string(), SECRET)
}

fn code(result: Result<Pass, Error>) -> String {
    result.map_or_else(|error| error.code.to_string(), |_| "ok".to_owned())
}

#[test]
fn every_algorithm_signs_and_a_public_key_checks_what_its_private_one_signed() {
    for (algorithm, private, public) in [
        (Algorithm::EdDsa, "ed.pem", "ed.pub.pem"),
        (Algorithm::Es256, "ec.pem", "ec.pub.pem"),
        (Algorithm::Rs256, "rsa.pem", "rsa.pub.pem"),
    ] {
        let signer = Rig::new().with_key("k", algorithm, &file(private)).open();
        let minted = signer.mint(&wish()).unwrap();
        let rig = Rig::new().with_key("k", algorithm, &file(public));
        let checker = rig.open();
        for tokens in [&signer, &checker] {
            let pass = tokens.verify(&minted.token).unwrap();
            assert_eq!(pass.grant.subject.as_deref(), Some("u1"));
            assert_eq!(
                pass.identity,
                Identity::Signed {
                    key: "k".into(),
                    id: Some(minted.id.as_str().into()),
                    fingerprint: tokens.key("k").unwrap().fingerprint,
                    issued_at: NOW_S
                }
            );
        }
        // A public key cannot sign: the token is signed with a key of our own.
        let own = checker.mint(&wish()).unwrap().token;
        assert!(checker.verify(&own).is_ok() && signer.verify(&own).is_err());
        let (message, signature) = minted.token.rsplit_once('.').unwrap();
        let turned = if signature.starts_with('A') { "B" } else { "A" };
        let rest: String = signature.chars().skip(1).collect();
        assert!(checker.verify(&format!("{message}.{turned}{rest}")).is_err(), "{algorithm}");
    }
    let tokens = Rig::new().with_secret().open();
    assert!(tokens.verify(&tokens.mint(&wish()).unwrap().token).is_ok());
}

#[test]
fn a_token_gives_what_it_says_and_no_more() {
    let tokens = Rig::new().with_secret().open();
    let mut all = with("chats", json!([" any;-;a@example.com "]));
    all["scope"] = "chats:read events:all".into();
    let grant = tokens.verify(&token(&all)).unwrap().grant;
    assert_eq!(grant.scopes, Scopes::NONE.with(Scope::ChatsRead).with(Scope::EventsAll));
    assert!(!grant.is_admin() && grant.chats.unwrap().contains("any;-;a@example.com"));
    assert_eq!(grant.expires_in_ms, Some((600 + LEEWAY_S) * 1000));
    let admin = tokens.verify("admin").unwrap();
    assert_eq!(admin.grant, Grant::ADMIN);
    assert_eq!(tokens.recheck(&admin), Ok(()));
}

/// What is wrong with each is nothing but what its line says: the same token without that is good.
#[test]
fn attacks_are_refused() {
    let rig = Rig::new().with_secret().with_key("rsa", Algorithm::Rs256, &file("rsa.pub.pem"));
    let tokens = rig.open();
    let signed = |header: Value, secret: &[u8]| token_of(&header.to_string(), &claims().to_string(), secret);
    let changed = |name: &str, value: Value| {
        let mut header = header();
        header[name] = value;
        signed(header, SECRET)
    };
    assert_eq!(code(tokens.verify(&token(&claims()))), "ok");
    // The public key's PEM, and the key in it, as a secret.
    let spki = pem_content(RSA_PUBLIC);
    let none = format!("{}.{}.", encode(r#"{"alg":"none","typ":"im+jwt","kid":"k"}"#), encode(claims().to_string()));
    let good = token(&claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let attacks = [
        ("alg none", none),
        ("alg none with a signature", changed("alg", json!("none"))),
        ("alg NONE", changed("alg", json!("NonE"))),
        ("no signature", format!("{message}.")),
        ("HS256 with RSA's PEM", signed(json!({ "alg": "HS256", "typ": "im+jwt", "kid": "rsa" }), RSA_PUBLIC)),
        ("HS256 with RSA's DER", signed(json!({ "alg": "HS256", "typ": "im+jwt", "kid": "rsa" }), &spki)),
        ("RS256 of a key of HS256", changed("alg", json!("RS256"))),
        ("HS384 of a key of HS256", changed("alg", json!("HS384"))),
        ("an alg in lower case", changed("alg", json!("hs256"))),
        ("an unknown crit", changed("crit", json!(["exp"]))),
        ("an empty crit", changed("crit", json!([]))),
        ("b64 false", changed("b64", json!(false))),
        ("typ JWT", changed("typ", json!("JWT"))),
        ("typ of an access token", changed("typ", json!("at+jwt"))),
        ("no typ", signed(json!({ "alg": "HS256", "kid": "k" }), SECRET)),
        ("no kid", signed(json!({ "alg": "HS256", "typ": "im+jwt" }), SECRET)),
        ("a kid that is a path", changed("kid", json!("../../x"))),
        ("a kid that is our file", changed("kid", json!(rig.path("secret").to_str().unwrap()))),
        ("a kid that is a number", changed("kid", json!(1))),
        ("an empty kid", changed("kid", json!(""))),
        ("another secret", signed(header(), b"another secret of 32 bytes or more")),
        (
            "a header twice",
            token_of(r#"{"alg":"HS256","alg":"HS256","typ":"im+jwt","kid":"k"}"#, &claims().to_string(), SECRET),
        ),
        ("a claim twice", token_of(&header().to_string(), &claims().to_string().replacen('{', r#"{"sub":"u2","#, 1), SECRET)),
        ("exp in milliseconds", token(&with("exp", (NOW_S + 600) * 1000))),
        ("exp and iat in milliseconds", {
            let mut claims = with("exp", (NOW_S + 600) * 1000);
            claims["iat"] = (NOW_S * 1000).into();
            token(&claims)
        }),
        ("exp as a text", token(&with("exp", (NOW_S + 600).to_string()))),
        ("good for 25 hours", token(&with("exp", NOW_S + 25 * 3600))),
        ("from the future", token(&with("iat", NOW_S + LEEWAY_S + 1))),
        ("not yet", token(&with("nbf", NOW_S + LEEWAY_S + 1))),
        ("another aud", token(&with("aud", "im-other"))),
        ("no aud of ours", token(&with("aud", json!(["a", "b"])))),
        ("a sub that is none", token(&with("sub", Value::Null))),
        ("a scope that is none", token(&with("scope", "everything"))),
        ("padding", format!("{good}=")),
        ("a space", format!("{good} ")),
        ("a line break in the signature", format!("{message}.{}\n{}", signature.split_at(10).0, signature.split_at(10).1)),
        ("four parts", format!("{good}.a")),
        ("two parts", message.to_owned()),
        ("five parts, as encryption has", format!("{message}.{message}.a")),
        ("bits that do not count", {
            // 32 bytes end within a digit of base64; its last two bits are none of the signature's.
            let last = signature.bytes().last().unwrap();
            let other = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let index = other.iter().position(|byte| *byte == last).unwrap();
            format!("{message}.{}{}", signature.split_at(signature.len() - 1).0, char::from(other[index ^ 1]))
        }),
        ("a megabyte", token(&with("padding", "x".repeat(1 << 20)))),
        ("a byte more than fits", "x".repeat(MAX_TOKEN_BYTES + 1)),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
    ];
    for (name, attack) in attacks {
        assert_eq!(code(tokens.verify(&attack)), "unauthenticated", "{name}");
    }
    assert_eq!(code(tokens.verify(&token(&with("iss", "anyone")))), "ok");
}

fn pem_content(pem: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(pem).unwrap();
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(base64).unwrap()
}

/// Keys that a token brings along, or says where to get, are not looked at: it is judged by the key that its `kid` names here.
#[test]
fn keys_that_a_token_names_itself_are_ignored() {
    let tokens = Rig::new().with_secret().open();
    let theirs = b"a secret that the attacker knows, of 32 bytes";
    let own = json!({ "kty": "oct", "k": encode(theirs), "alg": "HS256" });
    for (name, value) in [
        ("jwk", own),
        ("jku", json!("https://attacker.example/keys")),
        ("x5u", json!("https://attacker.example/certificate")),
        ("x5c", json!(["MIIB"])),
        ("jwk", json!(7)),
    ] {
        let mut header = header();
        header[name] = value;
        let (header, claims) = (header.to_string(), claims().to_string());
        assert_eq!(code(tokens.verify(&token_of(&header, &claims, theirs))), "unauthenticated", "{name}");
        assert_eq!(code(tokens.verify(&token_of(&header, &claims, SECRET))), "ok", "{name}");
    }
}

#[test]
fn an_end_is_told_with_the_time_here() {
    let tokens = Rig::new().with_secret().open();
    let ended = json!({ "sub": "u1", "aud": "im-chats", "iat": NOW_S - 700, "exp": NOW_S - LEEWAY_S, "scope": "" });
    let error = tokens.verify(&token(&ended)).unwrap_err();
    assert_eq!((error.code.as_ref(), error.context_value("serverTime")), ("tokenExpired", Some("1800000000")));
    let error = tokens.verify(&token(&with("iat", NOW_S + 300))).unwrap_err();
    assert_eq!((error.code.as_ref(), error.context_value("serverTime")), ("unauthenticated", Some("1800000000")));
    assert!(error.message.contains("clock"), "{error}");
    assert_eq!(code(tokens.verify(&token(&with("exp", NOW_S - LEEWAY_S + 1)))), "unauthenticated", "exp before iat");
}

#[test]
fn an_issuer_and_an_audience_can_be_demanded() {
    let mut rig = Rig::new().with_secret();
    rig.args.token_issuer = Some("https://id.example".to_owned());
    rig.args.token_audience = "chats.example".to_owned();
    let tokens = rig.open();
    let mut claims = with("aud", json!(["other", "chats.example"]));
    assert_eq!(code(tokens.verify(&token(&claims))), "unauthenticated");
    claims["iss"] = "https://id.example".into();
    assert_eq!(code(tokens.verify(&token(&claims))), "ok");
    claims["iss"] = "https://id.example/".into();
    assert_eq!(code(tokens.verify(&token(&claims))), "unauthenticated");
    assert!(tokens.verify(&tokens.mint(&wish()).unwrap().token).is_ok());
}

#[test]
fn the_operators_tokens_change_with_their_files() {
    let mut rig = Rig::new();
    rig.args.token = None;
    rig.args.token_file = vec![rig.write("one", "first\n"), rig.write("two", "second")];
    let tokens = rig.open();
    let mut changes = tokens.changes();
    assert_eq!((code(tokens.verify("first")), code(tokens.verify("second"))), ("ok".to_owned(), "ok".to_owned()));
    for wrong in ["", "firs", "first\n", "First", "admin", "firstsecond"] {
        assert_eq!(code(tokens.verify(wrong)), "unauthenticated", "{wrong:?}");
    }
    let pass = tokens.verify("first").unwrap();
    tokens.look();
    assert!(!changes.has_changed().unwrap());
    rig.write("one", "third\n");
    tokens.look();
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!((code(tokens.verify("first")), code(tokens.verify("third"))), ("unauthenticated".to_owned(), "ok".to_owned()));
    assert_eq!(tokens.recheck(&pass).unwrap_err().code, "unauthenticated");
    assert_eq!(tokens.recheck(&tokens.verify("second").unwrap()), Ok(()));
    rig.write("one", "two words\n");
    tokens.look();
    assert_eq!(code(tokens.verify("third")), "ok", "a broken file changes nothing");
    assert!(!changes.has_changed().unwrap());

    rig.write("two", "");
    let error = Tokens::open(&rig.args, rig.data.path()).unwrap_err();
    assert_eq!(error.context_value("field"), Some("--token-file"));
}

#[test]
fn a_token_is_generated_only_where_none_is_given() {
    let mut rig = Rig::new();
    assert_eq!(Tokens::open(&rig.args, rig.data.path()).unwrap().1, None);
    rig.args.token = None;
    let (tokens, generated) = Tokens::open(&rig.args, rig.data.path()).unwrap();
    assert!(tokens.verify(&generated.unwrap()).is_ok());
    rig.args.token_file = vec![rig.write("one", "first\n")];
    assert_eq!(Tokens::open(&rig.args, rig.data.path()).unwrap().1, None);
}

/// A token of the operator's may look like a signed one.
#[test]
fn a_token_with_dots_can_be_the_operators() {
    let mut rig = Rig::new().with_secret();
    rig.args.token = Some("a.b.c".to_owned());
    let tokens = rig.open();
    assert!(tokens.verify("a.b.c").unwrap().grant.is_admin());
    assert_eq!(code(tokens.verify("a.b.d")), "unauthenticated");
}

#[test]
fn what_is_withdrawn_is_refused_and_open_connections_hear_of_it() {
    let mut rig = Rig::new().with_secret();
    let path = rig.write("deny", "# nobody yet\n");
    rig.args.token_deny = Some(path);
    let tokens = rig.open();
    let mut changes = tokens.changes();
    let first = tokens.verify(&token(&claims())).unwrap();
    let second = tokens.verify(&token(&with("jti", "j2"))).unwrap();
    let look = |list: &str| {
        rig.write("deny", list);
        tokens.look();
    };
    look(r#"{"jti":"j1"}"#);
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(code(tokens.verify(&token(&claims()))), "tokenBlocked");
    assert_eq!(tokens.recheck(&first).unwrap_err().code, "tokenBlocked");
    assert_eq!((code(tokens.verify(&token(&with("jti", "j2")))), tokens.recheck(&second)), ("ok".to_owned(), Ok(())));

    look(r#"{"jti":"j1"} {"#);
    assert!(!changes.has_changed().unwrap());
    assert_eq!(tokens.recheck(&first).unwrap_err().code, "tokenBlocked", "a broken list keeps what it said");

    look(&format!(r#"{{"sub":"u1","issuedBefore":{}}}"#, NOW_S + 1));
    assert_eq!((code(tokens.verify(&token(&claims()))), tokens.recheck(&second).is_err()), ("tokenBlocked".to_owned(), true));
    assert_eq!(code(tokens.verify(&token(&with("sub", "u2")))), "ok");
    look(&format!(r#"{{"sub":"u1","issuedBefore":{NOW_S}}}"#));
    assert_eq!((code(tokens.verify(&token(&claims()))), tokens.recheck(&second)), ("ok".to_owned(), Ok(())));
}

#[test]
fn a_token_ends_with_its_key() {
    let rig = Rig::new();
    let tokens = rig.open();
    assert!(!rig.path("token.key").exists(), "nobody has asked for a token");
    let minted = tokens.mint(&wish()).unwrap().token;
    let pass = tokens.verify(&minted).unwrap();
    assert!(rig.open().verify(&minted).is_ok(), "the key outlives a restart");
    std::fs::remove_file(rig.path("token.key")).unwrap();
    let changes = tokens.changes();
    tokens.look();
    assert!(changes.has_changed().unwrap());
    assert!(tokens.recheck(&pass).is_err() && tokens.verify(&minted).is_err());
    let next = tokens.mint(&wish()).unwrap().token;
    assert!(tokens.verify(&next).is_ok() && tokens.verify(&minted).is_err() && tokens.recheck(&pass).is_err());

    // A key that its operator gives takes the place of our own, and is rotated by its place in the list.
    let (old, new) = (rig.write("old", [1; 32]), rig.write("new", [2; 32]));
    let both = Rig::new().with_key("new", Algorithm::Hs256, &new).with_key("old", Algorithm::Hs256, &old);
    let before = Rig::new().with_key("old", Algorithm::Hs256, &old).open().mint(&wish()).unwrap().token;
    let tokens = both.open();
    let after = tokens.mint(&wish()).unwrap().token;
    assert!(tokens.verify(&before).is_ok() && tokens.verify(&after).is_ok() && tokens.verify(&next).is_err());
    let tokens = Rig::new().with_key("new", Algorithm::Hs256, &new).open();
    assert!(tokens.verify(&before).is_err() && tokens.verify(&after).is_ok());
}

#[test]
fn a_key_that_cannot_be_used_is_named_with_its_file() {
    let rig = Rig::new();
    let short = rig.write("short", [b'x'; 31]);
    let ended = rig.write("ended", [&[b'x'; 31][..], b"\n"].concat());
    let cases: [(Algorithm, PathBuf, &str); 12] = [
        (Algorithm::Hs256, short, "31"),
        (Algorithm::Hs256, ended, "31"),
        (Algorithm::Hs256, file("rsa.pub.pem"), "PEM"),
        (Algorithm::Hs256, rig.path("absent"), "No such file"),
        (Algorithm::EdDsa, file("ec.pub.pem"), "EdDSA"),
        (Algorithm::Es256, file("ed.pem"), "ES256"),
        (Algorithm::Es256, file("ec.sec1.pem"), "openssl pkcs8"),
        (Algorithm::Es256, file("p384.pub.pem"), "P-256"),
        (Algorithm::Rs256, file("rsa1024.pub.pem"), "2048"),
        // With what is around its modulus it is longer than 256 bytes.
        (Algorithm::Rs256, file("rsa1984.pub.pem"), "2048"),
        (Algorithm::Rs256, file("rsa2047.pub.pem"), "2048"),
        (Algorithm::Rs256, file("ed.pub.pem"), "RS256"),
    ];
    for (algorithm, path, says) in cases {
        let rig = Rig::new().with_key("k7", algorithm, &path);
        let error = Tokens::open(&rig.args, rig.data.path()).unwrap_err();
        let place = format!("--token-key: k7={algorithm}:{}: ", path.display());
        assert!(error.message.starts_with(&place) && error.message.contains(says), "{error}");
    }
    let twice = Rig::new().with_secret().with_key("k", Algorithm::EdDsa, &file("ed.pem"));
    assert!(Tokens::open(&twice.args, twice.data.path()).unwrap_err().message.contains("two keys"));
    for wrong in ["", "k", "k=", "k=HS256", "k=HS256:", "=HS256:x", "k=none:x", "k=hs256:x", "k=HS512:x"] {
        assert!(wrong.parse::<KeyFlag>().is_err(), "{wrong}");
    }
    assert!(format!("{:?}", Rig::new().with_secret().open()).find("0123456789abcdef").is_none());
}

#[test]
fn a_wish_that_cannot_be_granted_names_its_field() {
    let tokens = Rig::new().with_secret().open();
    let chats = |count: usize| (0..count).map(|index| format!("any;-;{index}@example.com")).collect::<Vec<_>>();
    let long = |count: usize| (0..count).map(|index| format!("any;-;{index}{}@example.com", "x".repeat(90))).collect();
    for (field, wish) in [
        ("sub", Wish { sub: None, ..wish() }),
        ("sub", Wish { sub: Some(String::new()), ..wish() }),
        ("sub", Wish { sub: Some("x".repeat(MAX_NAME_BYTES + 1)), ..wish() }),
        ("scope", Wish { scope: None, ..wish() }),
        ("scope", Wish { scope: Some(" ".into()), ..wish() }),
        ("scope", Wish { scope: Some("chats:read admin".into()), ..wish() }),
        ("scope", Wish { scope: Some("chats:create".into()), chats: Some(chats(1)), ..wish() }),
        ("chats", Wish { chats: Some(Vec::new()), ..wish() }),
        ("chats", Wish { chats: Some(chats(101)), ..wish() }),
        ("chats", Wish { chats: Some(vec!["alice".into()]), ..wish() }),
        ("chats", Wish { chats: Some(long(100)), ..wish() }),
        ("ttlSeconds", Wish { ttl_seconds: None, ..wish() }),
        ("ttlSeconds", Wish { ttl_seconds: Some(0), ..wish() }),
        ("ttlSeconds", Wish { ttl_seconds: Some(MAX_LIFETIME_S + 1), ..wish() }),
    ] {
        let error = tokens.mint(&wish).unwrap_err();
        let found = error.context_value("field").unwrap();
        assert!(found == field || found.starts_with(&format!("{field}[")), "{wish:?}: {error}");
    }
    for wish in [
        Wish { chats: Some(chats(100)), ..wish() },
        Wish { sub: Some("x".repeat(MAX_NAME_BYTES)), ttl_seconds: Some(MAX_LIFETIME_S), ..wish() },
        Wish { sub: Some("\u{1F600} \" \\ \n".into()), ttl_seconds: Some(1), ..wish() },
    ] {
        let minted = tokens.mint(&wish).unwrap();
        let pass = tokens.verify(&minted.token).unwrap();
        assert_eq!(
            (pass.grant.subject.as_deref(), minted.expires_at),
            (wish.sub.as_deref(), NOW_S + wish.ttl_seconds.unwrap())
        );
    }
}

#[test]
fn a_set_of_keys_in_a_file_is_read_again_when_it_changes() {
    let ed = Rig::new().with_key("ed", Algorithm::EdDsa, &file("ed.pem")).open();
    let signed = ed.mint(&wish()).unwrap().token;
    let x = &pem_content(include_bytes!("../../tests/keys/ed.pub.pem"))[12..];
    let set = |kid: &str| json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encode(x) }] }).to_string();
    let mut rig = Rig::new();
    rig.args.token_jwks = Some(jwks::JwksFlag::File(rig.write("jwks", set("ed"))));
    let tokens = rig.open();
    let pass = tokens.verify(&signed).unwrap();
    for broken in [r#"{"keys":[]}"#, "", "{}"] {
        rig.write("jwks", broken);
        tokens.look();
        assert_eq!((code(tokens.verify(&signed)), tokens.recheck(&pass)), ("ok".to_owned(), Ok(())), "{broken}");
    }
    // Another key under the same name is another key: who was let in by the first one is so no longer.
    let stranger = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": encode([9; 32]) }] }).to_string();
    rig.write("jwks", stranger);
    tokens.look();
    assert_eq!(tokens.recheck(&pass).unwrap_err().code, "unauthenticated");
    rig.write("jwks", set("ed"));
    tokens.look();
    assert_eq!(tokens.recheck(&pass), Ok(()));

    let changes = tokens.changes();
    rig.write("jwks", set("another"));
    tokens.look();
    assert!(changes.has_changed().unwrap());
    assert_eq!(code(tokens.verify(&signed)), "unauthenticated");
    assert_eq!(tokens.recheck(&pass).unwrap_err().code, "unauthenticated");
    rig.write("jwks", r#"{"keys":[]}"#);
    assert_eq!(Tokens::open(&rig.args, rig.data.path()).unwrap_err().context_value("field"), Some("--token-jwks"));
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9_-]{0,40}",
        any::<Vec<u8>>().prop_map(encode),
        prop_oneof![Just(header()), Just(claims()), Just(json!([])), Just(json!("x"))]
            .prop_map(|json| encode(json.to_string())),
    ]
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in any::<String>(), parts in proptest::collection::vec(part(), 0..5)) {
        let tokens = Rig::new().with_secret().open();
        prop_assert!(tokens.verify(&text).is_err());
        prop_assert!(tokens.verify(&parts.join(".")).is_err());
    }

    /// What is signed with the right key is judged as well.
    #[test]
    fn no_claims_are_too_odd(header in any::<String>(), claims in any::<String>(), is_ours in any::<bool>()) {
        let tokens = Rig::new().with_secret().open();
        let header = if is_ours { self::header().to_string() } else { header };
        prop_assert!(tokens.verify(&token_of(&header, &claims, SECRET)).is_err());
    }

    #[test]
    fn a_token_with_a_change_anywhere_is_refused(at in 0_usize..1000, other in "[A-Za-z0-9_.-]") {
        let tokens = Rig::new().with_secret().open();
        let good = token(&claims());
        let at = at % good.len();
        let rest: String = good.chars().skip(at + 1).collect();
        let changed = format!("{}{other}{rest}", good.split_at(at).0);
        prop_assert_eq!(tokens.verify(&changed).is_ok(), changed == good);
    }
}

#[tokio::test]
async fn tokens_of_several_gateways_have_one_key_and_what_one_of_them_denies_all_of_them_refuse() {
    let rig = Rig::new();
    let open = || {
        let mut tokens = Tokens::open_shared(&rig.args).unwrap().0;
        tokens.now = || NOW_S * 1000;
        tokens
    };
    let (one, two) = (open(), open());
    let place = async {
        let secret = one.key_wish().await.create.unwrap();
        one.set_key(Some(&secret)).unwrap();
        one.looked();
        secret
    };
    let (prepared, secret) = tokio::join!(one.prepare(), place);
    prepared.unwrap();
    assert!(!rig.path("token.key").exists());
    let minted = one.mint(&wish()).unwrap();
    assert_eq!(code(one.verify(&minted.token)), "serviceUnavailable", "what was withdrawn is not known yet");
    for tokens in [&one, &two] {
        tokens.set_denied(b"").unwrap();
    }
    let pass = one.verify(&minted.token).unwrap();
    assert_eq!(code(two.verify(&minted.token)), "serviceUnavailable");
    assert_eq!(two.key_wish().await, KeyWish { create: None });
    two.set_key(Some(&secret)).unwrap();
    two.looked();
    assert_eq!(two.verify(&minted.token).unwrap().identity, pass.identity);
    assert_eq!(code(two.verify("a.b.c")), "unauthenticated");

    let changes = two.changes();
    let line = json!({ "jti": minted.id }).to_string();
    two.set_denied(line.as_bytes()).unwrap();
    assert!(changes.has_changed().unwrap());
    assert_eq!(
        (code(two.verify(&minted.token)), code(two.recheck(&pass).map(|()| pass.clone()))),
        ("tokenBlocked".to_owned(), "tokenBlocked".to_owned())
    );
    assert!(two.set_denied(b"{}").is_err());
    assert_eq!(code(two.verify(&minted.token)), "tokenBlocked", "a broken list keeps what was known");
    two.set_denied(b"").unwrap();
    let mut changes = two.changes();
    two.set_denied(b"# nothing new").unwrap();
    assert_eq!((code(two.verify(&minted.token)), changes.has_changed().unwrap()), ("ok".to_owned(), false));

    two.set_key(None).unwrap();
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(
        (code(two.verify(&minted.token)), code(two.recheck(&pass).map(|()| pass.clone()))),
        ("unauthenticated".to_owned(), "unauthenticated".to_owned())
    );
}

#[test]
fn the_own_list_is_told_as_it_changes_and_holds_without_the_others() {
    let mut rig = Rig::new().with_secret();
    rig.args.token_deny = Some(rig.write("deny", r#"{"jti":"j1"}"#));
    let mut tokens = Tokens::open_shared(&rig.args).unwrap().0;
    tokens.now = || NOW_S * 1000;
    let told = tokens.denied_here();
    assert_eq!(told.borrow().as_deref().cloned(), Some([r#"{"jti":"j1"}"#.to_owned()].into()));
    tokens.set_denied(b"").unwrap();
    assert_eq!(code(tokens.verify(&token(&claims()))), "tokenBlocked");
    rig.write("deny", "# a longer list\n{\"jti\":\"j22\"}");
    tokens.look();
    assert_eq!(told.borrow().as_deref().cloned(), Some([r#"{"jti":"j22"}"#.to_owned()].into()));
    assert_eq!(code(tokens.verify(&token(&claims()))), "ok");
    assert!(Tokens::open_shared(&Rig::new().args).unwrap().0.denied_here().borrow().is_none());
}
