//! One step of an unwind: from the context in a function to the context in its caller, by UNWIND_INFO.
//! <https://learn.microsoft.com/cpp/build/exception-handling-x64>

use super::tables::RuntimeFunction;
use crate::context::{Context, ContextPointers, RSP};
use abi::{Fault, Ptr};

pub const UNW_FLAG_EHANDLER: u8 = 1;
pub const UNW_FLAG_UHANDLER: u8 = 2;
const UNW_FLAG_CHAININFO: u8 = 4;

const UWOP_PUSH_NONVOL: u8 = 0;
const UWOP_ALLOC_LARGE: u8 = 1;
const UWOP_ALLOC_SMALL: u8 = 2;
const UWOP_SET_FPREG: u8 = 3;
const UWOP_SAVE_NONVOL: u8 = 4;
const UWOP_SAVE_NONVOL_FAR: u8 = 5;
const UWOP_EPILOG: u8 = 6;
const UWOP_SPARE_CODE: u8 = 7;
const UWOP_SAVE_XMM128: u8 = 8;
const UWOP_SAVE_XMM128_FAR: u8 = 9;
const UWOP_PUSH_MACHFRAME: u8 = 10;

/// Chains longer than this are corrupt.
const MAX_LINKS: usize = 32;

/// What one step found besides the caller's context.
#[derive(Clone, Copy, Debug, Default)]
pub struct Step {
    /// The frame's fixed address: what language handlers know it by.
    pub establisher: u64,
    /// The function's language handler and its data, if it has one of the wanted kind and the address was in
    /// the function's body.
    pub handler: Option<(u64, Ptr<u8>)>,
}

struct Header {
    version: u8,
    flags: u8,
    prolog: u8,
    count: usize,
    frame_register: usize,
    frame_offset: u64,
    codes: Ptr<u16>,
}

fn header(info: Ptr<u8>) -> Result<Header, Fault> {
    let [first, prolog, count, frame] = info.cast::<[u8; 4]>().read()?;
    Ok(Header {
        version: first & 7,
        flags: first >> 3,
        prolog,
        count: count.into(),
        frame_register: usize::from(frame & 15),
        frame_offset: u64::from(frame >> 4) * 16,
        codes: info.byte_add(4).cast(),
    })
}

/// Slots that an operation takes.
fn slots(op: u8, info: u8, version: u8) -> usize {
    match op {
        UWOP_ALLOC_LARGE => 2 + usize::from(info == 1),
        UWOP_SAVE_NONVOL | UWOP_SAVE_XMM128 => 2,
        UWOP_SAVE_NONVOL_FAR | UWOP_SAVE_XMM128_FAR => 3,
        UWOP_EPILOG if version >= 2 => 1,
        UWOP_EPILOG | UWOP_SPARE_CODE => 2 + usize::from(op == UWOP_SPARE_CODE),
        _ => 1,
    }
}

fn pop(context: &mut Context, pointers: Option<&mut ContextPointers>, register: usize) -> Result<(), Fault> {
    let at = context.gpr[RSP] as usize;
    let value = Ptr::<u64>::new(at).read()?;
    if let Some(pointers) = pointers {
        pointers.gpr[register] = at;
    }
    // `pop rsp` does not occur; the increment comes first as in the instruction's definition.
    context.gpr[RSP] = context.gpr[RSP].wrapping_add(8);
    context.gpr[register] = value;
    Ok(())
}

