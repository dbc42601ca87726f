//! mbstring.h: strings in the multibyte code page, whose characters have one byte or two.

use crate::codepage;
use crate::ctype::{self, lower, upper};
use crate::errno::Errno;
use crate::invalid;
use crate::raw::{self, Shared};
use crate::string::generic as g;
use abi::{Ptr, export, export_data};
use std::sync::atomic::{AtomicU32, Ordering};

/// The multibyte code page; 0 until it is chosen: the ANSI code page.
static PAGE: AtomicU32 = AtomicU32::new(0);
/// `_mbctype`: index 0 is for EOF.
static MBCTYPE: Shared<[u8; 257]> = Shared::new([0; 257]);
static MBCASEMAP: Shared<[u8; 256]> = Shared::new([0; 256]);
export_data!(MBCTYPE => msvcrt, full, name = "_mbctype");
export_data!(MBCASEMAP => msvcrt, full, name = "_mbcasemap");

/// Marks of `_mbctype`: lead and trail bytes.
const LEAD: u8 = 4;
const TRAIL: u8 = 8;

fn page() -> u32 {
    match PAGE.load(Ordering::Relaxed) {
        0 => codepage::ansi(),
        page => page,
    }
}

fn is_lead(byte: u8) -> bool {
    codepage::is_lead(page(), byte)
}

fn is_trail(byte: u8) -> bool {
    match page() {
        932 => matches!(byte, 0x40..=0x7e | 0x80..=0xfc),
        936 | 949 | 950 => byte >= 0x40 && byte != 0x7f && byte != 0xff,
        _ => false,
    }
}

/// A character and its length; NUL has length 1.
fn at(text: Ptr<u8>) -> (u32, usize) {
    let first = text.get();
    if is_lead(first) {
        let second = text.add(1).get();
        return if second == 0 { (0, 1) } else { (u32::from(first) << 8 | u32::from(second), 2) };
    }
    (first.into(), 1)
}

/// The characters of a string with their places.
fn chars(text: Ptr<u8>) -> impl Iterator<Item = (Ptr<u8>, u32, usize)> {
    let mut here = text;
    std::iter::from_fn(move || {
        let (c, length) = at(here);
        if c == 0 {
            return None;
        }
        let place = here;
        here = here.add(length);
        Some((place, c, length))
    })
}

fn put(to: Ptr<u8>, c: u32) -> usize {
    if c > 0xff {
        to.set((c >> 8) as u8);
        to.add(1).set(c as u8);
        2
    } else {
        to.set(c as u8);
        1
    }
}

fn fold(c: u32) -> u32 {
    if c < 0x100 { lower(c as u8).into() } else { c }
}

fn compare(a: Ptr<u8>, b: Ptr<u8>, mut chars: usize, mut bytes: usize, map: fn(u32) -> u32) -> i32 {
    let (mut a, mut b) = (a, b);
    while chars > 0 && bytes > 0 {
        let ((x, length), (y, other)) = (at(a), at(b));
        let (fx, fy) = (map(x), map(y));
        if fx != fy {
            return if fx < fy { -1 } else { 1 };
        }
        if x == 0 {
            return 0;
        }
        (a, b) = (a.add(length), b.add(other));
        chars -= 1;
        bytes = bytes.saturating_sub(length);
    }
    0
}

fn same(c: u32) -> u32 {
    c
}

/// Bytes of the first `count` characters, up to the end.
fn bytes_of(text: Ptr<u8>, count: usize) -> usize {
    chars(text).take(count).map(|c| c.2).sum()
}

fn find(text: Ptr<u8>, c: u32) -> Ptr<u8> {
    if c == 0 {
        return text.add(raw::length(text));
    }
    chars(text).find(|x| x.1 == c).map_or(Ptr::NULL, |x| x.0)
}

/// The first character that is in the set (or is not), else the end.
fn scan(text: Ptr<u8>, set: Ptr<u8>, member: bool) -> Ptr<u8> {
    chars(text).find(|x| chars(set).any(|s| s.1 == x.1) == member).map_or_else(|| text.add(raw::length(text)), |x| x.0)
}

fn or_null(text: Ptr<u8>) -> Ptr<u8> {
    if text.get() == 0 { Ptr::NULL } else { text }
}

fn find_text(text: Ptr<u8>, what: Ptr<u8>) -> Ptr<u8> {
    let length = raw::length(what);
    if length == 0 {
        return text;
    }
    chars(text).find(|x| compare(x.0, what, usize::MAX, length, same) == 0).map_or(Ptr::NULL, |x| x.0)
}

fn token(text: Ptr<u8>, set: Ptr<u8>, context: Ptr<Ptr<u8>>) -> Ptr<u8> {
    let text = if text.is_null() { context.get() } else { text };
    if text.is_null() {
        return text;
    }
    let start = scan(text, set, false);
    if start.get() == 0 {
        context.set(start);
        return Ptr::NULL;
    }
    let end = scan(start, set, true);
    if end.get() == 0 {
        context.set(end);
    } else {
        let (_, length) = at(end);
        end.set(0);
        context.set(end.add(length));
    }
    start
}

thread_local! {
    static TOKEN: Shared<Ptr<u8>> = const { Shared::new(Ptr::NULL) };
}

fn previous(start: Ptr<u8>, current: Ptr<u8>) -> Ptr<u8> {
    chars(start).take_while(|x| x.0 < current).last().map_or(Ptr::NULL, |x| x.0)
}

fn map(text: Ptr<u8>, f: fn(u8) -> u8) -> Ptr<u8> {
    for (place, c, length) in chars(text) {
        if length == 1 {
            place.set(f(c as u8));
        }
    }
    text
}

