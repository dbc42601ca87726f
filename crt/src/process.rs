//! process.h: threads, and other programs.

mod spawn;
mod threads;

use crate::stdio::File;
use abi::{HANDLE, Ptr};
use parking_lot::Mutex;
use std::collections::HashMap;

/// Processes behind the streams of _popen, by stream.
static POPENED: Mutex<Option<HashMap<usize, HANDLE>>> = Mutex::new(None);

/// Takes the process behind a stream of _popen.
fn take_popen(file: Ptr<File>) -> Option<HANDLE> {
    POPENED.lock().as_mut()?.remove(&file.addr())
}

/// A stream of _popen is closed with fclose: nobody waits for its process.
pub fn forget_popen(file: Ptr<File>) {
    if let Some(process) = take_popen(file) {
        let _ = crate::sys::close(process);
    }
}
