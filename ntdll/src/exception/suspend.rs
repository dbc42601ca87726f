//! Suspending threads (see DESIGN, "Suspending").

use abi::Ptr;

/// The return address at `slot`.
pub fn return_address(slot: usize) -> Option<u64> {
    Ptr::<u64>::new(slot).read().ok()
}
