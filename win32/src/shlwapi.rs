//! shlwapi.dll: the string and path functions of shlwapi.h. Paths are text here: only those that say so look at files.
//!
//! Each is written once for both kinds of text. The ANSI code page has one byte to a character.
//! <https://learn.microsoft.com/windows/win32/api/shlwapi/>

use abi::{BOOL, Ptr, export};

/// A unit of text.
trait Unit: Copy + Eq + 'static {
    fn of(byte: u8) -> Self;
    fn code(self) -> u16;
    /// The same for both cases.
    fn fold(self) -> u16;
}

impl Unit for u16 {
    fn of(byte: u8) -> u16 {
        byte.into()
    }
    fn code(self) -> u16 {
        self
    }
    fn fold(self) -> u16 {
        ntdll::nls::case::lower(self)
    }
}

impl Unit for u8 {
    fn of(byte: u8) -> u8 {
        byte
    }
    fn code(self) -> u16 {
        self.into()
    }
    fn fold(self) -> u16 {
        // Windows-1252: capitals 0xC0 to 0xDE but the multiplication sign, and four letters beneath.
        match self {
            b'A'..=b'Z' | 0xc0..=0xd6 | 0xd8..=0xde => u16::from(self) + 32,
            0x8a | 0x8c | 0x8e => u16::from(self) + 16,
            0x9f => 0xff,
            _ => self.into(),
        }
    }
}

const BACKSLASH: u16 = b'\\' as u16;
const COLON: u16 = b':' as u16;
const DOT: u16 = b'.' as u16;
const SPACE: u16 = b' ' as u16;
const QUOTE: u16 = b'"' as u16;
const MAX_PATH: usize = 260;

fn length<T: Unit>(text: Ptr<T>) -> usize {
    (0..).find(|&at| text.add(at).get().code() == 0).unwrap_or(0)
}

/// The text; null is none.
fn read<T: Unit>(text: Ptr<T>) -> Vec<T> {
    if text.is_null() {
        return Vec::new();
    }
    text.read_vec(length(text)).unwrap_or_default()
}

fn put<T: Unit>(to: Ptr<T>, text: &[T]) {
    if to.write_slice(text).is_ok() {
        let _ = to.add(text.len()).write(T::of(0));
    }
}

fn at<T: Unit>(text: &[T], index: usize) -> u16 {
    text.get(index).map_or(0, |unit| unit.code())
}

/// Functions of text that return a pointer into it.
macro_rules! texts {
    ($($a:ident $w:ident $doc:literal ($($p:ident),* $(; $q:ident: $ty:ty)?) = $f:ident;)*) => {$(
        #[doc = $doc]
        #[export(shlwapi, full)]
        pub fn $a($($p: Ptr<u8>),* $(, $q: $ty)?) -> Ptr<u8> { $f($($p),* $(, $q)?) }
        #[doc = $doc]
        #[export(shlwapi, full)]
        pub fn $w($($p: Ptr<u16>),* $(, $q: $ty)?) -> Ptr<u16> { $f($($p),* $(, $q)?) }
    )*};
}

/// Functions of text with another result.
macro_rules! facts {
    ($($a:ident $w:ident $doc:literal ($($p:ident),* $(; $q:ident: $ty:ty)?) -> $ret:ty = $f:ident;)*) => {$(
        #[doc = $doc]
        #[export(shlwapi, full)]
        pub fn $a($($p: Ptr<u8>),* $(, $q: $ty)?) -> $ret { $f($($p),* $(, $q)?) }
        #[doc = $doc]
        #[export(shlwapi, full)]
        pub fn $w($($p: Ptr<u16>),* $(, $q: $ty)?) -> $ret { $f($($p),* $(, $q)?) }
    )*};
}

