//! user32.dll, gdi32.dll and imm32.dll for programs that have no windows: text helpers, messages to threads that
//! never come, a message box on standard error.

use abi::wide::display;
use abi::{BOOL, HANDLE, PCSTR, PCWSTR, PSTR, PWSTR, Ptr, Win32Error, export};
use kernel32::nls::{ansi_opt, ansi_to_wide, case, codepage, wide_opt, wide_to_ansi};

fn box_on_stderr(text: Option<Vec<u16>>, caption: Option<Vec<u16>>, kind: u32) -> i32 {
    let show = |text: Option<Vec<u16>>| text.map_or_else(String::new, |text| display(&text));
    eprintln!("{}: {}", caption.map_or_else(|| "Error".to_string(), |text| display(&text)), show(text));
    // The default button: OK, OK, Abort, Yes, Yes, Retry, Cancel. <https://learn.microsoft.com/windows/win32/api/winuser/nf-winuser-messageboxw>
    match kind & 0xf {
        2 => 3,
        3 | 4 => 6,
        5 => 4,
        6 => 2,
        _ => 1,
    }
}

/// A message for the user.
#[export(user32, partial("written to standard error; the first button is pressed"))]
pub fn MessageBoxW(_owner: HANDLE, text: PCWSTR, caption: PCWSTR, kind: u32) -> Result<i32, Win32Error> {
    Ok(box_on_stderr(wide_opt(text)?, wide_opt(caption)?, kind))
}

/// A message for the user.
#[export(user32, partial("written to standard error; the first button is pressed"))]
pub fn MessageBoxA(_owner: HANDLE, text: PCSTR, caption: PCSTR, kind: u32) -> Result<i32, Win32Error> {
    Ok(box_on_stderr(ansi_opt(text)?, ansi_opt(caption)?, kind))
}

/// A message for the user.
#[export(user32, partial("written to standard error; the first button is pressed"))]
pub fn MessageBoxExW(owner: HANDLE, text: PCWSTR, caption: PCWSTR, kind: u32, _language: u16) -> Result<i32, Win32Error> {
    MessageBoxW(owner, text, caption, kind)
}

/// The window station: that of an interactive user.
#[export(user32, partial("a name only"))]
pub fn GetProcessWindowStation() -> HANDLE {
    HANDLE(0x7e10)
}

/// Facts about a window station or desktop.
#[export(user32, partial("name, type and flags of the one window station"))]
pub fn GetUserObjectInformationW(_object: HANDLE, class: i32, to: Ptr<u8>, size: u32, needed: Ptr<u32>) -> Result<(), Win32Error> {
    let text = |text: &str| abi::wide::wide_z(text).iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>();
    let bytes = match class {
        // USEROBJECTFLAGS: visible.
        1 => [0u32, 0, 1].iter().flat_map(|value| value.to_le_bytes()).collect(),
        2 => text("WinSta0"),
        3 => text("WindowStation"),
        _ => return Err(Win32Error::INVALID_PARAMETER),
    };
    needed.write_opt(bytes.len() as u32)?;
    if (size as usize) < bytes.len() {
        return Err(Win32Error::INSUFFICIENT_BUFFER);
    }
    Ok(to.write_slice(&bytes)?)
}

/// Sizes of things on the screen.
#[export(user32, partial("no screen: a desktop of 1024 by 768"))]
pub fn GetSystemMetrics(index: i32) -> i32 {
    match index {
        0 | 16 | 61 | 78 => 1024,
        1 | 17 | 62 | 79 => 768,
        11..=14 => 32,
        49 | 50 => 16,
        80 => 0,
        _ => 0,
    }
}

/// Upper case of one character (a small number) or of a text in place.
fn map_wide(text: PWSTR, map: fn(u16) -> u16) -> PWSTR {
    if text.addr() < 0x1_0000 {
        return Ptr::new(map(text.addr() as u16).into());
    }
    let mut at = text;
    while let Ok(unit @ 1..) = at.read() {
        let _ = at.write(map(unit));
        at = at.add(1);
    }
    text
}

/// Upper case, in place.
#[export(user32, full)]
pub fn CharUpperW(text: PWSTR) -> PWSTR {
    map_wide(text, case::upper)
}

/// Lower case, in place.
#[export(user32, full)]
pub fn CharLowerW(text: PWSTR) -> PWSTR {
    map_wide(text, case::lower)
}

