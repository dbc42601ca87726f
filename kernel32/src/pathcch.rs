//! pathcch.h: paths as text, of any length.
//! <https://learn.microsoft.com/windows/win32/api/pathcch/>

use crate::nls::wide_opt;
use abi::wide::{eq_ascii_case, wide};
use abi::{BOOL, PCWSTR, Ptr, export};

const S_OK: u32 = 0;
const S_FALSE: u32 = 1;
const E_INVALIDARG: u32 = 0x8007_0057;
const E_OUTOFMEMORY: u32 = 0x8007_000e;
/// STRSAFE_E_INSUFFICIENT_BUFFER.
const INSUFFICIENT_BUFFER: u32 = 0x8007_007a;
/// PATHCCH_E_FILENAME_TOO_LONG.
const TOO_LONG: u32 = 0x8007_00ce;

// PATHCCH_OPTIONS.
const ALLOW_LONG_PATHS: u32 = 1;
const FORCE_ENABLE_LONG: u32 = 2;
const FORCE_DISABLE_LONG: u32 = 4;
const DO_NOT_NORMALIZE_SEGMENTS: u32 = 8;
const ENSURE_EXTENDED_LENGTH: u32 = 0x10;
const ENSURE_TRAILING_SLASH: u32 = 0x20;
const CANONICALIZE_SLASHES: u32 = 0x40;

const MAX_PATH: usize = 260;
/// PATHCCH_MAX_CCH.
const MAX: usize = 0x8000;
const BACKSLASH: u16 = b'\\' as u16;
const SLASH: u16 = b'/' as u16;
const COLON: u16 = b':' as u16;
const DOT: u16 = b'.' as u16;
const STAR: u16 = b'*' as u16;

type Text = Vec<u16>;

fn is_drive(path: &[u16]) -> bool {
    matches!(path, [letter, COLON, ..] if u8::try_from(*letter).is_ok_and(|letter| letter.is_ascii_alphabetic()))
}

fn starts(path: &[u16], with: &str) -> bool {
    path.len() >= with.len() && eq_ascii_case(&path[..with.len()], with)
}

/// `\\?\Volume{GUID}`, 48 units.
fn is_volume(path: &[u16]) -> bool {
    path.len() >= 48 && starts(path, r"\\?\Volume{") && path[47] == u16::from(b'}')
}

/// Server and share of what follows `\\` or `\\?\UNC\`, with the separator after them.
fn share(rest: &[u16]) -> usize {
    let part = |from: usize| rest[from..].iter().position(|&u| u == BACKSLASH).map(|at| from + at + 1);
    part(0).and_then(part).unwrap_or(rest.len())
}

