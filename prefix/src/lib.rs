//! Prefixes: the folder that is a guest program's world.
//!
//! A prefix holds `drive_c`, `drives` (a link for each drive) and `registry`; one for Linux programs holds `root`, and the others as soon as
//! a Windows program runs in it, with `root` as drive Z:. It can be copied, moved and deleted with ordinary tools. Nothing outside it
//! is written.
#![forbid(unsafe_code)]

mod create;
pub mod linux;

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What went wrong with a prefix, for people.
#[derive(Debug, thiserror::Error)]
pub enum PrefixError {
    #[error("cannot create the prefix {path}: {source}\n  choose another folder with --prefix DIR")]
    Create { path: PathBuf, source: io::Error },
    #[error("{path} is not a prefix: it has no {missing}\n  `uosrun prefix new {path}` makes one in an empty folder")]
    NotAPrefix { path: PathBuf, missing: &'static str },
    #[error("no home folder: set HOME or XDG_DATA_HOME, or name a folder with --prefix DIR")]
    NoHome,
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot fill the prefix from {path}: {message}")]
    Fill { path: PathBuf, message: String },
    #[error("{0} exists already")]
    Exists(PathBuf),
    #[error("cannot remove {path}: {source}")]
    Remove { path: PathBuf, source: io::Error },
}

/// An existing prefix.
#[derive(Debug, Clone)]
pub struct Prefix {
    path: PathBuf,
}

impl Prefix {
    /// Opens the prefix at `path`, creating it when the folder is missing or empty. Safe when many
    /// processes do so at once.
    pub fn open_or_create(path: &Path) -> Result<Prefix, PrefixError> {
        let path = std::path::absolute(path).map_err(|source| PrefixError::Read { path: path.into(), source })?;
        if !path.join("drives").is_dir() {
            match linux::root_of(&path) {
                Some(_) => create::add(&path)?,
                None => create::create(&path)?,
            }
        }
        Prefix::open(&path)
    }

    /// Opens an existing prefix. One of Linux programs may have no drives yet.
    pub fn open(path: &Path) -> Result<Prefix, PrefixError> {
        let path = std::path::absolute(path).map_err(|source| PrefixError::Read { path: path.into(), source })?;
        let is_linux = linux::root_of(&path).is_some();
        for part in ["drives", "drive_c"] {
            if !is_linux && !path.join(part).is_dir() {
                return Err(PrefixError::NotAPrefix { path, missing: part });
            }
        }
        Ok(Prefix { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Drive letters (upper case) and the folders they stand for, as bytes without a slash at the end.
    pub fn drives(&self) -> Result<Vec<(u8, Vec<u8>)>, PrefixError> {
        let folder = self.path.join("drives");
        let error = |source| PrefixError::Read { path: folder.clone(), source };
        let mut drives = Vec::new();
        for entry in fs::read_dir(&folder).map_err(error)? {
            let entry = entry.map_err(error)?;
            let [letter @ (b'a'..=b'z' | b'A'..=b'Z')] = *entry.file_name().as_bytes() else { continue };
            let link = entry.path();
            // `../drive_c` is kept short, so that paths given to programs do not wander through `drives`.
            let target = match fs::read_link(&link) {
                Ok(target) if target.is_absolute() => target,
                Ok(target) => target.strip_prefix("..").map_or_else(|_| folder.join(&target), |rest| self.path.join(rest)),
                Err(_) => link,
            };
            let mut bytes = target.as_os_str().as_bytes().to_vec();
            while bytes.last() == Some(&b'/') {
                bytes.pop();
            }
            drives.push((letter.to_ascii_uppercase(), bytes));
        }
        drives.sort();
        Ok(drives)
    }

    /// Deletes the prefix and all that is in it. Drives are links: what they lead to stays.
    pub fn remove(self) -> Result<(), PrefixError> {
        fs::remove_dir_all(&self.path).map_err(|source| PrefixError::Remove { path: self.path, source })
    }
}

/// Where the prefixes of programs live that were started without `--prefix`.
pub fn home() -> Result<PathBuf, PrefixError> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share"))).ok_or(PrefixError::NoHome)?;
    Ok(data.join("uosrun/prefixes"))
}

/// The prefix that a program gets by itself: its name and a hash of where it lies, so that two programs of
/// one name do not share.
pub fn default_for(program: &Path) -> Result<PathBuf, PrefixError> {
    let stem = program.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).take(40).collect();
    let hash = abi::hash::fnv1a(program.as_os_str().as_bytes());
    Ok(home()?.join(format!("{name}-{:08x}", hash as u32)))
}

/// The user's name as it appears in `C:\Users`.
pub fn user_name() -> String {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
    let name: String = name.chars().filter(|c| c.is_alphanumeric() || "-_. ".contains(*c)).collect();
    if name.trim_matches(['.', ' ']).is_empty() { "user".to_string() } else { name }
}
