// Write watch, placeholders and address requirements, as documented with GetWriteWatch and VirtualAlloc2.
#include <windows.h>
#include <stdio.h>

#define PLACEHOLDER 0x40000
#define REPLACE 0x4000
#define PRESERVE 2
#define COALESCE 1
typedef struct { ULONG64 type; ULONG64 value; } Parameter;
typedef struct { void *lowest, *highest; SIZE_T align; } Addresses;
static void *(WINAPI *alloc2)(HANDLE, void *, SIZE_T, ULONG, ULONG, Parameter *, ULONG);
static void *(WINAPI *map3)(HANDLE, HANDLE, void *, ULONG64, SIZE_T, ULONG, ULONG, Parameter *, ULONG);
static BOOL (WINAPI *unmap2)(HANDLE, void *, ULONG);

static void written(const char *what, unsigned flags, char *base, SIZE_T size, ULONG_PTR most) {
    void *pages[16];
    ULONG_PTR count = most;
    DWORD granularity = 0;
    UINT result = GetWriteWatch(flags, base, size, pages, &count, &granularity);
    printf("%s: %u,", what, result);
    if (result == 0) for (ULONG_PTR i = 0; i < count; i++) printf(" %d", (int)(((char *)pages[i] - base) / 4096));
    else printf(" error %lu", GetLastError());
    printf("%s\n", result == 0 && granularity == 4096 ? "" : " (no granularity)");
}

static void failed(const char *what, void *result) { printf("%s: %p %lu\n", what, result, GetLastError()); }

static void query(const char *what, char *at) {
    MEMORY_BASIC_INFORMATION i;
    VirtualQuery(at, &i, sizeof i);
    printf("%s: base %+d, size %x, state %lx, protect %lx, type %lx\n", what, (int)((char *)i.AllocationBase - at), (int)i.RegionSize, i.State, i.State == MEM_COMMIT ? i.Protect : 0, i.Type);
}