/// How long the root is, with its separator. None: there is none.
fn root(path: &[u16]) -> Option<usize> {
    let separated = |len: usize| len + usize::from(path.get(len) == Some(&BACKSLASH));
    Some(match path {
        _ if starts(path, r"\\?\UNC\") => 8 + share(&path[8..]),
        _ if is_volume(path) => separated(48),
        _ if starts(path, r"\\?\") && is_drive(&path[4..]) => separated(6),
        _ if starts(path, r"\\?") => return None,
        [BACKSLASH, BACKSLASH, rest @ ..] => 2 + share(rest),
        [BACKSLASH, ..] => 1,
        _ if is_drive(path) => separated(2),
        _ => return None,
    })
}

/// `\\?\C:\x` as `C:\x`, and `\\?\UNC\x` as `\\x`.
fn without_prefix(path: &[u16]) -> Option<Text> {
    if starts(path, r"\\?\UNC\") {
        return Some([&[BACKSLASH, BACKSLASH], &path[8..]].concat());
    }
    (starts(path, r"\\?\") && is_drive(&path[4..])).then(|| path[4..].to_vec())
}

fn is_extended(path: &[u16]) -> bool {
    starts(path, r"\\?\")
}

fn with_prefix(path: &[u16]) -> Text {
    match path {
        _ if is_extended(path) => path.to_vec(),
        [BACKSLASH, BACKSLASH, rest @ ..] => [&wide(r"\\?\UNC\")[..], rest].concat(),
        _ if is_drive(path) => [&wide(r"\\?\")[..], path].concat(),
        _ => path.to_vec(),
    }
}

fn canonicalize(path: &[u16], flags: u32) -> Result<Text, u32> {
    let forced = flags & (FORCE_ENABLE_LONG | FORCE_DISABLE_LONG);
    if forced == FORCE_ENABLE_LONG | FORCE_DISABLE_LONG || forced != 0 && flags & ALLOW_LONG_PATHS == 0 {
        return Err(E_INVALIDARG);
    }
    if path.len() >= MAX || path.len() >= MAX_PATH && flags & (ALLOW_LONG_PATHS | ENSURE_EXTENDED_LENGTH) == 0 && !is_extended(path) {
        return Err(TOO_LONG);
    }
    let mut path = path.to_vec();
    if flags & CANONICALIZE_SLASHES != 0 {
        path.iter_mut().filter(|unit| **unit == SLASH).for_each(|unit| *unit = BACKSLASH);
    }
    let path = without_prefix(&path).unwrap_or(path);
    let start = root(&path).unwrap_or(0);
    let (head, rest) = path.split_at(start);
    let mut out: Vec<&[u16]> = Vec::new();
    let (mut separated, mut rooted) = (false, false);
    if !rest.is_empty() {
        for segment in rest.split(|&unit| unit == BACKSLASH) {
            separated = matches!(segment, [] | [DOT] | [DOT, DOT]);
            match segment {
                [DOT] => {}
                // The last part of a relative path leaves its separator.
                [DOT, DOT] => rooted |= out.pop().is_some() && out.is_empty() && start == 0,
                _ => out.push(segment),
            }
        }
        // What a dot leaves behind ends without a separator.
        separated = separated && rest.last() == Some(&BACKSLASH);
    }
    while separated && out.last().is_some_and(|last| last.is_empty()) {
        out.pop();
    }
    let mut text = if rooted { vec![BACKSLASH] } else { head.to_vec() };
    text.extend(out.join(&BACKSLASH));
    if separated && !out.is_empty() {
        text.push(BACKSLASH);
    }
    if flags & DO_NOT_NORMALIZE_SEGMENTS == 0 {
        text.truncate(without_dots(&text));
    }
    if text.is_empty() {
        text.push(BACKSLASH);
    }
    if let [_, COLON] = text[..] {
        text.push(BACKSLASH);
    }
    if flags & ENSURE_TRAILING_SLASH != 0 && text.last() != Some(&BACKSLASH) {
        text.push(BACKSLASH);
    }
    if flags & ENSURE_EXTENDED_LENGTH != 0 {
        return Ok(with_prefix(&text));
    }
    if text.len() >= MAX_PATH {
        return match flags {
            _ if flags & ALLOW_LONG_PATHS == 0 => Err(TOO_LONG),
            _ if flags & FORCE_ENABLE_LONG != 0 => Ok(text),
            _ => Ok(with_prefix(&text)),
        };
    }
    Ok(text)
}

/// How much is left without the dots at the end. One stays after an asterisk.
fn without_dots(path: &[u16]) -> usize {
    let kept = path.iter().rposition(|&unit| unit != DOT).map_or(0, |at| at + 1);
    if kept != path.len() && kept > 0 && path[kept - 1] == STAR { kept + 1 } else { kept }
}

fn combine(path: Option<Text>, more: Option<Text>, flags: u32) -> Result<Text, u32> {
    let text = match (path.filter(|path| !path.is_empty()), more.filter(|more| !more.is_empty())) {
        (None, None) => Vec::new(),
        (Some(only), None) | (None, Some(only)) => only,
        (Some(_), Some(more)) if is_drive(&more) || starts(&more, r"\\") => more,
        (Some(path), Some(more)) if more[0] == BACKSLASH => {
            let head = &path[..root(&path).unwrap_or(0)];
            [head.strip_suffix(&[BACKSLASH]).unwrap_or(head), &more].concat()
        }
        (Some(path), Some(more)) => joined(&path, &more),
    };
    canonicalize(&text, flags)
}

fn joined(path: &[u16], more: &[u16]) -> Text {
    let separator: &[u16] = if path.last() == Some(&BACKSLASH) { &[] } else { &[BACKSLASH] };
    [path, separator, more].concat()
}

fn append(path: Text, more: Option<Text>, flags: u32) -> Result<Text, u32> {
    let more = more.unwrap_or_default();
    if starts(&more, r"\\") || is_drive(&more) {
        return canonicalize(&more, flags);
    }
    combine(Some(path), Some(more.strip_prefix(&[BACKSLASH]).map_or(more.clone(), <[u16]>::to_vec)), flags)
}

/// Runs a function whose result is an HRESULT.
fn hresult(work: impl FnOnce() -> Result<u32, u32>) -> u32 {
    work().unwrap_or_else(|error| error)
}

fn text(path: PCWSTR) -> Result<Option<Text>, u32> {
    wide_opt(path).map_err(|_| E_INVALIDARG)
}

/// A path in a buffer of that many units.
fn buffered(path: Ptr<u16>, room: usize) -> Result<Text, u32> {
    if path.is_null() || room == 0 || room > MAX {
        return Err(E_INVALIDARG);
    }
    let len = (0..room).find(|&at| path.add(at).get() == 0).ok_or(E_INVALIDARG)?;
    path.read_vec(len).map_err(|_| E_INVALIDARG)
}

fn give(to: Ptr<u16>, room: usize, path: &[u16]) -> Result<u32, u32> {
    let written = if path.len() < room { to.write_slice(path).and_then(|()| to.add(path.len()).write(0)) } else { to.write(0) };
    written.map_err(|_| E_INVALIDARG)?;
    if path.len() < room { Ok(S_OK) } else { Err(INSUFFICIENT_BUFFER) }
}

/// Puts a new path into a caller's buffer, which stays empty when that fails.
fn make(to: Ptr<u16>, room: usize, path: Result<Text, u32>) -> Result<u32, u32> {
    if to.is_null() || room == 0 || room > MAX {
        return Err(E_INVALIDARG);
    }
    match path {
        Ok(path) => give(to, room, &path),
        Err(error) => {
            to.write(0).map_err(|_| E_INVALIDARG)?;
            Err(error)
        }
    }
}

fn allocate(to: Ptr<usize>, path: Result<Text, u32>) -> Result<u32, u32> {
    if to.is_null() {
        return Err(E_INVALIDARG);
    }
    to.write(0).map_err(|_| E_INVALIDARG)?;
    let path = path?;
    let block = ntdll::heap::allocate(ntdll::heap::process_heap(), 0, (path.len() + 1) * 2).cast::<u16>();
    if block.is_null() {
        return Err(E_OUTOFMEMORY);
    }
    give(block, path.len() + 1, &path)?;
    to.write(block.addr()).map(|()| S_OK).map_err(|_| E_INVALIDARG)
}

/// A path without `.` and `..`, in a buffer of its own that LocalFree frees.
#[export(kernelbase, full)]
pub fn PathAllocCanonicalize(path: PCWSTR, flags: u32, to: Ptr<usize>) -> u32 {
    hresult(|| allocate(to, canonicalize(&text(path)?.ok_or(E_INVALIDARG)?, flags)))
}

/// Two paths as one, in a buffer of its own that LocalFree frees.
#[export(kernelbase, full)]
pub fn PathAllocCombine(path: PCWSTR, more: PCWSTR, flags: u32, to: Ptr<usize>) -> u32 {
    hresult(|| allocate(to, both(text(path)?, text(more)?, flags)))
}

fn both(path: Option<Text>, more: Option<Text>, flags: u32) -> Result<Text, u32> {
    if path.is_none() && more.is_none() { Err(E_INVALIDARG) } else { combine(path, more, flags) }
}

/// A path without `.` and `..`.
#[export(kernelbase, full)]
pub fn PathCchCanonicalizeEx(to: Ptr<u16>, room: usize, path: PCWSTR, flags: u32) -> u32 {
    hresult(|| make(to, room, canonicalize(&text(path)?.ok_or(E_INVALIDARG)?, flags)))
}

/// A path without `.` and `..`.
#[export(kernelbase, full)]
pub fn PathCchCanonicalize(to: Ptr<u16>, room: usize, path: PCWSTR) -> u32 {
    PathCchCanonicalizeEx(to, room, path, 0)
}

/// Two paths as one.
#[export(kernelbase, full)]
pub fn PathCchCombineEx(to: Ptr<u16>, room: usize, path: PCWSTR, more: PCWSTR, flags: u32) -> u32 {
    hresult(|| make(to, room, both(text(path)?, text(more)?, flags)))
}

/// Two paths as one.
#[export(kernelbase, full)]
pub fn PathCchCombine(to: Ptr<u16>, room: usize, path: PCWSTR, more: PCWSTR) -> u32 {
    PathCchCombineEx(to, room, path, more, 0)
}

/// Appends a path; a separator that it begins with does not make it start at the root.
#[export(kernelbase, full)]
pub fn PathCchAppendEx(path: Ptr<u16>, room: usize, more: PCWSTR, flags: u32) -> u32 {
    hresult(|| make(path, room, append(buffered(path, room)?, text(more)?, flags)))
}

/// Appends a path; a separator that it begins with does not make it start at the root.
#[export(kernelbase, full)]
pub fn PathCchAppend(path: Ptr<u16>, room: usize, more: PCWSTR) -> u32 {
    PathCchAppendEx(path, room, more, 0)
}

/// Makes a path end with a separator; tells where it ends and how much room is left.
#[export(kernelbase, full)]
pub fn PathCchAddBackslashEx(path: Ptr<u16>, room: usize, end: Ptr<usize>, left: Ptr<usize>) -> u32 {
    hresult(|| {
        let text = buffered(path, room)?;
        let there = text.is_empty() || text.last() == Some(&BACKSLASH);
        let len = text.len() + usize::from(!there);
        let done = if there {
            Ok(S_FALSE)
        } else if len < room {
            give(path, room, &[&text[..], &[BACKSLASH]].concat())
        } else {
            Err(INSUFFICIENT_BUFFER)
        };
        let len = if done.is_ok() { len } else { text.len() };
        end.write_opt(path.add(len).addr()).and_then(|()| left.write_opt(room - len)).map_err(|_| E_INVALIDARG)?;
        done
    })
}

/// Makes a path end with a separator.
#[export(kernelbase, full)]
pub fn PathCchAddBackslash(path: Ptr<u16>, room: usize) -> u32 {
    PathCchAddBackslashEx(path, room, Ptr::NULL, Ptr::NULL)
}

/// Takes the separator at the end away, but not a root's; tells where the path ends and how much room is left.
#[export(kernelbase, full)]
pub fn PathCchRemoveBackslashEx(path: Ptr<u16>, room: usize, end: Ptr<usize>, left: Ptr<usize>) -> u32 {
    hresult(|| {
        let text = buffered(path, room)?;
        let is_unc = starts(&text, r"\\") && !is_extended(&text) || starts(&text, r"\\?\UNC\");
        let goes = text.last() == Some(&BACKSLASH) && (root(&text) != Some(text.len()) || is_unc && text.len() > 2);
        let len = text.len() - usize::from(goes);
        path.add(len).write(0).map_err(|_| E_INVALIDARG)?;
        end.write_opt(path.add(len).addr()).and_then(|()| left.write_opt(room - len)).map_err(|_| E_INVALIDARG)?;
        Ok(if goes { S_OK } else { S_FALSE })
    })
}

/// Takes the separator at the end away, but not a root's.
#[export(kernelbase, full)]
pub fn PathCchRemoveBackslash(path: Ptr<u16>, room: usize) -> u32 {
    PathCchRemoveBackslashEx(path, room, Ptr::NULL, Ptr::NULL)
}

/// Where the extension begins, with its dot; at the end when there is none.
fn extension(path: &[u16]) -> usize {
    let name = path.iter().rposition(|&unit| unit == BACKSLASH).map_or(0, |at| at + 1);
    match path[name..].iter().rposition(|&unit| unit == DOT || unit == u16::from(b' ')) {
        Some(at) if path[name + at] == DOT => name + at,
        _ => path.len(),
    }
}

/// An extension may have its dot, and no separators or spaces.
fn checked_extension(new: PCWSTR) -> Result<Text, u32> {
    let new = text(new)?.ok_or(E_INVALIDARG)?;
    let bare = new.strip_prefix(&[DOT]).unwrap_or(&new);
    if bare.iter().any(|&unit| unit == BACKSLASH || unit == u16::from(b' ') || unit == DOT) {
        return Err(E_INVALIDARG);
    }
    Ok(if bare.is_empty() { Vec::new() } else { [&[DOT], bare].concat() })
}

/// Where the extension of a path begins.
#[export(kernelbase, full)]
pub fn PathCchFindExtension(path: Ptr<u16>, room: usize, found: Ptr<usize>) -> u32 {
    hresult(|| {
        found.write(0).map_err(|_| E_INVALIDARG)?;
        let at = extension(&buffered(path, room)?);
        found.write(path.add(at).addr()).map(|()| S_OK).map_err(|_| E_INVALIDARG)
    })
}

/// Gives a path an extension if it has none.
#[export(kernelbase, full)]
pub fn PathCchAddExtension(path: Ptr<u16>, room: usize, new: PCWSTR) -> u32 {
    hresult(|| {
        let (text, new) = (buffered(path, room)?, checked_extension(new)?);
        if extension(&text) != text.len() {
            return Ok(S_FALSE);
        }
        if text.len() + new.len() >= room { Err(INSUFFICIENT_BUFFER) } else { give(path, room, &[text, new].concat()) }
    })
}

/// Takes a path's extension away.
#[export(kernelbase, full)]
pub fn PathCchRemoveExtension(path: Ptr<u16>, room: usize) -> u32 {
    hresult(|| {
        let text = buffered(path, room)?;
        let at = extension(&text);
        path.add(at).write(0).map_err(|_| E_INVALIDARG)?;
        Ok(if at == text.len() { S_FALSE } else { S_OK })
    })
}

/// Gives a path another extension.
#[export(kernelbase, full)]
pub fn PathCchRenameExtension(path: Ptr<u16>, room: usize, new: PCWSTR) -> u32 {
    hresult(|| {
        let (text, new) = (buffered(path, room)?, checked_extension(new)?);
        let at = extension(&text);
        if at + new.len() >= room { Err(INSUFFICIENT_BUFFER) } else { give(path, room, &[&text[..at], &new].concat()) }
    })
}

/// Takes the last part of a path away, but nothing of its root.
#[export(kernelbase, full)]
pub fn PathCchRemoveFileSpec(path: Ptr<u16>, room: usize) -> u32 {
    hresult(|| {
        let text = buffered(path, room)?;
        let start = root(&text).unwrap_or(0);
        let end = text[start..].iter().rposition(|&unit| unit == BACKSLASH).map_or(start, |at| start + at);
        // A share without anything behind it ends without its separator.
        let is_share = end == start
            && start > 2
            && text[..start].ends_with(&[BACKSLASH])
            && !is_drive(&text)
            && starts(&text, r"\\")
            && without_drive(&text);
        let end = end - usize::from(is_share && text.len() > start);
        path.add(end).write(0).map_err(|_| E_INVALIDARG)?;
        Ok(if end == text.len() { S_FALSE } else { S_OK })
    })
}

/// Whether what stands behind `\\?\`, if that does, is a share.
fn without_drive(path: &[u16]) -> bool {
    !is_extended(path) || starts(path, r"\\?\UNC\")
}

/// Keeps the root only.
#[export(kernelbase, full)]
pub fn PathCchStripToRoot(path: Ptr<u16>, room: usize) -> u32 {
    hresult(|| {
        let text = buffered(path, room)?;
        let start = root(&text).ok_or(E_INVALIDARG)?;
        if start == text.len() {
            return Ok(S_FALSE);
        }
        let is_share = starts(&text, r"\\") && without_drive(&text);
        path.add(start - usize::from(is_share && text[..start].ends_with(&[BACKSLASH]))).write(0).map_err(|_| E_INVALIDARG)?;
        Ok(S_OK)
    })
}

/// Takes `\\?\` away.
#[export(kernelbase, full)]
pub fn PathCchStripPrefix(path: Ptr<u16>, room: usize) -> u32 {
    hresult(|| match without_prefix(&buffered(path, room)?) {
        Some(text) => give(path, room, &text),
        None => Ok(S_FALSE),
    })
}

/// What stands behind the root.
#[export(kernelbase, full)]
pub fn PathCchSkipRoot(path: PCWSTR, rest: Ptr<usize>) -> u32 {
    hresult(|| {
        let start = root(&text(path)?.ok_or(E_INVALIDARG)?).ok_or(E_INVALIDARG)?;
        rest.write(path.add(start).addr()).map(|()| S_OK).map_err(|_| E_INVALIDARG)
    })
}

/// Whether a path is a root and nothing else.
#[export(kernelbase, full)]
pub fn PathCchIsRoot(path: PCWSTR) -> BOOL {
    let is_root = |path: &Text| match &path[..] {
        [_, COLON] => false,
        _ if starts(path, r"\\?\") && is_drive(&path[4..]) && path.len() == 6 => false,
        // A share has no separator behind it.
        _ if starts(path, r"\\") && without_drive(path) && path.len() > 2 && path.ends_with(&[BACKSLASH]) => false,
        _ => root(path) == Some(path.len()),
    };
    BOOL(text(path).ok().flatten().is_some_and(|path| is_root(&path)))
}

/// Whether a path names a share; tells where the server's name begins.
#[export(kernelbase, full)]
pub fn PathIsUNCEx(path: PCWSTR, server: Ptr<usize>) -> BOOL {
    let text = text(path).ok().flatten().unwrap_or_default();
    let at = match () {
        () if starts(&text, r"\\?\UNC\") => Some(8),
        () if starts(&text, r"\\") && !starts(&text, r"\\?") => Some(2),
        () => None,
    };
    let told = server.write_opt(at.map_or(0, |at| path.add(at).addr()));
    BOOL(at.is_some() && told.is_ok())
}
