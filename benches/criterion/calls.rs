//! Hot calls and the loader's steps, called as Rust functions on a guest thread: `cd benches/criterion && cargo bench`.

use abi::{HANDLE, Ptr};
use criterion::Criterion;
use kernel32::{fileapi, handleapi, heapapi, memoryapi, synchapi};
use loader::pe::{PeFile, View};
use ntdll::{lock, path, process, thread};
use std::hint::black_box;
use std::os::unix::ffi::OsStrExt;

const STACK: usize = 64 << 20;

fn main() {
    host::process::begin();
    let folder = std::env::temp_dir().join(format!("uosrun-bench-{}", std::process::id()));
    let prefix = prefix::Prefix::open_or_create(&folder).expect("a prefix");
    path::init(prefix.path().as_os_str().as_bytes(), prefix.drives().expect("its drives"));
    process::init(process::Parameters {
        image: abi::wide::wide("C:\\bench.exe"),
        command_line: abi::wide::wide("bench"),
        directory: abi::wide::wide("C:\\"),
        environment: Vec::new(),
        standard_handles: [HANDLE::NULL; 3],
    })
    .expect("memory for the process");
    ntdll::shared_data::reserve();
    ntdll::exception::install();
    thread::run_main(STACK, run);
}

extern "C" fn run(_: usize) {
    let mut criterion = Criterion::default().configure_from_args();
    calls(&mut criterion);
    images(&mut criterion);
    criterion.final_summary();
    let _ = std::fs::remove_dir_all(std::env::temp_dir().join(format!("uosrun-bench-{}", std::process::id())));
    host::process::exit(0);
}

fn calls(criterion: &mut Criterion) {
    let event = synchapi::CreateEventW(Ptr::NULL, abi::BOOL(true), abi::BOOL(true), Ptr::NULL).expect("an event");
    criterion.bench_function("SetEvent+ResetEvent", |b| {
        b.iter(|| {
            let _ = black_box(synchapi::SetEvent(event));
            let _ = black_box(synchapi::ResetEvent(event));
        })
    });
    let _ = synchapi::SetEvent(event);
    criterion.bench_function("WaitForSingleObject, signalled", |b| b.iter(|| black_box(synchapi::WaitForSingleObject(event, 0))));
    let mut section = [0u64; 5];
    let section = Ptr::of(section.as_mut_ptr()).cast();
    synchapi::InitializeCriticalSection(section);
    criterion.bench_function("Enter+LeaveCriticalSection", |b| {
        b.iter(|| {
            lock::RtlEnterCriticalSection(section);
            lock::RtlLeaveCriticalSection(section);
        })
    });
    let heap = heapapi::GetProcessHeap();
    criterion.bench_function("HeapAlloc+HeapFree, 64 bytes", |b| {
        b.iter(|| {
            let block = heapapi::HeapAlloc(heap, 0, 64);
            black_box(heapapi::HeapFree(heap, 0, block))
        })
    });
    let name = abi::wide::wide("C:\\bench.tmp\0");
    let open = |how: u32| fileapi::CreateFileW(Ptr::of(name.as_ptr()), 0x8000_0000, 7, Ptr::NULL, how, 0, HANDLE::NULL);
    let _ = handleapi::CloseHandle(open(2).expect("a file").0);
    criterion.bench_function("CreateFileW+CloseHandle", |b| b.iter(|| open(3).map(|file| handleapi::CloseHandle(file.0))));
    criterion.bench_function("VirtualAlloc+VirtualFree, 64 KiB", |b| {
        b.iter(|| memoryapi::VirtualAlloc(0, 65536, 0x3000, 4).map(|p| memoryapi::VirtualFree(p.addr(), 0, 0x8000)))
    });
}

fn images(criterion: &mut Criterion) {
    const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/hello.exe");
    const BASE: usize = 0x70_0000_0000;
    criterion.bench_function("PeFile::open", |b| b.iter(|| PeFile::open(SAMPLE.as_bytes()).is_ok()));
    let file = PeFile::open(SAMPLE.as_bytes()).expect("the sample");
    let size = file.mapped_size();
    criterion.bench_function("map and unmap", |b| {
        b.iter(|| {
            file.map(BASE).expect("room");
            host::mem::unmap(BASE, size)
        })
    });
    file.map(BASE).expect("room");
    let view = View { base: BASE, size };
    criterion.bench_function("relocate", |b| b.iter(|| view.relocate(0x1_0000)));
    criterion.bench_function("read imports", |b| b.iter(|| view.imports().map(|imports| imports.len())));
    let kernel32 = abi::dll::find("kernel32.dll").expect("it is builtin");
    criterion.bench_function("find an export", |b| b.iter(|| kernel32.slot(black_box("CreateFileW"))));
}
