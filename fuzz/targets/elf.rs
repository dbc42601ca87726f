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

struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn u8(&mut self) -> u64 {
        let first = self.0.split_off_first().copied();
        first.unwrap_or(0).into()
    }
    fn u16(&mut self) -> u64 {
        self.u8() | self.u8() << 8
    }
    fn u64(&mut self) -> u64 {
        (0..8).fold(0, |value, index| value | self.u8() << (8 * index))
    }
}

/// An ELF file as strangers would make it: mostly right, with a few fields changed. The fuzzer would not find the magic itself.
fn made(input: &[u8]) -> Vec<u8> {
    let mut b = Bytes(input);
    let mode = b.u8();
    if mode % 8 == 0 {
        return b.0.to_vec();
    }
    let movable = mode & 0x80 != 0;
    let count = 1 + b.u8() % 8;
    let mut file = vec![0u8; 64];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &[if movable { 3 } else { 2 }, 0, 62, 0, 1]);
    put(24, &(b.u16() + if movable { 0 } else { 0x40_0000 }).to_le_bytes());
    put(32, &64u64.to_le_bytes());
    put(52, &[64, 0, 56, 0, count as u8]);
    let mut next = if movable { 0 } else { 0x40_0000 };
    for _ in 0..count {
        let kind = [1, 1, 1, 1, 3, 6, 0x6474_e551, 0x6474_e552][(b.u8() % 8) as usize];
        let (flags, within, gap) = (b.u8() % 8, b.u8() * 16, b.u8() % 8);
        let (offset, file_size, more) = (b.u8() % 4 * 4096 + within, b.u16() % 0x3000, b.u16());
        let address = next + gap * 4096 + within;
        let fields = [offset, address, address, file_size, file_size + more, 1 << (b.u8() % 32)];
        file.extend((kind | flags << 32).to_le_bytes());
        file.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
        if kind == 1 {
            next = (address + file_size + more).next_multiple_of(4096);
        }
    }
    for _ in 0..b.u8() % 4 {
        let at = (b.u16() as usize) % (file.len() - 8);
        let field = b.u64();
        file[at..at + 8].copy_from_slice(&field.to_le_bytes());
    }
    file.extend(b.0);
    let len = b.u16() as usize;
    file.resize(file.len() + len, 0x90);
    file
}

// The first two bytes choose the addresses of the stack; the rest makes the file.
fuzz_target!(|input: &[u8]| {
    START.call_once(|| {
        host::signal::thread_init();
        host::signal::install(on_fault);
    });
    let Some((&[a, b], rest)) = input.split_first_chunk() else { return };
    let bytes = made(rest);
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
        if let Ok(image) = Image::map(&elf, file(&bytes), near, |_| None) {
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
