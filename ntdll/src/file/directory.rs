//! Listing folders: NtQueryDirectoryFile's snapshot and its patterns.

use super::File;
use crate::errno_to_status;
use crate::path::upcase;
use abi::NTSTATUS;
use host::file::{FileType, Stat};

/// One name in a folder.
#[derive(Clone, Debug)]
pub struct DirEntry {
    pub name: Vec<u16>,
    pub stat: Stat,
    /// The name is a symbolic link's; `stat` then tells of what it leads to, if that exists.
    pub is_link: bool,
}

/// What is left of a folder's listing.
pub struct Listing {
    host: Vec<u8>,
    names: std::vec::IntoIter<(Vec<u16>, Vec<u8>)>,
    /// Read but not delivered, because the caller's buffer was full.
    pub pushed_back: Option<DirEntry>,
}

impl Listing {
    /// Lists `host`, keeping names that match `pattern` (None: all), sorted as NTFS does.
    pub fn new(host: Vec<u8>, pattern: Option<&[u16]>, is_root: bool) -> Result<Listing, NTSTATUS> {
        let mut names: Vec<(Vec<u16>, Vec<u8>)> = host::file::list(&host)
            .map_err(errno_to_status)?
            .into_iter()
            .map(|(name, _)| (abi::wide::from_host_bytes(&name), name))
            .collect();
        names.sort_by_cached_key(|(name, _)| name.iter().map(|&u| upcase(u)).collect::<Vec<_>>());
        if !is_root {
            names.insert(0, (vec![u16::from(b'.'); 2], b"..".to_vec()));
            names.insert(0, (vec![u16::from(b'.')], b".".to_vec()));
        }
        if let Some(pattern) = pattern {
            names.retain(|(name, _)| matches(pattern, name));
        }
        Ok(Listing { host, names: names.into_iter(), pushed_back: None })
    }
}

impl Iterator for Listing {
    type Item = DirEntry;

    fn next(&mut self) -> Option<DirEntry> {
        if let Some(entry) = self.pushed_back.take() {
            return Some(entry);
        }
        loop {
            let (name, bytes) = self.names.next()?;
            let path = [&self.host[..], b"/", &bytes].concat();
            // A name that has gone meanwhile is skipped.
            let Ok(own) = host::file::stat_link(&path) else { continue };
            let is_link = own.kind == FileType::Symlink;
            let stat = if is_link { host::file::stat(&path).unwrap_or(own) } else { own };
            return Some(DirEntry { name, stat, is_link });
        }
    }
}

impl File {
    /// Gives the folder's next entries to `take`, which returns false to stop (that entry comes again).
    /// `pattern` counts for the first call and after `restart`. NO_SUCH_FILE when nothing matched at all.
    pub fn list(&self, pattern: Option<&[u16]>, restart: bool, mut take: impl FnMut(&DirEntry) -> bool) -> Result<(), NTSTATUS> {
        let mut slot = self.listing.lock();
        let first = slot.is_none() || restart;
        if first {
            *slot = Some(Listing::new(self.path(), pattern, false)?);
        }
        let Some(listing) = slot.as_mut() else { return Err(NTSTATUS::NO_MORE_FILES) };
        let mut any = false;
        while let Some(entry) = listing.next() {
            any = true;
            if !take(&entry) {
                listing.pushed_back = Some(entry);
                break;
            }
        }
        match (any, first) {
            (true, _) => Ok(()),
            (false, true) => Err(NTSTATUS::NO_SUCH_FILE),
            (false, false) => Err(NTSTATUS::NO_MORE_FILES),
        }
    }
}

const STAR: u16 = b'*' as u16;
const QUERY: u16 = b'?' as u16;
const DOT: u16 = b'.' as u16;
const DOS_STAR: u16 = b'<' as u16;
const DOS_QUERY: u16 = b'>' as u16;
const DOS_DOT: u16 = b'"' as u16;

/// Whether a name matches a pattern, without regard to case (FsRtlIsNameInExpression): `*`, `?`, and the
/// three that stand for DOS' rules: `<` any run up to the last dot, `>` one or at a dot or the end none,
/// `"` a dot or the end.
pub fn matches(pattern: &[u16], name: &[u16]) -> bool {
    let Some((&first, rest)) = pattern.split_first() else { return name.is_empty() };
    match first {
        STAR => {
            if rest.is_empty() {
                return true;
            }
            (0..=name.len()).any(|at| matches(rest, &name[at..]))
        }
        DOS_STAR => {
            let last_dot = name.iter().rposition(|&u| u == DOT);
            (0..=name.len()).any(|at| (at == name.len() || last_dot.is_none_or(|dot| at <= dot)) && matches(rest, &name[at..]))
        }
        DOS_QUERY => match name.split_first() {
            None => matches(rest, name),
            Some((&DOT, _)) => matches(rest, name),
            Some((_, tail)) => matches(rest, tail),
        },
        DOS_DOT => match name.split_first() {
            None => matches(rest, name),
            Some((&DOT, tail)) => matches(rest, tail),
            _ => false,
        },
        QUERY => !name.is_empty() && matches(rest, &name[1..]),
        unit => name.first().is_some_and(|&n| n == unit || upcase(n) == upcase(unit)) && matches(rest, &name[1..]),
    }
}

/// A Win32 search pattern in NT's terms, as FindFirstFile passes it on.
pub fn dos_pattern(pattern: &[u16]) -> Vec<u16> {
    if pattern == [STAR, DOT, STAR] || pattern == [STAR] {
        return vec![STAR];
    }
    let mut out = Vec::with_capacity(pattern.len());
    for (at, &unit) in pattern.iter().enumerate() {
        let next = pattern.get(at + 1).copied();
        out.push(match unit {
            QUERY => DOS_QUERY,
            DOT if matches!(next, Some(QUERY | STAR)) => DOS_DOT,
            STAR if next == Some(DOT) && at + 2 == pattern.len() => DOS_STAR,
            STAR if next == Some(DOT) && pattern[at + 1..].iter().filter(|&&u| u == DOT).count() == 1 => DOS_STAR,
            unit => unit,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yes(pattern: &str, name: &str) -> bool {
        let w = |s: &str| s.encode_utf16().collect::<Vec<_>>();
        matches(&dos_pattern(&w(pattern)), &w(name))
    }

    #[test]
    fn patterns() {
        assert!(yes("*", "anything") && yes("*.*", "noext") && yes("*.txt", "A.TXT") && yes("a?c.*", "abc.d"));
        assert!(yes("*.txt", "a.b.txt") && !yes("*.txt", "a.txtx") && yes("a*.rs", "abc.rs") && !yes("b*", "abc"));
        assert!(yes("??.txt", "a.txt") && yes("name.*", "name"));
    }
}
