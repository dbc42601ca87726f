//! Unsafe edge: host threads on stacks that the caller provides.

use crate::errno::{Errno, Result};

/// A thread that has not been joined yet. Its stack must stay mapped until [`Thread::join`] returns.
pub struct Thread(libc::pthread_t);

// SAFETY: a pthread_t may be used from any thread.
unsafe impl Send for Thread {}

extern "C" fn start<F: FnOnce()>(function: *mut libc::c_void) -> *mut libc::c_void {
    // SAFETY: made by spawn, which gave it away.
    let function = unsafe { Box::from_raw(function.cast::<F>()) };
    function();
    std::ptr::null_mut()
}

impl Thread {
    /// Runs `function` on the stack `[bottom, bottom + size)`. All signals of the process that a
    /// thread can block keep the state of the calling thread.
    pub fn spawn<F: FnOnce() + Send + 'static>(bottom: usize, size: usize, function: F) -> Result<Thread> {
        let boxed = Box::into_raw(Box::new(function));
        // SAFETY: attr is initialised before use and destroyed after; the stack is the caller's by contract.
        let (code, thread) = unsafe {
            let mut attr: libc::pthread_attr_t = std::mem::zeroed();
            let mut thread: libc::pthread_t = 0;
            libc::pthread_attr_init(&mut attr);
            let mut code = libc::pthread_attr_setstack(&mut attr, bottom as *mut _, size);
            if code == 0 {
                code = libc::pthread_create(&mut thread, &attr, start::<F>, boxed.cast());
            }
            libc::pthread_attr_destroy(&mut attr);
            (code, thread)
        };
        if code != 0 {
            // SAFETY: the thread did not start, so the box is still ours.
            drop(unsafe { Box::from_raw(boxed) });
            return Err(Errno(code));
        }
        Ok(Thread(thread))
    }

    /// Waits until the thread has left its stack.
    pub fn join(self) {
        // SAFETY: joined once, since self is consumed.
        unsafe { libc::pthread_join(self.0, std::ptr::null_mut()) };
    }

    /// Takes note that the thread has left its stack; gives it back if it has not.
    pub fn try_join(self) -> std::result::Result<(), Thread> {
        // SAFETY: joined once: if it is, self is gone.
        if unsafe { pthread_tryjoin_np(self.0, std::ptr::null_mut()) } == 0 { Ok(()) } else { Err(self) }
    }

    /// The calling thread, which [`spawn`](Self::spawn) has started, for somebody else to join.
    pub fn current() -> Thread {
        // SAFETY: no arguments.
        Thread(unsafe { libc::pthread_self() })
    }

    /// The host's number for the thread. It must not have ended.
    pub fn id(&self) -> u32 {
        let mut clock = 0;
        // SAFETY: the thread has not been joined.
        unsafe { libc::pthread_getcpuclockid(self.0, &mut clock) };
        // What kind of clock it is, below the inverted number (include/linux/posix-timers_types.h).
        !(clock >> 3) as u32
    }
}

unsafe extern "C" {
    /// pthread_tryjoin_np(3)
    fn pthread_tryjoin_np(thread: libc::pthread_t, result: *mut *mut libc::c_void) -> libc::c_int;
}

/// Has all threads take memory from the same heap of the host's C library, but for what each keeps for itself. By default each gets a heap of
/// its own, which takes half a dozen system calls, and ours need little.
pub fn share_heap() {
    // SAFETY: a plain call.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Starts a small helper thread of ours (128 KiB stack), which never runs guest code. All signals are
/// blocked in it.
pub fn spawn_helper(name: &str, function: impl FnOnce() + Send + 'static) -> Result<()> {
    // SAFETY: sets are initialised before use; the mask is restored before returning.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
        let result = std::thread::Builder::new().name(name.to_string()).stack_size(128 << 10).spawn(function);
        libc::pthread_sigmask(libc::SIG_SETMASK, &old, std::ptr::null_mut());
        result.map(|_| ()).map_err(Errno::from)
    }
}

/// The host's number for the current thread.
pub fn current_id() -> u32 {
    crate::linux::pass(libc::SYS_gettid, [0; 6]).map_or(0, |id| id as u32)
}

/// Gives the rest of the time slice away.
pub fn yield_now() {
    // SAFETY: no arguments.
    unsafe { libc::sched_yield() };
}

/// The processor the current thread runs on.
pub fn current_processor() -> u32 {
    // SAFETY: no arguments.
    unsafe { libc::sched_getcpu() }.max(0) as u32
}

/// Bit mask of the processors that this process may use (the first 64).
pub fn affinity() -> u64 {
    affinity_of(0)
}

/// Bit mask of the processors that another process's first thread may use (the first 64); 1 if nobody can tell.
pub fn affinity_of(pid: u32) -> u64 {
    // SAFETY: an all-zero cpu_set_t is valid, and the call fills it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(pid as i32, size_of::<libc::cpu_set_t>(), &mut set) != 0 {
            return 1;
        }
        (0..64).filter(|&cpu| libc::CPU_ISSET(cpu, &set)).fold(0, |mask, cpu| mask | 1 << cpu)
    }
}

/// Restricts a thread (0: the current one) to the processors in `mask`.
pub fn set_affinity(tid: u32, mask: u64) -> Result<()> {
    // SAFETY: an all-zero cpu_set_t is valid.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        for cpu in 0..64 {
            if mask & 1 << cpu != 0 {
                libc::CPU_SET(cpu, &mut set);
            }
        }
        match libc::sched_setaffinity(tid as i32, size_of::<libc::cpu_set_t>(), &set) {
            0 => Ok(()),
            _ => Err(Errno::last()),
        }
    }
}

/// Names the current thread for debuggers and `ps` (at most 15 bytes are kept).
pub fn set_name(name: &str) {
    let mut bytes: Vec<u8> = name.bytes().filter(|&b| b != 0).take(15).collect();
    bytes.push(0);
    // SAFETY: a NUL-terminated name.
    unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr()) };
}
