//! Multibyte characters and wide characters: stdlib.h, wchar.h and uchar.h.

use crate::codepage::{self, Decoded};
use crate::errno::{Errno, set_errno};
use crate::invalid;
use crate::locale;
use crate::raw::{self, Shared};
use abi::{Ptr, export};

/// (size_t)-1 and -2.
const FAILED: usize = usize::MAX;
const INCOMPLETE: usize = usize::MAX - 1;

/// `mbstate_t`: the bytes of a character that is not whole yet (three at most), and how many; for UTF-16
/// output a low surrogate that is still to come.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct State {
    bytes: u32,
    count: u16,
    surrogate: u16,
}

thread_local! {
    static OWN: [Shared<State>; 6] = const { [const { Shared::new(State { bytes: 0, count: 0, surrogate: 0 }) }; 6] };
}

fn state(given: Ptr<State>, own: usize) -> Ptr<State> {
    if given.is_null() { OWN.with(|o| o[own].ptr()) } else { given }
}

fn illegal<T>(result: T) -> T {
    set_errno(Errno::EILSEQ);
    result
}

/// Decodes the next character with a state: its scalar value and the bytes taken, or one of the two codes.
fn next_char(from: Ptr<u8>, count: usize, state: Ptr<State>) -> Result<(u32, usize), usize> {
    let page = locale::page();
    let kept = state.get();
    let mut bytes = kept.bytes.to_le_bytes()[..usize::from(kept.count.min(3))].to_vec();
    let before = bytes.len();
    for i in 0..count {
        bytes.push(from.add(i).get());
        match codepage::decode_one(page, &bytes) {
            Decoded::Char(code, _) => {
                state.set(State::default());
                return Ok((code, bytes.len() - before));
            }
            Decoded::Invalid => {
                state.set(State::default());
                return Err(illegal(FAILED));
            }
            Decoded::Incomplete => {}
        }
    }
    let mut all = [0; 4];
    all[..bytes.len().min(3)].copy_from_slice(&bytes[..bytes.len().min(3)]);
    state.set(State { bytes: u32::from_le_bytes(all), count: bytes.len() as u16, surrogate: 0 });
    Err(INCOMPLETE)
}

fn to_wide_char(to: Ptr<u16>, from: Ptr<u8>, count: usize, state: Ptr<State>) -> usize {
    if from.is_null() {
        state.set(State::default());
        return 0;
    }
    match next_char(from, count, state) {
        // What needs two units is no wchar_t.
        Ok((code, _)) if code > 0xffff => illegal(FAILED),
        Ok((code, taken)) => {
            if !to.is_null() {
                to.set(code as u16);
            }
            if code == 0 { 0 } else { taken }
        }
        Err(code) => code,
    }
}

/// mbtowc and mblen: -1 for what is no character, 0 for NUL.
fn one(to: Ptr<u16>, from: Ptr<u8>, count: usize) -> i32 {
    if from.is_null() || count == 0 {
        return 0;
    }
    let page = locale::page();
    let mut bytes = Vec::new();
    for i in 0..count.min(4) {
        bytes.push(from.add(i).get());
        match codepage::decode_one(page, &bytes) {
            Decoded::Char(code, taken) if code <= 0xffff => {
                if !to.is_null() {
                    to.set(code as u16);
                }
                return if code == 0 { 0 } else { taken as i32 };
            }
            Decoded::Incomplete => {}
            _ => break,
        }
    }
    illegal(-1)
}

fn to_bytes(unit: u16) -> Option<Vec<u8>> {
    codepage::from_wide(locale::page(), &[unit])
}

fn from_wide_char(to: Ptr<u8>, unit: u16) -> usize {
    match to_bytes(unit) {
        Some(bytes) => {
            if !to.is_null() {
                raw::put(to, &bytes);
            }
            bytes.len()
        }
        None => illegal(FAILED),
    }
}

/// All of a string as wide text, or None when a part is no character.
fn widen(from: &[u8]) -> Option<Vec<u16>> {
    let page = locale::page();
    let mut out = Vec::with_capacity(from.len());
    let mut rest = from;
    while !rest.is_empty() {
        match codepage::decode_one(page, rest) {
            Decoded::Char(code, taken) => {
                out.extend_from_slice(char::from_u32(code).unwrap_or('\u{fffd}').encode_utf16(&mut [0; 2]));
                rest = &rest[taken..];
            }
            _ => return None,
        }
    }
    Some(out)
}

