//! Run-time type information of the Microsoft compilers: typeid and dynamic_cast.
//! Offsets in the tables are relative to the image, whose base follows from the locator's own offset.

use super::catch::{adjust, same_type};
use super::throw;
use abi::{Ptr, export};

/// RTTICompleteObjectLocator: signature, offset, constructor displacement, type, hierarchy, itself.
struct Locator {
    words: [u32; 6],
    base: u64,
}

fn locator(object: u64) -> Locator {
    let table: u64 = Ptr::new(object as usize).get();
    let at: u64 = Ptr::new(table as usize - 8).get();
    let words: [u32; 6] = Ptr::new(at as usize).get();
    // Signature 1 is the 64-bit form, which knows its own offset.
    let base = if words[0] == 0 {
        ntdll::unwind::tables::image_of(at as usize).map_or(0, |(base, _)| base as u64)
    } else {
        at.wrapping_sub(words[5].into())
    };
    Locator { words, base }
}

impl Locator {
    fn at(&self, rva: u32) -> u64 {
        self.base + u64::from(rva)
    }

    fn complete(&self, object: u64) -> u64 {
        let mut complete = object.wrapping_sub(self.words[1].into());
        if self.words[2] != 0 {
            let displacement: i32 = Ptr::new(object.wrapping_sub(self.words[2].into()) as usize).get();
            complete = complete.wrapping_sub(displacement as i64 as u64);
        }
        complete
    }
}

/// One base class of a hierarchy.
struct Base {
    descriptor: u64,
    contained: usize,
    offset: u64,
    attributes: u32,
}

const NOT_VISIBLE: u32 = 1;
const AMBIGUOUS: u32 = 2;

fn bases(locator: &Locator, complete: u64) -> Vec<Base> {
    let hierarchy: [u32; 4] = Ptr::new(locator.at(locator.words[4]) as usize).get();
    (0..hierarchy[2] as usize)
        .map(|index| {
            let rva: u32 = Ptr::new(locator.at(hierarchy[3]) as usize + index * 4).get();
            let words: [u32; 6] = Ptr::new(locator.at(rva) as usize).get();
            Base {
                descriptor: locator.at(words[0]),
                contained: words[1] as usize,
                offset: adjust(complete, [words[2] as i32, words[3] as i32, words[4] as i32]).wrapping_sub(complete),
                attributes: words[5],
            }
        })
        .collect()
}

fn find(bases: &[Base], within: u64, source: u64, target: u64) -> Option<u64> {
    let is_source = |b: &Base| b.offset == within && same_type(b.descriptor, source);
    // Down: the source is a part of the target.
    for (index, base) in bases.iter().enumerate().filter(|(_, b)| same_type(b.descriptor, target)) {
        let parts = bases.get(index + 1..=index + base.contained).unwrap_or_default();
        if is_source(base) || parts.iter().any(|b| is_source(b) && b.attributes & NOT_VISIBLE == 0) {
            return Some(base.offset);
        }
    }
    // Across: both are public parts of the whole, and the target is so only once.
    if !bases.iter().any(|b| is_source(b) && b.attributes & NOT_VISIBLE == 0) {
        return None;
    }
    let mut targets = bases.iter().filter(|b| same_type(b.descriptor, target) && b.attributes & (NOT_VISIBLE | AMBIGUOUS) == 0);
    let first = targets.next()?;
    targets.all(|b| b.offset == first.offset).then_some(first.offset)
}

/// dynamic_cast.
#[export(vcruntime140 + msvcrt + ucrtbase, partial("a failed cast to a reference terminates instead of throwing std::bad_cast"), calls_guest)]
fn __RTDynamicCast(object: u64, vf_delta: i32, source: u64, target: u64, is_reference: i32) -> u64 {
    if object == 0 {
        return 0;
    }
    let locator = locator(object);
    let complete = locator.complete(object);
    let within = object.wrapping_sub_signed(vf_delta.into()).wrapping_sub(complete);
    let found = find(&bases(&locator, complete), within, source, target);
    match found {
        Some(offset) => complete + offset,
        None if is_reference != 0 => throw::do_terminate(),
        None => 0,
    }
}

/// typeid of a polymorphic object.
#[export(vcruntime140 + msvcrt + ucrtbase, partial("a null pointer terminates instead of throwing std::bad_typeid"), calls_guest)]
fn __RTtypeid(object: u64) -> u64 {
    if object == 0 {
        throw::do_terminate();
    }
    let locator = locator(object);
    locator.at(locator.words[3])
}

/// dynamic_cast<void *>: the whole object.
#[export(vcruntime140 + msvcrt + ucrtbase, full)]
fn __RTCastToVoid(object: u64) -> u64 {
    if object == 0 { 0 } else { locator(object).complete(object) }
}
