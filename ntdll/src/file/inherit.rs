//! Files that a child process inherits: what is told of them besides the descriptor.

use super::named_pipe::NamedPipe;
use super::{File, Kind};
use std::os::fd::OwnedFd;

/// A file object, apart from its descriptor.
pub struct Description {
    pub access: u32,
    pub options: u32,
    pub is_link: bool,
    pub path: Vec<u8>,
    /// Of a named pipe: its name and what [`NamedPipe::describe`] tells.
    pub pipe: Option<(String, [u32; 7])>,
}

impl File {
    /// What a child has to know of it.
    pub fn describe(&self) -> Description {
        Description {
            access: self.access,
            options: self.options,
            is_link: self.is_link,
            path: self.path(),
            pipe: self.pipe.as_ref().map(|pipe| (pipe.name.clone(), pipe.describe())),
        }
    }

    /// The file object that the parent described.
    pub fn inherited(fd: OwnedFd, description: Description) -> File {
        let mut file = File::of_fd(fd, description.access);
        file.options = description.options;
        file.is_link = description.is_link;
        if description.is_link {
            file.kind = Kind::Disk;
        }
        file.set_path(description.path);
        file.pipe = description.pipe.map(|(name, numbers)| Box::new(NamedPipe::described(name, numbers)));
        file
    }
}