fn map_buffer(text: PWSTR, count: u32, map: fn(u16) -> u16) -> u32 {
    for index in 0..count as usize {
        let at = text.add(index);
        if at.read().and_then(|unit| at.write(map(unit))).is_err() {
            return index as u32;
        }
    }
    count
}

/// Upper case of so many characters, in place.
#[export(user32, full)]
pub fn CharUpperBuffW(text: PWSTR, count: u32) -> u32 {
    map_buffer(text, count, case::upper)
}

/// Lower case of so many characters, in place.
#[export(user32, full)]
pub fn CharLowerBuffW(text: PWSTR, count: u32) -> u32 {
    map_buffer(text, count, case::lower)
}

fn map_ansi(text: PSTR, map: fn(u16) -> u16) -> Result<PSTR, Win32Error> {
    let convert = |bytes: &[u8]| wide_to_ansi(&ansi_to_wide(bytes).into_iter().map(map).collect::<Vec<_>>());
    if text.addr() < 0x1_0000 {
        return Ok(Ptr::new(convert(&[text.addr() as u8]).first().copied().unwrap_or(0).into()));
    }
    let old = text.read_bytes()?;
    let new = convert(&old);
    if new.len() == old.len() {
        text.write_slice(&new)?;
    }
    Ok(text)
}

/// Upper case, in place.
#[export(user32, full)]
pub fn CharUpperA(text: PSTR) -> Result<PSTR, Win32Error> {
    map_ansi(text, case::upper)
}

/// Lower case, in place.
#[export(user32, full)]
pub fn CharLowerA(text: PSTR) -> Result<PSTR, Win32Error> {
    map_ansi(text, case::lower)
}

/// The next character.
#[export(user32, full)]
pub fn CharNextW(text: PWSTR) -> PWSTR {
    if text.read() == Ok(0) { text } else { text.add(1) }
}

/// The character before.
#[export(user32, full)]
pub fn CharPrevW(start: PWSTR, at: PWSTR) -> PWSTR {
    if at.addr() <= start.addr() { start } else { Ptr::new(at.addr() - 2) }
}

fn next_ansi(page: u32, text: PSTR) -> PSTR {
    match text.read() {
        Ok(0) | Err(_) => text,
        Ok(byte) if codepage::is_lead_byte(page, byte) && text.add(1).read().is_ok_and(|second| second != 0) => text.add(2),
        Ok(_) => text.add(1),
    }
}

/// The next character.
#[export(user32, full)]
pub fn CharNextA(text: PSTR) -> PSTR {
    next_ansi(0, text)
}

/// The next character in a code page.
#[export(user32, full)]
pub fn CharNextExA(page: u16, text: PSTR, _flags: u32) -> PSTR {
    next_ansi(page.into(), text)
}

/// The character before, in a code page.
#[export(user32, full)]
pub fn CharPrevExA(page: u16, start: PSTR, at: PSTR, _flags: u32) -> PSTR {
    let mut current = start;
    while current.addr() < at.addr() {
        let next = next_ansi(page.into(), current);
        if next.addr() >= at.addr() || next == current {
            break;
        }
        current = next;
    }
    current
}

/// The character before.
#[export(user32, full)]
pub fn CharPrevA(start: PSTR, at: PSTR) -> PSTR {
    CharPrevExA(0, start, at, 0)
}

/// Whether it is a letter.
#[export(user32, full)]
pub fn IsCharAlphaW(unit: u16) -> BOOL {
    BOOL(kernel32::stringapiset::character_type(unit, 1) & 0x100 != 0)
}

/// Whether it is a letter or digit.
#[export(user32, full)]
pub fn IsCharAlphaNumericW(unit: u16) -> BOOL {
    BOOL(kernel32::stringapiset::character_type(unit, 1) & 0x104 != 0)
}

/// Whether it is an upper-case letter.
#[export(user32, full)]
pub fn IsCharUpperW(unit: u16) -> BOOL {
    BOOL(kernel32::stringapiset::character_type(unit, 1) & 1 != 0)
}

/// Whether it is a lower-case letter.
#[export(user32, full)]
pub fn IsCharLowerW(unit: u16) -> BOOL {
    BOOL(kernel32::stringapiset::character_type(unit, 1) & 2 != 0)
}

