//! What is too large for a text: backgrounds, icons, files. Their bytes lie in pieces, each a row with a checksum of its own, so that none of
//! them is ever in memory as a whole on its way out.

use rusqlite::{Connection, Row, Transaction, params};

use super::checksum::Checksum;
use super::problem::Problem;
pub(crate) use crate::log::kind::Kind;

/// Bytes of every piece but the last.
pub(crate) const PIECE: usize = 256 * 1024;

impl Kind {
    /// Those of one owner, named by the GUID of the chat or of the attachment.
    pub(crate) const fn of(self, owner: &str) -> Place<'_> {
        Place { kind: self, owner }
    }
}

/// Where bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    kind: Kind,
    owner: &'a str,
}

impl<'a> Place<'a> {
    const fn parts(self) -> (&'static str, &'a str) {
        (self.kind.name(), self.owner)
    }

    /// What is said when it is not there, or not all of it.
    pub(crate) fn missing(self) -> Problem {
        missing(self.kind.name(), self.owner)
    }
}

fn missing(kind: &str, owner: &str) -> Problem {
    Problem::damage(format!("the {kind} of {owner} is missing, or a part of it"))
}

/// How a place's bytes begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The media type.
    pub(crate) mime: String,
    /// How many bytes there are.
    pub(crate) length: u64,
}

impl Head {
    /// How many pieces that makes.
    pub(crate) fn pieces(&self) -> i64 {
        let pieces = self.length.div_ceil(u64::try_from(PIECE).unwrap_or(u64::MAX)).max(1);
        i64::try_from(pieces).unwrap_or(i64::MAX)
    }
}

/// One row of `blobs`.
struct Piece<'a> {
    kind: &'a str,
    owner: &'a str,
    piece: i64,
    mime: &'a str,
    length: i64,
    data: &'a [u8],
}

/// The columns that [`Piece::read`] expects, in its order.
macro_rules! columns {
    () => {
        "SELECT kind, owner, piece, mime, length, data, sum FROM blobs"
    };
}

impl<'a> Piece<'a> {
    /// Reads a row and checks it.
    fn read(row: &'a Row<'_>) -> Result<Self, Problem> {
        let piece = Self {
            kind: row.get_ref(0)?.as_str()?,
            owner: row.get_ref(1)?.as_str()?,
            piece: row.get(2)?,
            mime: row.get_ref(3)?.as_str()?,
            length: row.get(4)?,
            data: row.get_ref(5)?.as_blob()?,
        };
        if row.get::<_, i64>(6)? == piece.checksum() {
            return Ok(piece);
        }
        Err(Problem::damage(format!("the {} of {} is not what was written", piece.kind, piece.owner)))
    }

    fn checksum(&self) -> i64 {
        let name = Checksum::default().text(self.kind).text(self.owner).number(self.piece);
        name.text(self.mime).number(self.length).blob(Some(self.data)).finish()
    }

    fn head(&self) -> Head {
        Head { mime: self.mime.to_owned(), length: u64::try_from(self.length).unwrap_or(0) }
    }
}

/// How the bytes at a place begin; nothing when there are none.
pub(crate) fn head(connection: &Connection, place: Place<'_>) -> Result<Option<Head>, Problem> {
    let (kind, owner) = place.parts();
    let mut statement = connection.prepare_cached(concat!(columns!(), " WHERE kind = ?1 AND owner = ?2 AND piece = 0"))?;
    let mut rows = statement.query([kind, owner])?;
    rows.next()?.map(|row| Piece::read(row).map(|piece| piece.head())).transpose()
}

/// One piece of the bytes at a place, checked.
pub(crate) fn piece(connection: &Connection, place: Place<'_>, number: i64) -> Result<Vec<u8>, Problem> {
    let (kind, owner) = place.parts();
    let mut statement = connection.prepare_cached(concat!(columns!(), " WHERE kind = ?1 AND owner = ?2 AND piece = ?3"))?;
    let mut rows = statement.query(params![kind, owner, number])?;
    let row = rows.next()?.ok_or_else(|| place.missing())?;
    Ok(Piece::read(row)?.data.to_vec())
}

/// Reads all bytes of a place that begin so, and checks that they are what was written.
pub(crate) fn check(connection: &Connection, place: Place<'_>, head: &Head) -> Result<(), Problem> {
    let mut left = head.length;
    for number in 0..head.pieces() {
        let read = piece(connection, place, number)?.len();
        left = left.checked_sub(u64::try_from(read).unwrap_or(u64::MAX)).ok_or_else(|| place.missing())?;
    }
    if left == 0 { Ok(()) } else { Err(place.missing()) }
}

/// Writes bytes to a place, instead of those that are there.
pub(crate) fn put(transaction: &Transaction<'_>, place: Place<'_>, mime: &str, data: &[u8]) -> Result<(), rusqlite::Error> {
    remove(transaction, place)?;
    let (kind, owner) = place.parts();
    let length = i64::try_from(data.len()).unwrap_or(i64::MAX);
    let mut insert = transaction.prepare_cached(
        "INSERT INTO blobs (kind, owner, piece, mime, length, data, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut number = 0;
    // One piece at least: it has the media type.
    let first = data.get(..PIECE.min(data.len())).unwrap_or_default();
    for data in std::iter::once(first).chain(data.chunks(PIECE).skip(1)) {
        let piece = Piece { kind, owner, piece: number, mime, length, data };
        insert.execute(params![kind, owner, number, mime, length, data, piece.checksum()])?;
        number = number.saturating_add(1);
    }
    Ok(())
}

/// Drops the bytes at a place, if there are any.
pub(crate) fn remove(transaction: &Transaction<'_>, place: Place<'_>) -> Result<(), rusqlite::Error> {
    let (kind, owner) = place.parts();
    transaction.prepare_cached("DELETE FROM blobs WHERE kind = ?1 AND owner = ?2")?.execute([kind, owner]).map(drop)
}

/// Makes the bytes at a place ones that are not what was written.
pub(super) fn spoil(transaction: &Transaction<'_>, place: Place<'_>) -> Result<(), rusqlite::Error> {
    let (kind, owner) = place.parts();
    transaction.execute("UPDATE blobs SET sum = sum - 1 WHERE kind = ?1 AND owner = ?2", [kind, owner]).map(drop)
}

/// Reads all bytes of all places and checks them.
pub(super) fn verify(connection: &Connection) -> Result<(), Problem> {
    let mut statement = connection.prepare(concat!(columns!(), " ORDER BY kind, owner, piece"))?;
    let mut rows = statement.query([])?;
    // Of the place that is being read: its name, the next piece, and the bytes that are to come.
    let mut open: Option<(String, String, i64, i64)> = None;
    while let Some(row) = rows.next()? {
        let piece = Piece::read(row)?;
        let (number, left) = match &open {
            Some((kind, owner, next, left)) if (piece.kind, piece.owner) == (kind, owner) => (*next, *left),
            Some((kind, owner, ..)) => return Err(missing(kind, owner)),
            None => (0, piece.length),
        };
        let left = left.saturating_sub(i64::try_from(piece.data.len()).unwrap_or(i64::MAX));
        if piece.piece != number || left < 0 {
            return Err(missing(piece.kind, piece.owner));
        }
        open = (left > 0).then(|| (piece.kind.to_owned(), piece.owner.to_owned(), number.saturating_add(1), left));
    }
    open.map_or(Ok(()), |(kind, owner, ..)| Err(missing(&kind, &owner)))
}
