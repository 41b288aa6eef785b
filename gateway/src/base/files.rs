//! Files that the operator names: certificates, keys, tokens.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Reads a whole file of at most `limit` bytes. They are read again and again while the gateway runs, so only a regular file
/// will do: opening a pipe waits until somebody writes, perhaps for ever, and its content comes once.
///
/// # Errors
/// What the operating system says, or a sentence of ours for what is not a regular file or is larger.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "this is not a regular file; it must be one that can be read again",
        ));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).map_or(true, |length| length > limit) {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("this is larger than {limit} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit_and_nothing_but_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert!(read(&path, 4).unwrap_err().to_string().contains("larger than 4 bytes"));
        assert!(read(directory.path(), 5).unwrap_err().to_string().contains("not a regular file"));
        assert_eq!(read(&directory.path().join("none"), 5).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
