//! Headers of an ELF file (System V ABI, chapter 4 and 5; elf(5)).

use super::ElfError;
use std::ops::Range;

/// The first bytes of a file that are read for its headers; program headers that lie behind are read on their own.
pub const PAGE: u64 = 4096;
/// The kernel refuses program headers of more than 64 KiB (ELF_MIN_ALIGN and fs/binfmt_elf.c's documented limit).
const MAX_HEADERS: usize = 1170;
const HEADER_SIZE: usize = 64;
const ENTRY_SIZE: usize = 56;

const PT_LOAD: u32 = 1;
const PT_INTERP: u32 = 3;
const PT_PHDR: u32 = 6;
const PT_GNU_STACK: u32 = 0x6474_e551;

/// A part of the file that is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    pub address: u64,
    pub offset: u64,
    pub file_size: u64,
    pub memory_size: u64,
    pub write: bool,
    pub execute: bool,
    pub align: u64,
}

/// What the headers of a program say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ElfFile {
    pub entry: u64,
    /// Position independent: mapped wherever there is room.
    pub movable: bool,
    pub segments: Vec<Segment>,
    /// Where the path of the interpreter stands in the file.
    pub interpreter: Option<Range<u64>>,
    /// Address, before it is moved, at which the program headers are found in memory; 0: nowhere.
    pub headers: u64,
    pub header_count: u16,
    pub executable_stack: bool,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Names of machines (e_machine) that people meet.
fn machine(number: u16) -> &'static str {
    match number {
        3 => "32-bit x86",
        8 => "MIPS",
        20 | 21 => "PowerPC",
        22 => "S390",
        40 => "32-bit ARM",
        183 => "ARM64",
        243 => "RISC-V",
        258 => "LoongArch",
        _ => "another processor",
    }
}

impl ElfFile {
    /// Reads the headers. `read` fills the buffer from an offset of the file, and says how much of it there was.
    pub fn parse(mut read: impl FnMut(u64, &mut [u8]) -> usize) -> Result<ElfFile, ElfError> {
        let mut first = [0u8; 1024];
        let len = read(0, &mut first).min(first.len());
        let first = &first[..len];
        if first.get(..4) != Some(b"\x7fELF") {
            return Err(ElfError::NotElf);
        }
        let short = ElfError::Damaged("its header is cut off");
        if len < HEADER_SIZE {
            return Err(short);
        }
        let number = u16_at(first, 18).ok_or(short.clone())?;
        if first[5] != 1 || number != 62 || first[4] != 2 {
            return Err(ElfError::Machine(if number == 62 { "x32" } else { machine(number) }));
        }
        let movable = match u16_at(first, 16) {
            Some(2) => false,
            Some(3) => true,
            Some(1) => return Err(ElfError::Kind("an object file")),
            Some(4) => return Err(ElfError::Kind("core dump")),
            _ => return Err(ElfError::Damaged("its type is unknown")),
        };
        let entry = u64_at(first, 24).ok_or(short.clone())?;
        let offset = u64_at(first, 32).ok_or(short.clone())?;
        let count = u16_at(first, 56).ok_or(short)?;
        if u16_at(first, 54) != Some(ENTRY_SIZE as u16) || count == 0 || usize::from(count) > MAX_HEADERS {
            return Err(ElfError::Damaged("its program headers have an impossible size"));
        }
        let size = usize::from(count) * ENTRY_SIZE;
        let inside = usize::try_from(offset).ok().and_then(|at| first.get(at..at.checked_add(size)?)).map(<[u8]>::to_vec);
        let table = match inside {
            Some(table) => table,
            None => {
                let mut table = vec![0; size];
                if offset.checked_add(size as u64).is_none() || read(offset, &mut table) != size {
                    return Err(ElfError::Damaged("its program headers are cut off"));
                }
                table
            }
        };
        let mut file = ElfFile {
            entry,
            movable,
            segments: Vec::new(),
            interpreter: None,
            headers: 0,
            header_count: count,
            // Without a word about it, an old program's stack is executable; those of this machine never were (elf(5)).
            executable_stack: false,
        };
        for header in table.chunks_exact(ENTRY_SIZE) {
            file.take(header).ok_or(ElfError::Damaged("a program header is impossible"))?;
        }
        file.finish(offset)?;
        Ok(file)
    }

