//! process.h.
use crate::stdio::File;
use abi::Ptr;

/// A stream of _popen was closed with fclose.
pub fn forget_popen(_file: Ptr<File>) {}