texts! {
    PathFindExtensionA PathFindExtensionW "The extension with its dot, or the end." (path) = find_extension;
    PathFindFileNameA PathFindFileNameW "The last part of a path." (path) = find_file_name;
    PathFindNextComponentA PathFindNextComponentW "What follows the first backslash; null at the end." (path) = next_component;
    PathSkipRootA PathSkipRootW "What follows the root; null without one." (path) = skip_root;
    PathAddBackslashA PathAddBackslashW "Adds a backslash unless there is one; returns the end." (path) = add_backslash;
    PathRemoveBackslashA PathRemoveBackslashW "Removes a backslash at the end, but not a root's." (path) = remove_backslash;
    PathGetArgsA PathGetArgsW "What follows the first space outside of quotes, or the end." (line) = get_args;
    PathCombineA PathCombineW "Directory and file as one canonical path." (to, directory, file) = combine;
    StrStrA StrStrW "Finds text in text." (text, part) = find_text;
    StrStrIA StrStrIW "Finds text in text whatever the case." (text, part) = find_text_i;
    StrPBrkA StrPBrkW "Finds the first unit that is in a set." (text, set) = find_any;
    StrDupA StrDupW "A copy, to be freed with LocalFree." (text) = duplicate;
}

facts! {
    PathIsRelativeA PathIsRelativeW "Whether a path is relative to the current directory or drive." (path) -> BOOL = is_relative;
    PathIsRootA PathIsRootW "Whether a path is a root." (path) -> BOOL = is_root;
    PathIsUNCA PathIsUNCW "Whether a path names a server." (path) -> BOOL = is_unc;
    PathIsFileSpecA PathIsFileSpecW "Whether a path has neither backslash nor colon." (path) -> BOOL = is_file_spec;
    PathGetDriveNumberA PathGetDriveNumberW "The drive's number, 0 for A; -1 without a drive." (path) -> i32 = drive_number;
    PathRemoveFileSpecA PathRemoveFileSpecW "Removes the last part; whether there was one." (path) -> BOOL = remove_file_spec;
    PathRemoveExtensionA PathRemoveExtensionW "Removes the extension." (path) -> () = remove_extension;
    PathRenameExtensionA PathRenameExtensionW "Replaces or adds the extension." (path, extension) -> BOOL = rename_extension;
    PathAddExtensionA PathAddExtensionW "Adds an extension (.exe by default) unless there is one." (path, extension) -> BOOL = add_extension;
    PathStripPathA PathStripPathW "Removes all but the last part." (path) -> () = strip_path;
    PathStripToRootA PathStripToRootW "Removes all but the root; whether there is one." (path) -> BOOL = strip_to_root;
    PathAppendA PathAppendW "Appends a path." (path, more) -> BOOL = append;
    PathCanonicalizeA PathCanonicalizeW "Resolves the parts . and .. in text." (to, path) -> BOOL = canonicalize_to;
    PathQuoteSpacesA PathQuoteSpacesW "Puts a path with spaces in quotes." (path) -> BOOL = quote_spaces;
    PathUnquoteSpacesA PathUnquoteSpacesW "Removes quotes around a path." (path) -> BOOL = unquote_spaces;
    PathRemoveBlanksA PathRemoveBlanksW "Removes spaces at both ends." (path) -> () = remove_blanks;
    PathMatchSpecA PathMatchSpecW "Whether a name matches one of the patterns between semicolons." (name, patterns) -> BOOL = match_spec;
    PathIsPrefixA PathIsPrefixW "Whether a path lies in another." (prefix, path) -> BOOL = is_prefix;
    StrCmpNA StrCmpNW "Compares up to a count of units." (a, b; count: i32) -> i32 = compare_n;
    StrCmpNIA StrCmpNIW "Compares up to a count of units whatever the case." (a, b; count: i32) -> i32 = compare_ni;
    StrSpnA StrSpnW "How many units at the beginning are in a set." (text, set) -> i32 = span;
    StrCSpnA StrCSpnW "How many units at the beginning are not in a set." (text, set) -> i32 = complement_span;
    StrTrimA StrTrimW "Removes units of a set at both ends; whether there were any." (text, set) -> BOOL = trim;
    StrToIntA StrToIntW "A decimal number." (text) -> i32 = to_int;
}

