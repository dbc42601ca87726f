//! What the guest's processes share that come from one run of ours, by fork.

use host::Result;
use host::mem::share;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Memory that all of them have, by these places.
type Session = [AtomicU64; 8];
const NAME_CHANGES: usize = 0;

static SESSION: OnceLock<&'static Session> = OnceLock::new();
/// Counts for a process that has nobody to share with yet, and its own changes.
static OWN_CHANGES: AtomicU64 = AtomicU64::new(0);

/// To be called before a fork. Without the memory, what needs it works as if nothing were known.
pub fn share_with_child() -> Result<()> {
    if SESSION.get().is_none() {
        let new = share::<Session>()?;
        let _ = SESSION.set(new);
    }
    Ok(())
}

/// Names may lead elsewhere from now on, or who may look has changed. For all processes.
pub fn names_changed() {
    match SESSION.get() {
        Some(session) => session[NAME_CHANGES].fetch_add(1, Ordering::AcqRel),
        None => OWN_CHANGES.fetch_add(1, Ordering::AcqRel),
    };
}

/// The same, for this process alone: its current directory is another one.
pub fn own_names_changed() {
    OWN_CHANGES.fetch_add(1, Ordering::AcqRel);
}

/// How often names have changed.
pub fn name_changes() -> u64 {
    let shared = SESSION.get().map_or(0, |session| session[NAME_CHANGES].load(Ordering::Acquire));
    shared.wrapping_add(OWN_CHANGES.load(Ordering::Acquire))
}
