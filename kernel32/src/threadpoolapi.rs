//! Timer queues, work items and registered waits, each on a thread of its own.
//!
//! A timer or a registered wait has a thread that sleeps until it is due; work items get a thread each.
//! There are few of them in real programs, and a thread that sleeps costs nothing.

use abi::{BOOL, GuestFn, HANDLE, NTSTATUS, Ptr, Win32Error, export};
use ntdll::object::{self, Object};
use ntdll::sync::Event;
use ntdll::wait::{self, Outcome};
use parking_lot::Mutex;
use std::sync::Arc;

/// A callback that a thread of ours makes again and again until it is stopped.
struct Task {
    callback: GuestFn,
    parameter: u64,
    /// Set to stop the task.
    stop: Arc<Event>,
    /// Set when the task's thread has made its last callback.
    ended: Arc<Event>,
    kind: TaskKind,
}

enum TaskKind {
    Work,
    /// First due after, then every, in milliseconds.
    Timer {
        due: u32,
        period: u32,
    },
    Wait {
        object: Arc<dyn Object>,
        ms: u32,
        once: bool,
    },
}

impl Object for Task {
    fn type_name(&self) -> &'static str {
        "TpTask"
    }
}

/// A timer queue: the timers to be stopped with it.
#[derive(Default)]
struct Queue {
    timers: Mutex<Vec<Arc<Task>>>,
}

impl Object for Queue {
    fn type_name(&self) -> &'static str {
        "TimerQueue"
    }
}

/// WT_EXECUTEONLYONCE.
const EXECUTE_ONLY_ONCE: u32 = 8;

fn start(task: &Arc<Task>) -> Result<(), Win32Error> {
    let argument = Arc::into_raw(task.clone()) as u64;
    ntdll::thread::create(GuestFn(run as *const () as usize), argument, 0, false)?;
    Ok(())
}

#[allow(unsafe_code)]
extern "win64" fn run(argument: u64) -> u32 {
    // SAFETY: made by Arc::into_raw in `start`, for this call alone.
    let task = unsafe { Arc::from_raw(argument as *const Task) };
    let stop: Arc<dyn Object> = task.stop.clone();
    match &task.kind {
        TaskKind::Work => {
            task.callback.call(&[task.parameter]);
        }
        TaskKind::Timer { due, period } => {
            let mut ms = *due;
            while wait::wait_one(&stop, false, crate::synchapi::timeout(ms)) == Ok(Outcome::TimedOut) {
                task.callback.call(&[task.parameter, 1]);
                if *period == 0 {
                    break;
                }
                ms = *period;
            }
        }
        TaskKind::Wait { object, ms, once } => {
            let objects = [stop, object.clone()];
            loop {
                let timed_out = match wait::wait(&objects, false, false, crate::synchapi::timeout(*ms)) {
                    Ok(Outcome::Object(1) | Outcome::Abandoned(1)) => 0,
                    Ok(Outcome::TimedOut) => 1,
                    _ => break,
                };
                task.callback.call(&[task.parameter, timed_out]);
                if *once {
                    break;
                }
            }
        }
    }
    task.ended.set();
    0
}

fn new_task(callback: GuestFn, parameter: u64, kind: TaskKind) -> Arc<Task> {
    Arc::new(Task { callback, parameter, stop: Arc::new(Event::new(true, false)), ended: Arc::new(Event::new(true, false)), kind })
}

/// Stops a task; `completion` INVALID waits for a callback that is running, another event is set when done.
fn stop(task: &Arc<Task>, completion: HANDLE) -> Result<(), Win32Error> {
    task.stop.set();
    if completion == HANDLE::INVALID {
        let ended: Arc<dyn Object> = task.ended.clone();
        wait::wait_one(&ended, false, None)?;
    } else if !completion.is_null() {
        object::with(completion, 0, Event::set)?;
    }
    Ok(())
}

/// Runs a function on another thread.
#[export(kernel32, full)]
pub fn QueueUserWorkItem(function: GuestFn, parameter: u64, _flags: u32) -> Result<(), Win32Error> {
    start(&new_task(function, parameter, TaskKind::Work))
}

/// Creates a timer queue.
#[export(kernel32, full)]
pub fn CreateTimerQueue() -> HANDLE {
    object::insert(Arc::new(Queue::default()), 0)
}