fn name_start<T: Unit>(text: &[T]) -> usize {
    // A separator at the very end belongs to the last part.
    let is_separator = |at: usize| matches!(text[at].code(), BACKSLASH | COLON | 0x2f);
    (0..text.len().saturating_sub(1)).rev().find(|&i| is_separator(i) && !matches!(at(text, i + 1), BACKSLASH | 0x2f)).map_or(0, |i| i + 1)
}

fn extension_start<T: Unit>(text: &[T]) -> usize {
    let from = text.iter().rposition(|unit| matches!(unit.code(), BACKSLASH | SPACE)).map_or(0, |i| i + 1);
    text[from..].iter().rposition(|unit| unit.code() == DOT).map_or(text.len(), |i| from + i)
}

/// How long the root of a path is: `C:\`, `\`, `\\server\share\`. 0 without one.
fn root<T: Unit>(text: &[T]) -> usize {
    if at(text, 0) == BACKSLASH && at(text, 1) == BACKSLASH {
        let mut parts = text[2..].iter().enumerate().filter(|(_, unit)| unit.code() == BACKSLASH).map(|(i, _)| i + 2);
        return match (parts.next(), parts.next()) {
            (Some(_), Some(second)) => second + 1,
            _ => text.len(),
        };
    }
    match (at(text, 0), at(text, 1), at(text, 2)) {
        (BACKSLASH, ..) => 1,
        (_, COLON, BACKSLASH) => 3,
        (_, COLON, _) => 2,
        _ => 0,
    }
}

fn find_extension<T: Unit>(path: Ptr<T>) -> Ptr<T> {
    path.non_null().map_or(path, |path| path.add(extension_start(&read(path))))
}

fn find_file_name<T: Unit>(path: Ptr<T>) -> Ptr<T> {
    path.non_null().map_or(path, |path| path.add(name_start(&read(path))))
}

fn next_component<T: Unit>(path: Ptr<T>) -> Ptr<T> {
    let text = read(path);
    if text.is_empty() {
        return Ptr::NULL;
    }
    let Some(found) = text.iter().position(|unit| unit.code() == BACKSLASH) else { return path.add(text.len()) };
    // Two backslashes of a server's name count as one.
    path.add(found + 1 + usize::from(at(&text, found + 1) == BACKSLASH))
}

fn skip_root<T: Unit>(path: Ptr<T>) -> Ptr<T> {
    let text = read(path);
    match root(&text) {
        0 | 2 => Ptr::NULL,
        1 if at(&text, 1) != BACKSLASH => Ptr::NULL,
        count => path.add(count),
    }
}

fn add_backslash<T: Unit>(path: Ptr<T>) -> Ptr<T> {
    let mut text = read(path);
    if path.is_null() || text.len() + 1 >= MAX_PATH {
        return Ptr::NULL;
    }
    if !text.is_empty() && text[text.len() - 1].code() != BACKSLASH {
        text.push(T::of(b'\\'));
        put(path, &text);
    }
    path.add(text.len())
}

fn remove_backslash<T: Unit>(path: Ptr<T>) -> Ptr<T> {
    let text = read(path);
    let Some(last) = text.len().checked_sub(1) else { return path };
    if text[last].code() == BACKSLASH && root(&text) != text.len() {
        put(path, &text[..last]);
    }
    path.add(last)
}

fn get_args<T: Unit>(line: Ptr<T>) -> Ptr<T> {
    let text = read(line);
    let mut quoted = false;
    let space = text.iter().position(|unit| {
        quoted ^= unit.code() == QUOTE;
        unit.code() == SPACE && !quoted
    });
    line.add(space.map_or(text.len(), |i| i + 1))
}

