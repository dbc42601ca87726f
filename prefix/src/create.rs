//! Creating a prefix: built beside its place under a name of its own, then renamed, so that nobody ever
//! sees half of one, and the first of several creators wins.

use crate::PrefixError;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A piece of the template, with its path in the prefix.
pub(crate) enum Item {
    Folder(&'static str),
    Link(&'static str, &'static str),
    File(&'static str, &'static [u8]),
}

include!(concat!(env!("OUT_DIR"), "/template.rs"));

/// Folders of a user's profile.
const PROFILE: &[&str] = &["AppData/Local/Temp", "AppData/LocalLow", "AppData/Roaming", "Desktop", "Documents", "Downloads"];

/// Creates the prefix at `path`, which is missing or an empty folder.
pub(crate) fn create(path: &Path) -> Result<(), PrefixError> {
    let fail = |source| PrefixError::Create { path: path.to_path_buf(), source };
    if path.is_dir() && fs::read_dir(path).map_err(fail)?.next().is_some() {
        return Err(PrefixError::NotAPrefix { path: path.to_path_buf(), missing: "drives" });
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(fail)?;
    let building = unique_beside(path);
    fs::create_dir(&building).map_err(fail)?;
    let result = fill(&building, None).and_then(|()| match fs::rename(&building, path) {
        // Another process was first: its prefix is as good as ours.
        Err(_) if path.join("drives").is_dir() => fs::remove_dir_all(&building),
        other => other,
    });
    if result.is_err() {
        let _ = fs::remove_dir_all(&building);
    }
    result.map_err(fail)
}

fn unique_beside(path: &Path) -> PathBuf {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)))
}

/// Adds the Windows world to the prefix of Linux programs at `path`: their root folder becomes drive Z:.
pub(crate) fn add(path: &Path) -> Result<(), PrefixError> {
    let fail = |source| PrefixError::Create { path: path.to_path_buf(), source };
    let building = unique_beside(&path.join("drives"));
    fs::create_dir(&building).map_err(fail)?;
    // The drives come last: they say that the rest is there.
    let parts = ["registry", "drive_c", "drives"];
    let result = fill(&building, Some("../root")).and_then(|()| {
        parts.iter().try_for_each(|part| match fs::rename(building.join(part), path.join(part)) {
            // Another process was first.
            Err(_) if path.join(part).is_dir() => Ok(()),
            other => other,
        })
    });
    let _ = fs::remove_dir_all(&building);
    result.map_err(fail)
}

/// `host`: what drive Z: stands for instead of the whole host.
fn fill(root: &Path, host: Option<&str>) -> io::Result<()> {
    for item in TEMPLATE {
        match item {
            Item::Link(name, "/") => symlink(host.unwrap_or("/"), root.join(name))?,
            Item::Folder(name) => fs::create_dir(root.join(name))?,
            Item::Link(name, target) => symlink(target, root.join(name))?,
            Item::File(name, bytes) => fs::write(root.join(name), bytes)?,
        }
    }
    let profile = root.join("drive_c/Users").join(crate::user_name());
    for folder in PROFILE {
        fs::create_dir_all(profile.join(folder))?;
    }
    Ok(())
}
