// What a program sees of itself: tool help, modules (psapi.h), its version resource (none), and consoles when standard handles are pipes.
#include <windows.h>
#include <psapi.h>
#include <stdio.h>
#include <string.h>
#include <tlhelp32.h>

static DWORD WINAPI sleeps(void *what) {
    return WaitForSingleObject(what, INFINITE);
}

int main(void) {
    HANDLE stop = CreateEventA(NULL, TRUE, FALSE, NULL), thread = CreateThread(NULL, 0, sleeps, stop, 0, NULL);
    HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS | TH32CS_SNAPTHREAD | TH32CS_SNAPMODULE, 0);
    PROCESSENTRY32 process = { .dwSize = sizeof process };
    int own = 0;
    for (BOOL more = Process32First(all, &process); more; more = Process32Next(all, &process))
        if (process.th32ProcessID == GetCurrentProcessId()) own++, printf("process %d threads %d\n", strstr(process.szExeFile, ".exe") != NULL, process.cntThreads >= 2);
    printf("found %d error %lu\n", own, GetLastError());
    THREADENTRY32 t = { .dwSize = sizeof t };
    int threads = 0, me = 0;
    for (BOOL more = Thread32First(all, &t); more; more = Thread32Next(all, &t))
        if (t.th32OwnerProcessID == GetCurrentProcessId()) threads++, me += t.th32ThreadID == GetCurrentThreadId();
    printf("threads %d, this one %d\n", threads >= 2, me);
    MODULEENTRY32 module = { .dwSize = sizeof module };
    int first = 1, kernel = 0;
    for (BOOL more = Module32First(all, &module); more; more = Module32Next(all, &module), first = 0) {
        if (first) printf("program first %d\n", module.modBaseAddr == (BYTE *)GetModuleHandleA(NULL));
        kernel += !lstrcmpiA(module.szModule, "kernel32.dll") && module.hModule == GetModuleHandleA("kernel32");
    }
    printf("kernel32 %d\n", kernel);
    CloseHandle(all);
    SetEvent(stop);
    WaitForSingleObject(thread, INFINITE);

    HMODULE modules[256];
    DWORD needed = 0;
    printf("modules %d", K32EnumProcessModules(GetCurrentProcess(), modules, sizeof modules, &needed));
    printf(" program %d", modules[0] == GetModuleHandleA(NULL));
    MODULEINFO info;
    printf(" info %d", K32GetModuleInformation(GetCurrentProcess(), modules[0], &info, sizeof info));
    printf(" here %d", (BYTE *)main >= (BYTE *)info.lpBaseOfDll && (BYTE *)main < (BYTE *)info.lpBaseOfDll + info.SizeOfImage);
    char name[MAX_PATH], path[MAX_PATH];
    K32GetModuleBaseNameA(GetCurrentProcess(), NULL, name, MAX_PATH);
    GetModuleFileNameA(NULL, path, MAX_PATH);
    printf(" name %d\n", !lstrcmpiA(strrchr(path, '\\') + 1, name));
    char small[4];
    SetLastError(0);
    DWORD len = GetModuleFileNameA(NULL, small, sizeof small);
    printf("cut %lu error %lu ends %d\n", len, GetLastError(), small[3] == 0);
    PROCESS_MEMORY_COUNTERS memory = { .cb = sizeof memory };
    printf("memory %d", K32GetProcessMemoryInfo(GetCurrentProcess(), &memory, sizeof memory));
    printf(" %d\n", memory.WorkingSetSize != 0 && memory.PeakWorkingSetSize >= memory.WorkingSetSize);
    HRSRC none = FindResourceA(NULL, "nothing", (char *)RT_RCDATA);
    printf("resource %d error %lu\n", none != NULL, GetLastError());

    HANDLE read, write;
    CreatePipe(&read, &write, NULL, 0);
    DWORD mode, done;
    BOOL ok = GetConsoleMode(write, &mode);
    printf("console mode %d error %lu", ok, GetLastError());
    ok = WriteConsoleA(write, "x", 1, &done, NULL);
    printf(", write %d error %lu", ok, GetLastError());
    CONSOLE_SCREEN_BUFFER_INFO screen;
    ok = GetConsoleScreenBufferInfo(write, &screen);
    printf(", screen %d error %lu\n", ok, GetLastError());
    return 0;
}