/// Resolves `.` and `..`.
fn canonical<T: Unit>(path: &[T]) -> Vec<T> {
    let start = root(path);
    let mut parts: Vec<&[T]> = Vec::new();
    let all: Vec<&[T]> = path[start..].split(|unit| unit.code() == BACKSLASH).collect();
    let is = |part: &[T], dots: usize| part.len() == dots && part.iter().all(|unit| unit.code() == DOT);
    for part in all {
        if is(part, 2) {
            parts.pop();
        } else if !is(part, 1) {
            parts.push(part);
        }
    }
    let mut text = path[..start].to_vec();
    text.extend(parts.join(&T::of(b'\\')));
    match text.len() {
        0 => text.push(T::of(b'\\')),
        2 if at(&text, 1) == COLON => text.push(T::of(b'\\')),
        _ => {}
    }
    text
}

fn canonicalize_to<T: Unit>(to: Ptr<T>, path: Ptr<T>) -> BOOL {
    if to.is_null() || path.is_null() {
        return BOOL(false);
    }
    let text = canonical(&read(path));
    let fits = text.len() < MAX_PATH;
    put(to, if fits { &text } else { &[] });
    BOOL(fits)
}

fn joined<T: Unit>(directory: &[T], file: &[T]) -> Vec<T> {
    let text = match () {
        () if file.is_empty() => directory.to_vec(),
        () if directory.is_empty() || at(file, 1) == COLON || (at(file, 0) == BACKSLASH && at(file, 1) == BACKSLASH) => file.to_vec(),
        // Rooted: the directory gives the root only.
        () if at(file, 0) == BACKSLASH => [&directory[..root(directory)], &file[1..]].concat(),
        () if at(directory, directory.len() - 1) == BACKSLASH => [directory, file].concat(),
        () => [directory, &[T::of(b'\\')], file].concat(),
    };
    canonical(&text)
}

fn combine<T: Unit>(to: Ptr<T>, directory: Ptr<T>, file: Ptr<T>) -> Ptr<T> {
    if to.is_null() {
        return Ptr::NULL;
    }
    let text = if directory.is_null() && file.is_null() { Vec::new() } else { joined(&read(directory), &read(file)) };
    if text.is_empty() || text.len() >= MAX_PATH {
        put(to, &[]);
        return Ptr::NULL;
    }
    put(to, &text);
    to
}

fn append<T: Unit>(path: Ptr<T>, more: Ptr<T>) -> BOOL {
    let more = read(more);
    // Backslashes before what is appended are left out, but for a server's name.
    let skip = if at(&more, 0) == BACKSLASH && at(&more, 1) == BACKSLASH {
        0
    } else {
        more.iter().take_while(|unit| unit.code() == BACKSLASH).count()
    };
    let text = joined(&read(path), &more[skip..]);
    let fits = text.len() < MAX_PATH;
    put(path, if fits { &text } else { &[] });
    BOOL(fits)
}

fn is_relative<T: Unit>(path: Ptr<T>) -> BOOL {
    let text = read(path);
    BOOL(at(&text, 0) != BACKSLASH && at(&text, 1) != COLON)
}

fn is_root<T: Unit>(path: Ptr<T>) -> BOOL {
    let text = read(path);
    let is = match text.len() {
        0 => false,
        1 => at(&text, 0) == BACKSLASH,
        _ if at(&text, 0) == BACKSLASH && at(&text, 1) == BACKSLASH => {
            let rest = &text[2..];
            rest.iter().filter(|unit| unit.code() == BACKSLASH).count() <= 1 && rest.last().is_none_or(|unit| unit.code() != BACKSLASH)
        }
        count => count == 3 && root(&text) == 3,
    };
    BOOL(is)
}

fn is_unc<T: Unit>(path: Ptr<T>) -> BOOL {
    let text = read(path);
    BOOL(at(&text, 0) == BACKSLASH && at(&text, 1) == BACKSLASH && at(&text, 2) != b'?' as u16)
}

