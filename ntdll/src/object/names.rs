//! Named objects. Names are case-insensitive; those of this process only, for now.

use super::Object;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::{Arc, LazyLock, Weak};

type Names = HashMap<Vec<u16>, Weak<dyn Object>>;

static NAMES: LazyLock<Mutex<Names>> = LazyLock::new(Mutex::default);

fn key(name: &[u16]) -> Vec<u16> {
    // Local\ is this session, which is also where bare names go; Global\ is the same place to us.
    let text = String::from_utf16_lossy(name);
    let lower = text.to_lowercase();
    let directory = ["\\basenamedobjects\\", "\\sessions\\1\\basenamedobjects\\"];
    let name = directory.iter().find_map(|p| lower.strip_prefix(p)).unwrap_or(&lower);
    let bare = ["local\\", "global\\", "session\\1\\"].iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name);
    bare.encode_utf16().collect()
}

/// The living object of that name.
pub fn find_named(name: &[u16]) -> Option<Arc<dyn Object>> {
    NAMES.lock().get(&key(name))?.upgrade()
}

/// Gives an object a name, unless a living one has it already: then that one is returned.
pub fn publish(name: &[u16], object: &Arc<dyn Object>) -> Option<Arc<dyn Object>> {
    let mut names = NAMES.lock();
    names.retain(|_, object| object.strong_count() > 0);
    let key = key(name);
    if let Some(existing) = names.get(&key).and_then(Weak::upgrade) {
        return Some(existing);
    }
    names.insert(key, Arc::downgrade(object));
    None
}

/// The name of an object, in lower case.
pub fn name_of(object: &Arc<dyn Object>) -> Option<Vec<u16>> {
    NAMES.lock().iter().find(|(_, weak)| std::ptr::addr_eq(weak.as_ptr(), Arc::as_ptr(object))).map(|(name, _)| name.clone())
}