fn map_s(text: Ptr<u8>, size: usize, f: fn(u8) -> u8) -> Result<(), Errno> {
    invalid::check(!text.is_null() && raw::length_max(text, size) < size)?;
    map(text, f);
    Ok(())
}

fn reverse(text: Ptr<u8>) -> Ptr<u8> {
    let all: Vec<u32> = chars(text).map(|x| x.1).collect();
    let mut to = text;
    for c in all.into_iter().rev() {
        to = to.add(put(to, c));
    }
    text
}

fn set(text: Ptr<u8>, c: u32, bytes: usize) -> Ptr<u8> {
    let end = raw::length(text).min(bytes);
    let width = if c > 0xff { 2 } else { 1 };
    let mut done = 0;
    while done + width <= end {
        done += put(text.add(done), c);
    }
    // Half a character is left: a blank.
    if done < end {
        text.add(done).set(b' ');
    }
    text
}

fn type_of(byte: u8, after_lead: bool) -> i32 {
    // _MBC_SINGLE 0, _MBC_LEAD 1, _MBC_TRAIL 2, _MBC_ILLEGAL -1.
    match (after_lead, is_trail(byte), is_lead(byte)) {
        (true, true, _) => 2,
        (true, false, _) => -1,
        (false, _, true) => 1,
        _ => 0,
    }
}

/// Type of the byte at an offset.
fn type_at(text: Ptr<u8>, offset: usize) -> i32 {
    let mut after_lead = false;
    for i in 0..=offset {
        let byte = text.add(i).get();
        if byte == 0 {
            return -1;
        }
        let kind = type_of(byte, after_lead);
        if i == offset {
            return kind;
        }
        after_lead = kind == 1;
    }
    -1
}

fn class(c: u32, mask: u16) -> i32 {
    if c > 0xff {
        let wide = codepage::to_wide(page(), &[(c >> 8) as u8, c as u8]);
        return wide.first().map_or(0, |&u| (ctype::wide_class(u.into()) & mask).into());
    }
    match codepage::decode_one(page(), &[c as u8]) {
        codepage::Decoded::Char(code, _) => (ctype::wide_class(code) & mask).into(),
        _ => 0,
    }
}

fn kana(c: u32) -> bool {
    page() == 932 && (0xa1..=0xdf).contains(&c)
}

fn in_932(c: u32, low: u32, high: u32) -> i32 {
    (page() == 932 && (low..=high).contains(&c)).into()
}

fn choose(number: i32) -> i32 {
    let page = match number {
        0 => 20127,
        -2 => 437,
        -3 | -4 => codepage::ansi(),
        n if n > 0 => n as u32,
        _ => {
            invalid::report(Errno::EINVAL);
            return -1;
        }
    };
    PAGE.store(page, Ordering::Relaxed);
    for byte in 0..=255u8 {
        let marks = if is_lead(byte) { LEAD } else { 0 } | if is_trail(byte) { TRAIL } else { 0 };
        MBCTYPE.ptr().cast::<u8>().add(usize::from(byte) + 1).set(marks);
    }
    0
}

/// At most `count` bytes or characters (as `bytes` says), whole ones.
fn take(from: Ptr<u8>, count: usize, bytes: bool) -> usize {
    if !bytes {
        return bytes_of(from, count);
    }
    let mut total = 0;
    for (_, _, length) in chars(from) {
        if total + length > count {
            break;
        }
        total += length;
    }
    total
}

fn copy_count(to: Ptr<u8>, from: Ptr<u8>, count: usize, bytes: bool) -> Ptr<u8> {
    let length = take(from, count, bytes);
    raw::copy(to, from, length);
    let taken = if bytes { length } else { chars(from).take(count).count() };
    raw::fill(to.add(length), 0, count.saturating_sub(taken));
    to
}

fn append_count(to: Ptr<u8>, from: Ptr<u8>, count: usize, bytes: bool) -> Ptr<u8> {
    let (end, length) = (raw::length(to), take(from, count, bytes));
    raw::copy(to.add(end), from, length);
    to.add(end + length).set(0);
    to
}

fn counted(from: Ptr<u8>, count: usize, bytes: bool) -> usize {
    if count == usize::MAX || from.is_null() { count } else { take(from, count, bytes) }
}

/// The multibyte code page, 0 when its characters have one byte.
#[export(msvcrt + ucrtbase, full)]
fn _getmbcp() -> i32 {
    if matches!(page(), 932 | 936 | 949 | 950) { page() as i32 } else { 0 }
}

/// Chooses the multibyte code page.
#[export(msvcrt + ucrtbase, full)]
fn _setmbcp(number: i32) -> i32 {
    choose(number)
}

/// Address of the byte types.
#[export(msvcrt + ucrtbase, full)]
fn __p__mbctype() -> Ptr<u8> {
    MBCTYPE.ptr().cast()
}

/// Address of the case map.
#[export(msvcrt + ucrtbase, full)]
fn __p__mbcasemap() -> Ptr<Ptr<u8>> {
    static ADDRESS: Shared<Ptr<u8>> = Shared::new(Ptr::NULL);
    ADDRESS.set(MBCASEMAP.ptr().cast());
    ADDRESS.ptr()
}

/// Finds a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbschr(text: Ptr<u8>, c: u32) -> Ptr<u8> {
    find(text, c)
}

/// Finds a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbschr_l(text: Ptr<u8>, c: u32, _locale: Ptr<u8>) -> Ptr<u8> {
    find(text, c)
}

/// Finds the last occurrence of a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbsrchr(text: Ptr<u8>, c: u32) -> Ptr<u8> {
    if c == 0 {
        return find(text, 0);
    }
    chars(text).filter(|x| x.1 == c).last().map_or(Ptr::NULL, |x| x.0)
}