fn is_file_spec<T: Unit>(path: Ptr<T>) -> BOOL {
    BOOL(!path.is_null() && !read(path).iter().any(|unit| matches!(unit.code(), BACKSLASH | COLON)))
}

fn drive_number<T: Unit>(path: Ptr<T>) -> i32 {
    let text = read(path);
    match (text.first().map_or(0, |unit| unit.fold()), at(&text, 1)) {
        (letter @ 0x61..=0x7a, COLON) => i32::from(letter) - 0x61,
        _ => -1,
    }
}

fn remove_file_spec<T: Unit>(path: Ptr<T>) -> BOOL {
    let text = read(path);
    let server = at(&text, 0) == BACKSLASH && at(&text, 1) == BACKSLASH;
    // The backslash behind a server's share goes too.
    let start = if server { 2 } else { root(&text) };
    let cut = text.iter().rposition(|unit| unit.code() == BACKSLASH).unwrap_or(0).max(start);
    if cut >= text.len() {
        return BOOL(false);
    }
    put(path, &text[..cut]);
    BOOL(true)
}

fn remove_extension<T: Unit>(path: Ptr<T>) {
    let text = read(path);
    let end = extension_start(&text);
    if end < text.len() {
        put(path, &text[..end]);
    }
}

fn rename_extension<T: Unit>(path: Ptr<T>, extension: Ptr<T>) -> BOOL {
    let text = read(path);
    let new = [&text[..extension_start(&text)], &read(extension)].concat();
    let fits = new.len() < MAX_PATH;
    if fits {
        put(path, &new);
    }
    BOOL(fits)
}

fn add_extension<T: Unit>(path: Ptr<T>, extension: Ptr<T>) -> BOOL {
    let text = read(path);
    let extension = if extension.is_null() { b".exe".map(T::of).to_vec() } else { read(extension) };
    if extension_start(&text) < text.len() || text.len() + extension.len() >= MAX_PATH {
        return BOOL(false);
    }
    put(path, &[text, extension].concat());
    BOOL(true)
}

fn strip_path<T: Unit>(path: Ptr<T>) {
    let text = read(path);
    put(path, &text[name_start(&text)..]);
}

fn strip_to_root<T: Unit>(path: Ptr<T>) -> BOOL {
    let text = read(path);
    let count = root(&text);
    put(path, &text[..count]);
    BOOL(count != 0)
}

fn quote_spaces<T: Unit>(path: Ptr<T>) -> BOOL {
    let text = read(path);
    let quote = text.iter().any(|unit| unit.code() == SPACE) && text.len() + 2 < MAX_PATH;
    if quote {
        put(path, &[&[T::of(b'"')], &text[..], &[T::of(b'"')]].concat());
    }
    BOOL(quote)
}

fn unquote_spaces<T: Unit>(path: Ptr<T>) -> BOOL {
    let text = read(path);
    let quoted = text.len() >= 2 && at(&text, 0) == QUOTE && at(&text, text.len() - 1) == QUOTE;
    if quoted {
        put(path, &text[1..text.len() - 1]);
    }
    BOOL(quoted)
}

/// The part between units of a set.
fn trimmed<T: Unit>(text: &[T], set: &[T]) -> std::ops::Range<usize> {
    let from = text.iter().position(|unit| !set.contains(unit)).unwrap_or(text.len());
    let to = text.iter().rposition(|unit| !set.contains(unit)).map_or(from, |i| i + 1);
    from..to
}

fn remove_blanks<T: Unit>(path: Ptr<T>) {
    let text = read(path);
    put(path, &text[trimmed(&text, &[T::of(b' ')])]);
}

fn trim<T: Unit>(text: Ptr<T>, set: Ptr<T>) -> BOOL {
    let units = read(text);
    let part = trimmed(&units, &read(set));
    let removed = part.len() != units.len();
    if removed {
        put(text, &units[part]);
    }
    BOOL(removed)
}

