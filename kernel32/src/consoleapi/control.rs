//! Control handlers: Ctrl+C and its kin.

use crate::console;
use abi::{BOOL, GuestFn, Win32Error, export};
use host::terminal::Request;
use parking_lot::Mutex;
use std::sync::Once;
use windows_sys::Win32::System::Console::*;

struct Control {
    handlers: Vec<GuestFn>,
    ignores_interrupt: bool,
}

static CONTROL: Mutex<Control> = Mutex::new(Control { handlers: Vec::new(), ignores_interrupt: false });
static WATCH: Once = Once::new();

/// STATUS_CONTROL_C_EXIT.
const EXIT_CODE: u32 = 0xc000_013a;

/// Adds or removes a handler; null: Ctrl+C is ignored or not.
/// <https://learn.microsoft.com/windows/console/setconsolectrlhandler>
#[export(kernel32, full)]
pub fn SetConsoleCtrlHandler(handler: GuestFn, add: BOOL) -> Result<(), Win32Error> {
    if handler.is_null() {
        let mut control = CONTROL.lock();
        control.ignores_interrupt = add.0;
        if control.handlers.is_empty() && !WATCH.is_completed() {
            host::terminal::ignore_interrupt(add.0);
        }
        return Ok(());
    }
    if !add.0 {
        let mut control = CONTROL.lock();
        let index = control.handlers.iter().rposition(|known| *known == handler).ok_or(Win32Error::INVALID_PARAMETER)?;
        control.handlers.remove(index);
        return Ok(());
    }
    CONTROL.lock().handlers.push(handler);
    // Only now are the signals ours; a process without handlers simply dies of them.
    WATCH.call_once(|| {
        host::terminal::catch_signals();
        let _ = host::thread::spawn_helper("ctrl", watch);
    });
    Ok(())
}

fn watch() {
    let routine = ntdll::ldr::builtin_address("kernel32.dll", "CtrlRoutine");
    loop {
        let event = match host::terminal::next_request() {
            Request::Interrupt => CTRL_C_EVENT,
            Request::Quit => CTRL_BREAK_EVENT,
            Request::HangUp => CTRL_CLOSE_EVENT,
            Request::Terminate => CTRL_SHUTDOWN_EVENT,
        };
        if event == CTRL_C_EVENT && CONTROL.lock().ignores_interrupt {
            continue;
        }
        let started = routine.is_some_and(|routine| ntdll::thread::create(GuestFn(routine), event.into(), 0, false).is_ok());
        if !started {
            ntdll::process::terminate(EXIT_CODE);
        }
    }
}

/// Runs the handlers, latest first, until one says that it was its affair; else ends the process.
#[export(kernel32, full, calls_guest)]
pub fn CtrlRoutine(event: usize) -> u32 {
    let count = CONTROL.lock().handlers.len();
    for index in (0..count).rev() {
        let Some(handler) = CONTROL.lock().handlers.get(index).copied() else { continue };
        if handler.call(&[event as u64]) as u32 != 0 {
            // After a close or shutdown event the process ends anyway.
            if event as u32 <= CTRL_BREAK_EVENT {
                return 0;
            }
            break;
        }
    }
    ntdll::process::exit(EXIT_CODE)
}

/// Sends Ctrl+C or Ctrl+Break to a process group; 0: to all of the console.
/// <https://learn.microsoft.com/windows/console/generateconsolectrlevent>
#[export(kernel32, partial("Ctrl+Break arrives as Ctrl+C in other processes"))]
pub fn GenerateConsoleCtrlEvent(event: u32, group: u32) -> Result<(), Win32Error> {
    if event > CTRL_BREAK_EVENT {
        return Err(Win32Error::INVALID_PARAMETER);
    }
    let group = if group == 0 { host::terminal::own_group() } else { group };
    if !console::is_attached() {
        return Err(Win32Error::INVALID_HANDLE);
    }
    host::terminal::interrupt_group(group)
        .or_else(|_| host::process::kill(group, host::process::SIGINT))
        .map_err(|errno| ntdll::errno_to_status(errno).into())
}
