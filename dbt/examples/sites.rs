//! How many sites of ELF files can be patched after a trap, by which form, and what that costs; and how many a scan of the
//! whole code would prove beforehand. And how many `cpuid` lead elsewhere, of those whose leaf is found:
//! `cargo run --release -p dbt --example sites -- /lib/x86_64-linux-gnu/libc.so.6 …`

use dbt::cpuid;
use dbt::lazy;
use dbt::scan::{Code, candidates, scan};
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind, elf};
use std::time::{Duration, Instant};

/// What the number was when the site trapped: taken from the `mov` before it, else 0.
fn number(code: &[u8], at: usize) -> u32 {
    at.checked_sub(4).map_or(0, |from| u32::from_le_bytes([code[from], code[from + 1], code[from + 2], code[from + 3]]))
}

#[derive(Default)]
struct Census {
    by_form: [usize; 3],
    left: usize,
    time: Duration,
    scanned: usize,
    scan: Duration,
    cpuid: usize,
    cpuid_patched: usize,
    cpuid_time: Duration,
}

fn count_cpuid(code: Code, census: &mut Census, verbose: bool) {
    let start = Instant::now();
    for site in cpuid::sites(code, |leaf| leaf & 0x7fff_ffff < 0x30) {
        let patched = cpuid::patch(code.around(site), site, code.address & !0xfff_ffff | 0x1000_0000, code.address);
        census.cpuid += 1;
        census.cpuid_patched += usize::from(patched.is_some());
        if verbose {
            println!("{site:x} cpuid {:?}", patched.map(|patch| patch.form));
        }
    }
    census.cpuid_time += start.elapsed();
}

fn count(bytes: &[u8], address: u64, census: &mut Census, verbose: bool) {
    for site in candidates(Code { bytes, address }) {
        let at = (site - address) as usize;
        let code = Code { bytes, address }.around(site);
        if !dbt::may_be_syscall(code.bytes, (site - code.address) as usize) {
            continue;
        }
        // In reach of any of these files.
        let trampoline = address & !0xfff_ffff | 0x1000_0000;
        let start = Instant::now();
        let patch = lazy::patch(code, site, number(bytes, at), trampoline, trampoline - 8);
        census.time += start.elapsed();
        match &patch {
            Some(patch) => census.by_form[patch.form as usize] += 1,
            None => census.left += 1,
        }
        if verbose {
            println!("{site:x} {:?}", patch.map(|patch| patch.form));
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (flags, files): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|arg| arg.starts_with('-'));
    let is_verbose = flags.iter().any(|flag| flag == "-v");
    println!(
        "{:>6} {:>8} {:>10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}  file",
        "number", "padding", "neighbours", "left", "µs each", "scan", "µs each", "cpuid", "µs each"
    );
    for name in files {
        let data = std::fs::read(&name)?;
        let file = object::File::parse(&*data)?;
        let mut census = Census::default();
        let functions: Vec<(u64, Option<u64>)> = file
            .symbols()
            .chain(file.dynamic_symbols())
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() != 0)
            .map(|symbol| (symbol.address(), Some(symbol.address() + symbol.size())))
            .collect();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else { continue };
            if sh_flags & u64::from(elf::SHF_EXECINSTR) != 0 {
                let (bytes, address) = (section.data()?, section.address());
                count(bytes, address, &mut census, is_verbose);
                count_cpuid(Code { bytes, address }, &mut census, is_verbose);
                let code = Code { bytes, address };
                let start = Instant::now();
                census.scanned += scan(code, &functions, &[code], 0).sites.len();
                census.scan += start.elapsed();
            }
        }
        let [number, padding, neighbours] = census.by_form;
        let all = (number + padding + neighbours + census.left).max(1);
        let each = census.time.as_secs_f64() * 1e6 / all as f64;
        let scan = census.scan.as_secs_f64() * 1e6 / all as f64;
        let cpuid = census.cpuid_time.as_secs_f64() * 1e6 / census.cpuid.max(1) as f64;
        let found = format!("{}/{}", census.cpuid_patched, census.cpuid);
        println!(
            "{number:>6} {padding:>8} {neighbours:>10} {:>8} {each:>8.2} {:>8} {scan:>8.2} {found:>8} {cpuid:>8.2}  {name}",
            census.left, census.scanned
        );
    }
    Ok(())
}
