//! What a function's exception tables say, in one form for both generations: `FuncInfo` (`__CxxFrameHandler3` and
//! before) and the compressed `FuncInfo4` (`__CxxFrameHandler4`).
//! <https://devblogs.microsoft.com/cppblog/making-cpp-exception-handling-smaller-x64/>

use abi::Ptr;

/// What leaving a state takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    None,
    /// A funclet that gets the frame.
    Funclet(u64),
    /// A destructor of the object at that offset in the frame.
    Destroy(u64, u32),
    /// A destructor of what the pointer at that offset points to.
    DestroyIndirect(u64, u32),
}

#[derive(Clone, Copy, Debug)]
pub struct Handler {
    pub adjectives: u32,
    /// Address of the TypeDescriptor; 0 is `catch (...)`.
    pub type_descriptor: u64,
    /// Offset of the caught object in the frame; 0 when there is none.
    pub object: u32,
    pub funclet: u64,
    /// Where to go on, when the funclet returns an index rather than an address.
    pub continuations: [u64; 2],
    pub continuation_count: u8,
    /// Offset in the funclet's frame at which the parent's frame is kept.
    pub parent_offset: u32,
}

#[derive(Clone, Debug)]
pub struct Try {
    pub low: i32,
    pub high: i32,
    pub catch_high: i32,
    pub handlers: Vec<Handler>,
}

/// A function's tables, with addresses in place of offsets.
#[derive(Debug)]
pub struct Function {
    /// State after, and how to leave, for each state.
    pub unwind: Vec<(i32, Action)>,
    pub tries: Vec<Try>,
    /// The state at the address that was asked for.
    pub state: i32,
    /// Compiled so that only C++ exceptions are caught.
    pub synchronous: bool,
    pub noexcept: bool,
    /// For a catch funclet (second generation): where the parent's frame is kept.
    pub parent_offset: Option<u32>,
}

const MAGIC_1: u32 = 0x1993_0520;
const EH_SYNCHRONOUS: u32 = 1;
const EH_NOEXCEPT: u32 = 4;

/// Reads a FuncInfo. `pc` is an address in the function or one of its funclets.
pub fn read3(info: Ptr<u8>, base: u64, pc: u64) -> Function {
    let word = |index: usize| Ptr::<u32>::new(info.addr() + index * 4).get();
    let at = |rva: u32| base + u64::from(rva);
    let magic = word(0) & 0x1fff_ffff;
    let flags = if magic >= MAGIC_1 + 2 { word(9) } else { 0 };
    let unwind = (0..word(1) as usize)
        .map(|index| {
            let [to, action]: [u32; 2] = Ptr::<[u32; 2]>::new(at(word(2)) as usize).add(index).get();
            (to as i32, if action == 0 { Action::None } else { Action::Funclet(at(action)) })
        })
        .collect();
    let tries = (0..word(3) as usize)
        .map(|index| {
            let [low, high, catch_high, count, handlers] = Ptr::<[u32; 5]>::new(at(word(4)) as usize).add(index).get();
            let handlers = (0..count as usize)
                .map(|index| {
                    let [adjectives, descriptor, object, funclet, parent] = Ptr::<[u32; 5]>::new(at(handlers) as usize).add(index).get();
                    Handler {
                        adjectives,
                        type_descriptor: if descriptor == 0 { 0 } else { at(descriptor) },
                        object,
                        funclet: at(funclet),
                        continuations: [0; 2],
                        continuation_count: 0,
                        parent_offset: parent,
                    }
                })
                .collect();
            Try { low: low as i32, high: high as i32, catch_high: catch_high as i32, handlers }
        })
        .collect();
    let mut state = -1;
    for index in 0..word(5) as usize {
        let [ip, value] = Ptr::<[u32; 2]>::new(at(word(6)) as usize).add(index).get();
        if pc < at(ip) {
            break;
        }
        state = value as i32;
    }
    Function { unwind, tries, state, synchronous: flags & EH_SYNCHRONOUS != 0, noexcept: flags & EH_NOEXCEPT != 0, parent_offset: None }
}

/// Reads the compressed form.
struct Reader {
    at: Ptr<u8>,
}

impl Reader {
    fn new(at: u64) -> Reader {
        Reader { at: Ptr::new(at as usize) }
    }

    fn byte(&mut self) -> u8 {
        let value = self.at.get();
        self.at = self.at.add(1);
        value
    }

    fn word(&mut self) -> u32 {
        let value = self.at.cast::<u32>().get();
        self.at = self.at.add(4);
        value
    }

    /// 1 to 5 bytes; the number of low set bits of the first one says how many follow.
    fn number(&mut self) -> u32 {
        let first = self.at.get();
        let extra = (first.trailing_ones() as usize).min(4);
        let mut bytes = [0u8; 8];
        for (index, byte) in bytes.iter_mut().enumerate().take(extra + 1) {
            *byte = self.at.add(index).get();
        }
        self.at = self.at.add(extra + 1);
        let whole = u64::from_le_bytes(bytes);
        if extra == 4 { (whole >> 8) as u32 } else { (whole >> (extra + 1)) as u32 }
    }
}

