//! The loader's lists in the PEB, which programs walk.

use super::Module;
use crate::{heap, process};
use abi::Ptr;

/// Size of LDR_DATA_TABLE_ENTRY on Windows 10.
const ENTRY: usize = 0x120;
/// PEB_LDR_DATA's three list heads, and where the links are in an entry.
const LISTS: [(usize, usize); 3] = [(0x10, 0x00), (0x20, 0x10), (0x30, 0x20)];

fn put(at: usize, value: usize) {
    Ptr::<usize>::new(at).set(value);
}

fn get(at: usize) -> usize {
    Ptr::<usize>::new(at).get()
}

/// Makes the lists empty.
pub fn init() {
    let data = process::peb() + process::LDR_DATA;
    Ptr::<u32>::new(data).set(0x58);
    Ptr::<u32>::new(data + 4).set(1);
    for (head, _) in LISTS {
        put(data + head, data + head);
        put(data + head + 8, data + head);
    }
}

fn put_string(at: usize, text: &[u16]) {
    let buffer: Ptr<u16> = heap::allocate(heap::process_heap(), 0, text.len() * 2 + 2).cast();
    let _ = buffer.write_slice(text);
    buffer.add(text.len()).set(0);
    Ptr::<u16>::new(at).set((text.len() * 2) as u16);
    Ptr::<u16>::new(at + 2).set((text.len() * 2 + 2) as u16);
    put(at + 8, buffer.addr());
}

/// Adds a module at the end of the lists. Returns the address of its entry.
pub fn add(module: &Module) -> usize {
    let entry = heap::allocate(heap::process_heap(), 8, ENTRY).addr();
    put(entry + 0x30, module.base);
    put(entry + 0x38, module.entry.unwrap_or(0));
    Ptr::<u32>::new(entry + 0x40).set(module.size as u32);
    put_string(entry + 0x48, &module.path);
    put_string(entry + 0x58, &module.name);
    Ptr::<u32>::new(entry + 0x68).set(if module.is_exe { 0x4000 } else { 0x8_4004 });
    Ptr::<u16>::new(entry + 0x6c).set(u16::MAX);
    put(entry + 0x70, entry + 0x70);
    put(entry + 0x78, entry + 0x70);
    let data = process::peb() + process::LDR_DATA;
    for (head, links) in LISTS {
        // The program itself is not in the list of initialized modules.
        if links == 0x20 && module.is_exe {
            put(entry + links, entry + links);
            put(entry + links + 8, entry + links);
            continue;
        }
        let last = get(data + head + 8);
        put(entry + links, data + head);
        put(entry + links + 8, last);
        put(last, entry + links);
        put(data + head + 8, entry + links);
    }
    entry
}

/// Takes an entry off the lists and frees it.
pub fn remove(entry: usize) {
    for (_, links) in LISTS {
        let (next, previous) = (get(entry + links), get(entry + links + 8));
        put(previous, next);
        put(next + 8, previous);
    }
    heap::free(heap::process_heap(), Ptr::new(entry));
}