/// Steps out of the function `entry` at `pc`, by unwind data. `kind` is the handler kind that is asked for.
pub fn step(
    kind: u8,
    base: u64,
    pc: u64,
    entry: RuntimeFunction,
    context: &mut Context,
    mut pointers: Option<&mut ContextPointers>,
) -> Result<Step, Fault> {
    let mut function = entry;
    // An odd unwind address names another RUNTIME_FUNCTION.
    let mut links = 0;
    while function.unwind & 1 != 0 {
        function = Ptr::new((base as usize).wrapping_add((function.unwind & !1) as usize)).read()?;
        links += 1;
        if links > MAX_LINKS {
            return Err(Fault);
        }
    }
    let info: Ptr<u8> = Ptr::new((base as usize).wrapping_add(function.unwind as usize));
    let head = header(info)?;
    let offset = pc.wrapping_sub(base.wrapping_add(u64::from(function.begin)));
    let in_prolog = offset < u64::from(head.prolog);
    let mut step = Step { establisher: context.rsp(), handler: None };
    if head.frame_register != 0 {
        let set = if !in_prolog || head.flags & UNW_FLAG_CHAININFO != 0 {
            true
        } else {
            let mut index = 0;
            let mut set = false;
            while index < head.count {
                let [at, op] = head.codes.add(index).read()?.to_le_bytes();
                if op & 15 == UWOP_SET_FPREG {
                    set = offset >= u64::from(at);
                    break;
                }
                index += slots(op & 15, op >> 4, head.version);
            }
            set
        };
        if set {
            step.establisher = context.gpr[head.frame_register].wrapping_sub(head.frame_offset);
        }
    }
    if !in_prolog && epilog(base, pc, &function, head.frame_register, context, pointers.as_deref_mut())? {
        return Ok(step);
    }
    let mut machine_frame = false;
    let mut current = head;
    let mut current_info = info;
    let mut first = true;
    for _ in 0..MAX_LINKS {
        let mut index = 0;
        while index < current.count {
            let [at, op] = current.codes.add(index).read()?.to_le_bytes();
            let (op, operand) = (op & 15, usize::from(op >> 4));
            let small = |n: usize| -> Result<u64, Fault> { Ok(current.codes.add(index + n).read()?.into()) };
            let far = || current.codes.add(index + 1).cast::<u32>().read().map(u64::from);
            // Of the function at hand, only what its prolog has done already; of chained ones everything.
            if !(first && in_prolog && offset < u64::from(at)) {
                let frame = if current.frame_register != 0 {
                    context.gpr[current.frame_register].wrapping_sub(current.frame_offset)
                } else {
                    context.gpr[RSP]
                };
                match op {
                    UWOP_PUSH_NONVOL => pop(context, pointers.as_deref_mut(), operand)?,
                    UWOP_ALLOC_LARGE => {
                        let size = if operand == 0 { small(1)? * 8 } else { far()? };
                        context.gpr[RSP] = context.gpr[RSP].wrapping_add(size);
                    }
                    UWOP_ALLOC_SMALL => context.gpr[RSP] = context.gpr[RSP].wrapping_add(operand as u64 * 8 + 8),
                    UWOP_SET_FPREG => context.gpr[RSP] = frame,
                    UWOP_SAVE_NONVOL | UWOP_SAVE_NONVOL_FAR => {
                        let saved = frame.wrapping_add(if op == UWOP_SAVE_NONVOL { small(1)? * 8 } else { far()? }) as usize;
                        context.gpr[operand] = Ptr::<u64>::new(saved).read()?;
                        if let Some(pointers) = pointers.as_deref_mut() {
                            pointers.gpr[operand] = saved;
                        }
                    }
                    UWOP_SAVE_XMM128 | UWOP_SAVE_XMM128_FAR => {
                        let saved = frame.wrapping_add(if op == UWOP_SAVE_XMM128 { small(1)? * 16 } else { far()? }) as usize;
                        context.set_xmm(operand, Ptr::<u128>::new(saved).read()?);
                        if let Some(pointers) = pointers.as_deref_mut() {
                            pointers.xmm[operand] = saved;
                        }
                    }
                    UWOP_PUSH_MACHFRAME => {
                        // RIP, CS, EFLAGS, RSP, SS, after an error code if the operand is 1.
                        let at = (context.rsp() as usize).wrapping_add(operand * 8);
                        context.rip = Ptr::<u64>::new(at).read()?;
                        context.gpr[RSP] = Ptr::<u64>::new(at.wrapping_add(24)).read()?;
                        machine_frame = true;
                    }
                    _ => {}
                }
            }
            index += slots(op, operand as u8, current.version);
        }
        let tail = current_info.byte_add(4 + current.count.next_multiple_of(2) * 2);
        if current.flags & UNW_FLAG_CHAININFO != 0 {
            let parent: RuntimeFunction = tail.cast().read()?;
            current_info = Ptr::new((base as usize).wrapping_add(parent.unwind as usize));
            current = header(current_info)?;
            first = false;
            continue;
        }
        if !in_prolog || !first {
            // The primary function's handler serves its chained parts too.
            if current.flags & kind != 0 {
                let handler: u32 = tail.cast().read()?;
                step.handler = Some((base.wrapping_add(u64::from(handler)), tail.byte_add(4)));
            }
        }
        break;
    }
    if !machine_frame {
        let rsp = context.rsp() as usize;
        crate::context::pop_return(context, rsp).ok_or(Fault)?;
    }
    Ok(step)
}