/// Finds the last occurrence of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsrchr_l(text: Ptr<u8>, c: u32, _locale: Ptr<u8>) -> Ptr<u8> {
    if c == 0 {
        return find(text, 0);
    }
    chars(text).filter(|x| x.1 == c).last().map_or(Ptr::NULL, |x| x.0)
}

/// Finds a string in a string.
#[export(msvcrt + ucrtbase, full)]
fn _mbsstr(text: Ptr<u8>, what: Ptr<u8>) -> Ptr<u8> {
    find_text(text, what)
}

/// Finds a string in a string, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsstr_l(text: Ptr<u8>, what: Ptr<u8>, _locale: Ptr<u8>) -> Ptr<u8> {
    find_text(text, what)
}

/// Bytes at the start that are in a set.
#[export(msvcrt + ucrtbase, full)]
fn _mbsspn(text: Ptr<u8>, set: Ptr<u8>) -> usize {
    scan(text, set, false).addr() - text.addr()
}

/// Bytes at the start that are in a set, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsspn_l(text: Ptr<u8>, set: Ptr<u8>, _locale: Ptr<u8>) -> usize {
    scan(text, set, false).addr() - text.addr()
}

/// Bytes at the start that are not in a set.
#[export(msvcrt + ucrtbase, full)]
fn _mbscspn(text: Ptr<u8>, set: Ptr<u8>) -> usize {
    scan(text, set, true).addr() - text.addr()
}

/// Bytes at the start that are not in a set, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbscspn_l(text: Ptr<u8>, set: Ptr<u8>, _locale: Ptr<u8>) -> usize {
    scan(text, set, true).addr() - text.addr()
}

/// Finds the first character that is in a set.
#[export(msvcrt + ucrtbase, full)]
fn _mbspbrk(text: Ptr<u8>, set: Ptr<u8>) -> Ptr<u8> {
    or_null(scan(text, set, true))
}

/// Finds the first character that is in a set, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbspbrk_l(text: Ptr<u8>, set: Ptr<u8>, _locale: Ptr<u8>) -> Ptr<u8> {
    or_null(scan(text, set, true))
}

/// Finds the first character that is not in a set.
#[export(msvcrt + ucrtbase, full)]
fn _mbsspnp(text: Ptr<u8>, set: Ptr<u8>) -> Ptr<u8> {
    or_null(scan(text, set, false))
}

/// Finds the first character that is not in a set, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsspnp_l(text: Ptr<u8>, set: Ptr<u8>, _locale: Ptr<u8>) -> Ptr<u8> {
    or_null(scan(text, set, false))
}

/// Cuts the next token from a string.
#[export(msvcrt + ucrtbase, full)]
fn _mbstok(text: Ptr<u8>, set: Ptr<u8>) -> Ptr<u8> {
    token(text, set, TOKEN.with(|t| t.ptr()))
}

/// Cuts the next token from a string, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbstok_l(text: Ptr<u8>, set: Ptr<u8>, _locale: Ptr<u8>) -> Ptr<u8> {
    token(text, set, TOKEN.with(|t| t.ptr()))
}

/// Cuts the next token from a string; the state is the caller's.
#[export(msvcrt + ucrtbase, full)]
fn _mbstok_s(text: Ptr<u8>, set: Ptr<u8>, context: Ptr<Ptr<u8>>) -> Ptr<u8> {
    token(text, set, context)
}

/// Cuts the next token from a string; the state is the caller's, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbstok_s_l(text: Ptr<u8>, set: Ptr<u8>, context: Ptr<Ptr<u8>>, _locale: Ptr<u8>) -> Ptr<u8> {
    token(text, set, context)
}

/// The next character.
#[export(msvcrt + ucrtbase, full)]
fn _mbsinc(text: Ptr<u8>) -> Ptr<u8> {
    text.add(at(text).1)
}

/// The next character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsinc_l(text: Ptr<u8>, _locale: Ptr<u8>) -> Ptr<u8> {
    text.add(at(text).1)
}

/// The previous character.
#[export(msvcrt + ucrtbase, full)]
fn _mbsdec(start: Ptr<u8>, current: Ptr<u8>) -> Ptr<u8> {
    previous(start, current)
}

/// The previous character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsdec_l(start: Ptr<u8>, current: Ptr<u8>, _locale: Ptr<u8>) -> Ptr<u8> {
    previous(start, current)
}

/// The place some characters on.
#[export(msvcrt + ucrtbase, full)]
fn _mbsninc(text: Ptr<u8>, count: usize) -> Ptr<u8> {
    text.add(bytes_of(text, count))
}

/// The place some characters on, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsninc_l(text: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> Ptr<u8> {
    text.add(bytes_of(text, count))
}

/// Characters in a string.
#[export(msvcrt + ucrtbase, full)]
fn _mbslen(text: Ptr<u8>) -> usize {
    chars(text).count()
}

/// Characters in a string, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbslen_l(text: Ptr<u8>, _locale: Ptr<u8>) -> usize {
    chars(text).count()
}

/// Characters in a string, up to a limit in bytes.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnlen(text: Ptr<u8>, max: usize) -> usize {
    chars(text).take_while(|x| x.0.addr() < text.addr().saturating_add(max)).count()
}

/// Characters in a string, up to a limit in bytes, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnlen_l(text: Ptr<u8>, max: usize, _locale: Ptr<u8>) -> usize {
    chars(text).take_while(|x| x.0.addr() < text.addr().saturating_add(max)).count()
}

/// The character at a place.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnextc(text: Ptr<u8>) -> u32 {
    at(text).0
}

