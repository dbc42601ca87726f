//! The functions of string.h for either text unit.

use crate::ctype::{lower, upper};
use crate::errno::Errno;
use crate::invalid;
use crate::raw;
use crate::unit::Unit;
use abi::Ptr;
use std::cmp::Ordering;

/// The count that asks to truncate: `_TRUNCATE`.
pub const TRUNCATE: usize = usize::MAX;

pub fn copy<U: Unit>(to: Ptr<U>, from: Ptr<U>) -> Ptr<U> {
    raw::copy(to, from, (raw::length(from) + 1) * size_of::<U>());
    to
}

pub fn copy_max<U: Unit>(to: Ptr<U>, from: Ptr<U>, count: usize) -> Ptr<U> {
    let len = raw::length_max(from, count);
    raw::copy(to, from, len * size_of::<U>());
    raw::fill(to.add(len).cast(), 0, (count - len) * size_of::<U>());
    to
}

pub fn append<U: Unit>(to: Ptr<U>, from: Ptr<U>) -> Ptr<U> {
    copy(to.add(raw::length(to)), from);
    to
}

pub fn append_max<U: Unit>(to: Ptr<U>, from: Ptr<U>, count: usize) -> Ptr<U> {
    let (end, len) = (raw::length(to), raw::length_max(from, count));
    raw::copy(to.add(end), from, len * size_of::<U>());
    to.add(end + len).set(U::default());
    to
}

pub fn find<U: Unit>(at: Ptr<U>, unit: U) -> Ptr<U> {
    let mut at = at;
    loop {
        let here = at.get();
        if here == unit {
            return at;
        }
        if here.is_nul() {
            return Ptr::NULL;
        }
        at = at.add(1);
    }
}

pub fn find_last<U: Unit>(at: Ptr<U>, unit: U) -> Ptr<U> {
    let len = raw::length(at);
    (0..=len).rev().map(|i| at.add(i)).find(|p| p.get() == unit).unwrap_or_default()
}

pub fn find_text<U: Unit>(at: Ptr<U>, what: Ptr<U>) -> Ptr<U> {
    let what = raw::text(what);
    let Some(&first) = what.first() else { return at };
    let mut here = at;
    loop {
        here = find(here, first);
        if here.is_null() {
            return here;
        }
        if what.iter().enumerate().all(|(i, &unit)| here.add(i).get() == unit) {
            return here;
        }
        here = here.add(1);
    }
}

/// How many units at the start are in the set (or are not).
pub fn span<U: Unit>(at: Ptr<U>, set: Ptr<U>, within: bool) -> usize {
    let set = raw::text(set);
    let mut count = 0;
    loop {
        let unit = at.add(count).get();
        if unit.is_nul() || set.contains(&unit) != within {
            return count;
        }
        count += 1;
    }
}

pub fn find_any<U: Unit>(at: Ptr<U>, set: Ptr<U>) -> Ptr<U> {
    let at = at.add(span(at, set, false));
    if at.get().is_nul() { Ptr::NULL } else { at }
}

/// Compares at most `count` units as mapped by `fold`; the difference of the first that differ.
pub fn compare_by<U: Unit>(a: Ptr<U>, b: Ptr<U>, count: usize, fold: impl Fn(U) -> u32) -> i32 {
    for i in 0..count {
        let (x, y) = (a.add(i).get(), b.add(i).get());
        let (fx, fy) = (fold(x), fold(y));
        if fx != fy {
            return fx as i32 - fy as i32;
        }
        if x.is_nul() {
            break;
        }
    }
    0
}

pub fn compare<U: Unit>(a: Ptr<U>, b: Ptr<U>, count: usize) -> i32 {
    compare_by(a, b, count, U::code).signum()
}

/// Without regard to case. Null pointers are invalid.
pub fn compare_no_case<U: Unit>(a: Ptr<U>, b: Ptr<U>, count: usize) -> i32 {
    if count == 0 {
        return 0;
    }
    if invalid::check(!a.is_null() && !b.is_null()).is_err() {
        return i32::MAX;
    }
    compare_by(a, b, count, |unit| lower(unit).code())
}

/// In the locale's order; the "C" locale's is that of the codes.
pub fn collate<U: Unit>(a: Ptr<U>, b: Ptr<U>, count: usize, no_case: bool) -> i32 {
    if invalid::check(!a.is_null() && !b.is_null()).is_err() {
        return i32::MAX;
    }
    if crate::locale::collates() {
        let (x, y) = (raw::text_max(a, count), raw::text_max(b, count));
        return match crate::locale::collate(x, y, no_case) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        };
    }
    if no_case { compare_no_case(a, b, count) } else { compare(a, b, count) }
}

/// strxfrm: in the "C" locale a copy.
pub fn transform<U: Unit>(to: Ptr<U>, from: Ptr<U>, count: usize) -> usize {
    let key = crate::locale::sort_key(raw::text(from));
    if count > 0 && !to.is_null() {
        if key.len() < count {
            raw::put_z(to, &key);
        } else {
            to.set(U::default());
        }
    }
    key.len()
}

pub fn duplicate<U: Unit>(at: Ptr<U>) -> Ptr<U> {
    if at.is_null() {
        return at;
    }
    let bytes = (raw::length(at) + 1) * size_of::<U>();
    let copy = crate::malloc::malloc(bytes).cast();
    if !copy.is_null() {
        raw::copy(copy, at, bytes);
    }
    copy
}

/// Maps each unit in place.
pub fn map<U: Unit>(at: Ptr<U>, count: usize, f: impl Fn(U) -> U) -> Ptr<U> {
    let mut here = at;
    for _ in 0..count {
        let unit = here.get();
        if unit.is_nul() {
            break;
        }
        here.set(f(unit));
        here = here.add(1);
    }
    at
}

