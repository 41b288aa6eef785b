//! Backgrounds, icons and files on their way out.

use im_chats_emulator::{Command, State};
use im_chats_protocol::error::Error;

use super::stored::Stored;
use super::{Beside, Emulator};
use crate::log::kind::Kind;

/// How often bytes that are not where they should be are looked for again, while others come and go.
const ATTEMPTS: u32 = 3;

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
