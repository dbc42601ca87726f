//! Unsafe edge: terminals, and the signals that their keys send.

use crate::errno::{Result, check};
use std::os::fd::RawFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// How a terminal treats input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Input {
    /// Whole lines, edited by the terminal.
    pub lines: bool,
    pub echo: bool,
    /// Ctrl+C and the like send signals.
    pub signals: bool,
}

/// What terminals were like before we changed them, to be restored.
static CHANGED: Mutex<Vec<(RawFd, libc::termios)>> = Mutex::new(Vec::new());

fn attributes(fd: RawFd) -> Result<libc::termios> {
    // SAFETY: an all-zero termios is valid, and the call fills it.
    unsafe {
        let mut attributes: libc::termios = std::mem::zeroed();
        check(libc::tcgetattr(fd, &mut attributes))?;
        Ok(attributes)
    }
}

/// How the terminal treats input now.
pub fn input(fd: RawFd) -> Result<Input> {
    let attributes = attributes(fd)?;
    let has = |flag| attributes.c_lflag & flag != 0;
    Ok(Input { lines: has(libc::ICANON), echo: has(libc::ECHO), signals: has(libc::ISIG) })
}

/// Changes how the terminal treats input; [`restore`] undoes it.
pub fn set_input(fd: RawFd, input: Input) -> Result<()> {
    let old = attributes(fd)?;
    if let Ok(mut changed) = CHANGED.lock()
        && !changed.iter().any(|(known, _)| *known == fd)
    {
        changed.push((fd, old));
    }
    let mut new = old;
    for (on, flag) in [(input.lines, libc::ICANON | libc::IEXTEN), (input.echo, libc::ECHO), (input.signals, libc::ISIG)] {
        if on { new.c_lflag |= flag } else { new.c_lflag &= !flag }
    }
    if input.lines {
        new.c_iflag |= libc::ICRNL
    } else {
        new.c_iflag &= !libc::ICRNL
    }
    new.c_cc[libc::VMIN] = 1;
    new.c_cc[libc::VTIME] = 0;
    // SAFETY: a termios of ours.
    check(unsafe { libc::tcsetattr(fd, libc::TCSANOW, &new) }).map(drop)
}

/// Makes all changed terminals what they were.
pub fn restore() {
    if let Ok(mut changed) = CHANGED.try_lock() {
        for (fd, attributes) in changed.drain(..) {
            // SAFETY: a termios that tcgetattr filled.
            unsafe { libc::tcsetattr(fd, libc::TCSANOW, &attributes) };
        }
    }
}

/// Columns and rows.
pub fn size(fd: RawFd) -> Result<(u16, u16)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the call fills a winsize of ours.
    check(unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &mut size) })?;
    Ok((size.ws_col, size.ws_row))
}

/// Waits until there is input; `ms` < 0: without limit. False when the time is over.
pub fn wait_input(fd: RawFd, ms: i32) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd.
    unsafe { libc::poll(&mut poll, 1, ms) > 0 }
}

/// Drops input that was not read.
pub fn flush_input(fd: RawFd) {
    // SAFETY: no memory is passed.
    unsafe { libc::tcflush(fd, libc::TCIFLUSH) };
}

/// One bit per signal that came in and was not taken: interrupt, quit, hang-up, terminate.
static PENDING: AtomicU32 = AtomicU32::new(0);

extern "C" fn on_signal(signal: libc::c_int) {
    let bit = match signal {
        libc::SIGINT => 1,
        libc::SIGQUIT => 2,
        libc::SIGHUP => 4,
        _ => 8,
    };
    PENDING.fetch_or(bit, Ordering::Relaxed);
    crate::futex::wake(&PENDING, 1);
}

/// What the keys (and other senders) want.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    Interrupt,
    Quit,
    HangUp,
    Terminate,
}

/// Takes the signals of the terminal over; [`next_request`] tells of them.
pub fn catch_signals() {
    set_action(&[libc::SIGINT, libc::SIGQUIT, libc::SIGHUP, libc::SIGTERM], on_signal as *const () as usize);
}

/// Ignores Ctrl+C, or takes it as it was by default.
pub fn ignore_interrupt(ignore: bool) {
    set_action(&[libc::SIGINT], if ignore { libc::SIG_IGN } else { libc::SIG_DFL });
}

fn set_action(signals: &[i32], handler: usize) {
    // SAFETY: the action is initialised; the handler only touches an atomic and makes a futex call.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_ONSTACK | libc::SA_RESTART;
        libc::sigemptyset(&mut action.sa_mask);
        for &signal in signals {
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

/// Sleeps until a signal of the terminal comes in. For a helper thread.
pub fn next_request() -> Request {
    loop {
        let pending = PENDING.load(Ordering::Relaxed);
        for (bit, request) in [(1, Request::Interrupt), (2, Request::Quit), (4, Request::HangUp), (8, Request::Terminate)] {
            if pending & bit != 0 {
                PENDING.fetch_and(!bit, Ordering::Relaxed);
                return request;
            }
        }
        crate::futex::wait(&PENDING, 0, None);
    }
}

/// Sends the signal of Ctrl+C to all processes of the terminal's foreground group that is ours, or to a group.
pub fn interrupt_group(group: u32) -> Result<()> {
    // SAFETY: sends a signal.
    check(unsafe { libc::kill(-(group as i32), libc::SIGINT) }).map(drop)
}

/// The process group of this process.
pub fn own_group() -> u32 {
    // SAFETY: no arguments.
    unsafe { libc::getpgrp() as u32 }
}
