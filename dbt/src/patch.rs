//! The replacement of a `syscall`: a jump to a trampoline near by, which holds the displaced instructions and, for the
//! `syscall`, a jump to the handler.
//!
//! The handler finds what the kernel would find, all registers and the stack untouched, with RCX the address at which
//! to go on, and R11 undefined (the processor leaves RIP and RFLAGS in them). It goes on by jumping there.

use crate::lazy::near;
use crate::scan::{Code, JUMP, Site, can_move};
use iced_x86::{ConditionCode, Decoder, DecoderOptions, FlowControl, Instruction};

/// A patched site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// To be written at the site's start, in one go; as long as the site.
    pub bytes: Vec<u8>,
    /// To be written at the trampoline's address.
    pub trampoline: Vec<u8>,
    /// Where in the trampoline the handler is told to go on.
    pub resume: u64,
}

/// No trampoline is longer: eight neighbours of 15 bytes, the call, and the jump back.
pub const MAX_TRAMPOLINE: usize = 9 * 15 + 13 + 5;

struct Out {
    at: u64,
    bytes: Vec<u8>,
}

impl Out {
    /// An instruction that ends with a displacement to `target`.
    fn relative(&mut self, opcode: &[u8], target: u64) -> Option<()> {
        let next = self.at + (self.bytes.len() + opcode.len()) as u64 + 4;
        self.bytes.extend_from_slice(opcode);
        self.bytes.extend_from_slice(&near(next, target)?);
        Some(())
    }

    fn displaced(&mut self, decoder: &Decoder, instruction: &Instruction, original: &[u8]) -> Option<()> {
        match instruction.flow_control() {
            FlowControl::UnconditionalBranch => self.relative(&[0xe9], instruction.near_branch_target()),
            FlowControl::ConditionalBranch => {
                self.relative(&[0x0f, 0x80 | condition(instruction.condition_code())?], instruction.near_branch_target())
            }
            _ if instruction.is_ip_rel_memory_operand() => {
                let mut bytes = original.to_vec();
                let offset = decoder.get_constant_offsets(instruction).displacement_offset();
                let next = self.at + (self.bytes.len() + bytes.len()) as u64;
                bytes.get_mut(offset..offset + 4)?.copy_from_slice(&near(next, instruction.ip_rel_memory_address())?);
                self.bytes.extend_from_slice(&bytes);
                Some(())
            }
            _ => {
                self.bytes.extend_from_slice(original);
                Some(())
            }
        }
    }
}

/// The low four bits of a conditional jump's opcode (Intel SDM, appendix B.1.4).
fn condition(code: ConditionCode) -> Option<u8> {
    Some(match code {
        ConditionCode::None => return None,
        ConditionCode::o => 0,
        ConditionCode::no => 1,
        ConditionCode::b => 2,
        ConditionCode::ae => 3,
        ConditionCode::e => 4,
        ConditionCode::ne => 5,
        ConditionCode::be => 6,
        ConditionCode::a => 7,
        ConditionCode::s => 8,
        ConditionCode::ns => 9,
        ConditionCode::p => 10,
        ConditionCode::np => 11,
        ConditionCode::l => 12,
        ConditionCode::ge => 13,
        ConditionCode::le => 14,
        ConditionCode::g => 15,
    })
}

/// Makes the patch of a site in `code`, with a trampoline at `at`. `handler`: the address of a pointer to the handler.
/// None: something does not reach so far.
pub fn patch(code: Code, site: &Site, at: u64, handler: u64) -> Option<Patch> {
    let from = site.start.checked_sub(code.address)? as usize;
    let bytes = code.bytes.get(from..from + (site.end - site.start) as usize)?;
    let mut decoder = Decoder::with_ip(64, bytes, site.start, DecoderOptions::NONE);
    let mut out = Out { at, bytes: Vec::new() };
    let mut resume = 0;
    let mut falls_through = true;
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.ip() == site.address {
            // lea rcx, [rip + 6]; jmp [handler]
            out.bytes.extend_from_slice(&[0x48, 0x8d, 0x0d, 6, 0, 0, 0]);
            out.relative(&[0xff, 0x25], handler)?;
            resume = at + out.bytes.len() as u64;
            continue;
        }
        if instruction.is_invalid() || !can_move(&instruction) {
            return None;
        }
        let start = (instruction.ip() - site.start) as usize;
        out.displaced(&decoder, &instruction, &bytes[start..start + instruction.len()])?;
        falls_through = matches!(instruction.flow_control(), FlowControl::Next | FlowControl::ConditionalBranch);
    }
    if falls_through || site.address + 2 == site.end {
        out.relative(&[0xe9], site.end)?;
    }
    let mut jump = Out { at: site.start, bytes: Vec::new() };
    jump.relative(&[0xe9], at)?;
    debug_assert_eq!(jump.bytes.len() as u64, JUMP);
    jump.bytes.resize(bytes.len(), 0xcc);
    Some(Patch { bytes: jump.bytes, trampoline: out.bytes, resume })
}
