//! Completion ports: queues of finished operations that threads wait on.
//!
//! <https://learn.microsoft.com/windows/win32/fileio/i-o-completion-ports>

use crate::file::CompletionTarget;
use crate::object::Object;
use crate::wait::{self, Dispatcher, Outcome, Signal};
use abi::NTSTATUS;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// A finished operation, as GetQueuedCompletionStatus tells it.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    pub key: usize,
    pub overlapped: usize,
    pub status: NTSTATUS,
    pub bytes: usize,
}

/// A completion port. Its dispatcher counts the packets in the queue.
pub struct Port {
    dispatcher: Dispatcher,
    queue: Mutex<VecDeque<Packet>>,
}

impl Object for Port {
    fn type_name(&self) -> &'static str {
        "IoCompletion"
    }
    fn dispatcher(&self) -> Option<&Dispatcher> {
        Some(&self.dispatcher)
    }
}

impl Port {
    pub fn new() -> Arc<Port> {
        Arc::new(Port { dispatcher: Dispatcher::new(Signal::Semaphore, 0), queue: Mutex::default() })
    }

    /// Adds a packet.
    pub fn push(&self, packet: Packet) {
        self.queue.lock().push_back(packet);
        let mut state = self.dispatcher.lock();
        state.count += 1;
        self.dispatcher.release_waiters(&mut state);
    }

    /// Takes up to `most` packets, waiting for the first. Empty: the time is over. Err: an APC ran.
    pub fn take(self: &Arc<Port>, most: usize, alertable: bool, timeout: Option<i64>) -> Result<Vec<Packet>, NTSTATUS> {
        let object: Arc<dyn Object> = self.clone();
        match wait::wait_one(&object, alertable, timeout)? {
            Outcome::TimedOut => return Ok(Vec::new()),
            outcome @ (Outcome::UserApc | Outcome::Alerted) => return Err(outcome.status()),
            _ => {}
        }
        let mut packets = Vec::new();
        packets.extend(self.queue.lock().pop_front());
        // Further packets that are there already; each has its count to take too.
        while packets.len() < most && wait::try_take(&self.dispatcher, 0).is_some() {
            packets.extend(self.queue.lock().pop_front());
        }
        Ok(packets)
    }
}

impl CompletionTarget for Port {
    fn post(&self, key: usize, overlapped: usize, status: NTSTATUS, bytes: usize) {
        self.push(Packet { key, overlapped, status, bytes });
    }
}