/// If `pc` is in an epilogue, carries the rest of it out. An epilogue is: an optional `add rsp, n` or
/// `lea rsp, [frame + n]`, pops, and a return or a jump out of the function.
fn epilog(
    base: u64,
    pc: u64,
    function: &RuntimeFunction,
    frame_register: usize,
    context: &mut Context,
    mut pointers: Option<&mut ContextPointers>,
) -> Result<bool, Fault> {
    let byte = |at: u64| Ptr::<u8>::new(at as usize).read();
    // The unwinder is asked about any address, the last ones of the address space too.
    if pc.checked_add(64).is_none() {
        return Ok(false);
    }
    let mut at = pc;
    let first = [byte(at)?, byte(at + 1).unwrap_or(0), byte(at + 2).unwrap_or(0)];
    let mut rsp = context.rsp();
    match first {
        [0x48, 0x83, 0xc4] => {
            rsp = rsp.wrapping_add_signed(i64::from(byte(at + 3)? as i8));
            at += 4;
        }
        [0x48, 0x81, 0xc4] => {
            rsp = rsp.wrapping_add_signed(i64::from(Ptr::<i32>::new(at as usize + 3).read()?));
            at += 7;
        }
        // lea rsp, [reg + disp]: REX.W (with B for r8 to r15), 8D, ModRM with reg = 4.
        [rex @ (0x48 | 0x49), 0x8d, modrm] if frame_register != 0 && modrm & 0x38 == 0x20 => {
            let register = usize::from(modrm & 7) + if rex == 0x49 { 8 } else { 0 };
            if register != frame_register || modrm & 7 == 4 {
                return Ok(false);
            }
            match modrm >> 6 {
                0 if modrm & 7 != 5 => {
                    rsp = context.gpr[register];
                    at += 3;
                }
                1 => {
                    rsp = context.gpr[register].wrapping_add_signed(i64::from(byte(at + 3)? as i8));
                    at += 4;
                }
                2 => {
                    rsp = context.gpr[register].wrapping_add_signed(i64::from(Ptr::<i32>::new(at as usize + 3).read()?));
                    at += 7;
                }
                _ => return Ok(false),
            }
        }
        _ => {}
    }
    let pops = at;
    let mut end = at;
    // No function pops more registers than there are.
    for _ in 0..16 {
        let b = byte(end)?;
        if (0x58..=0x5f).contains(&b) {
            end += 1;
        } else if b & 0xfe == 0x40 && (0x58..=0x5f).contains(&byte(end + 1)?) {
            end += 2;
        } else {
            break;
        }
    }
    let outside = |target: u64| {
        let rva = target.wrapping_sub(base);
        rva < u64::from(function.begin) || rva >= u64::from(function.end) || rva == u64::from(function.begin)
    };
    let ends = match byte(end)? {
        0xc3 | 0xc2 => true,
        0xf3 => byte(end + 1)? == 0xc3,
        // A jump within the function is no tail call.
        0xeb => outside((end + 2).wrapping_add_signed(i64::from(byte(end + 1)? as i8))),
        0xe9 => outside((end + 5).wrapping_add_signed(i64::from(Ptr::<i32>::new(end as usize + 1).read()?))),
        // jmp through memory, RIP-relative or with REX.W; as the documentation allows.
        0xff => byte(end + 1)? == 0x25,
        0x48 => byte(end + 1)? == 0xff && byte(end + 2)? & 0x38 == 0x20,
        _ => false,
    };
    if !ends {
        return Ok(false);
    }
    context.gpr[RSP] = rsp;
    at = pops;
    while at < end {
        let b = byte(at)?;
        if b & 0xfe == 0x40 {
            let register = usize::from(byte(at + 1)? - 0x58) + usize::from(b & 1) * 8;
            pop(context, pointers.as_deref_mut(), register)?;
            at += 2;
        } else {
            pop(context, pointers.as_deref_mut(), usize::from(b - 0x58))?;
            at += 1;
        }
    }
    let rsp = context.rsp() as usize;
    crate::context::pop_return(context, rsp).ok_or(Fault)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{RBP, RBX};

    /// A frame that pushes rbp and rbx and allocates 0x28 bytes: `push rbp; push rbx; sub rsp, 0x28; nop…`.
    #[test]
    fn prolog_body_and_epilog_agree() {
        let mut image = [0u8; 64];
        image[..7].copy_from_slice(&[0x55, 0x53, 0x48, 0x83, 0xec, 0x28, 0x90]);
        image[7..14].copy_from_slice(&[0x48, 0x83, 0xc4, 0x28, 0x5b, 0x5d, 0xc3]);
        // UNWIND_INFO: version 1, prolog 6, three codes in reverse order.
        image[32..42].copy_from_slice(&[1, 6, 3, 0, 6, 0x42, 2, 0x30, 1, 0x50]);
        let base = image.as_ptr() as u64;
        let entry = RuntimeFunction { begin: 0, end: 14, unwind: 32 };
        let mut stack = [0u64; 16];
        stack[10] = 0xb0b; // rbx
        stack[11] = 0xbb9; // rbp
        stack[12] = 0x1234_5678; // return address
        let top = stack.as_ptr() as u64;
        // (offset into the function, index into the stack of RSP there)
        for (offset, rsp) in [(0u64, 12), (1, 11), (2, 10), (6, 5), (7, 5), (11, 10), (12, 11), (13, 12)] {
            let mut context = Context::zeroed();
            context.gpr[RSP] = top + rsp * 8;
            context.gpr[RBX] = 0xb0b;
            context.gpr[RBP] = 0xbb9;
            let step = step(0, base, base + offset, entry, &mut context, None).unwrap();
            assert_eq!(context.rip, 0x1234_5678, "at {offset}");
            assert_eq!(context.gpr[RSP], top + 13 * 8, "at {offset}");
            assert_eq!((context.gpr[RBX], context.gpr[RBP]), (0xb0b, 0xbb9), "at {offset}");
            assert_eq!(step.establisher, top + rsp * 8);
        }
    }

    /// Unwind data that the fuzz target has found: it ends with an answer or a fault.
    #[test]
    fn damaged_data_ends() {
        host::signal::thread_init();
        crate::exception::install();
        let mut image = vec![0u8; 256];
        image[..4].fill(0x90);
        let base = image.as_ptr() as u64;
        let stack = [0u64; 4];
        let try_step = |image: &[u8], entry: RuntimeFunction, rsp: u64, pc: u64| {
            assert_eq!(image.as_ptr() as u64, base);
            let mut context = Context::zeroed();
            context.gpr[RSP] = rsp;
            step(3, base, pc, entry, &mut context, None).is_ok()
        };
        let rsp = stack.as_ptr() as u64;
        // An entry that leads to itself.
        image[64..76].copy_from_slice(&[0, 0, 0, 0, 4, 0, 0, 0, 65, 0, 0, 0]);
        assert!(!try_step(&image, RuntimeFunction { begin: 0, end: 4, unwind: 65 }, rsp, base + 2));
        // Chained data that is its own parent.
        image[96..100].copy_from_slice(&[0x21, 0, 0, 0]);
        image[100..112].copy_from_slice(&[0, 0, 0, 0, 4, 0, 0, 0, 96, 0, 0, 0]);
        try_step(&image, RuntimeFunction { begin: 0, end: 4, unwind: 96 }, rsp, base + 2);
        // The largest allocation, on a stack that ends with the address space.
        image[128..138].copy_from_slice(&[1, 0, 3, 0, 0, 0x11, 0xff, 0xff, 0xff, 0xff]);
        try_step(&image, RuntimeFunction { begin: 0, end: 4, unwind: 128 }, rsp, base + 2);
    }
}