/// The character at a place, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnextc_l(text: Ptr<u8>, _locale: Ptr<u8>) -> u32 {
    at(text).0
}

/// Bytes of the character at a place.
#[export(msvcrt + ucrtbase, full)]
fn _mbclen(text: Ptr<u8>) -> usize {
    at(text).1
}

/// Bytes of the character at a place, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbclen_l(text: Ptr<u8>, _locale: Ptr<u8>) -> usize {
    at(text).1
}

/// Copies a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbccpy(to: Ptr<u8>, from: Ptr<u8>) {
    put(to, at(from).0);
}

/// Copies a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbccpy_l(to: Ptr<u8>, from: Ptr<u8>, _locale: Ptr<u8>) {
    put(to, at(from).0);
}

/// Copies a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbccpy_s(to: Ptr<u8>, size: usize, copied: Ptr<i32>, from: Ptr<u8>) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0)?;
    let (c, length) = at(from);
    if length > size {
        return Err(invalid::report(Errno::ERANGE));
    }
    put(to, c);
    if !copied.is_null() {
        copied.set(length as i32);
    }
    Ok(())
}

/// Copies a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbccpy_s_l(to: Ptr<u8>, size: usize, copied: Ptr<i32>, from: Ptr<u8>, _locale: Ptr<u8>) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0)?;
    let (c, length) = at(from);
    if length > size {
        return Err(invalid::report(Errno::ERANGE));
    }
    put(to, c);
    if !copied.is_null() {
        copied.set(length as i32);
    }
    Ok(())
}

/// Compares two strings.
#[export(msvcrt + ucrtbase, full)]
fn _mbscmp(a: Ptr<u8>, b: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, usize::MAX, same)
}

/// Compares two strings, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbscmp_l(a: Ptr<u8>, b: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, usize::MAX, same)
}

/// Compares two strings without regard to case.
#[export(msvcrt + ucrtbase, full)]
fn _mbsicmp(a: Ptr<u8>, b: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, usize::MAX, fold)
}

/// Compares two strings without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsicmp_l(a: Ptr<u8>, b: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, usize::MAX, fold)
}

/// Compares two strings.
#[export(msvcrt + ucrtbase, full)]
fn _mbscoll(a: Ptr<u8>, b: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, usize::MAX, same)
}

/// Compares two strings, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbscoll_l(a: Ptr<u8>, b: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, usize::MAX, same)
}

/// Compares two strings without regard to case.
#[export(msvcrt + ucrtbase, full)]
fn _mbsicoll(a: Ptr<u8>, b: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, usize::MAX, fold)
}

/// Compares two strings without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsicoll_l(a: Ptr<u8>, b: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, usize::MAX, fold)
}

/// Compares two strings.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncmp(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    compare(a, b, count, usize::MAX, same)
}

/// Compares two strings, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncmp_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    compare(a, b, count, usize::MAX, same)
}

/// Compares two strings without regard to case.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnicmp(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    compare(a, b, count, usize::MAX, fold)
}

/// Compares two strings without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnicmp_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    compare(a, b, count, usize::MAX, fold)
}

/// Compares two strings.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncoll(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    compare(a, b, count, usize::MAX, same)
}

/// Compares two strings, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncoll_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    compare(a, b, count, usize::MAX, same)
}

/// Compares two strings without regard to case.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnicoll(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    compare(a, b, count, usize::MAX, fold)
}

/// Compares two strings without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnicoll_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    compare(a, b, count, usize::MAX, fold)
}

/// Compares two strings.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcmp(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    compare(a, b, usize::MAX, count, same)
}

/// Compares two strings, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcmp_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, count, same)
}

/// Compares two strings without regard to case.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbicmp(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    compare(a, b, usize::MAX, count, fold)
}

/// Compares two strings without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbicmp_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, count, fold)
}

/// Compares two strings.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcoll(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    compare(a, b, usize::MAX, count, same)
}

/// Compares two strings, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcoll_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, count, same)
}

/// Compares two strings without regard to case.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbicoll(a: Ptr<u8>, b: Ptr<u8>, count: usize) -> i32 {
    compare(a, b, usize::MAX, count, fold)
}

/// Compares two strings without regard to case, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbicoll_l(a: Ptr<u8>, b: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    compare(a, b, usize::MAX, count, fold)
}

/// Copies a string.
#[export(msvcrt, full)]
fn _mbscpy(to: Ptr<u8>, from: Ptr<u8>) -> Ptr<u8> {
    g::copy(to, from)
}

/// Appends a string.
#[export(msvcrt, full)]
fn _mbscat(to: Ptr<u8>, from: Ptr<u8>) -> Ptr<u8> {
    g::append(to, from)
}

/// Copies a string into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn _mbscpy_s(to: Ptr<u8>, size: usize, from: Ptr<u8>) -> Result<(), Errno> {
    g::copy_s(to, size, from)
}

/// Copies a string into a buffer of known size, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbscpy_s_l(to: Ptr<u8>, size: usize, from: Ptr<u8>, _locale: Ptr<u8>) -> Result<(), Errno> {
    g::copy_s(to, size, from)
}

/// Appends a string in a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn _mbscat_s(to: Ptr<u8>, size: usize, from: Ptr<u8>) -> Result<(), Errno> {
    g::append_s(to, size, from)
}

/// Appends a string in a buffer of known size, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbscat_s_l(to: Ptr<u8>, size: usize, from: Ptr<u8>, _locale: Ptr<u8>) -> Result<(), Errno> {
    g::append_s(to, size, from)
}

/// Copies a string into a block of its own.
#[export(msvcrt + ucrtbase, full)]
fn _mbsdup(text: Ptr<u8>) -> Ptr<u8> {
    g::duplicate(text)
}

