//! time.h: temporarily the data exports only.
pub fn attach() {}
