//! Unsafe edge: `cpuid` answered from memory.
//!
//! Under a hypervisor each `cpuid` is an exit, which takes one to a dozen microseconds. What it says of a machine whose processors are alike
//! does not change, but for some leaves. The first who asks for one of the others asks the processor; what that says is noted in memory
//! that several processes share.

use crate::cpu::{self, EXTENDED, Machine};
use std::arch::naked_asm;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

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
const COUNT: usize = 63;

/// What is shared: zeroes at first.
#[repr(C)]
struct Shared {
    /// Whether `cpuid` is to be answered here: [`NO`] or [`YES`], as soon as somebody has looked.
    worth: AtomicU64,
    _rest: [AtomicU64; 3],
    /// The last one is [`END`].
    answers: [Answer; COUNT + 1],
}

const NO: u64 = 1;
const YES: u64 = 2;
const LIST: usize = std::mem::offset_of!(Shared, answers);

/// The memory that is shared, in words.
pub const WORDS: usize = size_of::<Shared>() / 8;
/// Where it is; 0: there is none.
static SHARED: AtomicUsize = AtomicUsize::new(0);

/// Has answers noted in this memory, which is zeroes or has been used for it by another process. Whoever comes to [`entry`] finds it at the
/// same address.
pub fn note_in(memory: &'static [AtomicU64; WORDS]) {
    SHARED.store(memory.as_ptr() as usize, Ordering::Release);
}

fn shared() -> Option<&'static Shared> {
    // SAFETY: atomics of this size and more, see `note_in`; any bits are a value.
    unsafe { (SHARED.load(Ordering::Acquire) as *const Shared).as_ref() }
}

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

/// Whether `cpuid` is to be answered here: it is slow, the processors are alike, and there is memory for it. Finds out once for all who share
/// that.
pub fn are_worth_it() -> bool {
    let Some(shared) = shared() else { return false };
    match shared.worth.load(Ordering::Acquire) {
        0 => {
            let worth = prepare(shared);
            shared.worth.store(if worth { YES } else { NO }, Ordering::Release);
            worth
        }
        known => known == YES,
    }
}

/// Several may do so at once.
fn prepare(shared: &Shared) -> bool {
    let begun = crate::time::monotonic_ns();
    let Some(machine) = Machine::look() else { return false };
    if crate::time::monotonic_ns() - begun < SLOW_NS * u64::from(cpu::LOOKS) {
        return false;
    }
    let subleaves = |(leaf, subleaves): &(u32, Option<std::ops::Range<u32>>)| {
        let (leaf, mask) = (*leaf, if subleaves.is_some() { u32::MAX } else { 0 });
        subleaves.clone().unwrap_or(0..1).map(move |subleaf| (leaf, subleaf, mask))
    };
    let constant = CONSTANT.iter().filter(|(leaf, _)| machine.has(*leaf)).flat_map(subleaves);
    for (answer, (leaf, subleaf, mask)) in shared.answers[..COUNT].iter().zip(constant) {
        answer.leaf.store(leaf, Ordering::Relaxed);
        answer.subleaf.store(subleaf, Ordering::Relaxed);
        answer.mask.store(mask, Ordering::Relaxed);
        let _ = answer.state.compare_exchange(END, EMPTY, Ordering::Release, Ordering::Relaxed);
    }
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
        "mov rsi, [rip + {shared}]",
        "test rsi, rsi",
        "jz 7f",
        "add rsi, {list}",
        "2:",
        "cmp dword ptr [rsi + {state}], {end}",
        "je 7f",
        "cmp eax, [rsi]",
        "jne 3f",
        "mov edx, ecx",
        "and edx, [rsi + 8]",
        "cmp edx, [rsi + 4]",
        "je 4f",
        "3:",
        "add rsi, {size}",
        "jmp 2b",
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
        shared = sym SHARED,
        list = const LIST,
        size = const SIZE,
        state = const STATE,
        said = const SAID,
        end = const END,
        known = const KNOWN,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::arch::asm;
    use std::arch::x86_64::__cpuid_count;

    /// What [`answer`] gives, and whether carry, set before, is set still.
    fn ask(leaf: u32, subleaf: u32) -> ([u32; 4], bool) {
        let (a, b, c, d, flags): (u64, u64, u64, u64, u64);
        // SAFETY: what a patched site does: RBX is where to go on. The stack is as it was then.
        unsafe {
            asm!("push rbx", "mov rdi, rsp", "stc", "lea rbx, [rip + 2f]", "jmp {answer}", "2:", "mov r8, rbx", "pushfq", "pop r9",
                "cmp rdi, rsp", "je 3f", "ud2", "3:", "pop rbx",
                answer = sym answer, inout("rax") u64::from(leaf) => a, inout("rcx") u64::from(subleaf) => c,
                out("rdx") d, out("rdi") _, out("r8") b, out("r9") flags);
        }
        ([a, b, c, d].map(|value| value as u32), flags & 1 != 0)
    }

    #[test]
    fn as_the_processor_says() {
        let said = |leaf, subleaf| {
            let said = __cpuid_count(leaf, subleaf);
            ([said.eax, said.ebx, said.ecx, said.edx], true)
        };
        assert_eq!(ask(7, 0), said(7, 0), "without memory");
        note_in(Box::leak(Box::new([const { AtomicU64::new(0) }; WORDS])));
        assert_eq!(ask(7, 0), said(7, 0), "before anybody has prepared it");
        let shared = shared().expect("noted");
        if !prepare(shared) {
            // Here it is quick: one answer, as prepare would have it.
            shared.answers[0].leaf.store(7, Ordering::Relaxed);
            shared.answers[0].mask.store(u32::MAX, Ordering::Relaxed);
            shared.answers[0].state.store(EMPTY, Ordering::Relaxed);
        }
        for round in 0..3 {
            for (leaf, subleaf) in [(7, 0), (7, 1), (0xd, 0), (4, 1), (2, 0), (EXTENDED + 1, 0)] {
                assert_eq!(ask(leaf, subleaf), said(leaf, subleaf), "round {round}, {leaf:x}.{subleaf}");
            }
        }
        let known = shared.answers.iter().find(|answer| answer.leaf.load(Ordering::Relaxed) == 7).expect("leaf 7");
        assert_eq!(known.state.load(Ordering::Relaxed), KNOWN);
        // From memory, not from the processor.
        known.said[1].store(0x1234, Ordering::Relaxed);
        assert_eq!(ask(7, 0).0[1], 0x1234);
    }

    #[test]
    fn numbers_of_processors_are_not_answered() {
        assert!(!may_answer(1) && !may_answer(0xb) && !may_answer(0x1f) && may_answer(4));
    }
}