/// Copies the start of a string.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncpy(to: Ptr<u8>, from: Ptr<u8>, count: usize) -> Ptr<u8> {
    copy_count(to, from, count, false)
}

/// Copies the start of a string, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncpy_l(to: Ptr<u8>, from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> Ptr<u8> {
    copy_count(to, from, count, false)
}

/// Appends the start of a string.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncat(to: Ptr<u8>, from: Ptr<u8>, count: usize) -> Ptr<u8> {
    append_count(to, from, count, false)
}

/// Appends the start of a string, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncat_l(to: Ptr<u8>, from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> Ptr<u8> {
    append_count(to, from, count, false)
}

/// Copies the start of a string into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncpy_s(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize) -> Result<(), Errno> {
    g::copy_max_s(to, size, from, counted(from, count, false))
}

/// Copies the start of a string into a buffer of known size, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncpy_s_l(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    g::copy_max_s(to, size, from, counted(from, count, false))
}

/// Appends the start of a string in a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncat_s(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize) -> Result<(), Errno> {
    g::append_max_s(to, size, from, counted(from, count, false))
}

/// Appends the start of a string in a buffer of known size, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsncat_s_l(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    g::append_max_s(to, size, from, counted(from, count, false))
}

/// Fills the start of a string with a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnset(text: Ptr<u8>, c: u32, count: usize) -> Ptr<u8> {
    set(text, c, bytes_of(text, count))
}

/// Fills the start of a string with a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnset_l(text: Ptr<u8>, c: u32, count: usize, _locale: Ptr<u8>) -> Ptr<u8> {
    set(text, c, bytes_of(text, count))
}

/// Fills the start of a string with a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnset_s(text: Ptr<u8>, size: usize, c: u32, count: usize) -> Result<(), Errno> {
    invalid::check(!text.is_null() && raw::length_max(text, size) < size)?;
    set(text, c, bytes_of(text, count));
    Ok(())
}

/// Fills the start of a string with a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnset_s_l(text: Ptr<u8>, size: usize, c: u32, count: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    invalid::check(!text.is_null() && raw::length_max(text, size) < size)?;
    set(text, c, bytes_of(text, count));
    Ok(())
}

/// Copies the start of a string.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcpy(to: Ptr<u8>, from: Ptr<u8>, count: usize) -> Ptr<u8> {
    copy_count(to, from, count, true)
}

/// Copies the start of a string, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcpy_l(to: Ptr<u8>, from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> Ptr<u8> {
    copy_count(to, from, count, true)
}

/// Appends the start of a string.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcat(to: Ptr<u8>, from: Ptr<u8>, count: usize) -> Ptr<u8> {
    append_count(to, from, count, true)
}

/// Appends the start of a string, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcat_l(to: Ptr<u8>, from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> Ptr<u8> {
    append_count(to, from, count, true)
}

/// Copies the start of a string into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcpy_s(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize) -> Result<(), Errno> {
    g::copy_max_s(to, size, from, counted(from, count, true))
}

/// Copies the start of a string into a buffer of known size, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcpy_s_l(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    g::copy_max_s(to, size, from, counted(from, count, true))
}

/// Appends the start of a string in a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcat_s(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize) -> Result<(), Errno> {
    g::append_max_s(to, size, from, counted(from, count, true))
}

/// Appends the start of a string in a buffer of known size, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcat_s_l(to: Ptr<u8>, size: usize, from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    g::append_max_s(to, size, from, counted(from, count, true))
}

/// Fills the start of a string with a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbset(text: Ptr<u8>, c: u32, count: usize) -> Ptr<u8> {
    set(text, c, count)
}

/// Fills the start of a string with a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbset_l(text: Ptr<u8>, c: u32, count: usize, _locale: Ptr<u8>) -> Ptr<u8> {
    set(text, c, count)
}

/// Fills the start of a string with a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbset_s(text: Ptr<u8>, size: usize, c: u32, count: usize) -> Result<(), Errno> {
    invalid::check(!text.is_null() && raw::length_max(text, size) < size)?;
    set(text, c, count);
    Ok(())
}

/// Fills the start of a string with a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbset_s_l(text: Ptr<u8>, size: usize, c: u32, count: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    invalid::check(!text.is_null() && raw::length_max(text, size) < size)?;
    set(text, c, count);
    Ok(())
}

/// Fills a string with a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbsset(text: Ptr<u8>, c: u32) -> Ptr<u8> {
    set(text, c, usize::MAX)
}

/// Fills a string with a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsset_l(text: Ptr<u8>, c: u32, _locale: Ptr<u8>) -> Ptr<u8> {
    set(text, c, usize::MAX)
}

/// Fills a string with a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbsset_s(text: Ptr<u8>, size: usize, c: u32) -> Result<(), Errno> {
    invalid::check(!text.is_null() && raw::length_max(text, size) < size)?;
    set(text, c, usize::MAX);
    Ok(())
}

/// Fills a string with a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsset_s_l(text: Ptr<u8>, size: usize, c: u32, _locale: Ptr<u8>) -> Result<(), Errno> {
    invalid::check(!text.is_null() && raw::length_max(text, size) < size)?;
    set(text, c, usize::MAX);
    Ok(())
}

/// Bytes of some characters.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcnt(text: Ptr<u8>, count: usize) -> usize {
    bytes_of(text, count)
}

/// Bytes of some characters, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnbcnt_l(text: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> usize {
    bytes_of(text, count)
}

/// Characters in some bytes.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnccnt(text: Ptr<u8>, count: usize) -> usize {
    chars(text).take_while(|x| x.0.addr() < text.addr().saturating_add(count)).count()
}

