//! A gateway that knows a key of ours, and tokens that are signed with it, or that are wrong in one way each.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::Server;

/// The secret of the key `k1`.
pub const SECRET: &[u8] = b"a secret of thirty-two bytes, 123";

/// Every scope.
pub const SCOPES: [&str; 9] = [
    "chats:read",
    "chats:write",
    "chats:create",
    "chats:count",
    "events",
    "events:all",
    "messages:read",
    "messages:write",
    "groups:write",
];

/// The `jti` of tokens that are denied from the start.
pub const DENIED: &str = "denied-from-the-start";

/// The files that a gateway with a key needs.
pub struct Keys {
    directory: TempDir,
}

impl Keys {
    pub fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        std::fs::write(directory.path().join("k1"), SECRET).expect("a key");
        let keys = Self { directory };
        keys.deny(&[]);
        keys
    }

    fn deny_file(&self) -> PathBuf {
        self.directory.path().join("deny")
    }

    /// Writes the deny list: what is always in it, and these lines.
    pub fn deny(&self, lines: &[String]) {
        let always = json!({ "jti": DENIED }).to_string();
        std::fs::write(self.deny_file(), [&[always][..], lines].concat().join("\n")).expect("the deny list");
    }

    /// The flags that name the key and the deny list.
    fn flags(&self) -> [String; 4] {
        let key = format!("k1=HS256:{}", self.directory.path().join("k1").display());
        ["--token-key".to_owned(), key, "--token-deny".to_owned(), self.deny_file().display().to_string()]
    }

    /// An emulator with the key and the deny list.
    pub fn serve(&self, flags: &[&str]) -> (Server, TempDir) {
        let data = TempDir::new().expect("a directory");
        let own = self.flags();
        (Server::start(data.path(), &[&own.each_ref().map(String::as_str)[..], flags].concat()), data)
    }

    /// A relay with them, in front of an emulator.
    pub fn relay(&self, upstream: &Server, extra: &[&str]) -> (Server, TempDir) {
        let data = TempDir::new().expect("a directory");
        let own = self.flags();
        let flags: Vec<&str> = own.iter().map(String::as_str).chain(extra.iter().copied()).collect();
        (Server::relay(data.path(), &format!("http://{}", upstream.address), &flags), data)
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Claims of a good token; a test changes what it is about.
pub fn claims(subject: &str, scope: &str, chats: Option<&[&str]>) -> Value {
    let mut claims = json!({ "sub": subject, "aud": "im-chats", "iat": now(), "exp": now() + 600, "scope": scope });
    if let Some(chats) = chats {
        claims["chats"] = json!(chats);
    }
    claims
}

/// Signs with the key `k1`.
pub fn sign(claims: &Value) -> String {
    signed(&json!({ "alg": "HS256", "typ": "im+jwt", "kid": "k1" }), claims, SECRET)
}

/// Signs with HS256, whatever the header says.
pub fn signed(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let message = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", encode(signature.as_ref()))
}

/// A good token.
pub fn token(subject: &str, scope: &str, chats: Option<&[&str]>) -> String {
    sign(&claims(subject, scope, chats))
}