static void watch(void) {
    char *p = VirtualAlloc(0, 16 * 4096, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE);
    written("fresh", 0, p, 16 * 4096, 16);
    p[4096] = 1, p[5 * 4096 + 9] = 1, p[6 * 4096] = 1;
    volatile char read = p[8 * 4096];
    written("three", 0, p, 16 * 4096, 16);
    written("first two", 0, p, 16 * 4096, 2);
    written("part, reset", WRITE_WATCH_FLAG_RESET, p + 5 * 4096, 4096, 16);
    written("left", 0, p, 16 * 4096, 16);
    printf("reset: %u\n", ResetWriteWatch(p, 16 * 4096));
    written("none", 0, p, 16 * 4096, 16);
    // The system writes too.
    HANDLE file = CreateFileA("watch.txt", GENERIC_READ | GENERIC_WRITE, 0, 0, CREATE_ALWAYS, 0, 0);
    DWORD done;
    WriteFile(file, "12345", 5, &done, 0);
    SetFilePointer(file, 0, 0, FILE_BEGIN);
    ReadFile(file, p + 3 * 4096, 5, &done, 0);
    CloseHandle(file);
    written("by the system", 0, p, 16 * 4096, 16);
    VirtualFree(p, 4 * 4096, MEM_DECOMMIT);
    written("decommitted", 0, p, 16 * 4096, 16);
    VirtualAlloc(p, 4 * 4096, MEM_COMMIT, PAGE_READWRITE);
    p[0] = p[3 * 4096];
    written("committed again", 0, p, 16 * 4096, 16);
    DWORD old;
    VirtualProtect(p, 4096, PAGE_READONLY, &old);
    VirtualProtect(p, 4096, PAGE_READWRITE, &old);
    p[2 * 4096] = 1;
    written("after protection", 0, p, 16 * 4096, 16);
    written("bad flags", 2, p, 16 * 4096, 16);
    char *plain = VirtualAlloc(0, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    written("not watched", 0, plain, 4096, 16);
    failed("watch without reserve", VirtualAlloc(plain, 4096, MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE));
    VirtualFree(p, 0, MEM_RELEASE);
}

static void placeholders(void) {
    HANDLE self = GetCurrentProcess();
    char *p = alloc2(self, 0, 0x40000, MEM_RESERVE | PLACEHOLDER, PAGE_NOACCESS, 0, 0);
    query("placeholder", p);
    failed("commit in it", VirtualAlloc(p, 4096, MEM_COMMIT, PAGE_READWRITE));
    printf("split: %d\n", VirtualFree(p + 0x10000, 0x10000, MEM_RELEASE | PRESERVE));
    query("first", p), query("second", p + 0x10000), query("third", p + 0x20000);
    failed("replace too much", alloc2(self, p, 0x20000, MEM_RESERVE | MEM_COMMIT | REPLACE, PAGE_READWRITE, 0, 0));
    printf("replace: %d\n", alloc2(self, p + 0x10000, 0x10000, MEM_RESERVE | MEM_COMMIT | REPLACE, PAGE_READWRITE, 0, 0) == p + 0x10000);
    p[0x10000] = 7;
    query("replaced", p + 0x10000);
    // A ring buffer: the same memory twice, side by side.
    HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, 0, PAGE_READWRITE, 0, 0x10000, 0);
    printf("split: %d\n", VirtualFree(p + 0x20000, 0x10000, MEM_RELEASE | PRESERVE));
    char *a = map3(section, self, p + 0x20000, 0, 0x10000, REPLACE, PAGE_READWRITE, 0, 0);
    char *b = map3(section, self, p + 0x30000, 0, 0x10000, REPLACE, PAGE_READWRITE, 0, 0);
    printf("views: %d %d", a == p + 0x20000, b == p + 0x30000);
    a[0xffff] = 'x', b[0] = 'y';
    printf(" %c%c\n", b[0xffff], a[0]);
    query("view", a);
    printf("unmap, keep: %d", unmap2(self, a, PRESERVE));
    printf(" %d\n", unmap2(self, b, PRESERVE));
    query("kept", a);
    printf("release, keep: %d\n", VirtualFree(p + 0x10000, 0x10000, MEM_RELEASE | PRESERVE));
    printf("coalesce: %d\n", VirtualFree(p, 0x40000, MEM_RELEASE | COALESCE));
    query("whole again", p);
    printf("release: %d\n", VirtualFree(p, 0, MEM_RELEASE));
    MEMORY_BASIC_INFORMATION gone;
    VirtualQuery(p, &gone, sizeof gone);
    printf("gone: %d\n", gone.State == MEM_FREE);
}

static void requirements(void) {
    Addresses within = { (void *)0x100000000, (void *)0x1ffffffff, 0x100000 };
    Parameter parameter = { 1, (ULONG_PTR)&within };
    char *p = alloc2(0, 0, 0x5000, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, &parameter, 1);
    printf("within: %d\n", p >= (char *)within.lowest && p + 0x5000 <= (char *)within.highest && (ULONG_PTR)p % within.align == 0);
    p[0x4fff] = 1;
    Addresses aligned = { 0, 0, 1 << 30 };
    parameter.value = (ULONG_PTR)&aligned;
    p = alloc2(0, 0, 0x5000, MEM_RESERVE, PAGE_READWRITE, &parameter, 1);
    printf("aligned: %d\n", p && (ULONG_PTR)p % (1 << 30) == 0);
    p = alloc2(0, 0, 0x5000, MEM_COMMIT, PAGE_READWRITE, &parameter, 1);
    printf("commit alone: %d\n", p && (ULONG_PTR)p % (1 << 30) == 0 && (p[0x4fff] = 1));
    aligned.align = 4096;
    failed("small alignment", alloc2(0, 0, 0x5000, MEM_RESERVE, PAGE_READWRITE, &parameter, 1));
}

int main(void) {
    HMODULE base = GetModuleHandleA("kernelbase.dll");
    alloc2 = (void *)GetProcAddress(base, "VirtualAlloc2");
    map3 = (void *)GetProcAddress(base, "MapViewOfFile3");
    unmap2 = (void *)GetProcAddress(base, "UnmapViewOfFile2");
    watch();
    placeholders();
    requirements();
    return 0;
}