/// Characters in some bytes, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsnccnt_l(text: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> usize {
    chars(text).take_while(|x| x.0.addr() < text.addr().saturating_add(count)).count()
}

/// Reverses a string.
#[export(msvcrt + ucrtbase, full)]
fn _mbsrev(text: Ptr<u8>) -> Ptr<u8> {
    reverse(text)
}

/// Reverses a string, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsrev_l(text: Ptr<u8>, _locale: Ptr<u8>) -> Ptr<u8> {
    reverse(text)
}

/// Turns a string into lower case.
#[export(msvcrt + ucrtbase, full)]
fn _mbslwr(text: Ptr<u8>) -> Ptr<u8> {
    map(text, lower)
}

/// Turns a string into lower case, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbslwr_l(text: Ptr<u8>, _locale: Ptr<u8>) -> Ptr<u8> {
    map(text, lower)
}

/// Turns a string into upper case.
#[export(msvcrt + ucrtbase, full)]
fn _mbsupr(text: Ptr<u8>) -> Ptr<u8> {
    map(text, upper)
}

/// Turns a string into upper case, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsupr_l(text: Ptr<u8>, _locale: Ptr<u8>) -> Ptr<u8> {
    map(text, upper)
}

/// Turns a string into lower case.
#[export(msvcrt + ucrtbase, full)]
fn _mbslwr_s(text: Ptr<u8>, size: usize) -> Result<(), Errno> {
    map_s(text, size, lower)
}

/// Turns a string into lower case, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbslwr_s_l(text: Ptr<u8>, size: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    map_s(text, size, lower)
}

/// Turns a string into upper case.
#[export(msvcrt + ucrtbase, full)]
fn _mbsupr_s(text: Ptr<u8>, size: usize) -> Result<(), Errno> {
    map_s(text, size, upper)
}

/// Turns a string into upper case, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsupr_s_l(text: Ptr<u8>, size: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    map_s(text, size, upper)
}

/// The lower case of a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbctolower(c: u32) -> u32 {
    fold(c)
}

/// The lower case of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbctolower_l(c: u32, _locale: Ptr<u8>) -> u32 {
    fold(c)
}

/// The upper case of a character.
#[export(msvcrt + ucrtbase, full)]
fn _mbctoupper(c: u32) -> u32 {
    if c < 0x100 { upper(c as u8).into() } else { c }
}

/// The upper case of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbctoupper_l(c: u32, _locale: Ptr<u8>) -> u32 {
    if c < 0x100 { upper(c as u8).into() } else { c }
}

/// The type of a byte by the one before it.
#[export(msvcrt + ucrtbase, full)]
fn _mbbtype(byte: u8, previous: i32) -> i32 {
    type_of(byte, previous == 1)
}

/// The type of a byte by the one before it, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbbtype_l(byte: u8, previous: i32, _locale: Ptr<u8>) -> i32 {
    type_of(byte, previous == 1)
}

/// The type of a byte in a string.
#[export(msvcrt + ucrtbase, full)]
fn _mbsbtype(text: Ptr<u8>, offset: usize) -> i32 {
    type_at(text, offset)
}

/// The type of a byte in a string, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbsbtype_l(text: Ptr<u8>, offset: usize, _locale: Ptr<u8>) -> i32 {
    type_at(text, offset)
}

/// Whether a byte in a string is a lead byte.
#[export(msvcrt + ucrtbase, full)]
fn _ismbslead(start: Ptr<u8>, current: Ptr<u8>) -> i32 {
    -i32::from(type_at(start, current.addr() - start.addr()) == 1)
}

/// Whether a byte in a string is a lead byte, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbslead_l(start: Ptr<u8>, current: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    -i32::from(type_at(start, current.addr() - start.addr()) == 1)
}

/// Whether a byte in a string is a trail byte.
#[export(msvcrt + ucrtbase, full)]
fn _ismbstrail(start: Ptr<u8>, current: Ptr<u8>) -> i32 {
    -i32::from(type_at(start, current.addr() - start.addr()) == 2)
}

/// Whether a byte in a string is a trail byte, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbstrail_l(start: Ptr<u8>, current: Ptr<u8>, _locale: Ptr<u8>) -> i32 {
    -i32::from(type_at(start, current.addr() - start.addr()) == 2)
}

/// Whether a byte may be a lead byte.
#[export(msvcrt + ucrtbase, full)]
fn _ismbblead(c: u32) -> i32 {
    (c < 0x100 && is_lead(c as u8)).into()
}

/// Whether a byte may be a lead byte, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbblead_l(c: u32, _locale: Ptr<u8>) -> i32 {
    (c < 0x100 && is_lead(c as u8)).into()
}

/// Whether a byte may be a trail byte.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbtrail(c: u32) -> i32 {
    (c < 0x100 && is_trail(c as u8)).into()
}

/// Whether a byte may be a trail byte, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbtrail_l(c: u32, _locale: Ptr<u8>) -> i32 {
    (c < 0x100 && is_trail(c as u8)).into()
}

/// Whether it is a character.
#[export(msvcrt + ucrtbase, full)]
fn _ismbclegal(c: u32) -> i32 {
    (c < 0x100 || (is_lead((c >> 8) as u8) && is_trail(c as u8))).into()
}

/// Whether it is a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbclegal_l(c: u32, _locale: Ptr<u8>) -> i32 {
    (c < 0x100 || (is_lead((c >> 8) as u8) && is_trail(c as u8))).into()
}

/// Whether a character is a symbol (code page 932).
#[export(msvcrt + ucrtbase, full)]
fn _ismbcsymbol(c: u32) -> i32 {
    in_932(c, 0x8141, 0x81ac)
}

