// Hardware faults, RaiseException, vectored handlers, unwinding and context capture, without a C runtime.
#include <windows.h>

static HANDLE out;
static void say(const char *text) { DWORD n; WriteFile(out, text, lstrlenA(text), &n, 0); }
static void hex(const char *label, unsigned long long value) {
    char line[64], *p = line;
    while (*label) *p++ = *label++;
    *p++ = ' ';
    for (int shift = 60; shift >= 0; shift -= 4) *p++ = "0123456789abcdef"[value >> shift & 15];
    *p++ = '\n'; *p = 0;
    say(line);
}

static int skip;
static volatile int *bad = (volatile int *)0x1234;
static LONG WINAPI skipper(EXCEPTION_POINTERS *info) {
    hex("code", info->ExceptionRecord->ExceptionCode);
    hex("parameters", info->ExceptionRecord->NumberParameters);
    if (info->ExceptionRecord->ExceptionCode == EXCEPTION_ACCESS_VIOLATION) {
        hex("kind", info->ExceptionRecord->ExceptionInformation[0]);
        hex("address", info->ExceptionRecord->ExceptionInformation[1]);
    }
    if ((DWORD64)info->ExceptionRecord->ExceptionAddress != info->ContextRecord->Rip) say("rip differs\n");
    if (skip < 0) return EXCEPTION_CONTINUE_SEARCH;
    info->ContextRecord->Rip += skip;
    return EXCEPTION_CONTINUE_EXECUTION;
}

static LONG WINAPI top(EXCEPTION_POINTERS *info) {
    hex("unhandled", info->ExceptionRecord->ExceptionCode);
    ExitProcess(7);
}

__attribute__((noinline)) static unsigned long long walk(int depth) {
    if (depth) return walk(depth - 1) + 1;
    void *frames[32];
    return CaptureStackBackTrace(0, 32, frames, 0);
}

int mainCRTStartup(void) {
    out = GetStdHandle(STD_OUTPUT_HANDLE);
    void *handle = AddVectoredExceptionHandler(1, skipper);
    unsigned long long a = 5, b = 6;
    skip = 2;
    __asm__ volatile("movq $0x1234, %%rcx\n movq %0, %%r12\n .byte 0x8b, 0x01\n movq %%r12, %1" : "+r"(a), "=r"(b) : : "rcx", "rax", "r12");
    hex("kept", b);
    __asm__ volatile("movq $0x1234, %%rcx\n .byte 0x89, 0x01" ::: "rcx", "memory");
    __asm__ volatile("ud2");
    __asm__ volatile("xorl %%ecx, %%ecx\n xorl %%edx, %%edx\n .byte 0xf7, 0xf1" ::: "rcx", "rdx", "rax");
    __asm__ volatile("movl $-1, %%ecx\n movl $0x80000000, %%eax\n cltd\n .byte 0xf7, 0xf9" ::: "rcx", "rdx", "rax");
    skip = 1;
    __asm__ volatile("int3");
    __asm__ volatile("hlt");
    skip = 0;
    RaiseException(0x12345678, 0, 0, 0);
    hex("walk", walk(5) - walk(2));
    RemoveVectoredExceptionHandler(handle);
    CONTEXT context;
    volatile int rounds = 0;
    RtlCaptureContext(&context);
    if (rounds++ < 2) RtlRestoreContext(&context, 0);
    hex("rounds", rounds);
    SetUnhandledExceptionFilter(top);
    *bad = 1;
    return 0;
}
