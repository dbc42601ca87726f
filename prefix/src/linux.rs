//! Prefixes of Linux programs: a folder `root` that is their whole file system.

use crate::PrefixError;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root folder of a prefix, if it is one of Linux programs.
pub fn root_of(prefix: &Path) -> Option<PathBuf> {
    let root = prefix.join("root");
    root.is_dir().then_some(root)
}

/// Makes a prefix from a folder, which is copied, or a tar file in whatever compression the host's tar knows. Built aside and
/// renamed into place. Devices are left out: the ones that a program needs are the host's.
pub fn create(path: &Path, from: &Path) -> Result<(), PrefixError> {
    if path.exists() {
        return Err(PrefixError::Exists(path.into()));
    }
    let failed = |source| PrefixError::Create { path: path.into(), source };
    let new = path.with_file_name(format!(".{}.{}", path.file_name().unwrap_or_default().to_string_lossy(), std::process::id()));
    let root = new.join("root");
    std::fs::create_dir_all(&root).map_err(failed)?;
    let done = fill(&root, from).and_then(|()| std::fs::rename(&new, path).map_err(failed));
    if done.is_err() {
        let _ = std::fs::remove_dir_all(&new);
    }
    done
}

/// The host's own tools know owners, modes, links, sparse files and compression.
fn fill(root: &Path, from: &Path) -> Result<(), PrefixError> {
    let failed = |message: String| PrefixError::Fill { path: from.into(), message };
    let mut command = if from.is_dir() {
        let mut copy = Command::new("cp");
        copy.args(["-a", "--reflink=auto", "--"]).arg(from.join(".")).arg(root);
        copy
    } else {
        let mut tar = Command::new("tar");
        tar.args(["--extract", "--preserve-permissions", "--exclude=./dev/*", "--exclude=dev/*", "--directory"])
            .arg(root)
            .arg("--file")
            .arg(from);
        tar
    };
    let output = command.output().map_err(|e| failed(e.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("it failed").to_owned())),
    }
}
