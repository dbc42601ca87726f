//! jobapi.h: jobs, which hold processes together. What they started belongs to the job, too.

use crate::nls::{ansi_opt, wide_opt};
use abi::{HANDLE, NTSTATUS, PCSTR, PCWSTR, Ptr, Win32Error, export, teb};
use ntdll::child::ChildProcess;
use ntdll::object::{self, Object};
use ntdll::port::{Packet, Port};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::System::JobObjects as j;
use windows_sys::Win32::System::SystemServices as ss;

const JOB_ALL_ACCESS: u32 = 0x001f_003f;

/// A job.
#[derive(Default)]
struct Job {
    members: Mutex<Vec<Arc<ChildProcess>>>,
    /// This process is in it.
    own: Mutex<bool>,
    /// JOBOBJECT_EXTENDED_LIMIT_INFORMATION as it was set.
    limits: Mutex<Vec<u8>>,
    ui: AtomicU32,
    port: Mutex<Option<(Arc<Port>, usize)>>,
    total: AtomicU32,
}

/// Jobs that have a handle here.
static JOBS: Mutex<Vec<Weak<Job>>> = Mutex::new(Vec::new());

impl Object for Job {
    fn type_name(&self) -> &'static str {
        "Job"
    }

    fn on_close(&self, last: bool) {
        if last && self.kills_on_close() {
            self.terminate(0);
        }
    }
}

#[linkme::distributed_slice(ntdll::process::EXIT_HOOKS)]
#[allow(unsafe_code)] // a section of its own; only typed entries go there
static AT_EXIT: fn() = || {
    // The handles of this process close with it.
    for job in JOBS.try_lock().map(|jobs| jobs.iter().filter_map(Weak::upgrade).collect::<Vec<_>>()).unwrap_or_default() {
        job.on_close(true);
    }
};

const EXTENDED_SIZE: usize = size_of::<j::JOBOBJECT_EXTENDED_LIMIT_INFORMATION>();
const BASIC_SIZE: usize = size_of::<j::JOBOBJECT_BASIC_LIMIT_INFORMATION>();

impl Job {
    /// LimitFlags, 16 bytes into the structure.
    fn flags(&self) -> u32 {
        self.limits.lock().get(16..20).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    fn kills_on_close(&self) -> bool {
        self.flags() & j::JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE != 0
    }

    fn running(&self) -> Vec<Arc<ChildProcess>> {
        self.members.lock().iter().filter(|p| p.ended() == 0).cloned().collect()
    }

    fn terminate(&self, code: u32) {
        for process in self.running() {
            process.terminate_family(code);
        }
    }

    fn tell(&self, message: u32, pid: u32) {
        let port = self.port.lock().clone();
        if let Some((port, key)) = port {
            port.push(Packet { key, overlapped: pid as usize, status: NTSTATUS::SUCCESS, bytes: message as usize });
        }
    }

    fn add(self: &Arc<Job>, process: &Arc<ChildProcess>) {
        self.members.lock().push(process.clone());
        self.total.fetch_add(1, Ordering::Relaxed);
        self.tell(ss::JOB_OBJECT_MSG_NEW_PROCESS, process.pid);
        let (job, pid) = (Arc::downgrade(self), process.pid);
        process.when_ended(move || {
            if let Some(job) = job.upgrade() {
                job.tell(ss::JOB_OBJECT_MSG_EXIT_PROCESS, pid);
                if job.running().is_empty() {
                    job.tell(ss::JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO, 0);
                }
            }
        });
    }
}

/// A new child joins the jobs of this process and those it was given.
pub fn add_child(child: &Arc<ChildProcess>, jobs: &[HANDLE]) -> Result<(), Win32Error> {
    for job in jobs {
        object::get::<Job>(*job, 0)?.add(child);
    }
    let own: Vec<Arc<Job>> = JOBS.lock().iter().filter_map(Weak::upgrade).filter(|job| *job.own.lock()).collect();
    for job in own {
        job.add(child);
    }
    Ok(())
}

fn create(attributes: Ptr<SECURITY_ATTRIBUTES>, name: Option<Vec<u16>>) -> Result<HANDLE, Win32Error> {
    let job = Arc::new(Job::default());
    JOBS.lock().push(Arc::downgrade(&job));
    let inherit = crate::synchapi::inherits(attributes)?;
    let (handle, existed) = ntdll::sync::create_named(job, name.as_deref().filter(|n| !n.is_empty()), JOB_ALL_ACCESS, inherit)?;
    teb::set_last_error(if existed { Win32Error::ALREADY_EXISTS } else { Win32Error::SUCCESS });
    Ok(handle)
}

/// Creates or opens a job.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateJobObjectW(attributes: Ptr<SECURITY_ATTRIBUTES>, name: PCWSTR) -> Result<HANDLE, Win32Error> {
    create(attributes, wide_opt(name)?)
}

/// Creates or opens a job.
#[export(kernel32, partial("names are known within one process"))]
pub fn CreateJobObjectA(attributes: Ptr<SECURITY_ATTRIBUTES>, name: PCSTR) -> Result<HANDLE, Win32Error> {
    create(attributes, ansi_opt(name)?)
}

