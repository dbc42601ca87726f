// Write watch, placeholders, guard pages and stack overflow.
#include <windows.h>
#include <stdio.h>
#include <string.h>

static UINT(WINAPI *get)(DWORD, PVOID, SIZE_T, PVOID *, ULONG_PTR *, PULONG);
static UINT(WINAPI *reset)(PVOID, SIZE_T);
typedef struct { ULONG64 type; void *value; } Parameter;
static void *(WINAPI *alloc2)(HANDLE, void *, SIZE_T, ULONG, ULONG, Parameter *, ULONG);
static void *(WINAPI *map3)(HANDLE, HANDLE, void *, ULONG64, SIZE_T, ULONG, ULONG, Parameter *, ULONG);
static BOOL(WINAPI *unmap2)(HANDLE, void *, ULONG);
enum { RESERVE_PLACEHOLDER = 0x40000, REPLACE_PLACEHOLDER = 0x4000, PRESERVE = 2, COALESCE = 1 };

static void show(const char *what, char *base, void **pages, ULONG_PTR count) {
    printf("%s:", what);
    for (ULONG_PTR i = 0; i < count; i++) printf(" %u", (unsigned)(((char *)pages[i] - base) / 4096));
    printf("\n");
}

static void watch(void) {
    char *base = VirtualAlloc(0, 16 * 4096, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE);
    void *pages[16];
    ULONG_PTR count = 16;
    DWORD size = 0;
    base[0] = 1, base[5 * 4096] = 1, base[5 * 4096 + 9] = 2;
    volatile char read = base[3 * 4096];
    printf("get: %u", get(0, base, 16 * 4096, pages, &count, &size));
    printf(" size %lu\n", size);
    show("written", base, pages, count);
    count = 1;
    get(WRITE_WATCH_FLAG_RESET, base, 16 * 4096, pages, &count, &size);
    show("first, reset", base, pages, count);
    count = 16;
    get(0, base, 16 * 4096, pages, &count, &size);
    show("left", base, pages, count);
    printf("reset: %u\n", reset(base, 16 * 4096));
    base[7 * 4096] = 1;
    // Written by the system.
    HANDLE in, out;
    DWORD n;
    CreatePipe(&in, &out, 0, 0);
    WriteFile(out, "abc", 3, &n, 0);
    ReadFile(in, base + 9 * 4096, 3, &n, 0);
    count = 16;
    get(0, base, 16 * 4096, pages, &count, &size);
    show("later", base, pages, count);
    count = 16;
    get(0, base + 8 * 4096, 4096 * 4, pages, &count, &size);
    show("part", base, pages, count);
    char *plain = VirtualAlloc(0, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    count = 16;
    printf("not watched: %d\n", get(0, plain, 4096, pages, &count, &size) != 0);
    printf("reset not watched: %d\n", reset(plain, 4096) != 0);
    printf("without reserve: %d\n", VirtualAlloc(plain, 4096, MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE) != 0);
}

static void state(const char *what, void *at) {
    MEMORY_BASIC_INFORMATION i;
    VirtualQuery(at, &i, sizeof i);
    printf("%s: state %lx size %u allocation %d\n", what, i.State, (unsigned)i.RegionSize, i.AllocationBase == at);
}

static void placeholders(void) {
    HANDLE self = GetCurrentProcess();
    char *base = alloc2(0, 0, 0x40000, MEM_RESERVE | RESERVE_PLACEHOLDER, PAGE_NOACCESS, 0, 0);
    state("placeholder", base);
    printf("split: %d\n", VirtualFree(base, 0x10000, MEM_RELEASE | PRESERVE));
    state("first", base);
    state("second", base + 0x10000);
    printf("commit a placeholder: %d\n", VirtualAlloc(base, 4096, MEM_COMMIT, PAGE_READWRITE) != 0);
    char *memory = alloc2(self, base, 0x10000, MEM_RESERVE | MEM_COMMIT | REPLACE_PLACEHOLDER, PAGE_READWRITE, 0, 0);
    printf("replaced: %d\n", memory == base);
    memory[100] = 5;
    printf("wrong size: %d\n", alloc2(self, base + 0x10000, 0x10000, MEM_RESERVE | MEM_COMMIT | REPLACE_PLACEHOLDER, PAGE_READWRITE, 0, 0) != 0);
    printf("split again: %d\n", VirtualFree(base + 0x10000, 0x10000, MEM_RELEASE | PRESERVE));
    HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, 0, PAGE_READWRITE, 0, 0x10000, 0);
    char *one = map3(section, self, base + 0x10000, 0, 0x10000, REPLACE_PLACEHOLDER, PAGE_READWRITE, 0, 0);
    char *two = map3(section, self, 0, 0, 0, 0, PAGE_READWRITE, 0, 0);
    printf("views: %d %d\n", one == base + 0x10000, two != 0);
    strcpy(one, "shared");
    printf("through the other: %s\n", two);
    printf("unmap to placeholder: %d\n", unmap2(self, one, PRESERVE));
    printf("memory to placeholder: %d\n", VirtualFree(base, 0x10000, MEM_RELEASE | PRESERVE));
    printf("join: %d\n", VirtualFree(base, 0x40000, MEM_RELEASE | COALESCE));
    state("joined", base);
    printf("release: %d\n", VirtualFree(base, 0, MEM_RELEASE));
    void *requirements[3] = {0, (void *)0x7fffffff, (void *)0x100000};
    Parameter parameter = {1, requirements};
    char *low = alloc2(self, 0, 0x20000, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, &parameter, 1);
    printf("low and aligned: %d %d\n", low && low < (char *)0x7fffffff, ((ULONG_PTR)low & 0xfffff) == 0);
    requirements[2] = (void *)0x3000;
    printf("bad alignment: %d\n", alloc2(self, 0, 0x20000, MEM_RESERVE, PAGE_READWRITE, &parameter, 1) != 0);
}

