// Nanoseconds of hot calls, one line each: name, value. Built by benches/compare with mingw-w64.
#include <stdio.h>
#include <windows.h>

static double now(void) {
    LARGE_INTEGER c, f;
    QueryPerformanceCounter(&c);
    QueryPerformanceFrequency(&f);
    return c.QuadPart * 1e9 / f.QuadPart;
}
static DWORD WINAPI nothing(void *p) { return 0; }

#define MEASURE(name, n, code) do { \
    double best = 1e18; \
    for (int round = 0; round < 5; round++) { double t = now(); for (int i = 0; i < n; i++) { code; } t = (now() - t) / n; if (t < best) best = t; } \
    printf("%s %.1f\n", name, best); } while (0)

int main(void) {
    HANDLE e = CreateEventA(NULL, TRUE, TRUE, NULL), heap = GetProcessHeap();
    CRITICAL_SECTION cs;
    InitializeCriticalSection(&cs);
    CreateFileA("bench.tmp", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    MEASURE("SetEvent+ResetEvent", 200000, SetEvent(e); ResetEvent(e));
    SetEvent(e);
    MEASURE("WaitForSingleObject(signalled)", 200000, WaitForSingleObject(e, 0));
    MEASURE("WaitForSingleObject(signalled,INFINITE)", 200000, WaitForSingleObject(e, INFINITE));
    MEASURE("Enter+LeaveCriticalSection", 200000, EnterCriticalSection(&cs); LeaveCriticalSection(&cs));
    MEASURE("HeapAlloc+HeapFree", 200000, HeapFree(heap, 0, HeapAlloc(heap, 0, 64)));
    MEASURE("GetLastError", 200000, GetLastError());
    MEASURE("QueryPerformanceCounter", 200000, now());
    MEASURE("CreateFile+CloseHandle", 20000, CloseHandle(CreateFileA("bench.tmp", GENERIC_READ, 7, NULL, OPEN_EXISTING, 0, NULL)));
    MEASURE("GetFileAttributes(missing)", 5000, GetFileAttributesA("no-such-file"));
    MEASURE("VirtualAlloc+VirtualFree", 20000, VirtualFree(VirtualAlloc(NULL, 65536, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), 0, MEM_RELEASE));
    MEASURE("CreateThread+join", 1000, HANDLE t = CreateThread(NULL, 0, nothing, NULL, 0, NULL); WaitForSingleObject(t, INFINITE); CloseHandle(t));
    return 0;
}
