//! Files and directories that nobody but their owner may read: they hold messages.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// The file of a data directory that holds the gateway's own key for tokens. What begins with its name is the gateway's, too.
pub const TOKEN_KEY: &str = "token.key";

/// The directory of a data directory that holds the local certificate authority.
pub const TLS: &str = "tls";

/// The bits of a mode that let others in: the group and everyone else.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// Creates `path`, and the directories above it, with mode 0700. One that exists and lets others in is tightened, unless it
/// holds something that is not `ours`: it was then not made for the gateway alone, and the files in it must do.
///
/// # Errors
/// When it cannot be created or read.
pub fn directory(path: &Path, ours: impl Fn(&str) -> bool) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    tighten_directory(path, ours)?;
    Ok(())
}

/// Opens a file to be written, creating it with mode 0600 where absent and tightening one that lets others in. What it holds
/// stays.
///
/// # Errors
/// When it cannot be opened.
pub fn file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    tighten(path)?;
    Ok(file)
}

/// Writes a file with mode 0600, in place of the one that is there: whole or not at all, whenever the process ends. What it writes
/// first has the file's name with `.new` at its end.
///
/// # Errors
/// When it cannot be written.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let mut new = file(Path::new(&unfinished))?;
    new.set_len(0)?;
    new.write_all(content)?;
    new.sync_all()?;
    drop(new);
    std::fs::rename(&unfinished, path)
}

/// Takes what lets others in from the mode of a file that exists; one that does not is left out.
///
/// # Errors
/// When its mode cannot be read.
#[cfg(unix)]
pub fn tighten(path: &Path) -> io::Result<()> {
    let mode = match mode(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        mode => mode?,
    };
    if mode & OTHERS != 0 {
        match set_mode(path, mode & !OTHERS) {
            Ok(()) => {
                tracing::warn!(path = %path.display(), "others could read this file of the data directory; now only its owner can")
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "others can read this file of the data directory, and its mode cannot be changed")
            }
        }
    }
    Ok(())
}

/// As on Unix, where there are modes.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn tighten(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn tighten_directory(path: &Path, ours: impl Fn(&str) -> bool) -> io::Result<()> {
    let mode = mode(path)?;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        if !name.to_str().is_some_and(&ours) {
            let (path, name) = (path.display(), name.display());
            tracing::warn!(%path, "others can look into the data directory; its mode stays, since it holds {name}, too");
            return Ok(());
        }
    }
    let path_shown = path.display();
    match set_mode(path, mode & !OTHERS) {
        Ok(()) => tracing::warn!(path = %path_shown, "others could look into the data directory; now only its owner can"),
        Err(error) => {
            tracing::warn!(path = %path_shown, %error, "others can look into the data directory, and its mode cannot be changed")
        }
    }
    Ok(())
}

#[cfg(unix)]
fn mode(path: &Path) -> io::Result<u32> {
    Ok(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path)?.permissions()) & 0o7777)
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_its_owners_and_what_is_found_is_tightened() {
        let root = tempfile::tempdir().unwrap();
        let (fresh, found) = (root.path().join("a/b"), root.path().join("found"));
        directory(&fresh, |_| true).unwrap();
        drop(file(&fresh.join("made")).unwrap());
        assert_eq!((mode(&fresh).unwrap(), mode(&fresh.join("made")).unwrap()), (0o700, 0o600));

        std::fs::create_dir(&found).unwrap();
        std::fs::write(found.join("ours"), "kept").unwrap();
        set_mode(&found, 0o2755).unwrap();
        set_mode(&found.join("ours"), 0o664).unwrap();
        directory(&found, |name| name == "ours").unwrap();
        drop(file(&found.join("ours")).unwrap());
        assert_eq!((mode(&found).unwrap(), mode(&found.join("ours")).unwrap()), (0o2700, 0o600));
        assert_eq!(std::fs::read(found.join("ours")).unwrap(), b"kept");
        tighten(&found.join("none")).unwrap();
    }

    #[test]
    fn a_directory_that_others_use_too_keeps_its_mode() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("theirs"), "").unwrap();
        set_mode(root.path(), 0o755).unwrap();
        directory(root.path(), |name| name == "ours").unwrap();
        assert_eq!(mode(root.path()).unwrap(), 0o755);
    }
}