/// Puts a process into a job.
#[export(kernel32, full)]
pub fn AssignProcessToJobObject(job: HANDLE, process: HANDLE) -> Result<(), Win32Error> {
    let job: Arc<Job> = object::get(job, 0)?;
    if let Ok(child) = object::get::<ChildProcess>(process, 0) {
        if child.ended() != 0 {
            return Err(Win32Error::ACCESS_DENIED);
        }
        job.add(&child);
        return Ok(());
    }
    ntdll::memory::own_process(process)?;
    *job.own.lock() = true;
    job.total.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Sets a job's limits.
#[export(
    kernel32,
    partial(
        "ends the processes when the last handle is closed, and reports to a completion port; other limits are only remembered, and other classes accepted without effect"
    )
)]
pub fn SetInformationJobObject(job: HANDLE, class: i32, info: Ptr<u8>, len: u32) -> Result<(), Win32Error> {
    let job: Arc<Job> = object::get(job, 0)?;
    let exactly = |size: usize| if len as usize == size { Ok(()) } else { Err(Win32Error(24)) }; // ERROR_BAD_LENGTH
    match class {
        j::JobObjectBasicLimitInformation | j::JobObjectExtendedLimitInformation => {
            let size = if class == j::JobObjectExtendedLimitInformation { EXTENDED_SIZE } else { BASIC_SIZE };
            exactly(size)?;
            let mut bytes = info.read_vec(size)?;
            bytes.resize(EXTENDED_SIZE, 0);
            *job.limits.lock() = bytes;
        }
        j::JobObjectBasicUIRestrictions => {
            exactly(4)?;
            job.ui.store(info.cast::<u32>().read()?, Ordering::Relaxed);
        }
        j::JobObjectAssociateCompletionPortInformation => {
            exactly(16)?;
            let key: usize = info.cast().read()?;
            let port = HANDLE(info.byte_add(8).cast::<usize>().read()?);
            *job.port.lock() = if port.is_null() { None } else { Some((object::get::<Port>(port, 0)?, key)) };
            for process in job.running() {
                job.tell(ss::JOB_OBJECT_MSG_NEW_PROCESS, process.pid);
            }
        }
        // End of job time, CPU rates and the like.
        1..=48 => {}
        _ => return Err(Win32Error::INVALID_PARAMETER),
    }
    Ok(())
}

/// A job's limits, counts and processes; null: of the job that this process is in.
#[export(kernel32, partial("limits as they were set, counts and the list of processes; no times"))]
pub fn QueryInformationJobObject(job: HANDLE, class: i32, info: Ptr<u8>, len: u32, returned: Ptr<u32>) -> Result<(), Win32Error> {
    let job: Arc<Job> = if job.is_null() {
        let jobs = JOBS.lock();
        jobs.iter().filter_map(Weak::upgrade).find(|job| *job.own.lock()).ok_or(Win32Error::ACCESS_DENIED)?
    } else {
        object::get(job, 0)?
    };
    let own = u32::from(*job.own.lock());
    let bytes = match class {
        j::JobObjectBasicAccountingInformation => {
            let mut bytes = vec![0u8; size_of::<j::JOBOBJECT_BASIC_ACCOUNTING_INFORMATION>()];
            let active = job.running().len() as u32 + own;
            bytes[36..40].copy_from_slice(&job.total.load(Ordering::Relaxed).to_le_bytes());
            bytes[40..44].copy_from_slice(&active.to_le_bytes());
            bytes
        }
        j::JobObjectBasicLimitInformation | j::JobObjectExtendedLimitInformation => {
            let mut bytes = job.limits.lock().clone();
            bytes.resize(if class == j::JobObjectExtendedLimitInformation { EXTENDED_SIZE } else { BASIC_SIZE }, 0);
            bytes
        }
        j::JobObjectBasicProcessIdList => {
            let mut ids: Vec<u64> = job.running().iter().map(|p| u64::from(p.pid)).collect();
            if own != 0 {
                ids.push(host::process::id().into());
            }
            let count = (ids.len() as u32).to_le_bytes();
            let room = (len as usize).saturating_sub(8) / 8;
            let mut bytes = [count, (ids.len().min(room) as u32).to_le_bytes()].concat();
            bytes.extend(ids.iter().take(room).flat_map(|id| id.to_le_bytes()));
            if ids.len() > room {
                info.write_slice(&bytes[..bytes.len().min(len as usize)])?;
                return Err(Win32Error::MORE_DATA);
            }
            bytes
        }
        j::JobObjectBasicUIRestrictions => job.ui.load(Ordering::Relaxed).to_le_bytes().to_vec(),
        _ => return Err(Win32Error::INVALID_PARAMETER),
    };
    if bytes.len() > len as usize {
        return Err(Win32Error(24)); // ERROR_BAD_LENGTH
    }
    info.write_slice(&bytes)?;
    Ok(returned.write_opt(bytes.len() as u32)?)
}

/// Ends a job's processes.
#[export(kernel32, full)]
pub fn TerminateJobObject(job: HANDLE, code: u32) -> Result<(), Win32Error> {
    let job: Arc<Job> = object::get(job, 0)?;
    job.terminate(code);
    if *job.own.lock() {
        ntdll::process::terminate(code);
    }
    Ok(())
}

/// Whether a process is in a job; null: in any.
#[export(kernel32, partial("knows the jobs of this process only"))]
pub fn IsProcessInJob(process: HANDLE, job: HANDLE, result: Ptr<i32>) -> Result<(), Win32Error> {
    let child = object::get::<ChildProcess>(process, 0).ok();
    if child.is_none() {
        ntdll::memory::own_process(process)?;
    }
    let jobs: Vec<Arc<Job>> =
        if job.is_null() { JOBS.lock().iter().filter_map(Weak::upgrade).collect() } else { vec![object::get::<Job>(job, 0)?] };
    let is_in = |job: &Arc<Job>| match &child {
        Some(child) => job.members.lock().iter().any(|p| p.pid == child.pid),
        None => *job.own.lock(),
    };
    Ok(result.write(jobs.iter().any(is_in).into())?)
}
