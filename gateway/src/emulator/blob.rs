//! Backgrounds, icons and files on their way out.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use im_chats_emulator::{Command, State};
use im_chats_protocol::error::Error;

use super::{Beside, Emulator};
use crate::log::kind::Kind;

/// How often bytes that are not where they should be are looked for again, while others come and go.
const ATTEMPTS: u32 = 3;

/// Bytes piece by piece.
pub(super) type BytePieces = BoxStream<'static, Result<Bytes, Error>>;

/// Bytes as they were at one moment, whatever is written meanwhile.
pub(crate) struct Stored {
    /// The media type.
    pub(crate) mime: String,
    /// How many bytes there are.
    pub(crate) length: u64,
    /// Begins with the first of them.
    pub(super) pieces: Box<dyn FnOnce() -> BytePieces + Send>,
}

impl Emulator {
    /// A chat's background; `None` when it has none.
    ///
    /// # Errors
    /// `chatNotFound`, or `databaseError` when the disk fails or what it holds is not what was written.
    pub(crate) async fn background(&self, chat: &str) -> Result<Option<Stored>, Error> {
        self.stored(Kind::Background, chat, |state| Ok(state.existing(chat)?.background.is_some())).await
    }

    /// The bytes of `owner`; `None` when `has` says that there are none.
    pub(super) async fn stored<F>(&self, kind: Kind, owner: &str, has: F) -> Result<Option<Stored>, Error>
    where
        F: Fn(&State) -> Result<bool, Error>,
    {
        for attempt in 0.. {
            if !has(&self.0.view.read())? {
                return Ok(None);
            }
            let found = self.0.journal.find(kind, owner).await?;
            if found.is_some() {
                return Ok(found);
            }
            if attempt == ATTEMPTS {
                break;
            }
            // They may have been removed meanwhile, on disk already and in the view not yet: the writer's next answer comes
            // after both.
            let settle = Command::Touch { chat: owner.to_owned() };
            let _ = self.execute(settle, None, Beside::default()).await;
        }
        Err(self.0.journal.lost(kind, owner))
    }
}

impl Stored {
    /// The bytes, piece by piece. `place` is whatever must be held until the last of them.
    pub(crate) fn into_pieces<P: Send + 'static>(self, place: P) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        (self.pieces)().map(move |piece| {
            let _held = &place;
            piece
        })
    }
}