/// `*` and `?`, whatever the case.
fn matches<T: Unit>(name: &[T], pattern: &[T]) -> bool {
    let (mut n, mut p, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(unit) if unit.code() == b'*' as u16 => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(unit) if unit.code() == b'?' as u16 || unit.fold() == name[n].fold() => (n, p) = (n + 1, p + 1),
            _ => {
                let Some((after, from)) = star else { return false };
                star = Some((after, from + 1));
                (n, p) = (from + 1, after);
            }
        }
    }
    pattern[p..].iter().all(|unit| unit.code() == b'*' as u16)
}

fn match_spec<T: Unit>(name: Ptr<T>, patterns: Ptr<T>) -> BOOL {
    let (name, patterns) = (read(name), read(patterns));
    BOOL(patterns.split(|unit| unit.code() == b';' as u16).any(|pattern| {
        let spaces = pattern.iter().take_while(|unit| unit.code() == SPACE).count();
        let pattern = &pattern[spaces..];
        // *.* is for names without a dot, too.
        matches(&name, pattern) || pattern == [b'*', b'.', b'*'].map(T::of)
    }))
}

fn is_prefix<T: Unit>(prefix: Ptr<T>, path: Ptr<T>) -> BOOL {
    let (prefix, path) = (read(prefix), read(path));
    let same = path.len() >= prefix.len() && prefix.iter().zip(&path).all(|(a, b)| a.fold() == b.fold());
    let ends = matches!(at(&path, prefix.len()), 0 | BACKSLASH) || prefix.last().is_some_and(|unit| unit.code() == BACKSLASH);
    BOOL(same && ends)
}

fn find_by<T: Unit>(text: Ptr<T>, part: Ptr<T>, same: impl Fn(T, T) -> bool) -> Ptr<T> {
    let (units, part) = (read(text), read(part));
    if part.is_empty() {
        return Ptr::NULL;
    }
    let found = units.windows(part.len()).position(|window| window.iter().zip(&part).all(|(&a, &b)| same(a, b)));
    found.map_or(Ptr::NULL, |i| text.add(i))
}

fn find_text<T: Unit>(text: Ptr<T>, part: Ptr<T>) -> Ptr<T> {
    find_by(text, part, |a, b| a == b)
}

fn find_text_i<T: Unit>(text: Ptr<T>, part: Ptr<T>) -> Ptr<T> {
    find_by(text, part, |a, b| a.fold() == b.fold())
}

fn find_any<T: Unit>(text: Ptr<T>, set: Ptr<T>) -> Ptr<T> {
    let set = read(set);
    read(text).iter().position(|unit| set.contains(unit)).map_or(Ptr::NULL, |i| text.add(i))
}

fn span<T: Unit>(text: Ptr<T>, set: Ptr<T>) -> i32 {
    let set = read(set);
    read(text).iter().take_while(|unit| set.contains(unit)).count() as i32
}

fn complement_span<T: Unit>(text: Ptr<T>, set: Ptr<T>) -> i32 {
    let set = read(set);
    read(text).iter().take_while(|unit| !set.contains(unit)).count() as i32
}

fn duplicate<T: Unit>(text: Ptr<T>) -> Ptr<T> {
    let units = read(text);
    let Ok(block) = crate::guest_alloc((units.len() + 1) * size_of::<T>()) else { return Ptr::NULL };
    put(block.cast(), &units);
    block.cast()
}

fn compare_by<T: Unit>(a: Ptr<T>, b: Ptr<T>, count: i32, key: impl Fn(T) -> u16) -> i32 {
    for i in 0..count.max(0) as usize {
        let (left, right) = (a.add(i).get(), b.add(i).get());
        match i32::from(key(left)) - i32::from(key(right)) {
            0 if left.code() == 0 => break,
            0 => {}
            difference => return difference.signum(),
        }
    }
    0
}

