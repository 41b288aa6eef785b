//! Lists and notes the chats that a relay has seen.

use im_chats_protocol::error::Error;
use rusqlite::TransactionBehavior;

use super::reader::{EventLog, stopped};
use super::retain::writer;
use super::store::Operation;
use super::store::seen::{ChatNote, SeenChat, SeenQuery, seen};

impl EventLog {
    /// Chats that were seen, the one in which something happened last first.
    ///
    /// # Errors
    /// `databaseError` when the disk cannot be read.
    pub async fn seen_chats(&self, query: SeenQuery) -> Result<Vec<SeenChat>, Error> {
        self.store()?.read(move |connection| seen(connection, &query)).await
    }

    /// Notes what reads of chats have shown.
    ///
    /// # Errors
    /// `databaseError` when the disk cannot be written.
    pub async fn note_chats(&self, notes: Vec<ChatNote>) -> Result<(), Error> {
        let log = self.clone();
        let note = move || {
            let store = log.store()?;
            let noted = writer(&log).and_then(|mut connection| {
                let _turn = store.turn();
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                notes.iter().try_for_each(|note| note.write(&transaction))?;
                Ok(transaction.commit()?)
            });
            noted.map_err(|problem| store.failed(Operation::Write, &problem))
        };
        tokio::task::spawn_blocking(note).await.map_err(|_| stopped())?
    }
}