/// OEM code page to UTF-16.
#[export(user32, full)]
pub fn OemToCharW(from: PCSTR, to: PWSTR) -> Result<(), Win32Error> {
    let text = kernel32::nls::oem_to_wide(&from.read_bytes()?);
    to.write_slice(&text)?;
    Ok(to.add(text.len()).write(0)?)
}

/// OEM code page to ANSI code page.
#[export(user32, full)]
pub fn OemToCharA(from: PCSTR, to: PSTR) -> Result<(), Win32Error> {
    let text = wide_to_ansi(&kernel32::nls::oem_to_wide(&from.read_bytes()?));
    to.write_slice(&text)?;
    Ok(to.add(text.len()).write(0)?)
}

/// ANSI code page to OEM code page.
#[export(user32, full)]
pub fn CharToOemA(from: PCSTR, to: PSTR) -> Result<(), Win32Error> {
    let text = kernel32::nls::wide_to_oem(&ansi_to_wide(&from.read_bytes()?));
    to.write_slice(&text)?;
    Ok(to.add(text.len()).write(0)?)
}

/// A text of a module's string table; size 0 asks for its address.
#[export(user32, full)]
pub fn LoadStringW(module: usize, id: u32, to: PWSTR, size: i32) -> Result<i32, Win32Error> {
    let (at, len) = kernel32::resources::string(module, id).ok_or(Win32Error::RESOURCE_NAME_NOT_FOUND)?;
    if size == 0 {
        to.cast::<usize>().write(at)?;
        return Ok(len.into());
    }
    let count = usize::from(len).min((size as usize).saturating_sub(1));
    to.write_slice(&Ptr::<u16>::new(at).read_vec(count)?)?;
    to.add(count).write(0)?;
    Ok(count as i32)
}

/// A text of a module's string table.
#[export(user32, full)]
pub fn LoadStringA(module: usize, id: u32, to: PSTR, size: i32) -> Result<i32, Win32Error> {
    let (at, len) = kernel32::resources::string(module, id).ok_or(Win32Error::RESOURCE_NAME_NOT_FOUND)?;
    let mut text = wide_to_ansi(&Ptr::<u16>::new(at).read_vec(len.into())?);
    text.truncate((size as usize).saturating_sub(1));
    to.write_slice(&text)?;
    to.add(text.len()).write(0)?;
    Ok(text.len() as i32)
}

constants! { user32, "there are no windows and no messages":
GetDesktopWindow = 0x10010; GetForegroundWindow = 0; GetActiveWindow = 0; GetFocus = 0; GetParent = 0; GetLastActivePopup = 0;
GetWindowThreadProcessId = 0; IsWindow = 0; IsWindowVisible = 0; IsIconic = 0; FindWindowW = 0; FindWindowA = 0; EnumWindows = 1;
PeekMessageW = 0; PeekMessageA = 0; TranslateMessage = 0; DispatchMessageW = 0; DispatchMessageA = 0; GetQueueStatus = 0;
GetInputState = 0; DefWindowProcW = 0; DefWindowProcA = 0; SendMessageW = 0; SendMessageA = 0; GetMessageExtraInfo = 0;
GetAsyncKeyState = 0; GetKeyState = 0; MessageBeep = 1; GetKeyboardLayout = 0x0409_0409; MapVirtualKeyW = 0; MapVirtualKeyA = 0;
VkKeyScanW = 0xffff; ToUnicode = 0; ToUnicodeEx = 0; GetDoubleClickTime = 500; GetSysColor = 0xff_ffff; SetProcessDPIAware = 1;
WaitForInputIdle = 0; SetForegroundWindow = 0; AllowSetForegroundWindow = 1; LockSetForegroundWindow = 1; ShowWindow = 0; UpdateWindow = 1;
KillTimer = 1; UnhookWindowsHookEx = 1; UnhookWinEvent = 1; ReleaseDC = 0; GetClipboardSequenceNumber = 0; IsClipboardFormatAvailable = 0;
DestroyIcon = 1; DestroyCursor = 1; LoadCursorW = 0x7e20; LoadCursorA = 0x7e20; LoadIconW = 0x7e21; LoadIconA = 0x7e21;
RegisterClassW = 0xc100; RegisterClassA = 0xc100; RegisterClassExW = 0xc100; RegisterClassExA = 0xc100; UnregisterClassW = 1;
UnregisterClassA = 1; SetTimer = 1; SetCoalescableTimer = 1; GetThreadDesktop = 0x7e11; CloseDesktop = 1; CloseWindowStation = 1;
EnumDisplayMonitors = 1; MonitorFromWindow = 0; MonitorFromPoint = 0; GetDpiForSystem = 96; RegisterWindowMessageW = 0xc101;
RegisterWindowMessageA = 0xc101; RegisterClipboardFormatA = 0xc102; RegisterClipboardFormatW = 0xc102; }
failing! { user32, "fails: there are no windows", 1400:
CreateWindowExW CreateWindowExA DestroyWindow GetMessageW GetMessageA PostMessageW PostMessageA GetClientRect GetWindowRect
GetWindowTextW GetWindowTextLengthW SetWindowTextW GetWindowLongW SetWindowLongW GetWindowLongPtrW SetWindowLongPtrW GetWindowLongPtrA
SetWindowLongPtrA SetWindowPos MoveWindow InvalidateRect GetDC BeginPaint EndPaint GetClassNameW GetPropW SetPropW RemovePropW
CallWindowProcW GetMenu ClientToScreen ScreenToClient PostThreadMessageW PostThreadMessageA GetCursorPos SetCursorPos GetCursorInfo
SystemParametersInfoW SystemParametersInfoA GetMonitorInfoW EnumDisplayDevicesW EnumDisplaySettingsW GetLastInputInfo
SetWindowsHookExW SetWinEventHook ExitWindowsEx DialogBoxIndirectParamW RegisterDeviceNotificationW GetKeyboardState }
failing! { user32, "fails: there is no clipboard", 1418: OpenClipboard CloseClipboard EmptyClipboard GetClipboardData SetClipboardData }

