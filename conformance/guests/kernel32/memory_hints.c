/* Pages that are discarded, offered, taken back and read ahead. */
#define _WIN32_WINNT 0x0A00
#include <windows.h>
#include <stdio.h>

typedef DWORD(WINAPI *RANGE)(void *, SIZE_T);
typedef DWORD(WINAPI *OFFER)(void *, SIZE_T, int);
typedef struct { void *at; SIZE_T size; } ENTRY;
typedef BOOL(WINAPI *PREFETCH)(HANDLE, ULONG_PTR, ENTRY *, ULONG);
typedef void *(WINAPI *ALLOC)(HANDLE, void *, SIZE_T, ULONG, ULONG, void *, ULONG);

int main(void)
{
    HMODULE k = GetModuleHandleA("kernel32"), b = LoadLibraryA("kernelbase");
    RANGE discard = (RANGE)GetProcAddress(k, "DiscardVirtualMemory"), reclaim = (RANGE)GetProcAddress(k, "ReclaimVirtualMemory");
    OFFER offer = (OFFER)GetProcAddress(k, "OfferVirtualMemory");
    PREFETCH prefetch = (PREFETCH)GetProcAddress(k, "PrefetchVirtualMemory");
    ALLOC alloc = (ALLOC)GetProcAddress(b, "VirtualAlloc2FromApp");
    char *p = alloc(NULL, NULL, 0x10000, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE, NULL, 0);
    printf("alloc %d\n", p != NULL);
    p[0] = 1, p[0x1000] = 2, p[0x2000] = 3;
    printf("discard %lu\n", discard(p + 0x1000, 0x1000));
    p[0x1000] = 9;
    printf("kept %d %d %d\n", p[0], p[0x1000], p[0x2000]);
    printf("unaligned %lu %lu\n", discard(p + 1, 0x1000), discard(p, 100));
    printf("offer %lu", offer(p, 0x3000, 1));
    printf(" reclaim %lu", reclaim(p, 0x3000));
    printf(" bad priority %lu\n", offer(p, 0x3000, 9));
    ENTRY e[2] = { { p, 0x10000 }, { (void *)0x10, 1 } };
    printf("prefetch %d", prefetch(GetCurrentProcess(), 2, e, 0));
    printf(" none %d", prefetch(GetCurrentProcess(), 0, e, 0));
    printf(" %lu\n", GetLastError());
    DWORD old;
    VirtualProtect(p, 0x1000, PAGE_READONLY, &old);
    printf("read only %lu\n", discard(p, 0x1000));
    VirtualFree(p, 0, MEM_RELEASE);
    printf("free %lu\n", discard(p, 0x1000));
    return 0;
}
