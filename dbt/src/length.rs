//! Where the next instruction begins (Intel SDM volume 2, chapter 2 and appendix A).
//!
//! The decoder proper makes tables of half a megabyte when it is first used, which every process of a shell's loop would carry.
//! This one knows lengths and little else; where both know an instruction, they agree (see the tests).

/// What matters about an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Goes on elsewhere, or nowhere: ret, jmp, ud2.
    Ends,
    /// Does nothing: nop in all its lengths, int3.
    Padding,
    /// `mov eax, imm32` or `mov rax, simm32`.
    LoadsNumber,
    /// Works on registers and flags alone, and does the same wherever it stands. It does not fault.
    Registers,
    /// Like `Registers`, but for its last four bytes, which are a distance from its end: `lea` of a relative address, `jcc`.
    Relative,
    Other,
}

impl Kind {
    /// Whether it can be run from elsewhere, its distance corrected.
    pub fn can_move(self) -> bool {
        matches!(self, Kind::LoadsNumber | Kind::Registers | Kind::Relative)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The last ModRM byte.
    modrm: u8,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= self.bytes.len()).then_some(())
    }

    /// ModRM with what belongs to it: SIB and displacement. Returns the ModRM byte.
    fn modrm(&mut self) -> Option<u8> {
        let modrm = self.next()?;
        self.modrm = modrm;
        let (mode, rm) = (modrm >> 6, modrm & 7);
        if mode == 3 {
            return Some(modrm);
        }
        let base = if rm == 4 { self.next()? & 7 } else { rm };
        self.skip(match mode {
            0 if base == 5 => 4,
            0 => 0,
            1 => 1,
            _ => 4,
        })?;
        Some(modrm)
    }
}

/// Whether an opcode of the map 0F has an 8-bit immediate behind its ModRM.
fn has_immediate(opcode: u8) -> bool {
    matches!(opcode, 0x70..=0x73 | 0xa4 | 0xac | 0xba | 0xc2 | 0xc4..=0xc6)
}

/// Length and kind of the instruction that `bytes` begin with. None: there is none, or its end is missing.
pub fn instruction(bytes: &[u8]) -> Option<(usize, Kind)> {
    let mut r = Reader { bytes: &bytes[..bytes.len().min(15)], at: 0, modrm: 0 };
    let (mut short, mut address, mut repeat, mut lock) = (false, false, false, false);
    let mut rex = 0;
    // A REX prefix counts only right before the opcode.
    let opcode = loop {
        let byte = r.next()?;
        match byte {
            0x40..=0x4f => {
                rex = byte;
                continue;
            }
            0x66 => short = true,
            0x67 => address = true,
            0xf2 | 0xf3 => repeat = true,
            0xf0 => lock = true,
            0x2e | 0x36 | 0x3e | 0x26 | 0x64 | 0x65 => {}
            opcode => break opcode,
        }
        rex = 0;
    };
    let wide = rex & 8 != 0;
    let word = if short && !wide { 2 } else { 4 };
    let mut kind = Kind::Other;
    match opcode {
        0x0f => {
            kind = two_bytes(&mut r)?;
            // Prefixes make other instructions of some of them.
            if repeat || lock || short && kind == Kind::Relative {
                kind = if kind.can_move() { Kind::Other } else { kind };
            }
            return Some((r.at, kind));
        }
        0xc4 | 0xc5 | 0x62 => {
            vector(&mut r, opcode)?;
            return Some((r.at, kind));
        }
        0x06 | 0x07 | 0x0e | 0x16 | 0x17 | 0x1e | 0x1f | 0x27 | 0x2f | 0x37 | 0x3f => return None,
        0x00..=0x3f => match opcode & 7 {
            0..=3 => drop(r.modrm()?),
            4 => r.skip(1)?,
            _ => r.skip(word)?,
        },
        0x60 | 0x61 | 0x82 | 0x9a | 0xce | 0xd4..=0xd6 | 0xea => return None,
        0x63 | 0x84..=0x8e | 0xd0..=0xd3 | 0xd8..=0xdf | 0xfe => drop(r.modrm()?),
        0x8f => {
            // Other values of the field are AMD's XOP, which no processor of today has.
            let is_pop = r.modrm()? & 0x38 == 0;
            is_pop.then_some(())?;
        }
        0x68 | 0xa9 => r.skip(word)?,
        0x69 | 0x81 => {
            r.modrm()?;
            r.skip(word)?;
        }
        0xc7 => {
            r.modrm()?;
            r.skip(word)?;
            if bytes[..3] == [0x48, 0xc7, 0xc0] {
                kind = Kind::LoadsNumber;
            }
        }
        0x6a | 0x70..=0x7f | 0xa8 | 0xb0..=0xb7 | 0xcd | 0xe0..=0xe7 => r.skip(1)?,
        0x6b | 0x80 | 0x83 | 0xc0 | 0xc1 | 0xc6 => {
            r.modrm()?;
            r.skip(1)?;
        }
        0xa0..=0xa3 => r.skip(if address { 4 } else { 8 })?,
        0xb8..=0xbf => {
            r.skip(if wide { 8 } else { word })?;
            if bytes[0] == 0xb8 {
                kind = Kind::LoadsNumber;
            }
        }
        0xc2 | 0xca => {
            r.skip(2)?;
            kind = Kind::Ends;
        }
        0xc3 | 0xcb | 0xcf => kind = Kind::Ends,
        0xc8 => r.skip(3)?,
        0xe8 => r.skip(4)?,
        0xe9 => {
            r.skip(4)?;
            kind = Kind::Ends;
        }
        0xeb => {
            r.skip(1)?;
            kind = Kind::Ends;
        }
        0xf6 | 0xf7 => {
            let immediate = if opcode == 0xf6 { 1 } else { word };
            // test; the others have none.
            if r.modrm()? & 0x30 == 0 {
                r.skip(immediate)?;
            }
        }
        0xff => match r.modrm()? >> 3 & 7 {
            4 | 5 => kind = Kind::Ends,
            7 => return None,
            _ => {}
        },
        // pause is no padding, and with REX.B it exchanges.
        0x90 if rex & 1 == 0 && !repeat => kind = Kind::Padding,
        0xcc => kind = Kind::Padding,
        _ => {}
    }
    if kind == Kind::Other && !repeat && !lock {
        kind = one_byte_kind(opcode, r.modrm, address);
    }
    Some((r.at, kind))
}