pub fn to_lower<U: Unit>(at: Ptr<U>) -> Ptr<U> {
    if invalid::check(!at.is_null()).is_err() { at } else { map(at, usize::MAX, lower) }
}

pub fn to_upper<U: Unit>(at: Ptr<U>) -> Ptr<U> {
    if invalid::check(!at.is_null()).is_err() { at } else { map(at, usize::MAX, upper) }
}

/// The buffer holds a terminated string; otherwise it is emptied.
fn check_buffer<U: Unit>(at: Ptr<U>, size: usize) -> Result<usize, Errno> {
    invalid::check(!at.is_null() && size > 0)?;
    let len = raw::length_max(at, size);
    if len == size {
        at.set(U::default());
        return Err(invalid::report(Errno::EINVAL));
    }
    Ok(len)
}

pub fn map_s<U: Unit>(at: Ptr<U>, size: usize, f: impl Fn(U) -> U) -> Result<(), Errno> {
    check_buffer(at, size)?;
    map(at, usize::MAX, f);
    Ok(())
}

pub fn set_max_s<U: Unit>(at: Ptr<U>, size: usize, unit: U, count: usize) -> Result<(), Errno> {
    check_buffer(at, size)?;
    map(at, count, |_| unit);
    Ok(())
}

pub fn reverse<U: Unit>(at: Ptr<U>) -> Ptr<U> {
    let len = raw::length(at);
    for i in 0..len / 2 {
        let (a, b) = (at.add(i), at.add(len - 1 - i));
        let (x, y) = (a.get(), b.get());
        a.set(y);
        b.set(x);
    }
    at
}

fn fail<U: Unit>(to: Ptr<U>, errno: Errno) -> Result<(), Errno> {
    to.set(U::default());
    Err(invalid::report(errno))
}

pub fn copy_s<U: Unit>(to: Ptr<U>, size: usize, from: Ptr<U>) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0)?;
    if from.is_null() {
        return fail(to, Errno::EINVAL);
    }
    let len = raw::length_max(from, size);
    if len == size {
        return fail(to, Errno::ERANGE);
    }
    raw::copy(to, from, (len + 1) * size_of::<U>());
    Ok(())
}

pub fn append_s<U: Unit>(to: Ptr<U>, size: usize, from: Ptr<U>) -> Result<(), Errno> {
    invalid::check(!to.is_null() && size > 0)?;
    if from.is_null() {
        return fail(to, Errno::EINVAL);
    }
    let used = raw::length_max(to, size);
    if used == size {
        return fail(to, Errno::EINVAL);
    }
    let len = raw::length_max(from, size - used);
    if len == size - used {
        return fail(to, Errno::ERANGE);
    }
    raw::copy(to.add(used), from, (len + 1) * size_of::<U>());
    Ok(())
}

/// The end of strncpy_s and strncat_s: `to` is the place, `size` the room there, `start` the buffer.
fn put_max_s<U: Unit>(start: Ptr<U>, to: Ptr<U>, size: usize, from: Ptr<U>, count: usize) -> Result<(), Errno> {
    let len = raw::length_max(from, count.min(size));
    if len < size {
        raw::copy(to, from, len * size_of::<U>());
        to.add(len).set(U::default());
        return Ok(());
    }
    if count == TRUNCATE {
        raw::copy(to, from, (size - 1) * size_of::<U>());
        to.add(size - 1).set(U::default());
        // Not an error: errno stays, the code is returned.
        return Err(Errno::STRUNCATE);
    }
    fail(start, Errno::ERANGE)
}

pub fn copy_max_s<U: Unit>(to: Ptr<U>, size: usize, from: Ptr<U>, count: usize) -> Result<(), Errno> {
    if count == 0 && to.is_null() && size == 0 {
        return Ok(());
    }
    invalid::check(!to.is_null() && size > 0)?;
    if count == 0 {
        to.set(U::default());
        return Ok(());
    }
    if from.is_null() {
        return fail(to, Errno::EINVAL);
    }
    put_max_s(to, to, size, from, count)
}

pub fn append_max_s<U: Unit>(to: Ptr<U>, size: usize, from: Ptr<U>, count: usize) -> Result<(), Errno> {
    if count == 0 && to.is_null() && size == 0 {
        return Ok(());
    }
    invalid::check(!to.is_null() && size > 0)?;
    if from.is_null() && count != 0 {
        return fail(to, Errno::EINVAL);
    }
    let used = raw::length_max(to, size);
    if used == size {
        return fail(to, Errno::EINVAL);
    }
    if count == 0 {
        return Ok(());
    }
    put_max_s(to, to.add(used), size - used, from, count)
}

/// strtok with the state in `context`.
pub fn token<U: Unit>(at: Ptr<U>, set: Ptr<U>, context: Ptr<Ptr<U>>) -> Ptr<U> {
    let mut at = if at.is_null() { context.get() } else { at };
    if at.is_null() {
        return Ptr::NULL;
    }
    at = at.add(span(at, set, true));
    if at.get().is_nul() {
        context.set(at);
        return Ptr::NULL;
    }
    let end = at.add(span(at, set, false));
    if end.get().is_nul() {
        context.set(end);
    } else {
        end.set(U::default());
        context.set(end.add(1));
    }
    at
}

pub fn token_s<U: Unit>(at: Ptr<U>, set: Ptr<U>, context: Ptr<Ptr<U>>) -> Ptr<U> {
    let good = !context.is_null() && !set.is_null() && (!at.is_null() || !context.get().is_null());
    if invalid::check(good).is_err() { Ptr::NULL } else { token(at, set, context) }
}
