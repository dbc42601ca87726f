//! Code that the guest sees: the entry stubs of builtin DLLs, and entries for functions that nobody
//! implements.
//!
//! A stub notes the call in the thread's ring of last calls, stores RSP in the TEB and jumps to the Rust
//! function. It changes only RAX, R10 and R11, which callers expect to lose.

use abi::export::Kind;
use abi::{Ptr, teb};

/// Bytes between two stubs. The longest code (variadic) takes 66.
pub const STUB: usize = 80;
/// Where in a stub the address of its Rust function is.
const TARGET: usize = STUB - 8;
/// Where in a stub that of `abi::call::entry_frame` is, if it goes through it.
const FRAME: usize = TARGET - 8;

/// Number in the call ring from which on it is a missing function.
pub const MISSING: u32 = 0x8000_0000;

/// Code in the making, to be written to `at`. Without the heap: stubs are written in signal handlers too.
struct Code {
    at: usize,
    bytes: [u8; STUB],
    len: usize,
}

impl Code {
    fn new(at: usize) -> Code {
        Code { at, bytes: [0xcc; STUB], len: 0 }
    }
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
    fn put32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }
    /// A RIP-relative displacement to `target`, which ends the instruction.
    fn put_relative(&mut self, target: usize) {
        let next = self.at + self.len + 4;
        self.put32(target.wrapping_sub(next) as u32);
    }
    fn put_at(&mut self, offset: usize, value: u64) {
        debug_assert!(self.len <= offset);
        self.bytes[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
    }
    fn write(&self) {
        let _ = Ptr::<u8>::new(self.at).write_slice(&self.bytes);
    }
    fn note_call(&mut self, number: u32) {
        // movzx r11d, byte ptr gs:[CALL_POS]
        self.put(&[0x65, 0x44, 0x0f, 0xb6, 0x1c, 0x25]);
        self.put32(teb::CALL_POS as u32);
        // mov dword ptr gs:[r11*4 + CALL_RING], number
        self.put(&[0x65, 0x42, 0xc7, 0x04, 0x9d]);
        self.put32(teb::CALL_RING as u32);
        self.put32(number);
        // inc byte ptr gs:[CALL_POS]
        self.put(&[0x65, 0xfe, 0x04, 0x25]);
        self.put32(teb::CALL_POS as u32);
    }
    fn store_rsp(&mut self) {
        // mov gs:[GUEST_RSP], rsp
        self.put(&[0x65, 0x48, 0x89, 0x24, 0x25]);
        self.put32(teb::GUEST_RSP as u32);
    }
    fn spill_arguments(&mut self) {
        // mov [rsp+8], rcx; mov [rsp+16], rdx; mov [rsp+24], r8; mov [rsp+32], r9
        self.put(&[0x48, 0x89, 0x4c, 0x24, 0x08, 0x48, 0x89, 0x54, 0x24, 0x10]);
        self.put(&[0x4c, 0x89, 0x44, 0x24, 0x18, 0x4c, 0x89, 0x4c, 0x24, 0x20]);
    }
    fn jump_through(&mut self, pointer: usize) {
        // jmp qword ptr [rip + pointer]
        self.put(&[0xff, 0x25]);
        self.put_relative(pointer);
    }
    fn load_address(&mut self, pointer: usize) {
        // lea r10, [rip + pointer]
        self.put(&[0x4c, 0x8d, 0x15]);
        self.put_relative(pointer);
    }
}

/// Writes the stub of an export at `at`. `target`: its Rust function; `number`: the call's number in the ring;
/// `syscall`: an NT system call's number, which `Nt*` functions show in their first bytes as Windows' do.
pub fn write(at: usize, kind: Kind, number: u32, target: usize, syscall: Option<u32>) {
    let mut code = Code::new(at);
    if let Some(syscall) = syscall {
        // mov r10, rcx; mov eax, syscall
        code.put(&[0x4c, 0x8b, 0xd1, 0xb8]);
        code.put32(syscall);
    }
    match kind {
        Kind::Asm | Kind::Data => code.jump_through(at + TARGET),
        Kind::Plain => {
            code.store_rsp();
            code.note_call(number);
            code.jump_through(at + TARGET);
        }
        Kind::Variadic => {
            code.spill_arguments();
            code.store_rsp();
            code.note_call(number);
            code.jump_through(at + TARGET);
        }
        Kind::CallsGuest => {
            code.note_call(number);
            code.load_address(at + TARGET);
            code.jump_through(at + FRAME);
        }
    }
    if kind == Kind::CallsGuest {
        code.put_at(FRAME, abi::call::entry_frame as *const () as u64);
    }
    code.put_at(TARGET, target as u64);
    code.write();
}

/// Writes the stub of an export that is traced: a detour to the ordinary one, which is the next.
pub fn write_traced(at: usize, number: u32) {
    let mut code = Code::new(at);
    // mov r10d, number; lea r11, [rip + the next stub]
    code.put(&[0x41, 0xba]);
    code.put32(number);
    code.put(&[0x4c, 0x8d, 0x1d]);
    code.put_relative(at + STUB);
    code.jump_through(at + TARGET);
    code.put_at(TARGET, crate::trace::frame::enter as *const () as u64);
    code.write();
}

/// Writes the entry of a function that nobody implements: number `index` in the list of missing ones.
pub fn write_missing(at: usize, index: u32, target: usize) {
    let mut code = Code::new(at);
    code.spill_arguments();
    code.store_rsp();
    code.note_call(MISSING | index);
    // mov ecx, index
    code.put(&[0xb9]);
    code.put32(index);
    code.jump_through(target);
    code.write();
}