/// Whether a character is a symbol (code page 932), with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcsymbol_l(c: u32, _locale: Ptr<u8>) -> i32 {
    in_932(c, 0x8141, 0x81ac)
}

/// Whether a character is hiragana (code page 932).
#[export(msvcrt + ucrtbase, full)]
fn _ismbchira(c: u32) -> i32 {
    in_932(c, 0x829f, 0x82f1)
}

/// Whether a character is hiragana (code page 932), with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbchira_l(c: u32, _locale: Ptr<u8>) -> i32 {
    in_932(c, 0x829f, 0x82f1)
}

/// Whether a character is katakana (code page 932).
#[export(msvcrt + ucrtbase, full)]
fn _ismbckata(c: u32) -> i32 {
    in_932(c, 0x8340, 0x8396)
}

/// Whether a character is katakana (code page 932), with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbckata_l(c: u32, _locale: Ptr<u8>) -> i32 {
    in_932(c, 0x8340, 0x8396)
}

/// Whether a character is of JIS level 0.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcl0(c: u32) -> i32 {
    in_932(c, 0x8140, 0x889e)
}

/// Whether a character is of JIS level 0, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcl0_l(c: u32, _locale: Ptr<u8>) -> i32 {
    in_932(c, 0x8140, 0x889e)
}

/// Whether a character is of JIS level 1.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcl1(c: u32) -> i32 {
    in_932(c, 0x889f, 0x9872)
}

/// Whether a character is of JIS level 1, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcl1_l(c: u32, _locale: Ptr<u8>) -> i32 {
    in_932(c, 0x889f, 0x9872)
}

/// Whether a character is of JIS level 2.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcl2(c: u32) -> i32 {
    in_932(c, 0x989f, 0xeaa4)
}

/// Whether a character is of JIS level 2, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcl2_l(c: u32, _locale: Ptr<u8>) -> i32 {
    in_932(c, 0x989f, 0xeaa4)
}

/// The class of a byte.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbalnum(c: u32) -> i32 {
    if kana(c) { 1 } else { class(c & 0xff, ctype::ALPHA | ctype::DIGIT) }
}

/// The class of a byte, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbalnum_l(c: u32, _locale: Ptr<u8>) -> i32 {
    if kana(c) { 1 } else { class(c & 0xff, ctype::ALPHA | ctype::DIGIT) }
}

/// The class of a character.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcalnum(c: u32) -> i32 {
    class(c, ctype::ALPHA | ctype::DIGIT)
}

/// The class of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcalnum_l(c: u32, _locale: Ptr<u8>) -> i32 {
    class(c, ctype::ALPHA | ctype::DIGIT)
}

/// Whether a byte is katakana.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbkalnum(c: u32) -> i32 {
    kana(c).into()
}

/// Whether a byte is katakana, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbkalnum_l(c: u32, _locale: Ptr<u8>) -> i32 {
    kana(c).into()
}

/// The class of a byte.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbalpha(c: u32) -> i32 {
    if kana(c) { 1 } else { class(c & 0xff, ctype::ALPHA) }
}

/// The class of a byte, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbalpha_l(c: u32, _locale: Ptr<u8>) -> i32 {
    if kana(c) { 1 } else { class(c & 0xff, ctype::ALPHA) }
}

/// The class of a character.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcalpha(c: u32) -> i32 {
    class(c, ctype::ALPHA)
}

/// The class of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcalpha_l(c: u32, _locale: Ptr<u8>) -> i32 {
    class(c, ctype::ALPHA)
}

/// The class of a byte.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbgraph(c: u32) -> i32 {
    if kana(c) { 1 } else { class(c & 0xff, ctype::ALPHA | ctype::DIGIT | ctype::PUNCT) }
}

/// The class of a byte, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbgraph_l(c: u32, _locale: Ptr<u8>) -> i32 {
    if kana(c) { 1 } else { class(c & 0xff, ctype::ALPHA | ctype::DIGIT | ctype::PUNCT) }
}

/// The class of a character.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcgraph(c: u32) -> i32 {
    class(c, ctype::ALPHA | ctype::DIGIT | ctype::PUNCT)
}

/// The class of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcgraph_l(c: u32, _locale: Ptr<u8>) -> i32 {
    class(c, ctype::ALPHA | ctype::DIGIT | ctype::PUNCT)
}

/// The class of a byte.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbprint(c: u32) -> i32 {
    if kana(c) { 1 } else { class(c & 0xff, ctype::ALPHA | ctype::DIGIT | ctype::PUNCT | ctype::BLANK) }
}

/// The class of a byte, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbprint_l(c: u32, _locale: Ptr<u8>) -> i32 {
    if kana(c) { 1 } else { class(c & 0xff, ctype::ALPHA | ctype::DIGIT | ctype::PUNCT | ctype::BLANK) }
}

/// The class of a character.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcprint(c: u32) -> i32 {
    class(c, ctype::ALPHA | ctype::DIGIT | ctype::PUNCT | ctype::BLANK)
}

/// The class of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcprint_l(c: u32, _locale: Ptr<u8>) -> i32 {
    class(c, ctype::ALPHA | ctype::DIGIT | ctype::PUNCT | ctype::BLANK)
}

/// Whether a byte is katakana.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbkprint(c: u32) -> i32 {
    kana(c).into()
}

/// Whether a byte is katakana, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbkprint_l(c: u32, _locale: Ptr<u8>) -> i32 {
    kana(c).into()
}

/// The class of a byte.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbpunct(c: u32) -> i32 {
    if kana(c) { 1 } else { class(c & 0xff, ctype::PUNCT) }
}

