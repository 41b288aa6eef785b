//! What judging a token costs: the operator's own, and signed ones of each algorithm.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Args as _, Command, FromArgMatches as _};
use im_chats_gateway::service::auth::Authenticator as _;
use im_chats_gateway::tokens::{Algorithm, TokenArgs, Tokens, Wish};

use crate::figure::{Better, Figure, Quantity};

/// How long each is judged, again and again.
const TIME: Duration = Duration::from_millis(300);

/// As a clock that is asked after each would cost as much as a hash.
const TURN: u32 = 64;

/// The key of an algorithm, and what the row is called.
const KEYS: [(Algorithm, &[u8], &str, &str); 4] = [
    (Algorithm::Hs256, b"a secret of 32 bytes for figures", "verifyHs256", "judging a token of HS256"),
    (Algorithm::Rs256, include_bytes!("../../../gateway/tests/keys/rsa.pem"), "verifyRs256", "judging a token of RS256"),
    (Algorithm::EdDsa, include_bytes!("../../../gateway/tests/keys/ed.pem"), "verifyEdDsa", "judging a token of EdDSA"),
    (Algorithm::Es256, include_bytes!("../../../gateway/tests/keys/ec.pem"), "verifyEs256", "judging a token of ES256"),
];

pub(crate) fn measure(quick: bool) -> Result<Vec<Figure>> {
    let directory = tempfile::tempdir()?;
    let admin = "an-operators-token-of-32-letters";
    let time = if quick { TIME / 10 } else { TIME };
    let mut figures = vec![figure("verifyStatic", "judging the operator's token", {
        let tokens = open(&["--token", admin], directory.path())?;
        per_token(&tokens, admin, time)?
    })];
    for (algorithm, key, name, what) in KEYS {
        let path = directory.path().join(name);
        std::fs::write(&path, key)?;
        let flag = format!("k={algorithm}:{}", path.display());
        let tokens = open(&["--token", admin, "--token-key", &flag], directory.path())?;
        let wish = Wish {
            sub: Some("user-17".to_owned()),
            scope: Some("chats:read events".to_owned()),
            chats: Some(vec!["any;-;alice@example.com".to_owned()]),
            ttl_seconds: Some(3600),
        };
        let token = tokens.mint(&wish)?.token;
        figures.push(figure(name, what, per_token(&tokens, &token, time)?));
    }
    Ok(figures)
}

fn open(arguments: &[&str], data: &Path) -> Result<Tokens> {
    let matches = TokenArgs::augment_args(Command::new("tokens").no_binary_name(true)).try_get_matches_from(arguments)?;
    Ok(Tokens::open(&TokenArgs::from_arg_matches(&matches)?, data)?.0)
}

/// Microseconds for each.
fn per_token(tokens: &Tokens, token: &str, time: Duration) -> Result<f64> {
    tokens.verify(token).context("the token is not good")?;
    let (began, mut judged) = (Instant::now(), 0_u32);
    while began.elapsed() < time {
        for _ in 0..TURN {
            ensure!(black_box(tokens.verify(black_box(token))).is_ok(), "the token is not good");
        }
        judged = judged.saturating_add(TURN);
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(judged))
}

fn figure(key: &'static str, what: &'static str, value: f64) -> Figure {
    let quantity = Quantity { key, what, unit: "µs", better: Better::Less, limit_name: "" };
    Figure { quantity, subscribers: None, value, limit: None }
}
