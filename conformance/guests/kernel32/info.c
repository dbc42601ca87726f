/* Barriers (synchapi.h), and facts of the process and the system. */
#include <windows.h>
#include <stdio.h>

#define GET(r, n, ...) r (WINAPI *p##n)(__VA_ARGS__) = (void *)GetProcAddress(GetModuleHandleA("kernel32.dll"), #n)

static __attribute__((aligned(8))) char barrier[32];
static BOOL (WINAPI *enter)(void *, DWORD);
static volatile LONG last, before[3], wrong;

static DWORD WINAPI worker(void *unused)
{
    int i;
    for (i = 0; i < 200; i++) {
        InterlockedIncrement(&before[i % 3]);
        if (enter(barrier, 0))
            InterlockedIncrement(&last);
        if (before[i % 3] % 4)
            InterlockedIncrement(&wrong);
    }
    return 0;
}

int main(void)
{
    GET(BOOL, InitializeSynchronizationBarrier, void *, LONG, LONG);
    GET(BOOL, EnterSynchronizationBarrier, void *, DWORD);
    GET(BOOL, DeleteSynchronizationBarrier, void *);
    GET(BOOL, ProcessIdToSessionId, DWORD, DWORD *);
    GET(BOOL, GetSystemTimes, ULONGLONG *, ULONGLONG *, ULONGLONG *);
    GET(LONG, GetCurrentPackageFullName, UINT32 *, WCHAR *);
    GET(BOOL, GetProcessWorkingSetSize, HANDLE, SIZE_T *, SIZE_T *);
    GET(BOOL, SetProcessWorkingSetSize, HANDLE, SIZE_T, SIZE_T);
    GET(BOOL, SetProcessShutdownParameters, DWORD, DWORD);
    GET(BOOL, GetProcessShutdownParameters, DWORD *, DWORD *);
    GET(EXECUTION_STATE, SetThreadExecutionState, EXECUTION_STATE);
    HANDLE threads[4], timer, mutex;
    ULONGLONG idle, kernel, user;
    SIZE_T least, most;
    WCHAR wide[64];
    char name[64];
    DWORD size, level, flags;
    int i, same;

    printf("no threads %d", pInitializeSynchronizationBarrier(barrier, 0, 0));
    printf(" error %lu\n", GetLastError());
    enter = pEnterSynchronizationBarrier;
    pInitializeSynchronizationBarrier(barrier, 4, -1);
    for (i = 0; i < 4; i++)
        threads[i] = CreateThread(0, 0, worker, 0, 0, 0);
    WaitForMultipleObjects(4, threads, TRUE, INFINITE);
    printf("delete %d last %ld wrong %ld\n", pDeleteSynchronizationBarrier(barrier), last, wrong);

    timer = CreateWaitableTimerA(0, TRUE, "uosrun-info-timer");
    printf("timer %d %d\n", OpenWaitableTimerA(TIMER_ALL_ACCESS, FALSE, "uosrun-info-timer") != 0, OpenWaitableTimerW(TIMER_ALL_ACCESS, FALSE, L"uosrun-info-none") != 0);
    mutex = CreateMutexExA(0, "uosrun-info-mutex", CREATE_MUTEX_INITIAL_OWNER, MUTEX_ALL_ACCESS);
    printf("mutex %d %lu\n", OpenMutexA(SYNCHRONIZE, FALSE, "uosrun-info-mutex") != 0, WaitForSingleObject(mutex, 0));

    size = 64;
    GetComputerNameW(wide, &size);
    level = 64;
    same = GetComputerNameA(name, &level);
    for (i = 0; wide[i]; i++)
        same &= wide[i] == (unsigned char)name[i];
    printf("name %d %d\n", same, size == level && !name[i]);
    size = 0;
    same = GetComputerNameA(name, &size);
    printf("no room %d %lu %d\n", same, GetLastError(), size > 1);
    same = pGetSystemTimes(&idle, &kernel, &user);
    printf("times %d %d\n", same, kernel >= idle && user > 0);
    printf("package %ld\n", pGetCurrentPackageFullName(&size, NULL));
    pSetProcessWorkingSetSize(GetCurrentProcess(), 1 << 20, 4 << 20);
    pGetProcessWorkingSetSize(GetCurrentProcess(), &least, &most);
    printf("working set %d %d\n", (int)least, (int)most);
    pSetProcessShutdownParameters(0x300, SHUTDOWN_NORETRY);
    pGetProcessShutdownParameters(&level, &flags);
    printf("shutdown %lx %lx\n", level, flags);
    level = pSetThreadExecutionState(ES_CONTINUOUS | ES_SYSTEM_REQUIRED);
    printf("state %lx %lx\n", level, pSetThreadExecutionState(ES_CONTINUOUS));
    return 0;
}