fn to_wide_text(to: Ptr<u16>, from: Ptr<u8>, count: usize) -> usize {
    if invalid::check(!from.is_null()).is_err() {
        return FAILED;
    }
    // No more bytes are looked at than can give `count` units.
    let limit = if to.is_null() { usize::MAX } else { count.saturating_mul(codepage::max_length(locale::page()) as usize) };
    let mut bytes = raw::text_max(from, limit);
    let text = loop {
        match widen(bytes) {
            Some(text) => break text,
            // The limit may have cut a character.
            None if bytes.len() == limit && !bytes.is_empty() => bytes = &bytes[..bytes.len() - 1],
            None => return illegal(FAILED),
        }
    };
    if to.is_null() {
        return text.len();
    }
    let text = &text[..text.len().min(count)];
    raw::put(to, text);
    if text.len() < count {
        to.add(text.len()).set(0);
    }
    text.len()
}

/// Bytes of wide text, whole characters within `count`.
fn narrow(text: &[u16], count: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let pair = rest.len() > 1 && (0xd800..0xdc00).contains(&rest[0]);
        let (unit, more) = rest.split_at(1 + usize::from(pair));
        let bytes = codepage::from_wide(locale::page(), unit)?;
        if out.len() + bytes.len() > count {
            break;
        }
        out.extend(bytes);
        rest = more;
    }
    Some(out)
}

fn from_wide_text(to: Ptr<u8>, from: Ptr<u16>, count: usize) -> usize {
    if invalid::check(!from.is_null()).is_err() {
        return FAILED;
    }
    let limit = if to.is_null() { usize::MAX } else { count };
    let Some(bytes) = narrow(raw::text_max(from, limit), limit) else { return illegal(FAILED) };
    if !to.is_null() {
        raw::put(to, &bytes);
        if bytes.len() < count && raw::length_max(from, limit) < limit {
            to.add(bytes.len()).set(0);
        }
    }
    bytes.len()
}

/// The common end of mbstowcs_s and wcstombs_s: `max` counts units, all ones means to cut.
fn give_s<T: Copy + Default>(used: Ptr<usize>, to: Ptr<T>, size: usize, text: Option<Vec<T>>, max: usize) -> Result<(), Errno> {
    invalid::check(to.is_null() == (size == 0))?;
    if !used.is_null() {
        used.set(0);
    }
    let Some(mut text) = text else {
        if !to.is_null() {
            to.set(T::default());
        }
        return Err(Errno::EILSEQ);
    };
    let cut = max == usize::MAX;
    if !cut {
        text.truncate(max);
    }
    let mut result = Ok(());
    if !to.is_null() {
        if text.len() >= size {
            if !cut {
                to.set(T::default());
                return Err(invalid::report(Errno::ERANGE));
            }
            text.truncate(size - 1);
            result = Err(Errno::STRUNCATE);
        }
        raw::put(to, &text);
        to.add(text.len()).set(T::default());
    }
    if !used.is_null() {
        used.set(text.len() + 1);
    }
    result
}

fn to_wide_s(used: Ptr<usize>, to: Ptr<u16>, size: usize, from: Ptr<u8>, max: usize) -> Result<(), Errno> {
    invalid::check(!from.is_null())?;
    give_s(used, to, size, widen(raw::text(from)), if to.is_null() { usize::MAX - 1 } else { max })
}

fn to_narrow_s(used: Ptr<usize>, to: Ptr<u8>, size: usize, from: Ptr<u16>, max: usize) -> Result<(), Errno> {
    invalid::check(!from.is_null())?;
    give_s(used, to, size, narrow(raw::text(from), usize::MAX), if to.is_null() { usize::MAX - 1 } else { max })
}

/// mbsrtowcs: moves the source pointer on.
fn restartable_to_wide(to: Ptr<u16>, from: Ptr<Ptr<u8>>, count: usize, state: Ptr<State>) -> usize {
    let mut at = from.get();
    let mut done = 0;
    while to.is_null() || done < count {
        match next_char(at, 1, state) {
            Ok((code, _)) => {
                at = at.add(1);
                let mut units = [0; 2];
                let units = char::from_u32(code).unwrap_or('\u{fffd}').encode_utf16(&mut units);
                if !to.is_null() {
                    if done + units.len() > count {
                        break;
                    }
                    raw::put(to.add(done), units);
                }
                if code == 0 {
                    if !to.is_null() {
                        from.set(Ptr::NULL);
                    }
                    return done;
                }
                done += units.len();
            }
            Err(INCOMPLETE) => at = at.add(1),
            Err(code) => return code,
        }
    }
    from.set(at);
    done
}