fn compare_n<T: Unit>(a: Ptr<T>, b: Ptr<T>, count: i32) -> i32 {
    compare_by(a, b, count, T::code)
}

fn compare_ni<T: Unit>(a: Ptr<T>, b: Ptr<T>, count: i32) -> i32 {
    compare_by(a, b, count, T::fold)
}

/// A number at the beginning, with `hex` also 0x and digits.
fn number<T: Unit>(text: &[T], hex: bool) -> Option<i64> {
    let text = &text[text.iter().take_while(|unit| matches!(unit.code(), SPACE | 9..=13)).count()..];
    let digits = |text: &[T], base: u32| {
        let mut digits = text.iter().map_while(|unit| char::from_u32(unit.code().into()).and_then(|c| c.to_digit(base))).peekable();
        digits.peek().copied()?;
        Some(digits.fold(0i64, |value, digit| value.wrapping_mul(base.into()).wrapping_add(digit.into())))
    };
    if hex && at(text, 0) == b'0' as u16 && at(text, 1) | 0x20 == b'x' as u16 {
        return digits(&text[2..], 16);
    }
    match at(text, 0) {
        0x2d => digits(&text[1..], 10).map(|value| -value),
        0x2b => digits(&text[1..], 10),
        _ => digits(text, 10),
    }
}

fn to_int<T: Unit>(text: Ptr<T>) -> i32 {
    let text = read(text);
    // No leading white space and plus sign here.
    if matches!(at(&text, 0), SPACE | 9..=13 | 0x2b) { 0 } else { number(&text, false).unwrap_or(0) as i32 }
}

fn to_int_ex<T: Unit>(text: Ptr<T>, flags: u32) -> Option<i64> {
    number(&read(text), flags & 1 != 0)
}

/// A decimal number, or with flag 1 also a hexadecimal one.
#[export(shlwapi, full)]
pub fn StrToIntExA(text: Ptr<u8>, flags: u32, to: Ptr<i32>) -> BOOL {
    let value = to_int_ex(text, flags);
    to.set(value.unwrap_or(0) as i32);
    BOOL(value.is_some())
}

/// A decimal number, or with flag 1 also a hexadecimal one.
#[export(shlwapi, full)]
pub fn StrToIntExW(text: Ptr<u16>, flags: u32, to: Ptr<i32>) -> BOOL {
    let value = to_int_ex(text, flags);
    to.set(value.unwrap_or(0) as i32);
    BOOL(value.is_some())
}

/// INVALID_FILE_ATTRIBUTES; FILE_ATTRIBUTE_DIRECTORY is 16.
const NO_FILE: u32 = u32::MAX;

/// Whether there is a file.
#[export(shlwapi, full)]
pub fn PathFileExistsW(path: Ptr<u16>) -> BOOL {
    BOOL(!path.is_null() && kernel32::fileapi::GetFileAttributesW(path) != NO_FILE)
}

/// Whether there is a file.
#[export(shlwapi, full)]
pub fn PathFileExistsA(path: Ptr<u8>) -> BOOL {
    BOOL(!path.is_null() && kernel32::fileapi::GetFileAttributesA(path) != NO_FILE)
}

/// FILE_ATTRIBUTE_DIRECTORY itself, as documented.
fn is_directory(attributes: u32) -> u32 {
    if attributes == NO_FILE { 0 } else { attributes & 16 }
}

/// Whether there is a directory.
#[export(shlwapi, full)]
pub fn PathIsDirectoryW(path: Ptr<u16>) -> u32 {
    is_directory(kernel32::fileapi::GetFileAttributesW(path))
}

/// Whether there is a directory.
#[export(shlwapi, full)]
pub fn PathIsDirectoryA(path: Ptr<u8>) -> u32 {
    is_directory(kernel32::fileapi::GetFileAttributesA(path))
}
