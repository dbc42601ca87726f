//! Any bytes as an ELF file: refused, or mapped within the addresses that its headers name, and nothing else touched.
#![no_main]

use host::mem::{self, Place, Prot};
use host::signal::Trap;
use libfuzzer_sys::fuzz_target;
use loader::elf::{Aux, ElfFile, Image, Placement, StackPlan, first_stack};
use std::os::fd::AsRawFd;
use std::sync::{Once, OnceLock};

static START: Once = Once::new();

/// A segment may end beyond the end of its file: writing there is a fault that the loader survives.
fn on_fault(trap: &mut Trap) {
    match abi::fault::landing(trap.rip() as usize) {
        Some(landing) => {
            trap.set_rip(landing as u64);
            trap.set_gpr(0, 1);
        }
        None => std::process::abort(),
    }
}

/// The file that is mapped: one for all runs.
fn file(bytes: &[u8]) -> i32 {
    static FILE: OnceLock<std::os::fd::OwnedFd> = OnceLock::new();
    let fd = FILE.get_or_init(|| host::linux::memfd(c"fuzz").unwrap()).as_raw_fd();
    host::file::truncate(fd, 0).unwrap();
    host::file::write_at(fd, bytes.as_ptr() as usize, bytes.len(), 0).unwrap();
    fd
}

// The first two bytes choose the addresses of the stack; the rest is the file.
fuzz_target!(|input: &[u8]| {
    START.call_once(|| {
        host::signal::thread_init();
        host::signal::install(on_fault);
    });
    let Some((&[a, b], bytes)) = input.split_first_chunk() else { return };
    let elf = ElfFile::parse(|offset, into| {
        let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        let len = rest.len().min(into.len());
        into[..len].copy_from_slice(&rest[..len]);
        len
    });
    let Ok(elf) = elf else { return };
    let span = elf.span();
    assert!(span.start < span.end && span.end <= 1 << 47 && span.start % 4096 == 0 && span.end % 4096 == 0);
    assert!(elf.segments.iter().all(|s| span.start <= s.address && s.address + s.memory_size <= span.end && s.file_size <= s.memory_size));
    assert!(elf.align().is_power_of_two());
    // A guard on either side shows what is written beyond.
    if span.end - span.start < 1 << 30 && span.start >= 1 << 16 {
        let near = if elf.movable { Placement::Near(0x2000_0000_0000) } else { Placement::Anywhere };
        if let Ok(image) = Image::map(&elf, file(bytes), near) {
            assert_eq!(image.range.len() as u64, span.end - span.start);
            assert!(elf.movable || image.moved == 0);
            for guard in [image.range.start - 4096, image.range.end] {
                if mem::map_anonymous(Place::Exactly(guard), 4096, Prot::NONE).is_ok() {
                    mem::unmap(guard, 4096).unwrap();
                }
            }
            mem::unmap(image.range.start, image.range.len()).unwrap();
        }
    }
    let texts: Vec<Vec<u8>> = bytes.split(|&c| c == 0).take(usize::from(a % 16)).map(<[u8]>::to_vec).collect();
    let (arguments, environment) = texts.split_at(texts.len() / 2);
    let plan = StackPlan { arguments, environment, path: b"/x", aux: &[Aux::Value(3, 4), Aux::Random(25, [a; 16]), Aux::Text(15, "x86_64"), Aux::Path(31)] };
    let top = 0x7fff_0000_0000 + usize::from(b);
    let stack = first_stack(&plan, top);
    assert!(stack.start % 16 == 0 && stack.start + stack.bytes.len() == top);
    assert_eq!(usize::from_le_bytes(stack.bytes[..8].try_into().unwrap()), arguments.len());
});