fn restartable_to_narrow(to: Ptr<u8>, from: Ptr<Ptr<u16>>, count: usize) -> usize {
    let mut at = from.get();
    let mut done = 0;
    loop {
        let unit = at.get();
        let pair = (0xd800..0xdc00).contains(&unit);
        let text = if pair { vec![unit, at.add(1).get()] } else { vec![unit] };
        let Some(bytes) = codepage::from_wide(locale::page(), &text) else { return illegal(FAILED) };
        if !to.is_null() {
            if done + bytes.len() > count {
                from.set(at);
                return done;
            }
            raw::put(to.add(done), &bytes);
        }
        if unit == 0 {
            if !to.is_null() {
                from.set(Ptr::NULL);
            }
            return done;
        }
        done += bytes.len();
        at = at.add(text.len());
    }
}

/// UTF-8 to UTF-32 for uchar.h, whatever the locale.
fn utf8_char(from: Ptr<u8>, count: usize, state: Ptr<State>) -> Result<(u32, usize), usize> {
    let kept = state.get();
    let mut bytes = kept.bytes.to_le_bytes()[..usize::from(kept.count.min(3))].to_vec();
    let before = bytes.len();
    for i in 0..count {
        bytes.push(from.add(i).get());
        match codepage::decode_one(codepage::UTF8, &bytes) {
            Decoded::Char(code, _) => {
                state.set(State::default());
                return Ok((code, bytes.len() - before));
            }
            Decoded::Invalid => return Err(illegal(FAILED)),
            Decoded::Incomplete => {}
        }
    }
    let mut all = [0; 4];
    all[..bytes.len().min(3)].copy_from_slice(&bytes[..bytes.len().min(3)]);
    state.set(State { bytes: u32::from_le_bytes(all), count: bytes.len() as u16, surrogate: 0 });
    Err(INCOMPLETE)
}

fn utf8_put(to: Ptr<u8>, code: u32) -> usize {
    let Some(c) = char::from_u32(code) else { return illegal(FAILED) };
    let mut bytes = [0; 4];
    let text = c.encode_utf8(&mut bytes);
    if !to.is_null() {
        raw::put(to, text.as_bytes());
    }
    text.len()
}

/// The next UTF-32 character of UTF-8 text.
#[export(ucrtbase, full)]
fn mbrtoc32(to: Ptr<u32>, from: Ptr<u8>, count: usize, given: Ptr<State>) -> usize {
    let state = state(given, 3);
    if from.is_null() {
        state.set(State::default());
        return 0;
    }
    match utf8_char(from, count, state) {
        Ok((code, taken)) => {
            if !to.is_null() {
                to.set(code);
            }
            if code == 0 { 0 } else { taken }
        }
        Err(code) => code,
    }
}

/// The next UTF-16 unit of UTF-8 text; -3 for the second half of a pair.
#[export(ucrtbase, full)]
fn mbrtoc16(to: Ptr<u16>, from: Ptr<u8>, count: usize, given: Ptr<State>) -> usize {
    let state = state(given, 4);
    let kept = state.get();
    if kept.surrogate != 0 {
        if !to.is_null() {
            to.set(kept.surrogate);
        }
        state.set(State::default());
        return usize::MAX - 2;
    }
    if from.is_null() {
        state.set(State::default());
        return 0;
    }
    match utf8_char(from, count, state) {
        Ok((code, taken)) => {
            let mut units = [0; 2];
            let units = char::from_u32(code).unwrap_or('\u{fffd}').encode_utf16(&mut units);
            if !to.is_null() {
                to.set(units[0]);
            }
            if units.len() > 1 {
                state.set(State { surrogate: units[1], ..State::default() });
            }
            if code == 0 { 0 } else { taken }
        }
        Err(code) => code,
    }
}

/// A UTF-32 character as UTF-8.
#[export(ucrtbase, full)]
fn c32rtomb(to: Ptr<u8>, code: u32, _state: Ptr<State>) -> usize {
    if to.is_null() { 1 } else { utf8_put(to, code) }
}

/// A UTF-16 unit as UTF-8; 0 for the first half of a pair.
#[export(ucrtbase, full)]
fn c16rtomb(to: Ptr<u8>, unit: u16, given: Ptr<State>) -> usize {
    let state = state(given, 5);
    if to.is_null() {
        state.set(State::default());
        return 1;
    }
    let high = state.get().surrogate;
    state.set(State::default());
    match (high, unit) {
        (0, 0xd800..0xdc00) => {
            state.set(State { surrogate: unit, ..State::default() });
            0
        }
        (0, _) => utf8_put(to, unit.into()),
        (high, 0xdc00..0xe000) => utf8_put(to, 0x10000 + (u32::from(high) - 0xd800) * 0x400 + u32::from(unit) - 0xdc00),
        _ => illegal(FAILED),
    }
}

