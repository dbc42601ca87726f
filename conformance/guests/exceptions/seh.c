// __try, __except, __finally, nesting, filters, leaving, and faults inside API calls. (no mingw: needs clang)
void say(const char *);
extern void RaiseException(unsigned, unsigned, unsigned, const void *);
void *memcpy_guest(void *, const void *, unsigned long long);
__declspec(dllimport) int WriteFile(void *, const void *, unsigned, unsigned *, void *);
__declspec(dllimport) void RtlMoveMemory(void *, const void *, unsigned long long);
#define code() _exception_code()
unsigned long _exception_code(void);

__attribute__((noinline)) void fault(int *p) { *p = 1; }
__attribute__((noinline)) int simple(void) {
    __try { fault(0); say("not here\n"); } __except (1) { say("except\n"); return 1; }
    return 0;
}
__attribute__((noinline)) int filter(unsigned long c) { say(c == 0xc0000005 ? "filter: av\n" : "filter: other\n"); return c == 0xc0000005; }
__attribute__((noinline)) void nested(void) {
    __try {
        __try {
            __try { RaiseException(0xe0001234, 0, 0, 0); }
            __except (filter(code())) { say("wrong\n"); }
        } __finally { say("finally\n"); }
    } __except (1) { say("outer\n"); }
}
__attribute__((noinline)) void deep(int n) {
    __try { if (n) deep(n - 1); else fault((int *)8); } __finally { say("unwind\n"); }
}
__attribute__((noinline)) void normal(void) {
    __try { say("body\n"); } __finally { say("normal finally\n"); }
}
__attribute__((noinline)) void again(void) {
    __try {
        __try { fault(0); }
        __finally { say("raising in finally\n"); RaiseException(0xe0005678, 0, 0, 0); }
    } __except (filter(code()) + 1) { say("second\n"); }
}
__attribute__((noinline)) void api(void) {
    volatile int keep = 77;
    __try { RtlMoveMemory((void *)16, "abc", 3); say("not here\n"); } __except (code() == 0xc0000005) { say(keep == 77 ? "api fault\n" : "lost\n"); }
}
__attribute__((noinline)) void resume_it(void) {
    __try { RaiseException(1, 0, 0, 0); say("continued\n"); } __except (-1) { say("wrong\n"); }
}
void run(void) {
    for (int i = 0; i < 2; i++) simple();
    nested();
    __try { deep(3); } __except (filter(code())) { say("deep done\n"); }
    normal();
    again();
    api();
    resume_it();
}
