//! What a thread of the guest needs of our memory: its host thread's stack and the one for signals, in one piece that is used again.

use super::thread::ThreadPtr;
use crate::process::exec::Next;
use host::mem::{self, PAGE, Place, Prot};
use host::thread::Thread;
use host::{Errno, Result};
use std::ops::Range;

/// The kernel's frame (up to 11 KiB with AMX) and the handler.
const SIGNALS: usize = 124 << 10;
/// Our own calls, and the frames of our signal handler's callees.
const STACK: usize = 512 << 10;
/// A page below either is not there, so that an overflow is noticed.
const SIZE: usize = PAGE + SIGNALS + PAGE + STACK;
/// So many that nobody uses stay.
const KEPT: usize = 32;

/// One of them, by its lowest address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room(usize);

impl Room {
    fn new() -> Result<Room> {
        let start = mem::map_anonymous(Place::Anywhere, SIZE, Prot::RW)?;
        let room = Room(start);
        for below in [start, room.stack() - PAGE] {
            if let Err(error) = mem::protect(below, PAGE, Prot::NONE) {
                room.unmap();
                return Err(error);
            }
        }
        Ok(room)
    }

    fn unmap(self) {
        let _ = mem::unmap(self.0, SIZE);
    }

    pub fn signals(self) -> Range<usize> {
        self.0 + PAGE..self.0 + PAGE + SIGNALS
    }

    fn stack(self) -> usize {
        self.signals().end + PAGE
    }

    /// Runs `function` on its stack. Signals keep the state of the calling thread.
    pub fn start(self, function: impl FnOnce() + Send + 'static) -> Result<Thread> {
        Thread::spawn(self.stack(), STACK, function).map_err(|_| Errno::EAGAIN)
    }
}

/// The threads that are in the list of the process, and rooms that nobody uses or soon will use no more.
#[derive(Default)]
pub struct List {
    pub threads: Vec<ThreadPtr>,
    free: Vec<Room>,
    /// Their threads are about to end.
    ending: Vec<(Room, Thread)>,
    /// The process has had more than one thread.
    is_prepared: bool,
    /// A program that the process' first thread is to run when the others have ended.
    pub next: Option<Next>,
}

impl List {
    /// A room for a new thread.
    pub fn take_room(&mut self) -> Result<Room> {
        self.look();
        if !std::mem::replace(&mut self.is_prepared, true) {
            host::thread::share_heap();
        }
        self.free.pop().map_or_else(Room::new, Ok)
    }

    /// Nobody uses it.
    pub fn give_back(&mut self, room: Room) {
        self.free.push(room);
    }

    /// The calling thread has a room and is about to end.
    pub fn leave(&mut self, room: Room) {
        self.look();
        self.ending.push((room, Thread::current()));
        while self.free.len() > KEPT
            && let Some(room) = self.free.pop()
        {
            room.unmap();
        }
    }

    /// Looks who has ended.
    fn look(&mut self) {
        // The first ones to leave are likely to have ended; the others are not asked if they have not.
        while !self.ending.is_empty() {
            let (room, thread) = self.ending.swap_remove(0);
            match thread.try_join() {
                Ok(()) => self.free.push(room),
                Err(thread) => return self.ending.push((room, thread)),
            }
        }
    }

    /// Whether all who were about to end have done so: nobody holds a lock of the host's C library any more.
    pub fn is_settled(&mut self) -> bool {
        self.look();
        self.ending.is_empty()
    }

    /// Gives back all that nobody uses.
    pub fn clear(&mut self) {
        self.look();
        self.free.drain(..).for_each(Room::unmap);
    }

    /// In the child of a fork: none of the others is there.
    pub fn alone(&mut self, me: ThreadPtr) {
        let ended = self.ending.drain(..).map(|(room, _)| room);
        let others = self.threads.iter().filter(|thread| **thread != me).filter_map(|thread| thread.room);
        self.free.extend(ended.chain(others));
        self.threads.retain(|thread| *thread == me);
        // What was to end was the parent's.
        self.next = None;
    }
}
