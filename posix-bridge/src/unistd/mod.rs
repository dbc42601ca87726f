//! unistd.h: files and directories by name and by descriptor.

mod descriptor;
mod dir;
mod name;

pub use descriptor::*;
pub use dir::*;
pub use name::*;