/// Bytes of the next character.
#[export(msvcrt + ucrtbase, full)]
fn mblen(from: Ptr<u8>, count: usize) -> i32 {
    one(Ptr::NULL, from, count)
}

/// Bytes of the next character, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mblen_l(from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    one(Ptr::NULL, from, count)
}

/// The next character, wide.
#[export(msvcrt + ucrtbase, full)]
fn mbtowc(to: Ptr<u16>, from: Ptr<u8>, count: usize) -> i32 {
    one(to, from, count)
}

/// The next character, wide, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbtowc_l(to: Ptr<u16>, from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> i32 {
    one(to, from, count)
}

/// A wide character as bytes.
#[export(msvcrt + ucrtbase, full)]
fn wctomb(to: Ptr<u8>, unit: u16) -> i32 {
    if to.is_null() { 0 } else { from_wide_char(to, unit) as i32 }
}

/// A wide character as bytes, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _wctomb_l(to: Ptr<u8>, unit: u16, _locale: Ptr<u8>) -> i32 {
    if to.is_null() { 0 } else { from_wide_char(to, unit) as i32 }
}

/// A wide character as bytes, into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn wctomb_s(used: Ptr<i32>, to: Ptr<u8>, size: usize, unit: u16) -> Result<(), Errno> {
    if to.is_null() && size > 0 {
        if !used.is_null() {
            used.set(0);
        }
        return Ok(());
    }
    let bytes = to_bytes(unit).ok_or(Errno::EILSEQ)?;
    if !used.is_null() {
        used.set(bytes.len() as i32);
    }
    if to.is_null() {
        return Ok(());
    }
    if bytes.len() > size {
        return Err(invalid::report(Errno::ERANGE));
    }
    raw::put(to, &bytes);
    Ok(())
}

/// A wide character as bytes, into a buffer of known size, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _wctomb_s_l(used: Ptr<i32>, to: Ptr<u8>, size: usize, unit: u16, _locale: Ptr<u8>) -> Result<(), Errno> {
    if to.is_null() && size > 0 {
        if !used.is_null() {
            used.set(0);
        }
        return Ok(());
    }
    let bytes = to_bytes(unit).ok_or(Errno::EILSEQ)?;
    if !used.is_null() {
        used.set(bytes.len() as i32);
    }
    if to.is_null() {
        return Ok(());
    }
    if bytes.len() > size {
        return Err(invalid::report(Errno::ERANGE));
    }
    raw::put(to, &bytes);
    Ok(())
}

/// A string, wide.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn mbstowcs(to: Ptr<u16>, from: Ptr<u8>, count: usize) -> usize {
    to_wide_text(to, from, count)
}

/// A string, wide, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbstowcs_l(to: Ptr<u16>, from: Ptr<u8>, count: usize, _locale: Ptr<u8>) -> usize {
    to_wide_text(to, from, count)
}

/// A wide string as bytes.
#[export(msvcrt + ucrtbase + ntdll, full)]
fn wcstombs(to: Ptr<u8>, from: Ptr<u16>, count: usize) -> usize {
    from_wide_text(to, from, count)
}

/// A wide string as bytes, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _wcstombs_l(to: Ptr<u8>, from: Ptr<u16>, count: usize, _locale: Ptr<u8>) -> usize {
    from_wide_text(to, from, count)
}

/// A string, wide, into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn mbstowcs_s(used: Ptr<usize>, to: Ptr<u16>, size: usize, from: Ptr<u8>, max: usize) -> Result<(), Errno> {
    to_wide_s(used, to, size, from, max)
}

/// A string, wide, into a buffer of known size, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbstowcs_s_l(used: Ptr<usize>, to: Ptr<u16>, size: usize, from: Ptr<u8>, max: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    to_wide_s(used, to, size, from, max)
}

/// A wide string as bytes, into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn wcstombs_s(used: Ptr<usize>, to: Ptr<u8>, size: usize, from: Ptr<u16>, max: usize) -> Result<(), Errno> {
    to_narrow_s(used, to, size, from, max)
}

