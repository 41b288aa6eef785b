//! The mark beside the database: how far it had come. A database that is behind its mark has gone back in time, because an
//! older copy was put in its place or because its end is damaged.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::path::Path;

use super::checksum::Checksum;

/// The mark's file in the data directory.
pub(super) const FILE: &str = "mark";

const TITLE: &str = "im-chats mark";

/// Most bytes looked at: several times what a mark has.
const MAX_BYTES: u64 = 256;

/// How far a database had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The transaction's number.
    pub commits: u64,
    /// The log's head.
    pub head: u64,
}

impl Mark {
    fn checksum(self) -> i64 {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        Checksum::default().number(number(self.commits)).number(number(self.head)).finish()
    }

    /// One line of the same length each time, so that writing it again needs no room on the disk.
    fn to_line(self) -> String {
        format!("{TITLE} {:020} {:020} {:08x}\n", self.commits, self.head, self.checksum())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(TITLE)?.split_whitespace();
        let mark = Self { commits: parts.next()?.parse().ok()?, head: parts.next()?.parse().ok()? };
        let checksum = i64::from_str_radix(parts.next()?, 16).ok()?;
        (mark.checksum() == checksum).then_some(mark)
    }
}

/// The open file.
#[derive(Debug)]
pub(crate) struct MarkFile(File);

impl MarkFile {
    /// Opens or creates it, and reads what it says; nothing when it is new or unreadable.
    pub(crate) fn open(directory: &Path) -> std::io::Result<(Self, Option<Mark>)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let path = directory.join(FILE);
        // Opening a pipe would wait for its other end.
        if std::fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, format!("{FILE} is not a regular file")));
        }
        let file = options.open(path)?;
        let mut text = Vec::new();
        (&file).take(MAX_BYTES).read_to_end(&mut text)?;
        let mark = str::from_utf8(&text).ok().and_then(Mark::parse);
        if mark.is_none() && !text.is_empty() {
            tracing::warn!("the file {FILE} in the data directory is damaged: whether the database went back cannot be told");
        }
        Ok((Self(file), mark))
    }

    /// Writes it after a commit, never before. It does not wait for the disk: a mark that is behind says less and nothing
    /// wrong.
    pub(crate) fn write(&self, mark: Mark) -> std::io::Result<()> {
        write_at_start(&self.0, mark.to_line().as_bytes())
    }
}

#[cfg(unix)]
fn write_at_start(file: &File, bytes: &[u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

#[cfg(not(unix))]
fn write_at_start(mut file: &File, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::{Seek as _, SeekFrom, Write as _};
    file.seek(SeekFrom::Start(0))?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_is_no_file_or_has_no_end_keeps_nobody_waiting() {
        let directory = tempfile::tempdir().unwrap();
        File::create(directory.path().join(FILE)).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(MarkFile::open(directory.path()).unwrap().1, None);
        std::fs::remove_file(directory.path().join(FILE)).unwrap();
        std::fs::create_dir(directory.path().join(FILE)).unwrap();
        assert!(MarkFile::open(directory.path()).unwrap_err().to_string().contains("not a regular file"));
    }

    #[test]
    fn what_was_written_is_read_and_a_flipped_bit_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let (file, none) = MarkFile::open(directory.path()).unwrap();
        assert_eq!(none, None);
        let mark = Mark { commits: 7, head: 1 << 53 };
        file.write(Mark { commits: u64::MAX, ..mark }).unwrap();
        file.write(mark).unwrap();
        let written = std::fs::read(directory.path().join(FILE)).unwrap();
        assert_eq!(MarkFile::open(directory.path()).unwrap().1, Some(mark));
        for bit in 0..written.len() * 8 {
            let mut damaged = written.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(directory.path().join(FILE), &damaged).unwrap();
            let read = MarkFile::open(directory.path()).unwrap().1;
            assert!(read.is_none() || read == Some(mark), "bit {bit}");
        }
    }
}
