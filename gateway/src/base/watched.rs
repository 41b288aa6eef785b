//! Files that the operator may replace while the gateway runs: read again when they change, and as they were while they are away.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use im_chats_protocol::error::Error;
use parking_lot::{Mutex, RwLock};

use super::files;

/// A file that changed so recently may change again without a sign of it: the clocks of file systems are coarse.
const SETTLED: Duration = Duration::from_secs(2);

/// A file and what it held when it could last be read.
#[derive(Debug)]
pub struct Watched<T> {
    flag: &'static str,
    path: PathBuf,
    limit: u64,
    parse: fn(&[u8]) -> Result<T, String>,
    known: Mutex<Known>,
    /// Apart from what is known of the file: reading a large or slow one must not keep those who ask for the value waiting.
    value: RwLock<Arc<T>>,
}

#[derive(Debug)]
struct Known {
    version: Version,
    /// Whether the version tells every later change.
    settled: bool,
    /// What is wrong with the file as it is now, once it was reported; empty when nothing is.
    complaint: String,
}

/// What changes when the file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    modified: Option<SystemTime>,
    length: u64,
    /// Another file of the same age and length, moved here or behind a link, is another one; and one that was written over, and its
    /// time set back, has another time of change.
    #[cfg(unix)]
    inode: (u64, i64, i64),
}

impl<T: PartialEq> Watched<T> {
    /// Reads a file of at most `limit` bytes, which must be good now. `flag` is the option that named it.
    ///
    /// # Errors
    /// `invalidArgument` of the flag: the file cannot be read, or `parse` says what is wrong with it.
    pub fn open(flag: &'static str, path: &Path, limit: u64, parse: fn(&[u8]) -> Result<T, String>) -> Result<Self, Error> {
        let (version, value) = read(path, limit, parse).map_err(|reason| invalid(flag, path, &reason))?;
        let known = Known { version, settled: version.is_settled(), complaint: String::new() };
        let (known, value) = (Mutex::new(known), RwLock::new(Arc::new(value)));
        Ok(Self { flag, path: path.to_owned(), limit, parse, known, value })
    }

    /// What the file held when it was last looked at.
    #[must_use]
    pub fn last(&self) -> Arc<T> {
        Arc::clone(&self.value.read())
    }

    /// Looks at the file, and gives what it holds. One that cannot be read for a while, because it is being replaced, is as it was.
    #[must_use]
    pub fn current(&self) -> Arc<T> {
        self.look();
        self.last()
    }

    /// Looks at the file; says whether it holds something else than before.
    pub fn look(&self) -> bool {
        let mut known = self.known.lock();
        if known.settled && known.complaint.is_empty() && Version::of(&self.path).is_ok_and(|now| now == known.version) {
            return false;
        }
        match read(&self.path, self.limit, self.parse) {
            Ok((version, value)) => {
                known.version = version;
                known.settled = version.is_settled();
                known.complaint.clear();
                let changed = *self.last() != value;
                if changed {
                    *self.value.write() = Arc::new(value);
                    tracing::info!(path = %self.path.display(), "{}: the file has changed", self.flag);
                }
                changed
            }
            // It is looked at again and again: the same complaint is not repeated.
            Err(reason) if reason != known.complaint => {
                let error = invalid(self.flag, &self.path, &reason);
                tracing::warn!(%error, "this file cannot be read; what it held before is used");
                known.complaint = reason;
                false
            }
            Err(_) => false,
        }
    }
}

impl Version {
    fn of(path: &Path) -> std::io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt as _;
        Ok(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            #[cfg(unix)]
            inode: (metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    fn is_settled(self) -> bool {
        let modified = self.modified.and_then(|modified| modified.elapsed().ok()).is_some_and(|age| age >= SETTLED);
        #[cfg(unix)]
        let (_, changed, _) = self.inode;
        #[cfg(unix)]
        let modified = modified && {
            let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(changed).unwrap_or(0)));
            changed.and_then(|changed| changed.elapsed().ok()).is_some_and(|age| age > SETTLED)
        };
        modified
    }
}

fn read<T>(path: &Path, limit: u64, parse: fn(&[u8]) -> Result<T, String>) -> Result<(Version, T), String> {
    // The version first: a change in between is seen at the next look.
    let version = Version::of(path).map_err(|error| error.to_string())?;
    let bytes = files::read(path, limit).map_err(|error| error.to_string())?;
    Ok((version, parse(&bytes)?))
}

fn invalid(flag: &'static str, path: &Path, reason: &str) -> Error {
    Error::invalid(flag, format!("{}: {reason}", path.display()))
}

/// What a file holds, without the one line break that editors and `echo` end it with.
#[must_use]
pub fn without_line_break(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\r\n").or_else(|| bytes.strip_suffix(b"\n")).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn number(bytes: &[u8]) -> Result<u32, String> {
        std::str::from_utf8(without_line_break(bytes)).ok().and_then(|text| text.parse().ok()).ok_or_else(|| "no number".into())
    }

    fn age(path: &Path, age: Duration) {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn a_file_is_read_again_when_it_changes_and_as_it_was_while_it_is_away_or_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("number");
        let open = || Watched::open("--number", &path, 100, number);
        assert_eq!(open().unwrap_err().context_value("field"), Some("--number"));
        std::fs::write(&path, "words").unwrap();
        let error = open().unwrap_err();
        assert!(error.message.starts_with("--number: ") && error.message.ends_with("number: no number"), "{error}");
        std::fs::write(&path, "1\r\n").unwrap();
        let file = open().unwrap();
        assert_eq!(*file.last(), 1);
        std::fs::write(&path, "2\n").unwrap();
        assert_eq!(*file.last(), 1, "nobody has looked");
        assert!(file.look());
        assert_eq!(*file.last(), 2);
        for broken in ["words", ""] {
            std::fs::write(&path, broken).unwrap();
            assert!(!file.look());
            assert_eq!(*file.current(), 2);
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(*file.current(), 2);
        std::fs::write(&path, "3").unwrap();
        assert_eq!(*file.current(), 3);
        std::fs::write(&path, "0003").unwrap();
        assert!(!file.look(), "it holds the same");
    }

    #[test]
    fn a_change_within_one_tick_of_the_clock_is_seen_and_so_is_one_whose_time_was_set_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("number");
        std::fs::write(&path, "1").unwrap();
        let file = Watched::open("--number", &path, 100, number).unwrap();
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::write(&path, "2").unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert!(file.look());

        age(&path, Duration::from_secs(60));
        assert!(!file.look());
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::write(&path, "4").unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert!(!cfg!(unix) || file.look());
    }

    static READS: AtomicUsize = AtomicUsize::new(0);

    fn counted(bytes: &[u8]) -> Result<usize, String> {
        READS.fetch_add(1, Ordering::SeqCst);
        Ok(bytes.len())
    }

    /// A file of this very moment may be written over without a sign of it.
    #[test]
    fn a_fresh_file_is_read_at_every_look() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "1").unwrap();
        let file = Watched::open("--file", &path, 100, counted).unwrap();
        assert!(!file.look() && !file.look());
        assert_eq!(READS.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn only_one_line_break_is_left_out() {
        for (bytes, rest) in [(&b"a"[..], &b"a"[..]), (b"a\n", b"a"), (b"a\r\n", b"a"), (b"a\n\n", b"a\n"), (b"a\r", b"a\r")] {
            assert_eq!(without_line_break(bytes), rest);
        }
    }
}