/// A wide string as bytes, into a buffer of known size, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _wcstombs_s_l(used: Ptr<usize>, to: Ptr<u8>, size: usize, from: Ptr<u16>, max: usize, _locale: Ptr<u8>) -> Result<(), Errno> {
    to_narrow_s(used, to, size, from, max)
}

/// Bytes of the next character, with a state.
#[export(msvcrt + ucrtbase, full)]
fn mbrlen(from: Ptr<u8>, count: usize, given: Ptr<State>) -> usize {
    to_wide_char(Ptr::NULL, from, count, state(given, 0))
}

/// The next character, wide, with a state.
#[export(msvcrt + ucrtbase, full)]
fn mbrtowc(to: Ptr<u16>, from: Ptr<u8>, count: usize, given: Ptr<State>) -> usize {
    to_wide_char(to, from, count, state(given, 1))
}

/// A wide character as bytes, with a state.
#[export(msvcrt + ucrtbase, full)]
fn wcrtomb(to: Ptr<u8>, unit: u16, _state: Ptr<State>) -> usize {
    if to.is_null() { 1 } else { from_wide_char(to, unit) }
}

/// A wide character as bytes, into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn wcrtomb_s(used: Ptr<usize>, to: Ptr<u8>, size: usize, unit: u16, _state: Ptr<State>) -> Result<(), Errno> {
    let bytes = to_bytes(unit).ok_or(Errno::EILSEQ)?;
    if !used.is_null() {
        used.set(bytes.len());
    }
    if to.is_null() {
        return Ok(());
    }
    if bytes.len() > size {
        return Err(invalid::report(Errno::ERANGE));
    }
    raw::put(to, &bytes);
    Ok(())
}

/// A string, wide, with a state.
#[export(msvcrt + ucrtbase, full)]
fn mbsrtowcs(to: Ptr<u16>, from: Ptr<Ptr<u8>>, count: usize, given: Ptr<State>) -> usize {
    restartable_to_wide(to, from, count, state(given, 2))
}

/// A wide string as bytes, with a state.
#[export(msvcrt + ucrtbase, full)]
fn wcsrtombs(to: Ptr<u8>, from: Ptr<Ptr<u16>>, count: usize, _state: Ptr<State>) -> usize {
    restartable_to_narrow(to, from, count)
}

/// A string, wide, into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn mbsrtowcs_s(used: Ptr<usize>, to: Ptr<u16>, size: usize, from: Ptr<Ptr<u8>>, max: usize, _state: Ptr<State>) -> Result<(), Errno> {
    invalid::check(!from.is_null())?;
    to_wide_s(used, to, size, from.get(), max)
}

/// A wide string as bytes, into a buffer of known size.
#[export(msvcrt + ucrtbase, full)]
fn wcsrtombs_s(used: Ptr<usize>, to: Ptr<u8>, size: usize, from: Ptr<Ptr<u16>>, max: usize, _state: Ptr<State>) -> Result<(), Errno> {
    invalid::check(!from.is_null())?;
    to_narrow_s(used, to, size, from.get(), max)
}

/// A byte as a wide character.
#[export(msvcrt + ucrtbase, full)]
fn btowc(c: i32) -> u16 {
    match u8::try_from(c).map(|b| codepage::decode_one(locale::page(), &[b])) {
        Ok(Decoded::Char(code, 1)) => code as u16,
        _ => 0xffff,
    }
}

/// A wide character as a byte.
#[export(msvcrt + ucrtbase, full)]
fn wctob(c: u16) -> i32 {
    match to_bytes(c).as_deref() {
        Some(&[byte]) => byte.into(),
        _ => -1,
    }
}

/// Characters in a string.
#[export(msvcrt + ucrtbase, full)]
fn _mbstrlen(text: Ptr<u8>) -> usize {
    widen(raw::text(text)).map_or(FAILED, |t| t.len())
}

/// Characters in a string, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbstrlen_l(text: Ptr<u8>, _locale: Ptr<u8>) -> usize {
    widen(raw::text(text)).map_or(FAILED, |t| t.len())
}

/// Characters in a string, up to a limit in bytes.
#[export(msvcrt + ucrtbase, full)]
fn _mbstrnlen(text: Ptr<u8>, max: usize) -> usize {
    widen(raw::text_max(text, max)).map_or(FAILED, |t| t.len())
}

/// Characters in a string, up to a limit in bytes, with a locale.
#[export(msvcrt + ucrtbase, full)]
fn _mbstrnlen_l(text: Ptr<u8>, max: usize, _locale: Ptr<u8>) -> usize {
    widen(raw::text_max(text, max)).map_or(FAILED, |t| t.len())
}