static int seen;
static LONG CALLBACK handler(EXCEPTION_POINTERS *p) {
    DWORD code = p->ExceptionRecord->ExceptionCode;
    if (code == STATUS_GUARD_PAGE_VIOLATION) { seen++; return EXCEPTION_CONTINUE_EXECUTION; }
    if (code == STATUS_STACK_OVERFLOW) { printf("stack overflow\n"); ExitThread(7); }
    return EXCEPTION_CONTINUE_SEARCH;
}
__attribute__((noinline)) static int deep(int n) { volatile char room[1024]; room[n & 1023] = n; return deep(n + 1) + room[3]; }
static DWORD WINAPI overflow(void *p) { return deep(0); }

int main(void) {
    HMODULE base = GetModuleHandleA("kernelbase.dll"), k32 = GetModuleHandleA("kernel32.dll");
    get = (void *)GetProcAddress(k32, "GetWriteWatch"), reset = (void *)GetProcAddress(k32, "ResetWriteWatch");
    alloc2 = (void *)GetProcAddress(base, "VirtualAlloc2"), map3 = (void *)GetProcAddress(base, "MapViewOfFile3");
    unmap2 = (void *)GetProcAddress(base, "UnmapViewOfFile2");
    watch();
    placeholders();
    AddVectoredExceptionHandler(1, handler);
    char *guard = VirtualAlloc(0, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
    guard[1] = 1, guard[2] = 2;
    printf("guard: %d\n", seen);
    for (int i = 0; i < 2; i++) {
        HANDLE thread = CreateThread(0, 0x20000, overflow, 0, STACK_SIZE_PARAM_IS_A_RESERVATION, 0);
        DWORD code;
        WaitForSingleObject(thread, INFINITE);
        GetExitCodeThread(thread, &code);
        printf("thread: %lu\n", code);
    }
    return 0;
}