/// Of what has no kind of its own.
fn one_byte_kind(opcode: u8, modrm: u8, address: bool) -> Kind {
    let field = modrm >> 3 & 7;
    match opcode {
        // With the accumulator and an immediate.
        0x00..=0x3f if opcode & 7 >= 4 => Kind::Registers,
        0x91..=0x99 | 0xa8 | 0xa9 | 0xb0..=0xbf => Kind::Registers,
        0x8d if modrm >= 0xc0 => Kind::Other,
        0x8d if modrm & 0xc7 == 5 => {
            if address {
                Kind::Other
            } else {
                Kind::Relative
            }
        }
        0x8d => Kind::Registers,
        _ if modrm < 0xc0 => Kind::Other,
        0x00..=0x3f | 0x63 | 0x69 | 0x6b | 0x80 | 0x81 | 0x83..=0x8b | 0xc0 | 0xc1 | 0xd0..=0xd3 => Kind::Registers,
        0xc6 | 0xc7 if field == 0 => Kind::Registers,
        0xfe | 0xff if field < 2 => Kind::Registers,
        // The last two divide, which may fault.
        0xf6 | 0xf7 if field < 6 => Kind::Registers,
        _ => Kind::Other,
    }
}

fn two_bytes(r: &mut Reader) -> Option<Kind> {
    let opcode = r.next()?;
    match opcode {
        0x04 | 0x0a | 0x0c | 0x24..=0x27 | 0x36 | 0x39 | 0x3b..=0x3f | 0x7a | 0x7b => return None,
        0x0b => return Some(Kind::Ends),
        0xc8..=0xcf => return Some(Kind::Registers),
        0x05..=0x09 | 0x0e | 0x30..=0x35 | 0x37 | 0x77 | 0xa0..=0xa2 | 0xa8..=0xaa => {}
        0x80..=0x8f => {
            r.skip(4)?;
            return Some(Kind::Relative);
        }
        // cmovcc, setcc, imul, movzx, movsx
        0x40..=0x4f | 0x90..=0x9f | 0xaf | 0xb6 | 0xb7 | 0xbe | 0xbf => {
            let register = r.modrm()? >= 0xc0;
            return Some(if register { Kind::Registers } else { Kind::Other });
        }
        // Control and debug registers: never memory.
        0x20..=0x23 => r.skip(1)?,
        0x38 => {
            r.next()?;
            r.modrm()?;
        }
        0x3a | 0x0f => {
            if opcode == 0x3a {
                r.next()?;
            }
            r.modrm()?;
            r.skip(1)?;
        }
        0x1f => {
            // Other values of the field are reserved.
            let is_nop = r.modrm()? & 0x38 == 0;
            return Some(if is_nop { Kind::Padding } else { Kind::Other });
        }
        _ => {
            r.modrm()?;
            if has_immediate(opcode) {
                r.skip(1)?;
            }
        }
    }
    Some(Kind::Other)
}

