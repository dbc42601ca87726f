//! Lists the system calls in raw code: `sites FILE OFFSET LENGTH ADDRESS FUNCTION…`, all in hexadecimal.
use dbt::scan::{Code, scan};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &String| u64::from_str_radix(text, 16).expect("a hexadecimal number");
    let file = std::fs::read(&args[0]).expect("a file");
    let (offset, len, address) = (number(&args[1]) as usize, number(&args[2]) as usize, number(&args[3]));
    let code = Code { bytes: &file[offset..offset + len], address };
    let functions: Vec<_> = args[4..].iter().map(|start| (number(start), None)).collect();
    println!("{:#x?}", scan(code, &functions, &[code], address - 0x1000));
}
