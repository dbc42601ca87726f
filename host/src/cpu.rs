//! What the processor says of itself. Under a hypervisor each `cpuid` is an exit of one to a dozen microseconds: no more is asked than is
//! needed.

use std::arch::x86_64::{__cpuid, __cpuid_count, CpuidResult};

/// The first bit of EDX of leaf 7 that tells of cores of several kinds (Intel SDM, CPUID).
const HYBRID: u32 = 1 << 15;
/// Where the extended leaves begin.
pub(crate) const EXTENDED: u32 = 0x8000_0000;
/// AMD's leaf of its kinds of cores, and the bits of EAX that say that there are several (APM volume 3, appendix E).
const EXTENDED_TOPOLOGY: u32 = 0x8000_0026;
const SEVERAL_KINDS: u32 = 3 << 30;

/// What XSAVE can do: EAX of leaf 0Dh, subleaf 1 (Intel SDM, CPUID); nothing if the system has not enabled it. Who has XSAVE has that leaf.
pub(crate) fn xsave_features() -> u32 {
    const OSXSAVE: u32 = 1 << 27;
    if __cpuid(1).ecx & OSXSAVE != 0 { __cpuid_count(0xd, 1).eax } else { 0 }
}

/// Size (EAX) and offset (EBX) of a part of the state that XSAVE saves.
pub(crate) fn xsave_part(part: u32) -> CpuidResult {
    __cpuid_count(0xd, part)
}

/// Whether there is AVX512BW, on a processor that has leaf 7. Whether the system has enabled it is said by XCR0.
pub(crate) fn has_avx512bw() -> bool {
    __cpuid_count(7, 0).ebx & 1 << 30 != 0
}

/// A machine whose processors are alike.
pub(crate) struct Machine {
    /// The last leaf of either kind: those behind it say what another one says.
    last: u32,
    last_extended: u32,
}

/// How often [`Machine::look`] asks at least.
pub(crate) const LOOKS: u32 = 2;

impl Machine {
    /// None: its processors may say different things of themselves.
    pub(crate) fn look() -> Option<Machine> {
        let [last, last_extended] = [0, EXTENDED].map(|leaf| __cpuid(leaf).eax);
        let machine = Machine { last, last_extended };
        let is_mixed = machine.has(7) && __cpuid_count(7, 0).edx & HYBRID != 0
            || machine.has(EXTENDED_TOPOLOGY) && __cpuid_count(EXTENDED_TOPOLOGY, 0).eax & SEVERAL_KINDS != 0;
        (!is_mixed).then_some(machine)
    }

    pub(crate) fn has(&self, leaf: u32) -> bool {
        if leaf < EXTENDED { leaf <= self.last } else { leaf <= self.last_extended }
    }
}
