//! `backup` and `restore`: a data directory as one file, and a data directory from one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use rusqlite::{Connection, OpenFlags};

use super::store::layout::{self, Unusable};
use super::store::meta::{self, Key, Meta};
use super::store::problem::Problem;
use super::store::{self, DATABASE, StoreError, UNFINISHED, verify};

/// Options of `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The data directory of an emulator or a relay.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// The backup; must not exist yet.
    #[arg(value_name = "TARGET")]
    pub target: PathBuf,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A file that `backup` made.
    #[arg(value_name = "BACKUP")]
    pub backup: PathBuf,

    /// The data directory to make; must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}

/// Why there is no backup, or nothing was restored. Each is a sentence for the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data directory, or what it holds, cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to back up.
    #[error("there is no {DATABASE} in {0}: it is not the data directory of a gateway")]
    NoData(PathBuf),
    /// The target is there already.
    #[error("{0} exists already; a backup overwrites nothing")]
    TargetExists(PathBuf),
    /// The data directory holds something.
    #[error("the data directory {0} is not empty; restore into a new or an empty one")]
    NotEmpty(PathBuf),
    /// Another kind of file.
    #[error("{0} is not a backup of im-chats-gateway")]
    NotABackup(PathBuf),
    /// A plain copy of the database, or a backup that was interrupted.
    #[error("{0} is not a finished backup; make one with `im-chats-gateway backup`")]
    NotFinished(PathBuf),
    /// A backup that is not what was written.
    #[error("the backup {path} is damaged: {reason}; nothing was restored")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The head of the log.
    pub head: i64,
    /// Bytes of the backup.
    pub bytes: u64,
}

impl std::fmt::Display for Copied {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "up to event {}: {} bytes, checked", self.head, self.bytes)
    }
}

/// Copies everything in the data directory `data` into the new file `target`, as of one moment. A gateway may use the
/// directory meanwhile. The copy is checked row by row and on the disk when this returns.
///
/// # Errors
/// See [`BackupError`]; there is no `target` then, unless it was there before.
pub fn backup(data: &Path, target: &Path) -> Result<Copied, BackupError> {
    let database = data.join(DATABASE);
    if !database.is_file() {
        return Err(BackupError::NoData(data.to_owned()));
    }
    let unusable = |unusable: Unusable| BackupError::Store(unusable.at(data, &database));
    let source = store::open_reader(&database).map_err(|error| unusable(error.into()))?;
    layout::require_present(&source).map_err(unusable)?;
    drop(create(target).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::TargetExists(target.to_owned()),
        _ => BackupError::File { path: target.to_owned(), source },
    })?);
    let copied = copy_out(&source, target).map_err(|problem| unusable(problem.into()));
    let copied = copied.and_then(|head| {
        let bytes = sync(target).map_err(|source| BackupError::File { path: target.to_owned(), source })?;
        Ok(Copied { head, bytes })
    });
    if copied.is_err() {
        let _ = fs::remove_file(target);
    }
    copied
}

/// Fills the empty file `target`.
fn copy_out(source: &Connection, target: &Path) -> Result<i64, Problem> {
    // Absolute: SQLite would take a name that begins with `file:` for a URL.
    let absolute = std::path::absolute(target).ok();
    let Some(path) = absolute.as_deref().and_then(Path::to_str) else {
        return Err(Problem::Failed(rusqlite::Error::InvalidPath(target.to_owned())));
    };
    source.execute("VACUUM INTO ?1", [path])?;
    let copy = Connection::open(path)?;
    let meta = verify::everything(&copy)?;
    // Last: a backup without it is not whole.
    meta::set(&copy, Key::Backup, &chrono::Utc::now().to_rfc3339())?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(meta.head)
}

/// Makes the data directory `data`, which must be new or empty, from a backup. Its log gets another id: every cursor from
/// before the restore is answered with `logChanged`.
///
/// # Errors
/// See [`BackupError`]; `data` is then as it was before.
pub fn restore(backup: &Path, data: &Path) -> Result<Copied, BackupError> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| BackupError::File { path, source }
    };
    let mut source = File::open(backup).map_err(file(backup))?;
    let mut header = Vec::new();
    (&mut source).take(100).read_to_end(&mut header).map_err(file(backup))?;
    if !layout::is_ours(&header) {
        return Err(BackupError::NotABackup(backup.to_owned()));
    }
    let existed = match fs::read_dir(data) {
        // A file system's own directory is in the way of nothing.
        Ok(mut entries) => match entries.find(|entry| entry.as_ref().map_or(true, |entry| entry.file_name() != "lost+found")) {
            None => true,
            Some(_) => return Err(BackupError::NotEmpty(data.to_owned())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(file(data)(error)),
    };
    let lock = store::lock(data)?;
    let unfinished = data.join(UNFINISHED);
    let restored = (|| {
        let mut copy = create(&unfinished).map_err(file(&unfinished))?;
        io::copy(&mut io::Cursor::new(header).chain(source), &mut copy).map_err(file(&unfinished))?;
        drop(copy);
        let head = adopt(&unfinished).map_err(|unusable| judge(unusable, backup, data))?;
        let head = head.ok_or_else(|| BackupError::NotFinished(backup.to_owned()))?;
        let bytes = sync(&unfinished).map_err(file(&unfinished))?;
        fs::rename(&unfinished, data.join(DATABASE)).map_err(file(data))?;
        sync_directory(data).map_err(file(data))?;
        Ok(Copied { head, bytes })
    })();
    if restored.is_err() {
        let _ = fs::remove_file(&unfinished);
        let _ = fs::remove_file(data.join(store::LOCK));
        if !existed {
            let _ = fs::remove_dir(data);
        }
    }
    drop(lock);
    restored
}

/// Checks a backup and makes it a log of its own; nothing when it is not a finished one.
fn adopt(database: &Path) -> Result<Option<i64>, Unusable> {
    let mut connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    layout::require_present(&connection)?;
    let Meta { backup, head, .. } = verify::everything(&connection)?;
    if backup.is_none() {
        return Ok(None);
    }
    let transaction = connection.transaction()?;
    meta::set(&transaction, Key::LogId, &meta::fresh_id())?;
    meta::remove(&transaction, Key::Backup)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(Some(head))
}

fn judge(unusable: Unusable, backup: &Path, data: &Path) -> BackupError {
    match unusable {
        Unusable::Foreign => BackupError::NotABackup(backup.to_owned()),
        Unusable::Problem(Problem::Damage(reason)) => BackupError::Damaged { path: backup.to_owned(), reason },
        Unusable::TooNew(_) | Unusable::TooOld(_) => unusable.at(backup, backup).into(),
        problem @ Unusable::Problem(_) => problem.at(data, data).into(),
    }
}

/// A new file that its owner alone can read: it holds messages.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Waits until the file and its name are on the disk; gives its size.
fn sync(path: &Path) -> io::Result<u64> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.sync_all()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_directory(parent)?;
    Ok(file.metadata()?.len())
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
