//! Runs the file guests of conformance/guests-linux in a small world of their own: each is built as a shared object and
//! loaded into a child of this test, whose system calls from outside of its own code are caught by syscall user dispatch
//! (Documentation/admin-guide/syscall-user-dispatch.rst) and answered by the table. So the families can be tested without
//! the engine. What is not in the table (memory, signals, processes) is the host's.

use posix_bridge::call::Call;
use posix_bridge::table;
use posix_bridge::vfs::{Bind, Vfs};
use std::ffi::{CString, c_int, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

static VFS: OnceLock<Vfs> = OnceLock::new();
/// What the kernel looks at on each system call: 0 lets it pass, 1 gives SIGSYS.
static SELECTOR: AtomicU8 = AtomicU8::new(0);

const PR_SET_SYSCALL_USER_DISPATCH: usize = 59;

/// `struct sigaction` of the kernel.
#[repr(C)]
struct Action {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

/// Returns from the handler by an instruction in our own code, which is never caught.
#[unsafe(naked)]
extern "C" fn restorer() {
    std::arch::naked_asm!("mov eax, 15", "syscall")
}

fn arm() {
    let (start, end) = own_code();
    host::linux::pass(libc::SYS_prctl, [PR_SET_SYSCALL_USER_DISPATCH, 1, start, end - start, SELECTOR.as_ptr() as usize, 0]).unwrap();
}

/// The addresses of this program's code.
fn own_code() -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let here = own_code as *const () as usize;
    maps.lines()
        .find_map(|line| {
            let (start, rest) = line.split_once('-')?;
            let range = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(rest.split(' ').next()?, 16).ok()?);
            (range.0 <= here && here < range.1).then_some(range)
        })
        .unwrap()
}

extern "C" fn caught(_: c_int, _: *const c_void, context: *mut libc::ucontext_t) {
    SELECTOR.store(0, Ordering::Relaxed);
    // SAFETY: the kernel gives the context of the interrupted code.
    let registers = unsafe { &mut (*context).uc_mcontext.gregs };
    let at = |register: c_int| registers[register as usize] as usize;
    let number = at(libc::REG_RAX);
    let args = [libc::REG_RDI, libc::REG_RSI, libc::REG_RDX, libc::REG_R10, libc::REG_R8, libc::REG_R9].map(at);
    let result = match number as i64 {
        _ if table::find(number).is_some() => table::dispatch(&mut Call { number, args, vfs: VFS.get().unwrap() }),
        libc::SYS_vfork | libc::SYS_fork | libc::SYS_clone => {
            let child = host::linux::pass(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0, 0, 0]);
            if child == Ok(0) {
                arm();
            }
            child
        }
        number => host::linux::pass(number, args),
    };
    registers[libc::REG_RAX as usize] = result.map_or_else(|e| -i64::from(e.0), |n| n as i64);
    SELECTOR.store(1, Ordering::Relaxed);
}

/// A bad address of the guest's in a copy of ours.
extern "C" fn fault(_: c_int, _: *const c_void, context: *mut libc::ucontext_t) {
    // SAFETY: the kernel gives the context of the interrupted code.
    let registers = unsafe { &mut (*context).uc_mcontext.gregs };
    match abi::fault::landing(registers[libc::REG_RIP as usize] as usize) {
        Some(landing) => {
            registers[libc::REG_RIP as usize] = landing as i64;
            registers[libc::REG_RAX as usize] = 1;
        }
        None => std::process::abort(),
    }
}

/// Handles a signal; SA_SIGINFO, SA_RESTORER, SA_NODEFER.
fn handle(signal: c_int, handler: usize) {
    let action = Action { handler, flags: 0x4 | 0x0400_0000 | 0x4000_0000, restorer: restorer as *const () as usize, mask: 0 };
    host::linux::pass(libc::SYS_rt_sigaction, [signal as usize, &raw const action as usize, 0, 8, 0, 0]).unwrap();
}

/// In the child: loads the guest, changes into the root and runs its `main`.
fn run(root: &str, binds: &[Bind], object: &str) -> ! {
    let object = CString::new(object).unwrap();
    // SAFETY: a NUL-terminated path; the object is a test of ours.
    let main = unsafe {
        let loaded = libc::dlopen(object.as_ptr(), libc::RTLD_NOW);
        assert!(!loaded.is_null(), "{object:?} cannot be loaded");
        libc::dlsym(loaded, c"main".as_ptr())
    };
    assert!(!main.is_null());
    let vfs = VFS.get_or_init(|| Vfs::new(root.as_bytes(), binds, true).unwrap());
    std::env::set_current_dir(Path::new(root).join("work")).unwrap();
    vfs.cwd_changed();
    handle(libc::SIGSYS, caught as *const () as usize);
    handle(libc::SIGSEGV, fault as *const () as usize);
    arm();
    SELECTOR.store(1, Ordering::Relaxed);
    // SAFETY: the guest's main takes nothing.
    let code = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn() -> c_int>(main)() };
    // SAFETY: ends the process, as a return from main does.
    unsafe { libc::exit(code) }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, mode, root, outside, object] = &args[..]
        && mode == "--run"
    {
        let bind = |host: &str, guest: &str, read_only| Bind { host: host.as_bytes().to_vec(), guest: guest.into(), read_only };
        let binds = [bind(outside, "/bound", false), bind(&format!("{outside}/../fixed"), "/fixed", true)];
        let binds = if object.ends_with("/bind.so") { binds.to_vec() } else { Vec::new() };
        run(root, &binds, object);
    }
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/guests-linux/files");
    let mut sources: Vec<PathBuf> =
        std::fs::read_dir(&top).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "c")).collect();
    sources.sort();
    let wanted = args.get(1).filter(|a| !a.starts_with("--")).cloned().unwrap_or_default();
    let mut failed = 0;
    for source in sources.iter().filter(|p| p.to_string_lossy().contains(&wanted)) {
        let name = source.file_stem().unwrap().to_string_lossy().into_owned();
        let dir = std::env::temp_dir().join(format!("uosrun-files-{name}-{}", std::process::id()));
        let (root, outside, object) = (dir.join("root"), dir.join("outside"), dir.join(format!("{name}.so")));
        std::fs::create_dir_all(root.join("work")).unwrap();
        std::fs::create_dir_all(root.join("tmp")).unwrap();
        for folder in [&outside, &dir.join("fixed")] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("secret"), "SECRET\n").unwrap();
        }
        std::fs::write(dir.join("secret"), "SECRET\n").unwrap();
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-w", "-o"]).arg(&object).arg(source).status().unwrap();
        assert!(built.success(), "{name} cannot be built");
        let output = Command::new("timeout")
            .arg("60")
            .arg(std::env::current_exe().unwrap())
            .arg("--run")
            .args([&root, &outside, &object])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let expected = std::fs::read(source.with_extension("expected")).unwrap_or_default();
        if output.stdout == expected && output.status.success() {
            println!("test {name} ... ok");
        } else {
            failed += 1;
            println!("test {name} ... FAILED: {}", output.status);
            let (got, want) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&expected));
            let (mut got, mut want) = (got.lines(), want.lines());
            for line in 1.. {
                match (got.next(), want.next()) {
                    (None, None) => break,
                    (got, want) if got != want => println!("  line {line}: {got:?}, expected {want:?}"),
                    _ => {}
                }
            }
            println!("{}", String::from_utf8_lossy(&output.stderr));
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
    assert_eq!(failed, 0, "guests failed");
}