/// Reads a FuncInfo4. `begin` is the offset of the function (or funclet) that holds `pc`.
pub fn read4(info: Ptr<u8>, base: u64, begin: u32, pc: u64) -> Function {
    let mut reader = Reader { at: info };
    let at = |rva: u32| base + u64::from(rva);
    let header = reader.byte();
    let (is_catch, separated, has_bbt, has_unwind, has_tries) =
        (header & 1 != 0, header & 2 != 0, header & 4 != 0, header & 8 != 0, header & 16 != 0);
    if has_bbt {
        reader.number();
    }
    let unwind_map = if has_unwind { reader.word() } else { 0 };
    let try_map = if has_tries { reader.word() } else { 0 };
    let mut ip_map = reader.word();
    let parent_offset = is_catch.then(|| reader.number());
    let mut function_begin = begin;
    if separated {
        let mut segments = Reader::new(at(ip_map));
        for _ in 0..segments.number() {
            let (start, map) = (segments.word(), segments.word());
            if start == begin {
                ip_map = map;
                function_begin = start;
            }
        }
    }
    Function {
        unwind: if unwind_map == 0 { Vec::new() } else { unwind4(at(unwind_map), base) },
        tries: if try_map == 0 { Vec::new() } else { tries4(at(try_map), base, begin) },
        state: if ip_map == 0 { -1 } else { state4(at(ip_map), at(function_begin), pc) },
        synchronous: header & 32 != 0,
        noexcept: header & 64 != 0,
        parent_offset,
    }
}

fn unwind4(map: u64, base: u64) -> Vec<(i32, Action)> {
    let mut reader = Reader::new(map);
    let count = reader.number();
    let mut starts = Vec::new();
    let mut entries = Vec::new();
    for _ in 0..count {
        let start = reader.at.addr();
        let head = reader.number();
        // The offset leads back to the entry of the state after this one; before the first, there is none.
        let next = start.wrapping_sub((head >> 2) as usize);
        let to = starts.iter().position(|&s| s == next).map_or(-1, |index| index as i32);
        let action = match head & 3 {
            0 => Action::None,
            1 => {
                let function = base + u64::from(reader.word());
                Action::Destroy(function, reader.number())
            }
            2 => {
                let function = base + u64::from(reader.word());
                Action::DestroyIndirect(function, reader.number())
            }
            _ => Action::Funclet(base + u64::from(reader.word())),
        };
        starts.push(start);
        entries.push((to, action));
    }
    entries
}

fn tries4(map: u64, base: u64, begin: u32) -> Vec<Try> {
    let mut reader = Reader::new(map);
    (0..reader.number())
        .map(|_| {
            let (low, high, catch_high) = (reader.number() as i32, reader.number() as i32, reader.number() as i32);
            let mut list = Reader::new(base + u64::from(reader.word()));
            let handlers = (0..list.number())
                .map(|_| {
                    let header = list.byte();
                    let adjectives = if header & 1 != 0 { list.number() } else { 0 };
                    let descriptor = if header & 2 != 0 { base + u64::from(list.word()) } else { 0 };
                    let object = if header & 4 != 0 { list.number() } else { 0 };
                    let funclet = base + u64::from(list.word());
                    let continuation_count = (header >> 4 & 3).min(2);
                    let mut continuations = [0; 2];
                    for target in continuations.iter_mut().take(continuation_count.into()) {
                        *target = base + u64::from(if header & 8 != 0 { list.word() } else { begin + list.number() });
                    }
                    Handler {
                        adjectives,
                        type_descriptor: descriptor,
                        object,
                        funclet,
                        continuations,
                        continuation_count,
                        parent_offset: 0,
                    }
                })
                .collect();
            Try { low, high, catch_high, handlers }
        })
        .collect()
}

fn state4(map: u64, begin: u64, pc: u64) -> i32 {
    let mut reader = Reader::new(map);
    let mut state = -1;
    let mut ip = begin;
    for _ in 0..reader.number() {
        ip += u64::from(reader.number());
        let value = reader.number() as i32 - 1;
        if pc < ip {
            break;
        }
        state = value;
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_numbers() {
        let bytes = [0x0au8, 0x05, 0x01, 0x13, 0x00, 0x01, 0x0f, 0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 0];
        let mut reader = Reader::new(bytes.as_ptr() as u64);
        assert_eq!(reader.number(), 5);
        assert_eq!(reader.number(), 0x105 >> 2);
        assert_eq!(reader.number(), 0x1_0013 >> 3);
        assert_eq!(reader.number(), 0x1234_5678);
    }
}
