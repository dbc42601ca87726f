//! dbghelp.dll: there are no symbols to be found.

constants! { dbghelp, "says that it was done; no symbols are loaded":
SymInitialize = 1; SymInitializeW = 1; SymCleanup = 1; SymSetOptions = 0; SymGetOptions = 0; SymSetSearchPath = 1; SymSetSearchPathW = 1;
SymRefreshModuleList = 1; EnumerateLoadedModulesEx = 1; EnumerateLoadedModulesW64 = 1; EnumerateLoadedModules64 = 1;
SymAddrIncludeInlineTrace = 0; SymRegisterCallback64 = 1; ImagehlpApiVersion = 0; }
failing! { dbghelp, "fails: no symbols", 487:
SymFromAddr SymFromAddrW SymFromName SymGetLineFromAddr64 SymGetLineFromAddrW64 SymGetModuleBase64 SymGetModuleInfo64 SymGetModuleInfoW64
SymFunctionTableAccess64 SymGetSymFromAddr64 SymGetSearchPath SymGetSearchPathW SymLoadModule64 SymLoadModuleEx SymLoadModuleExW
SymQueryInlineTrace SymFromInlineContext SymFromInlineContextW SymGetLineFromInlineContext SymGetLineFromInlineContextW StackWalk64
StackWalkEx SymEnumSymbols SymUnloadModule64 }
failing! { dbghelp, "fails: no dumps are written", 50: MiniDumpWriteDump MiniDumpReadDumpStream }

use abi::{PCSTR, PSTR, Win32Error, export};

/// The readable form of a decorated name.
#[export(dbghelp, partial("the name as it is"))]
pub fn UnDecorateSymbolName(name: PCSTR, to: PSTR, size: u32, _flags: u32) -> Result<u32, Win32Error> {
    let mut text = name.read_bytes()?;
    text.truncate((size as usize).saturating_sub(1));
    to.write_slice(&text)?;
    to.add(text.len()).write(0)?;
    Ok(text.len() as u32)
}
