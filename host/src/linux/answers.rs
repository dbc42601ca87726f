//! Unsafe edge: `cpuid` answered from memory.
//!
//! Under a hypervisor each `cpuid` is an exit, which takes one to a dozen microseconds. What it says of a machine whose processors are alike
//! does not change, but for some leaves. The first who asks for one of the others asks the processor; what that says is noted in a page
//! which the children of a fork share.

use crate::cpu::{self, EXTENDED, Machine};
use crate::mem::{Place, Prot, map_shared_anonymous};
use std::arch::naked_asm;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};

/// What is known of a leaf, or one of its subleaves.
#[repr(C)]
struct Answer {
    leaf: AtomicU32,
    subleaf: AtomicU32,
    /// Which bits of ECX are the subleaf: none where there is none.
    mask: AtomicU32,
    state: AtomicU32,
    /// EAX, EBX, ECX, EDX.
    said: [AtomicU32; 4],
}

/// The list ends before this one.
const END: u32 = 0;
/// Nobody has asked.
const EMPTY: u32 = 1;
const KNOWN: u32 = 2;
const SIZE: usize = size_of::<Answer>();
const STATE: usize = std::mem::offset_of!(Answer, state);
const SAID: usize = std::mem::offset_of!(Answer, said);
/// How many there is room for.
const COUNT: usize = 4096 / SIZE;

/// Where the answers lie. Whoever comes to [`answer`] finds them there.
static ANSWERS: AtomicUsize = AtomicUsize::new(0);
/// Whether they are worth it: 0 until somebody looks.
static WORTH: AtomicU8 = AtomicU8::new(0);

/// Below this a `cpuid` is no exit to a hypervisor.
const SLOW_NS: u64 = 400;

/// Leaves that say the same on all processors of a machine, by how often dynamic linkers ask; and their subleaves, if they have some. Not:
/// those with a processor's own number (1, 0Bh, 1Fh), and those of clocks and power.
const CONSTANT: [(u32, Option<std::ops::Range<u32>>); 16] = [
    (4, Some(0..5)),
    (2, None),
    (0xd, Some(0..10)),
    (7, Some(0..3)),
    (0x14, Some(0..2)),
    (0x19, Some(0..1)),
    (0, None),
    (EXTENDED, None),
    (EXTENDED + 1, None),
    (EXTENDED + 2, None),
    (EXTENDED + 3, None),
    (EXTENDED + 4, None),
    (EXTENDED + 5, None),
    (EXTENDED + 6, None),
    (EXTENDED + 7, None),
    (EXTENDED + 8, None),
];

/// Whether a leaf, or one of its subleaves, may be answered.
pub fn may_answer(leaf: u32) -> bool {
    CONSTANT.iter().any(|(constant, _)| *constant == leaf)
}

/// Whether `cpuid` is to be answered here: it is slow, and the processors are alike. Prepares it, once in a run.
pub fn are_worth_it() -> bool {
    const NO: u8 = 1;
    const YES: u8 = 2;
    match WORTH.load(Ordering::Relaxed) {
        0 => {
            let worth = prepare();
            WORTH.store(if worth { YES } else { NO }, Ordering::Relaxed);
            worth
        }
        known => known == YES,
    }
}

fn prepare() -> bool {
    let begun = crate::time::monotonic_ns();
    let Some(machine) = Machine::look() else { return false };
    if crate::time::monotonic_ns() - begun < SLOW_NS * u64::from(cpu::LOOKS) {
        return false;
    }
    let Ok(page) = map_shared_anonymous(Place::Anywhere, COUNT * SIZE, Prot::RW) else { return false };
    // SAFETY: new memory of this size, which stays; zeroes are values of it.
    let answers = unsafe { &*(page as *const [Answer; COUNT]) };
    let subleaves = |(leaf, subleaves): &(u32, Option<std::ops::Range<u32>>)| {
        let (leaf, mask) = (*leaf, if subleaves.is_some() { u32::MAX } else { 0 });
        subleaves.clone().unwrap_or(0..1).map(move |subleaf| (leaf, subleaf, mask))
    };
    let constant = CONSTANT.iter().filter(|(leaf, _)| machine.has(*leaf)).flat_map(subleaves);
    for (answer, (leaf, subleaf, mask)) in answers[..COUNT - 1].iter().zip(constant) {
        answer.leaf.store(leaf, Ordering::Relaxed);
        answer.subleaf.store(subleaf, Ordering::Relaxed);
        answer.mask.store(mask, Ordering::Relaxed);
        answer.state.store(EMPTY, Ordering::Relaxed);
    }
    ANSWERS.store(page, Ordering::Release);
    true
}

/// The address that a patched `cpuid` jumps to, with RBX the address to go on at.
pub fn entry() -> usize {
    answer as *const () as usize
}

/// Guest code for all that a signal needs to know: it uses the guest's stack, below the red zone. Several may note an answer at once: it is
/// the same.
#[unsafe(naked)]
unsafe extern "C" fn answer() {
    naked_asm!(
        "lea rsp, [rsp - 128]",
        "push rbx",
        "pushfq",
        "push rsi",
        "mov rsi, [rip + {answers}]",
        "test rsi, rsi",
        "jz 7f",
        "2:",
        "cmp eax, [rsi]",
        "jne 3f",
        "mov edx, ecx",
        "and edx, [rsi + 8]",
        "cmp edx, [rsi + 4]",
        "je 4f",
        "3:",
        "add rsi, {size}",
        "cmp dword ptr [rsi + {state}], {end}",
        "jne 2b",
        "7:",
        "cpuid",
        "jmp 6f",
        "4:",
        "cmp dword ptr [rsi + {state}], {known}",
        "je 5f",
        "cpuid",
        "mov [rsi + {said}], eax",
        "mov [rsi + {said} + 4], ebx",
        "mov [rsi + {said} + 8], ecx",
        "mov [rsi + {said} + 12], edx",
        "mov dword ptr [rsi + {state}], {known}",
        "jmp 6f",
        "5:",
        "mov eax, [rsi + {said}]",
        "mov ebx, [rsi + {said} + 4]",
        "mov ecx, [rsi + {said} + 8]",
        "mov edx, [rsi + {said} + 12]",
        "6:",
        "pop rsi",
        "popfq",
        "ret 128",
        answers = sym ANSWERS,
        size = const SIZE,
        state = const STATE,
        said = const SAID,
        end = const END,
        known = const KNOWN,
    )
}
