//! search.h and stdlib.h: sorting and searching with the program's comparison.

use crate::invalid;
use crate::raw;
use abi::{GuestFn, Ptr, export};

/// The program's comparison: with or without a context argument.
#[derive(Clone, Copy)]
struct Compare {
    function: GuestFn,
    context: Option<u64>,
}

impl Compare {
    fn call(self, a: Ptr<u8>, b: Ptr<u8>) -> i32 {
        let (a, b) = (a.addr() as u64, b.addr() as u64);
        match self.context {
            Some(context) => self.function.call(&[context, a, b]) as i32,
            None => self.function.call(&[a, b]) as i32,
        }
    }
}

fn swap(a: Ptr<u8>, b: Ptr<u8>, size: usize) {
    if a == b {
        return;
    }
    let mut done = 0;
    while size - done >= 8 {
        let (x, y) = (a.add(done).cast::<u64>(), b.add(done).cast::<u64>());
        let (p, q) = (x.get(), y.get());
        x.set(q);
        y.set(p);
        done += 8;
    }
    while done < size {
        let (p, q) = (a.add(done).get(), b.add(done).get());
        a.add(done).set(q);
        b.add(done).set(p);
        done += 1;
    }
}

/// Below this, insertion by swaps.
const SMALL: usize = 8;

fn insertion(base: Ptr<u8>, count: usize, size: usize, compare: Compare) {
    let at = |i: usize| base.add(i * size);
    for end in (1..count).rev() {
        let mut max = 0;
        for i in 1..=end {
            if compare.call(at(i), at(max)) > 0 {
                max = i;
            }
        }
        swap(at(max), at(end), size);
    }
}

/// Moves the element at `root` down its heap.
fn sift(base: Ptr<u8>, mut root: usize, count: usize, size: usize, compare: Compare) {
    let at = |i: usize| base.add(i * size);
    while 2 * root + 1 < count {
        let mut child = 2 * root + 1;
        if child + 1 < count && compare.call(at(child), at(child + 1)) < 0 {
            child += 1;
        }
        if compare.call(at(root), at(child)) >= 0 {
            return;
        }
        swap(at(root), at(child), size);
        root = child;
    }
}

fn heap_sort(base: Ptr<u8>, count: usize, size: usize, compare: Compare) {
    for root in (0..count / 2).rev() {
        sift(base, root, count, size, compare);
    }
    for end in (1..count).rev() {
        swap(base, base.add(end * size), size);
        sift(base, 0, end, size, compare);
    }
}

/// Quicksort in place that falls back to heapsort: the comparison may unwind past us at any moment, so
/// nothing is ever held outside of the array.
fn sort(mut base: Ptr<u8>, mut count: usize, size: usize, compare: Compare, mut depth: u32) {
    loop {
        if count <= SMALL {
            return insertion(base, count, size, compare);
        }
        if depth == 0 {
            return heap_sort(base, count, size, compare);
        }
        depth -= 1;
        let at = |i: usize| base.add(i * size);
        // Median of three goes to the front.
        let (lo, mid, hi) = (0, count / 2, count - 1);
        if compare.call(at(lo), at(mid)) > 0 {
            swap(at(lo), at(mid), size);
        }
        if compare.call(at(lo), at(hi)) > 0 {
            swap(at(lo), at(hi), size);
        }
        if compare.call(at(mid), at(hi)) > 0 {
            swap(at(mid), at(hi), size);
        }
        swap(at(lo), at(mid), size);
        let (mut i, mut j) = (0, count);
        loop {
            i += 1;
            while i < count && compare.call(at(i), at(0)) < 0 {
                i += 1;
            }
            j -= 1;
            while j > 0 && compare.call(at(j), at(0)) > 0 {
                j -= 1;
            }
            if i >= j {
                break;
            }
            swap(at(i), at(j), size);
        }
        swap(at(0), at(j), size);
        // The smaller part by recursion, the larger one here.
        let (left, right) = (j, count - j - 1);
        if left < right {
            sort(base, left, size, compare, depth);
            base = base.add((j + 1) * size);
            count = right;
        } else {
            sort(base.add((j + 1) * size), right, size, compare, depth);
            count = left;
        }
    }
}

