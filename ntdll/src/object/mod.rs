//! Objects and the handles that name them.

mod exports;
mod names;
mod table;

pub use exports::*;
pub use names::{find_named, name_of, publish};
pub use table::{
    Entry, HandleInfo, close, duplicate, get, inheritable, insert, insert_inheritable, insert_inherited, replace, set_flags, table_info,
    with,
};

use crate::wait::Dispatcher;
use std::any::Any;
use std::sync::Arc;

/// Something that handles can name.
pub trait Object: Any + Send + Sync {
    /// NT's name of the type, such as `Event`.
    fn type_name(&self) -> &'static str;

    /// What waits on the object look at; None when it cannot be waited on.
    fn dispatcher(&self) -> Option<&Dispatcher> {
        None
    }

    /// A handle to it was closed; `last` when no handle is left (others may still refer to it).
    fn on_close(&self, last: bool) {
        let _ = last;
    }
}

/// The object as its concrete type.
pub fn downcast<T: Object>(object: Arc<dyn Object>) -> Option<Arc<T>> {
    let any: Arc<dyn Any + Send + Sync> = object;
    any.downcast().ok()
}
