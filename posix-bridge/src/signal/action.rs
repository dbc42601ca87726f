//! The actions of signals (sigaction(2)), which belong to the process.

use crate::engine::lock::Lock;
use host::linux::trap::{self, Action, FAULTS, bit};
use host::{Errno, Result};
use std::sync::MutexGuard;

pub const SIG_DFL: usize = 0;
pub const SIG_IGN: usize = 1;

/// What the guest wants to be done for each signal. A signal that comes while a thread holds the lock waits until the thread is
/// about to run the guest again, and so without it.
pub struct Actions(Lock<Known>);

/// The actions that have been asked for or set; the host knows the others, which whoever started the process has left.
struct Known {
    actions: [Action; 65],
    signals: u64,
}

impl Known {
    fn of(&mut self, signal: i32) -> &mut Action {
        let action = &mut self.actions[signal as usize];
        if self.signals & bit(signal) == 0 {
            self.signals |= bit(signal);
            if bit(signal) & FAULTS == 0
                && let Ok(host) = trap::action(signal)
                && host.handler == SIG_IGN
            {
                *action = host;
            }
        }
        action
    }
}

/// Whether the default action of a signal ends the process (signal(7)).
pub fn ends(signal: i32) -> bool {
    ![libc::SIGCHLD, libc::SIGURG, libc::SIGWINCH, libc::SIGCONT, libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU]
        .contains(&signal)
}

impl Default for Actions {
    fn default() -> Actions {
        Actions(Lock::new(Known { actions: [Action::default(); 65], signals: 0 }))
    }
}

impl Actions {
    pub fn get(&self, signal: i32) -> Action {
        *self.0.lock().of(signal)
    }

    /// The action for a signal that is to be delivered now: SA_RESETHAND has done its work.
    pub fn take(&self, signal: i32) -> Action {
        let mut known = self.0.lock();
        let entry = known.of(signal);
        let action = *entry;
        if action.flags & libc::SA_RESETHAND as u32 as u64 != 0 && action.handler > SIG_IGN {
            entry.handler = SIG_DFL;
            let _ = tell_host(signal, entry);
        }
        action
    }

    /// Sets an action. Returns the old one.
    pub fn set(&self, signal: i32, action: Action) -> Result<Action> {
        let mut known = self.0.lock();
        let entry = known.of(signal);
        let action = Action { mask: action.mask & !(bit(libc::SIGKILL) | bit(libc::SIGSTOP)), ..action };
        tell_host(signal, &action)?;
        Ok(std::mem::replace(entry, action))
    }

    /// execve(2): what was handled has its default action.
    pub fn reset(&self) {
        let mut known = self.0.lock();
        for (signal, action) in known.actions.iter_mut().enumerate().skip(1) {
            if action.handler > SIG_IGN {
                *action = Action::default();
                let _ = tell_host(signal as i32, action);
            }
        }
    }

    /// Tells the host once more what the guest wants: its C library may have put something of its own there.
    pub fn restore(&self, signal: i32) {
        let mut known = self.0.lock();
        let action = *known.of(signal);
        let _ = tell_host(signal, &action);
    }

    /// Held while the process is split in two.
    pub fn lock(&self) -> MutexGuard<'_, impl Sized> {
        self.0.lock()
    }
}

fn tell_host(signal: i32, action: &Action) -> Result<()> {
    if signal == libc::SIGKILL || signal == libc::SIGSTOP {
        return Err(Errno::EINVAL);
    }
    if bit(signal) & FAULTS != 0 {
        return Ok(());
    }
    let kept = (libc::SA_RESTART | libc::SA_NOCLDSTOP | libc::SA_NOCLDWAIT) as u64;
    if action.handler > SIG_IGN {
        return trap::handle(signal, action.flags & kept);
    }
    trap::set_action(signal, &Action { handler: action.handler, flags: action.flags & kept, restorer: 0, mask: 0 })
}