/// Creates a timer in a queue (null: the default one).
#[export(kernel32, full)]
pub fn CreateTimerQueueTimer(
    timer: Ptr<HANDLE>,
    queue: HANDLE,
    callback: GuestFn,
    parameter: u64,
    due: u32,
    period: u32,
    flags: u32,
) -> Result<(), Win32Error> {
    let period = if flags & EXECUTE_ONLY_ONCE != 0 { 0 } else { period };
    let task = new_task(callback, parameter, TaskKind::Timer { due, period });
    if !queue.is_null() {
        object::get::<Queue>(queue, 0)?.timers.lock().push(task.clone());
    }
    timer.write(object::insert(task.clone(), 0))?;
    start(&task)
}

/// Sets a timer anew.
#[export(kernel32, partial("fails: a timer keeps its times"))]
pub fn ChangeTimerQueueTimer(_queue: HANDLE, _timer: HANDLE, _due: u32, _period: u32) -> Result<(), Win32Error> {
    Err(NTSTATUS::NOT_SUPPORTED.into())
}

/// Stops and deletes a timer.
#[export(kernel32, full)]
pub fn DeleteTimerQueueTimer(_queue: HANDLE, timer: HANDLE, completion: HANDLE) -> Result<(), Win32Error> {
    let task: Arc<Task> = object::get(timer, 0)?;
    object::close(timer)?;
    stop(&task, completion)
}

/// Stops and deletes a queue with its timers.
#[export(kernel32, full)]
pub fn DeleteTimerQueueEx(queue: HANDLE, completion: HANDLE) -> Result<(), Win32Error> {
    let timers = std::mem::take(&mut *object::get::<Queue>(queue, 0)?.timers.lock());
    object::close(queue)?;
    for task in &timers {
        stop(task, completion)?;
    }
    Ok(())
}

/// Stops and deletes a queue with its timers.
#[export(kernel32, full)]
pub fn DeleteTimerQueue(queue: HANDLE) -> Result<(), Win32Error> {
    DeleteTimerQueueEx(queue, HANDLE::NULL)
}

/// Calls a function when an object is signalled or a time is over.
#[export(kernel32, full)]
pub fn RegisterWaitForSingleObject(
    new: Ptr<HANDLE>,
    handle: HANDLE,
    callback: GuestFn,
    parameter: u64,
    ms: u32,
    flags: u32,
) -> Result<(), Win32Error> {
    let object = object::table_info(handle)?.object;
    let task = new_task(callback, parameter, TaskKind::Wait { object, ms, once: flags & EXECUTE_ONLY_ONCE != 0 });
    new.write(object::insert(task.clone(), 0))?;
    start(&task)
}

/// Takes that back.
#[export(kernel32, full)]
pub fn UnregisterWaitEx(wait: HANDLE, completion: HANDLE) -> Result<(), Win32Error> {
    let task: Arc<Task> = object::get(wait, 0)?;
    object::close(wait)?;
    stop(&task, completion)
}

/// Takes that back, not waiting for a callback that is running.
#[export(kernel32, full)]
pub fn UnregisterWait(wait: HANDLE) -> Result<(), Win32Error> {
    UnregisterWaitEx(wait, HANDLE::NULL)
}

// Thread pool work: an object that can be submitted many times. The guest's handle is the task's.

/// Creates work.
#[export(kernel32, partial("no pools and environments"))]
pub fn CreateThreadpoolWork(callback: GuestFn, parameter: u64, _environment: usize) -> HANDLE {
    object::insert(new_task(callback, parameter, TaskKind::Work), 0)
}

extern "win64" fn run_work(argument: u64) -> u32 {
    let handle = HANDLE(argument as usize);
    if let Ok(task) = object::get::<Task>(handle, 0) {
        let (callback, parameter) = (task.callback, task.parameter);
        drop(task);
        // Instance, context, work.
        callback.call(&[0, parameter, argument]);
    }
    0
}

/// Has work done.
#[export(kernel32, partial("a thread for each submission"))]
pub fn SubmitThreadpoolWork(work: HANDLE) {
    let _ = ntdll::thread::create(GuestFn(run_work as *const () as usize), work.0 as u64, 0, false);
}

/// Gives work up.
#[export(kernel32, full)]
pub fn CloseThreadpoolWork(work: HANDLE) {
    let _ = object::close(work);
}

/// Frees a DLL when a callback returns.
#[export(kernel32, stub("keeps the DLL loaded"))]
pub fn FreeLibraryWhenCallbackReturns(_instance: usize, _module: usize) {}

/// Runs a callback once, soon.
#[export(kernel32, partial("no environments"))]
pub fn TrySubmitThreadpoolCallback(callback: GuestFn, parameter: u64, _environment: usize) -> BOOL {
    let handle = CreateThreadpoolWork(callback, parameter, 0);
    SubmitThreadpoolWork(handle);
    BOOL(true)
}
