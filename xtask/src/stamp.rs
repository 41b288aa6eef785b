//! Steps that are done again only when what they read has changed.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use walkdir::WalkDir;

use crate::workspace::Workspace;

/// Runs `make` unless every output is there and the inputs' contents are those of the last successful run.
///
/// Contents and not times are compared: a checkout, a copied cache or a rebuilt but equal wasm all move times.
/// An input may be a folder, and may be missing (which is a content too). Returns whether it ran.
pub fn when_changed(
    workspace: &Workspace,
    name: &str,
    inputs: &[PathBuf],
    outputs: &[PathBuf],
    make: impl FnOnce() -> Result<()>,
) -> Result<bool> {
    let stamp = workspace.target.join("xtask").join(format!("{name}.stamp"));
    let now = format!("{:016x}", fingerprint(inputs)?);
    let fresh = outputs.iter().all(|output| output.exists()) && fs::read_to_string(&stamp).is_ok_and(|then| then == now);
    if fresh {
        return Ok(false);
    }
    // A run that fails half-way must not look fresh next time.
    match fs::remove_file(&stamp) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    make()?;
    if let Some(dir) = stamp.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::write(&stamp, now)?;
    Ok(true)
}

fn fingerprint(inputs: &[PathBuf]) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for input in inputs {
        input.hash(&mut hasher);
        if !input.exists() {
            continue;
        }
        for entry in WalkDir::new(input).sort_by_file_name() {
            let entry = entry?;
            if entry.file_type().is_file() {
                hash_file(entry.path(), &mut hasher)?;
            }
        }
    }
    Ok(hasher.finish())
}

fn hash_file(path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    path.hash(hasher);
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))?.hash(hasher);
    Ok(())
}

/// Replaces the folder `to` by a copy of `from`.
pub fn mirror(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    copy_into(from, to)
}

/// Copies the files of `from`, with their folders, into `to`.
pub fn copy_into(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in WalkDir::new(from).min_depth(1) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Copies these files of `from` into `to`.
pub fn copy_files(from: &Path, to: &Path, names: &[&str]) -> Result<()> {
    fs::create_dir_all(to)?;
    for name in names {
        fs::copy(from.join(name), to.join(name)).with_context(|| format!("cannot copy {name}"))?;
    }
    Ok(())
}