fn sort_checked(base: Ptr<u8>, count: usize, size: usize, compare: Compare) {
    let good = (!base.is_null() || count == 0) && size > 0 && !compare.function.is_null();
    if invalid::check(good).is_ok() && count > 1 {
        sort(base, count, size, compare, 2 * count.ilog2());
    }
}

fn search(key: Ptr<u8>, base: Ptr<u8>, count: usize, size: usize, compare: Compare) -> Ptr<u8> {
    let good = (!base.is_null() || count == 0) && size > 0 && !compare.function.is_null();
    if invalid::check(good).is_err() {
        return Ptr::NULL;
    }
    let (mut low, mut high) = (0, count);
    while low < high {
        let mid = low + (high - low) / 2;
        let at = base.add(mid * size);
        match compare.call(key, at) {
            0 => return at,
            c if c < 0 => high = mid,
            _ => low = mid + 1,
        }
    }
    Ptr::NULL
}

fn linear(key: Ptr<u8>, base: Ptr<u8>, count: Ptr<u32>, size: usize, compare: Compare, insert: bool) -> Ptr<u8> {
    let good = !key.is_null() && !count.is_null() && !base.is_null() && size > 0 && !compare.function.is_null();
    if invalid::check(good).is_err() {
        return Ptr::NULL;
    }
    let used = count.get();
    for i in 0..used as usize {
        let at = base.add(i * size);
        if compare.call(key, at) == 0 {
            return at;
        }
    }
    if !insert {
        return Ptr::NULL;
    }
    let at = base.add(used as usize * size);
    raw::copy(at, key, size);
    count.set(used + 1);
    at
}

/// Sorts an array.
#[export(msvcrt + ucrtbase + ntdll, full, calls_guest)]
fn qsort(base: Ptr<u8>, count: usize, size: usize, compare: GuestFn) {
    sort_checked(base, count, size, Compare { function: compare, context: None });
}

/// Sorts an array; the comparison gets a context.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn qsort_s(base: Ptr<u8>, count: usize, size: usize, compare: GuestFn, context: usize) {
    sort_checked(base, count, size, Compare { function: compare, context: Some(context as u64) });
}

/// Finds a key in a sorted array.
#[export(msvcrt + ucrtbase + ntdll, full, calls_guest)]
fn bsearch(key: Ptr<u8>, base: Ptr<u8>, count: usize, size: usize, compare: GuestFn) -> Ptr<u8> {
    search(key, base, count, size, Compare { function: compare, context: None })
}

/// Finds a key in a sorted array; the comparison gets a context.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn bsearch_s(key: Ptr<u8>, base: Ptr<u8>, count: usize, size: usize, compare: GuestFn, context: usize) -> Ptr<u8> {
    search(key, base, count, size, Compare { function: compare, context: Some(context as u64) })
}

/// Finds a key in an array.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _lfind(key: Ptr<u8>, base: Ptr<u8>, count: Ptr<u32>, size: u32, compare: GuestFn) -> Ptr<u8> {
    linear(key, base, count, size as usize, Compare { function: compare, context: None }, false)
}

/// Finds a key in an array; the comparison gets a context.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _lfind_s(key: Ptr<u8>, base: Ptr<u8>, count: Ptr<u32>, size: usize, compare: GuestFn, context: usize) -> Ptr<u8> {
    linear(key, base, count, size, Compare { function: compare, context: Some(context as u64) }, false)
}

/// Finds a key in an array, or appends it.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _lsearch(key: Ptr<u8>, base: Ptr<u8>, count: Ptr<u32>, size: u32, compare: GuestFn) -> Ptr<u8> {
    linear(key, base, count, size as usize, Compare { function: compare, context: None }, true)
}

/// Finds a key in an array, or appends it; the comparison gets a context.
#[export(msvcrt + ucrtbase, full, calls_guest)]
fn _lsearch_s(key: Ptr<u8>, base: Ptr<u8>, count: Ptr<u32>, size: usize, compare: GuestFn, context: usize) -> Ptr<u8> {
    linear(key, base, count, size, Compare { function: compare, context: Some(context as u64) }, true)
}