/// Ends the thread's message loop.
#[export(user32, stub("there is no message queue"))]
pub fn PostQuitMessage(_code: i32) {}

fn wait_or_message(count: u32, handles: Ptr<usize>, all: bool, ms: u32, alertable: bool) -> u32 {
    let wait = || -> Result<u32, abi::NTSTATUS> {
        let timeout = if ms == u32::MAX { None } else { Some(-i64::from(ms) * 10_000) };
        if count == 0 {
            return Ok(ntdll::wait::delay(alertable, timeout).status().0);
        }
        let handles: Vec<HANDLE> = handles.read_vec(count as usize)?.into_iter().map(HANDLE).collect();
        Ok(ntdll::sync::wait_for_handles(&handles, all, alertable, timeout)?.0)
    };
    wait().unwrap_or_else(|status| {
        abi::teb::set_last_error(status.into());
        u32::MAX
    })
}

/// Waits for objects or messages.
#[export(user32, partial("messages never come"))]
pub fn MsgWaitForMultipleObjects(count: u32, handles: Ptr<usize>, all: BOOL, ms: u32, _mask: u32) -> u32 {
    wait_or_message(count, handles, all.0, ms, false)
}

/// Waits for objects or messages.
#[export(user32, partial("messages never come"))]
pub fn MsgWaitForMultipleObjectsEx(count: u32, handles: Ptr<usize>, ms: u32, _mask: u32, flags: u32) -> u32 {
    wait_or_message(count, handles, flags & 1 != 0, ms, flags & 2 != 0)
}

failing! { gdi32, "fails: nothing is drawn", 6:
CreateCompatibleDC CreateDCW CreateDCA CreateCompatibleBitmap CreateBitmap CreateDIBSection CreateFontW CreateFontIndirectW CreatePen
CreateSolidBrush CreateRectRgn SelectObject BitBlt GetDeviceCaps GetDIBits GetObjectA GetObjectW GetTextMetricsW GetTextExtentPoint32W
GetTextExtentPoint32A ExtTextOutW Rectangle Polygon SetBkMode SetTextColor CombineRgn ChoosePixelFormat SetPixelFormat SwapBuffers
DescribePixelFormat GetPixelFormat GetDIBColorTable }
constants! { gdi32, "nothing to free": DeleteObject = 1; DeleteDC = 1; GdiFlush = 1; GetStockObject = 0x7e30; }
constants! { imm32, "there is no input method": ImmGetContext = 0; ImmReleaseContext = 1; ImmAssociateContext = 0; ImmGetCompositionStringW = 0; ImmNotifyIME = 0; ImmSetCompositionWindow = 0; ImmGetCandidateListW = 0; ImmSetCompositionStringW = 0; ImmGetIMEFileNameA = 0; ImmDisableIME = 1; }
