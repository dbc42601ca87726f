//! `uosrun path` and `uosrun prefix`.

use crate::cli::{EXIT_CANNOT_RUN, EXIT_USAGE};
use ntdll::path;
use prefix::Prefix;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

fn fail(message: impl std::fmt::Display) -> i32 {
    eprintln!("uosrun: {message}");
    EXIT_CANNOT_RUN
}

/// Translates paths: Windows' to the host's, the host's to Windows'.
pub fn paths(folder: Option<PathBuf>, texts: &[OsString]) -> i32 {
    let drives = match folder {
        Some(folder) => match Prefix::open(&folder).and_then(|p| p.drives()) {
            Ok(drives) => drives,
            Err(error) => return fail(error),
        },
        // Without a prefix only the host's own drive is known.
        None => vec![(b'Z', Vec::new())],
    };
    path::init(b"", drives);
    let mut code = 0;
    for text in texts {
        let wide = abi::wide::from_host_bytes(text.as_bytes());
        let is_windows = text.as_bytes().get(1) == Some(&b':') || text.as_bytes().starts_with(b"\\\\");
        let translated = if is_windows {
            path::to_host(&wide).ok().map(|host| String::from_utf8_lossy(&host).into_owned())
        } else {
            let absolute = std::path::absolute(Path::new(text)).unwrap_or_default();
            path::from_host(absolute.as_os_str().as_bytes()).map(|w| abi::wide::display(&w))
        };
        match translated {
            Some(text) => println!("{text}"),
            None => code = fail(format!("{}: on none of the drives (name the prefix with --prefix DIR)", text.to_string_lossy())),
        }
    }
    code
}

/// `uosrun prefix new|list|info|remove [DIR]`.
pub fn prefixes(verb: &str, folder: Option<PathBuf>) -> i32 {
    match (verb, folder) {
        ("list", _) => list(),
        ("new", Some(folder)) => match Prefix::open_or_create(&folder) {
            Ok(prefix) => {
                println!("{}", prefix.path().display());
                0
            }
            Err(error) => fail(error),
        },
        ("info", Some(folder)) => info(&folder),
        ("remove", Some(folder)) => Prefix::open(&folder).and_then(Prefix::remove).map_or_else(fail, |()| 0),
        ("new" | "info" | "remove", None) => {
            eprintln!("uosrun: `uosrun prefix {verb}` needs the prefix's folder");
            EXIT_USAGE
        }
        _ => {
            eprintln!("uosrun: prefix takes new, list, info or remove, not {verb:?}");
            EXIT_USAGE
        }
    }
}

/// `uosrun prefix new --linux --from DIR|TAR FOLDER`.
pub fn new_linux(folder: &Path, from: &Path) -> i32 {
    match prefix::linux::create(folder, from) {
        Ok(()) => {
            println!("{}", folder.display());
            0
        }
        Err(error) => fail(error),
    }
}

fn list() -> i32 {
    let home = match prefix::home() {
        Ok(home) => home,
        Err(error) => return fail(error),
    };
    let Ok(entries) = std::fs::read_dir(&home) else { return 0 };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|p| Prefix::open(p).is_ok()).collect();
    folders.sort();
    for folder in folders {
        println!("{}", folder.display());
    }
    0
}

fn size_of(folder: &Path) -> (u64, u64) {
    let mut total = (0, 0);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            let (files, bytes) = size_of(&entry.path());
            total = (total.0 + files, total.1 + bytes);
        } else if kind.is_file() {
            total = (total.0 + 1, total.1 + entry.metadata().map_or(0, |m| m.len()));
        }
    }
    total
}

fn info(folder: &Path) -> i32 {
    let prefix = match Prefix::open(folder) {
        Ok(prefix) => prefix,
        Err(error) => return fail(error),
    };
    let (files, bytes) = size_of(prefix.path());
    println!("{}\n{files} files, {bytes} bytes", prefix.path().display());
    for (letter, target) in prefix.drives().unwrap_or_default() {
        let target = String::from_utf8_lossy(&target);
        println!("{}: {}", letter as char, if target.is_empty() { "/" } else { &target });
    }
    0
}
