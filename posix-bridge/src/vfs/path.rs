//! Paths as text: components, names and mount points, without looking at any file.

use host::{Errno, Result};
use std::borrow::Cow;
use std::ffi::{CStr, CString};

/// Longest path with its NUL (PATH_MAX of limits.h).
pub const PATH_MAX: usize = 4096;
/// Longest name (NAME_MAX of limits.h).
pub const NAME_MAX: usize = 255;

/// Room for a path; for most without a page of the stack for each. (smallvec's takes three times as many instructions to be filled by words
/// with a short path, which is the most of what a lookup beside the last one does.)
pub struct PathBuffer {
    len: usize,
    short: [u8; SHORT],
    /// All of it, if it is longer than `short`; else empty.
    long: Vec<u8>,
}

const SHORT: usize = 240;

impl PathBuffer {
    pub fn new() -> PathBuffer {
        PathBuffer { len: 0, short: [0; SHORT], long: Vec::new() }
    }

    pub fn clear(&mut self) {
        self.len = 0;
        self.long.clear();
    }

    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.short.get_mut(self.len..end) {
            Some(room) => room.copy_from_slice(bytes),
            None => self.extend_long(bytes),
        }
        self.len = end;
    }

    /// Adds the first `count` bytes of a word.
    #[inline]
    pub fn extend_from_word(&mut self, word: u64, count: usize) {
        let bytes = word.to_le_bytes();
        match self.short.get_mut(self.len..self.len + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(&bytes);
                self.len += count;
            }
            None => self.extend_from_slice(&bytes[..count]),
        }
    }

    #[cold]
    fn extend_long(&mut self, bytes: &[u8]) {
        if self.long.is_empty() {
            self.long.extend_from_slice(&self.short[..self.len]);
        }
        self.long.extend_from_slice(bytes);
    }
}

impl Default for PathBuffer {
    fn default() -> PathBuffer {
        PathBuffer::new()
    }
}

impl std::ops::Deref for PathBuffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        if self.long.is_empty() { &self.short[..self.len] } else { &self.long }
    }
}

/// A path of several parts, as the kernel wants it.
pub fn c_path<'b>(parts: &[&[u8]], buffer: &'b mut PathBuffer) -> Result<&'b CStr> {
    buffer.clear();
    for part in parts.iter().chain([&&b"\0"[..]]) {
        if buffer.len() + part.len() > PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        buffer.extend_from_slice(part);
    }
    CStr::from_bytes_with_nul(buffer).map_err(|_| Errno::ENOENT)
}

/// One name of a folder, ready for the kernel.
pub struct Name<'p>(Cow<'p, CStr>);

impl<'p> Name<'p> {
    pub fn new(name: &[u8]) -> Result<Name<'static>> {
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        CString::new(name).map(|name| Name(Cow::Owned(name))).map_err(|_| Errno::ENOENT)
    }

    /// The name of `len` bytes that a path ends in; `slash`: with slashes behind it.
    pub fn last_of(path: &'p CStr, len: usize, slash: bool) -> Result<Name<'p>> {
        let bytes = path.to_bytes();
        if slash || len > NAME_MAX {
            let end = bytes.iter().rposition(|&c| c != b'/').map_or(0, |last| last + 1);
            return Name::new(&bytes[end - len..end]);
        }
        Ok(Name(Cow::Borrowed(&path[bytes.len() - len..])))
    }

    pub fn bytes(&self) -> &[u8] {
        self.0.to_bytes()
    }

    /// With a slash behind it, if there is none: the kernel then wants a directory. Calls that create, remove or rename
    /// names do not follow a link for that.
    pub fn with_slash(self) -> Name<'p> {
        match self.bytes().last() {
            Some(&b'/') => self,
            _ => CString::new([self.bytes(), b"/"].concat()).map_or(self, |name| Name(Cow::Owned(name))),
        }
    }

    pub fn c_str(&self) -> &CStr {
        &self.0
    }
}

/// Components of a path, without empty ones and `.`.
pub fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&c| c == b'/').filter(|c| !c.is_empty() && *c != b".")
}

/// The first component and what follows its slashes. None where there is no component left.
pub fn split_first(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = path.iter().position(|&c| c != b'/')?;
    let path = &path[start..];
    let end = path.iter().position(|&c| c == b'/').unwrap_or(path.len());
    Some((&path[..end], &path[end..]))
}

/// The last component, what is before it, and whether slashes follow it. None where there is no component.
pub fn split_last(path: &[u8]) -> Option<(&[u8], &[u8], bool)> {
    let end = path.iter().rposition(|&c| c != b'/')? + 1;
    let start = path[..end].iter().rposition(|&c| c == b'/').map_or(0, |i| i + 1);
    Some((&path[..start], &path[start..end], end < path.len()))
}

/// Takes the last component away from an absolute path without `.` and `..`; the root is empty.
pub fn pop(path: &mut Vec<u8>) {
    path.truncate(path.iter().rposition(|&c| c == b'/').unwrap_or(0));
}

/// What is left of `path` below `folder` (both absolute, the root is empty): empty, or begins with a slash.
pub fn below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    path.strip_prefix(folder).filter(|rest| rest.first().is_none_or(|&c| c == b'/'))
}

/// An absolute path without repeated slashes, `.` and `..`; the root is empty.
pub fn normal(path: &[u8]) -> Vec<u8> {
    let mut normal = Vec::with_capacity(path.len() + 1);
    for component in components(path) {
        if component == b".." {
            pop(&mut normal);
        } else {
            normal.push(b'/');
            normal.extend_from_slice(component);
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits() {
        assert_eq!(split_first(b"//a/b"), Some((&b"a"[..], &b"/b"[..])));
        assert_eq!(split_first(b"//"), None);
        assert_eq!(split_last(b"/a/b//"), Some((&b"/a/"[..], &b"b"[..], true)));
        assert_eq!(split_last(b"b"), Some((&b""[..], &b"b"[..], false)));
        assert_eq!(split_last(b"/"), None);
    }

    #[test]
    fn buffers_of_any_length() {
        for step in [1, 7, 8, 100, 300] {
            let (mut buffer, mut expected) = (PathBuffer::new(), Vec::new());
            while expected.len() < 1000 {
                buffer.extend_from_slice(&vec![b'x'; step]);
                buffer.extend_from_word(u64::from_le_bytes(*b"abcdefgh"), 5);
                expected.extend_from_slice(&vec![b'x'; step]);
                expected.extend_from_slice(b"abcde");
                assert_eq!(&*buffer, expected);
            }
            buffer.clear();
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn normalises() {
        assert_eq!(normal(b"/../a/./b//../c/"), b"/a/c");
        assert_eq!(normal(b"/.."), b"");
        assert_eq!(below(b"/a/b", b"/a"), Some(&b"/b"[..]));
        assert_eq!(below(b"/ab", b"/a"), None);
        assert_eq!(below(b"/a", b""), Some(&b"/a"[..]));
    }
}