/// The class of a byte, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbpunct_l(c: u32, _locale: Ptr<u8>) -> i32 {
    if kana(c) { 1 } else { class(c & 0xff, ctype::PUNCT) }
}

/// The class of a character.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcpunct(c: u32) -> i32 {
    class(c, ctype::PUNCT)
}

/// The class of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcpunct_l(c: u32, _locale: Ptr<u8>) -> i32 {
    class(c, ctype::PUNCT)
}

/// Whether a byte is katakana.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbkpunct(c: u32) -> i32 {
    kana(c).into()
}

/// Whether a byte is katakana, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbkpunct_l(c: u32, _locale: Ptr<u8>) -> i32 {
    kana(c).into()
}

/// Whether a byte is katakana.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbkana(c: u32) -> i32 {
    kana(c).into()
}

/// Whether a byte is katakana, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbbkana_l(c: u32, _locale: Ptr<u8>) -> i32 {
    kana(c).into()
}

/// Whether a byte is a blank.
#[export(ucrtbase, full)]
fn _ismbbblank(c: u32) -> i32 {
    (c == 9 || c == 32).into()
}

/// Whether a byte is a blank, with a locale.
#[export(ucrtbase, full)]
fn _ismbbblank_l(c: u32, _locale: Ptr<u8>) -> i32 {
    (c == 9 || c == 32).into()
}

/// Whether a character is a blank.
#[export(ucrtbase, full)]
fn _ismbcblank(c: u32) -> i32 {
    (c == 9 || c == 32).into()
}

/// Whether a character is a blank, with a locale.
#[export(ucrtbase, full)]
fn _ismbcblank_l(c: u32, _locale: Ptr<u8>) -> i32 {
    (c == 9 || c == 32).into()
}

/// The class of a character.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcdigit(c: u32) -> i32 {
    class(c, ctype::DIGIT)
}

/// The class of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcdigit_l(c: u32, _locale: Ptr<u8>) -> i32 {
    class(c, ctype::DIGIT)
}

/// The class of a character.
#[export(msvcrt + ucrtbase, full)]
fn _ismbclower(c: u32) -> i32 {
    class(c, ctype::LOWER)
}

/// The class of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbclower_l(c: u32, _locale: Ptr<u8>) -> i32 {
    class(c, ctype::LOWER)
}

/// The class of a character.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcspace(c: u32) -> i32 {
    class(c, ctype::SPACE)
}

/// The class of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcspace_l(c: u32, _locale: Ptr<u8>) -> i32 {
    class(c, ctype::SPACE)
}

/// The class of a character.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcupper(c: u32) -> i32 {
    class(c, ctype::UPPER)
}

/// The class of a character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _ismbcupper_l(c: u32, _locale: Ptr<u8>) -> i32 {
    class(c, ctype::UPPER)
}

/// A one-byte character as a two-byte one.
#[export(msvcrt + ucrtbase, partial("only what is the same in both codes"))]
fn _mbbtombc(c: u32) -> u32 {
    c
}

/// A one-byte character as a two-byte one, with a locale.
#[export(msvcrt + ucrtbase, partial("only what is the same in both codes"))]
fn _mbbtombc_l(c: u32, _locale: Ptr<u8>) -> u32 {
    c
}

/// A two-byte character as a one-byte one.
#[export(msvcrt + ucrtbase, partial("only what is the same in both codes"))]
fn _mbctombb(c: u32) -> u32 {
    c
}

/// A two-byte character as a one-byte one, with a locale.
#[export(msvcrt + ucrtbase, partial("only what is the same in both codes"))]
fn _mbctombb_l(c: u32, _locale: Ptr<u8>) -> u32 {
    c
}

/// A JIS character in code page 932.
#[export(msvcrt + ucrtbase, partial("only what is the same in both codes"))]
fn _mbcjistojms(c: u32) -> u32 {
    c
}

/// A JIS character in code page 932, with a locale.
#[export(msvcrt + ucrtbase, partial("only what is the same in both codes"))]
fn _mbcjistojms_l(c: u32, _locale: Ptr<u8>) -> u32 {
    c
}

/// A character of code page 932 in JIS.
#[export(msvcrt + ucrtbase, partial("only what is the same in both codes"))]
fn _mbcjmstojis(c: u32) -> u32 {
    c
}

/// A character of code page 932 in JIS, with a locale.
#[export(msvcrt + ucrtbase, partial("only what is the same in both codes"))]
fn _mbcjmstojis_l(c: u32, _locale: Ptr<u8>) -> u32 {
    c
}

/// Katakana as hiragana.
#[export(msvcrt + ucrtbase, full)]
fn _mbctohira(c: u32) -> u32 {
    if in_932(c, 0x8340, 0x8393) != 0 { c - 0x8340 + 0x829f - u32::from(c > 0x837f) } else { c }
}

/// Katakana as hiragana, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbctohira_l(c: u32, _locale: Ptr<u8>) -> u32 {
    if in_932(c, 0x8340, 0x8393) != 0 { c - 0x8340 + 0x829f - u32::from(c > 0x837f) } else { c }
}

/// Hiragana as katakana.
#[export(msvcrt + ucrtbase, full)]
fn _mbctokata(c: u32) -> u32 {
    if in_932(c, 0x829f, 0x82f1) != 0 {
        let k = c - 0x829f + 0x8340;
        k + u32::from(k >= 0x837f)
    } else {
        c
    }
}

/// Hiragana as katakana, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbctokata_l(c: u32, _locale: Ptr<u8>) -> u32 {
    if in_932(c, 0x829f, 0x82f1) != 0 {
        let k = c - 0x829f + 0x8340;
        k + u32::from(k >= 0x837f)
    } else {
        c
    }
}
