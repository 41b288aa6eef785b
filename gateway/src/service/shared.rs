//! What the relays of one account share beside the log: the key for tokens, the tokens that were withdrawn, and what each user takes.
//! Whoever has a part of that knows nothing of how it travels, and whoever carries it nothing of what it is for.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

/// Lines of a deny list, each in one form only.
pub type DenyLines = Arc<BTreeSet<String>>;

/// What is asked of the place that holds the key for tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyWish {
    /// A secret to put there, if there is none yet; absent = only look.
    pub create: Option<Vec<u8>>,
}

/// Judges tokens with what all relays know.
#[async_trait]
pub trait SharedTokens: Send + Sync + 'static {
    /// The place of the key was read: its secret, or none.
    ///
    /// # Errors
    /// Why the secret cannot be used; the key from before stays.
    fn set_key(&self, secret: Option<&[u8]>) -> Result<(), String>;

    /// Waits until the place is to be read again. Whoever gets the wish reads it, says what it holds with
    /// [`SharedTokens::set_key`], and then calls [`SharedTokens::looked`]; when it could not be read, it asks for the next wish.
    async fn key_wish(&self) -> KeyWish;

    /// What the last wish asked for was done.
    fn looked(&self);

    /// Every line that any relay denies.
    ///
    /// # Errors
    /// What is wrong with a line; the lines from before stay.
    fn set_denied(&self, lines: &[u8]) -> Result<(), String>;

    /// The lines of this relay's own list as it changes; none where it has no list.
    fn denied_here(&self) -> watch::Receiver<Option<DenyLines>>;
}

/// Names a user without saying the name.
pub type UserHash = [u8; 16];

/// What one user takes at one relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// The user.
    pub user: UserHash,
    /// Calls since the last report.
    pub calls: u32,
    /// Rows of the log that were read since the last report.
    pub rows: u32,
    /// Sockets that are open.
    pub sockets: u32,
    /// Subscriptions that are open.
    pub subscriptions: u32,
}

/// What the users of one relay take. Empty ones count too: they say that the relay is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageReport {
    /// Whether every user is in it who has something open; else those whose numbers changed.
    pub full: bool,
    /// Each user once.
    pub users: Vec<Usage>,
}

/// Keeps users to limits that hold for all relays together.
pub trait SharedUsage: Send + Sync + 'static {
    /// What changed since the last report. Each call and row is in one report.
    fn report(&self) -> UsageReport;

    /// What another relay, or rather one run of its process, reports.
    fn elsewhere(&self, front: &str, report: &UsageReport);
}
