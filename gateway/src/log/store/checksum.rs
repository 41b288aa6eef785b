//! The checksum that every row carries: CRC-32 of its other columns. It finds every single flipped bit.

use crc32fast::Hasher;

/// Collects the columns of one row. Each is preceded by what tells it from its neighbours, so that no two rows look alike.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checksum(Hasher);

impl Checksum {
    pub(crate) fn number(mut self, value: i64) -> Self {
        self.0.update(&value.to_le_bytes());
        self
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.blob(Some(value.as_bytes()))
    }

    pub(crate) fn blob(self, value: Option<&[u8]>) -> Self {
        let length = value.map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        self.number(length).bytes(value.unwrap_or_default())
    }

    /// A piece of a blob, whose length went before it as a number.
    pub(crate) fn bytes(mut self, piece: &[u8]) -> Self {
        self.0.update(piece);
        self
    }

    /// As the database keeps it.
    pub(crate) fn finish(self) -> i64 {
        i64::from(self.0.finalize())
    }
}
