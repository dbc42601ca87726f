//! What the processor says of itself.

use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::cell::OnceCell;

/// The first bit of EDX of leaf 7 that tells of cores of several kinds (Intel SDM, CPUID).
const HYBRID: u32 = 1 << 15;
/// Where the extended leaves begin.
const EXTENDED: u32 = 0x8000_0000;
/// AMD's leaf of its kinds of cores, and the bits of EAX that say that there are several (APM volume 3, appendix E).
const EXTENDED_TOPOLOGY: u32 = 0x8000_0026;
const SEVERAL_KINDS: u32 = 3 << 30;

/// What XSAVE can do: EAX of leaf 0Dh, subleaf 1 (Intel SDM, CPUID); nothing if the system has not enabled it. The standard library would
/// ask for all features at once; under a hypervisor each `cpuid` takes microseconds.
pub fn xsave_features() -> u32 {
    const OSXSAVE: u32 = 1 << 27;
    if __cpuid(0).eax >= 0xd && __cpuid(1).ecx & OSXSAVE != 0 { __cpuid_count(0xd, 1).eax } else { 0 }
}

/// Whether there is AVX512BW, on a processor that has leaf 7. Whether the system has enabled it is said by XCR0.
pub fn has_avx512bw() -> bool {
    __cpuid_count(7, 0).ebx & 1 << 30 != 0
}

/// What has to be known of a machine before one of its processors is asked for all.
struct Machine {
    /// The last leaf of either kind: those behind it say what another one says.
    last: u32,
    last_extended: u32,
    /// Whether its processors may say different things of themselves.
    is_mixed: bool,
}

impl Machine {
    fn look() -> Machine {
        let [last, last_extended] = [0, EXTENDED].map(|leaf| __cpuid(leaf).eax);
        let mut machine = Machine { last, last_extended, is_mixed: false };
        machine.is_mixed = machine.has(7) && __cpuid_count(7, 0).edx & HYBRID != 0
            || machine.has(EXTENDED_TOPOLOGY) && __cpuid_count(EXTENDED_TOPOLOGY, 0).eax & SEVERAL_KINDS != 0;
        machine
    }

    fn has(&self, leaf: u32) -> bool {
        if leaf < EXTENDED { leaf <= self.last } else { leaf <= self.last_extended }
    }
}

/// Whether a leaf says the same wherever and whenever one asks. Those with a processor's own number do not, and neither do those of
/// clocks. `subleaf` None: not known; then there must be none.
fn is_constant(leaf: u32, subleaf: Option<u32>) -> bool {
    match (leaf, subleaf) {
        // Maker and features; sizes of caches; whether clocks are invariant; bits of addresses.
        (0 | EXTENDED..=0x8000_0008, _) => true,
        // Features, the state that XSAVE saves, tracing, keys.
        (7 | 0xd | 0x14, Some(0 | 1)) | (0x19, Some(_)) => true,
        _ => false,
    }
}

/// Answers to `cpuid` that hold for all processors of the machine.
#[derive(Default)]
pub struct Answers {
    machine: OnceCell<Machine>,
    known: Vec<((u32, u32), [u32; 4])>,
}

impl Answers {
    /// EAX, EBX, ECX and EDX. None: it depends on who asks.
    pub fn get(&mut self, leaf: u32, subleaf: Option<u32>) -> Option<[u32; 4]> {
        let machine = self.machine.get_or_init(Machine::look);
        if machine.is_mixed || !machine.has(leaf) || !is_constant(leaf, subleaf) {
            return None;
        }
        let asked = (leaf, subleaf.unwrap_or(0));
        if let Some((_, answer)) = self.known.iter().find(|(known, _)| *known == asked) {
            return Some(*answer);
        }
        let said = __cpuid_count(asked.0, asked.1);
        let answer = [said.eax, said.ebx, said.ecx, said.edx];
        self.known.push((asked, answer));
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_depends_on_who_asks() {
        let mut answers = Answers::default();
        assert_eq!(answers.get(1, None), None, "the processor's number");
        assert_eq!(answers.get(7, None), None, "one of several subleaves");
        assert_eq!(answers.get(0xb, Some(0)), None, "topology");
        if let Some([last, ..]) = answers.get(0, None) {
            assert_eq!(last, __cpuid(0).eax);
            assert_eq!(answers.get(0, None).map(|a| a[0]), Some(last), "known by now");
        }
    }
}