    fn take(&mut self, header: &[u8]) -> Option<()> {
        let (kind, flags) = (u32_at(header, 0)?, u32_at(header, 4)?);
        let [offset, address, _, file_size, memory_size, align] = [8, 16, 24, 32, 40, 48].map(|at| u64_at(header, at).unwrap_or(0));
        match kind {
            PT_LOAD => {
                let end = address.checked_add(memory_size)?;
                offset.checked_add(file_size)?;
                // The lower half of the address space; an offset that is not congruent cannot be mapped.
                if file_size > memory_size || end > 1 << 47 || address % PAGE != offset % PAGE || offset + file_size > i64::MAX as u64 {
                    return None;
                }
                let align = if align.is_power_of_two() { align } else { 1 };
                // An empty one takes no room.
                if memory_size != 0 {
                    let segment =
                        Segment { address, offset, file_size, memory_size, write: flags & 2 != 0, execute: flags & 1 != 0, align };
                    self.segments.push(segment);
                }
            }
            PT_INTERP if self.interpreter.is_none() => {
                if file_size < 2 || file_size > 4096 {
                    return None;
                }
                self.interpreter = Some(offset..offset.checked_add(file_size)?);
            }
            PT_PHDR => self.headers = address,
            PT_GNU_STACK => self.executable_stack = flags & 1 != 0,
            _ => {}
        }
        Some(())
    }

    fn finish(&mut self, offset: u64) -> Result<(), ElfError> {
        if self.segments.is_empty() {
            return Err(ElfError::Damaged("it has nothing to map"));
        }
        if self.segments.windows(2).any(|pair| page(pair[0].address + pair[0].memory_size - 1) > page(pair[1].address)) {
            return Err(ElfError::Damaged("its segments overlap or are out of order"));
        }
        if self.headers == 0 {
            let holder = self.segments.iter().find(|s| s.offset <= offset && offset < s.offset + s.file_size);
            self.headers = holder.map_or(0, |s| offset - s.offset + s.address);
        }
        Ok(())
    }

    /// The addresses that the image covers before it is moved, in whole pages.
    pub fn span(&self) -> Range<u64> {
        let last = self.segments.len() - 1;
        let last = self.segments[last];
        page(self.segments[0].address)..page_up(last.address + last.memory_size)
    }

    /// The largest alignment that a segment asks for, at least a page.
    pub fn align(&self) -> u64 {
        self.segments.iter().map(|s| s.align).max().unwrap_or(PAGE).clamp(PAGE, 1 << 30)
    }
}

pub(super) fn page(address: u64) -> u64 {
    address & !(PAGE - 1)
}

pub(super) fn page_up(address: u64) -> u64 {
    page(address + PAGE - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<ElfFile, ElfError> {
        ElfFile::parse(|offset, into| {
            let rest = bytes.get(offset as usize..).unwrap_or_default();
            let len = rest.len().min(into.len());
            into[..len].copy_from_slice(&rest[..len]);
            len
        })
    }

    fn header(count: u16, entries: &[[u64; 7]]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(64, 0);
        bytes[16] = 2;
        bytes[18] = 62;
        bytes[24] = 0x10;
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56..58].copy_from_slice(&count.to_le_bytes());
        for entry in entries {
            entry.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        }
        bytes
    }

    #[test]
    fn segments_and_span() {
        let load = |offset, address, file, memory, flags: u64| [1 | flags << 32, offset, address, address, file, memory, 0x1000];
        let file = parse(&header(2, &[load(0, 0x40_0000, 0x500, 0x500, 5), load(0x500, 0x40_1500, 0x10, 0x2000, 6)])).unwrap();
        assert_eq!(file.span(), 0x40_0000..0x40_4000);
        assert_eq!(file.headers, 0x40_0040);
        assert!(file.segments[0].execute && !file.segments[0].write && file.segments[1].write);
        let cases = [
            load(0, 0x40_0000, 0x500, 0x400, 5),
            load(1, 0x40_0000, 0x500, 0x500, 5),
            load(0, u64::MAX - 0xfff, 0x500, 0x500, 5),
            load(u64::MAX - 0xfff, 0x40_0000, 0x2000, 0x2000, 5),
        ];
        for case in cases {
            assert_eq!(parse(&header(1, &[case])), Err(ElfError::Damaged("a program header is impossible")));
        }
        assert!(matches!(parse(&header(3, &[])), Err(ElfError::Damaged(_))));
    }

    #[test]
    fn other_machines_are_named() {
        let mut bytes = header(1, &[[0; 7]]);
        bytes[18] = 183;
        assert_eq!(parse(&bytes), Err(ElfError::Machine("ARM64")));
        bytes[4] = 1;
        bytes[18] = 3;
        assert_eq!(parse(&bytes), Err(ElfError::Machine("32-bit x86")));
        assert_eq!(parse(b"#!/bin/sh\n"), Err(ElfError::NotElf));
    }
}