/// VEX and EVEX.
fn vector(r: &mut Reader, first: u8) -> Option<()> {
    let map = match first {
        0xc5 => {
            r.next()?;
            1
        }
        0xc4 => {
            let map = r.next()? & 0x1f;
            r.next()?;
            map
        }
        _ => {
            let map = r.next()? & 7;
            r.skip(2)?;
            map
        }
    };
    let opcode = r.next()?;
    // vzeroupper and vzeroall.
    if map == 1 && opcode == 0x77 && first != 0x62 {
        return Some(());
    }
    r.modrm()?;
    if map == 3 || map == 1 && has_immediate(opcode) {
        r.skip(1)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Mnemonic, OpKind, Register};

    fn touches_memory(instruction: &iced_x86::Instruction) -> bool {
        let by_operand = (0..instruction.op_count()).any(|op| instruction.op_kind(op) == OpKind::Memory);
        let relative = instruction.is_ip_rel_memory_operand();
        relative || by_operand && instruction.mnemonic() != Mnemonic::Lea || instruction.is_stack_instruction()
    }

    fn may_fault(instruction: &iced_x86::Instruction) -> bool {
        let divides = matches!(instruction.mnemonic(), Mnemonic::Div | Mnemonic::Idiv);
        let general = |op| {
            let register = instruction.op_register(op);
            instruction.op_kind(op) != OpKind::Register || register.is_gpr()
        };
        divides || instruction.is_privileged() || instruction.has_lock_prefix() || !(0..instruction.op_count()).all(general)
    }

    /// Where the decoder proper knows an instruction, this one says the same length.
    #[test]
    fn agrees_with_the_decoder() {
        let mut seed = 1u64;
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as u8
        };
        let mut known = 0;
        for round in 0..2_000_000 {
            let mut bytes = [0u8; 16];
            bytes.iter_mut().for_each(|byte| *byte = next());
            // Rarer beginnings, more often.
            match round % 8 {
                0 => bytes[0] = 0x0f,
                1 => bytes[0] = 0x66,
                2 => bytes[0] = [0xc4, 0xc5, 0x62][round / 8 % 3],
                3 => bytes[0] = 0x48,
                _ => {}
            }
            let decoded = Decoder::with_ip(64, &bytes[..15], 0, DecoderOptions::NONE).decode();
            // XOP is left out.
            if decoded.is_invalid() || format!("{:?}", decoded.code()).starts_with("XOP") {
                continue;
            }
            known += 1;
            let (len, kind) = instruction(&bytes).unwrap_or((0, Kind::Other));
            assert_eq!(len, decoded.len(), "{bytes:02x?} is {:?}", decoded.code());
            let ends =
                matches!(decoded.flow_control(), FlowControl::Return | FlowControl::UnconditionalBranch | FlowControl::IndirectBranch);
            let right = match kind {
                Kind::Ends => ends || decoded.mnemonic() == Mnemonic::Ud2,
                Kind::Padding => matches!(decoded.mnemonic(), Mnemonic::Nop | Mnemonic::Int3),
                Kind::LoadsNumber => {
                    matches!(decoded.code(), Code::Mov_r32_imm32 | Code::Mov_rm64_imm32)
                        && decoded.op0_register().full_register() == Register::RAX
                }
                Kind::Registers => decoded.flow_control() == FlowControl::Next && !touches_memory(&decoded) && !may_fault(&decoded),
                Kind::Relative => {
                    let last = u32::from_le_bytes(bytes[len - 4..len].try_into().expect("4 bytes"));
                    let target = (len as u64).wrapping_add_signed(i64::from(last as i32));
                    match decoded.mnemonic() {
                        Mnemonic::Lea => decoded.memory_base() == Register::RIP && decoded.ip_rel_memory_address() == target,
                        _ => decoded.is_jcc_near() && decoded.near_branch_target() == target,
                    }
                }
                Kind::Other => true,
            };
            assert!(right, "{bytes:02x?} is {:?}, not {kind:?}", decoded.code());
        }
        assert!(known > 1_000_000, "{known}");
    }
}
