//! A PE image from a stranger: headers, mapping, relocation, every directory, and unwinding through its functions.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use loader::pe::file::Headers;
use loader::pe::{Target, View, update};
use ntdll::context::{Context, RSP};
use ntdll::unwind::{step, tables};
use std::cell::RefCell;
use std::sync::Once;

/// Bigger images take longer and show nothing new.
const MAX_IMAGE: usize = 128 << 10;
const STACK: usize = 4096;

static START: Once = Once::new();

/// A fault on an address that the image names is what `abi::fault` is for. Any other one is a finding.
fn on_fault(trap: &mut host::signal::Trap) {
    match abi::fault::landing(trap.rip() as usize) {
        Some(landing) => {
            trap.set_rip(landing as u64);
            trap.set_gpr(0, 1);
        }
        None => std::process::abort(),
    }
}

fn start() {
    START.call_once(|| {
        host::signal::thread_init();
        host::signal::install(on_fault);
    });
}

thread_local! {
    static IMAGE: RefCell<Vec<u128>> = RefCell::new(vec![0; MAX_IMAGE / 16]);
}

fuzz_target!(|file: &[u8]| {
    start();
    IMAGE.with_borrow_mut(|image| examine(file, image));
});

fn examine(file: &[u8], image: &mut [u128]) {
    let Ok(headers) = Headers::of_bytes(file) else { return };
    let size = headers.mapped_size();
    if size > MAX_IMAGE {
        return;
    }
    image[..size / 16].fill(0);
    let base = image.as_mut_ptr() as usize;
    let headers_part = (0, 0, u64::from(headers.headers_size));
    let parts = headers.sections.iter().map(|section| (section.rva, section.file_offset, section.file_bytes()));
    for (rva, offset, len) in std::iter::once(headers_part).chain(parts) {
        let bytes = &file[(offset as usize).min(file.len())..];
        let bytes = &bytes[..bytes.len().min(len as usize)];
        assert!(rva as usize + bytes.len() <= size, "a section leaves the image");
        abi::fault::write_slice(base + rva as usize, bytes).expect("the image is ours");
    }
    for (rva, len, _) in headers.protections() {
        assert!(rva + len <= size, "a protection leaves the image");
    }
    let view = View { base, size };
    let _ = view.relocate((base as u64).wrapping_sub(headers.image_base));
    let _ = view.set_image_base();
    let _ = (view.entry(), view.security_cookie(), view.tls());
    for import in view.imports().unwrap_or_default().iter().chain(&view.delayed_imports().unwrap_or_default()) {
        for (_, slot) in &import.slots {
            let _ = view.write(*slot, 0u64);
        }
    }
    for name in ["alpha", "beta", "gamma", ""] {
        check(&view, view.export_by_name(name));
    }
    for ordinal in [0, 1, 2, 7, u32::MAX] {
        check(&view, view.export_by_ordinal(ordinal));
    }
    if let Ok(tree) = view.resources() {
        let _ = update::replace_resources(file, &tree);
    }
    if let Some((table, count)) = tables::exception_directory(base, size) {
        assert!(table.addr() + count as usize * 12 <= base + size, "the function table leaves the image");
        for index in (0..count as usize).take(8) {
            let Ok(entry) = table.add(index).read() else { continue };
            for offset in [0, 1, 4, 9, entry.end.wrapping_sub(entry.begin).wrapping_sub(1)] {
                unwind(base as u64, entry, entry.begin.wrapping_add(offset));
            }
            let _ = tables::search(table, count, entry.begin);
        }
    }
}

fn check(view: &View, found: Result<Option<Target>, loader::pe::PeError>) {
    if let Ok(Some(Target::Address(address))) = found {
        assert!(address.wrapping_sub(view.base) < view.size, "an export leaves the image");
    }
}

fn unwind(base: u64, entry: tables::RuntimeFunction, rva: u32) {
    let stack = [0x5au8; STACK];
    let mut context = Context::zeroed();
    for register in &mut context.gpr {
        *register = stack.as_ptr() as u64 + STACK as u64 / 2;
    }
    context.gpr[RSP] = stack.as_ptr() as u64 + 64;
    context.rip = base + u64::from(rva);
    let _ = step::step(3, base, context.rip, entry, &mut context, None);
}

fn word(file: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(file.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Where in the file the bytes at `rva` are.
fn offset_of(file: &[u8], rva: u32) -> Option<usize> {
    let headers = Headers::of_bytes(file).ok()?;
    let section = headers.sections.iter().find(|s| rva.wrapping_sub(s.rva) < s.file_size)?;
    Some(section.file_offset.wrapping_add(rva.wrapping_sub(section.rva)) as usize)
}

// Half of the mutations change one field of the headers or of a directory; the others are libFuzzer's own.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut state = u64::from(seed) | 1 << 40;
    let mut random = || {
        // xorshift64, https://www.jstatsoft.org/article/view/v008i14
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as u32
    };
    if random() % 2 == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let file = &mut data[..size];
    for _ in 0..1 + random() % 3 {
        let Some(nt) = word(file, 0x3c).map(|at| at as usize) else { break };
        let field = match random() % 4 {
            // Headers and section table.
            0 => nt.saturating_add((random() % 0x1c0) as usize),
            // The directory entry itself.
            1 => {
                let entries = nt.saturating_add(24 + 112);
                let (from, to) = (entries.saturating_add((random() % 16) as usize * 8), entries.saturating_add((random() % 16) as usize * 8));
                // Now and then another directory's: one that the seed does not have, over something else's bytes.
                if let Some((rva, len)) = word(file, from).zip(word(file, from.saturating_add(4)))
                    && let Some(bytes) = file.get_mut(to..to.saturating_add(8))
                    && len != 0
                    && random() % 4 == 0
                {
                    bytes[..4].copy_from_slice(&rva.wrapping_add(random() % 64).to_le_bytes());
                    bytes[4..].copy_from_slice(&len.to_le_bytes());
                }
                to
            }
            // What a directory holds.
            _ => {
                let entry = nt.saturating_add(24 + 112 + (random() % 16) as usize * 8);
                let Some((rva, len)) = word(file, entry).zip(word(file, entry.saturating_add(4))) else { continue };
                let within = random() % len.clamp(1, 4096);
                let Some(at) = offset_of(file, rva.wrapping_add(within & !1)) else { continue };
                // Follow a pointer now and then: names, tables, unwind data.
                match word(file, at & !3).filter(|_| random() % 2 == 0).and_then(|rva| offset_of(file, rva)) {
                    Some(target) => target + (random() % 16) as usize,
                    None => at,
                }
            }
        };
        let old = word(file, field).unwrap_or(0);
        let value = match random() % 8 {
            0 => 0,
            1 => u32::MAX,
            2 => 1 << (random() % 32),
            3 => old.wrapping_add(random() % 16).wrapping_sub(8),
            4 => old ^ 1 << (random() % 32),
            5 => 0x1000 * (random() % 16) + random() % 16,
            6 => 0x8000_0000 | random() % 4096,
            _ => random(),
        };
        let width = [1, 2, 4][(random() % 3) as usize];
        if let Some(bytes) = file.get_mut(field..field.saturating_add(width)) {
            bytes.copy_from_slice(&value.to_le_bytes()[..width]);
        }
    }
    size
});
