// synchapi.h among threads of one process: critical sections, slim locks, condition variables, one-time initialization, addresses.
#include <windows.h>
#include <stdio.h>

static CRITICAL_SECTION section;
static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE changed = CONDITION_VARIABLE_INIT;
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static int ready, begun;
static volatile LONG word, sum;

static DWORD WINAPI tries(void *what) {
    (void)what;
    BOOL got = TryEnterCriticalSection(&section);
    if (got) LeaveCriticalSection(&section);
    BOOLEAN shared = TryAcquireSRWLockShared(&lock), exclusive = FALSE;
    if (shared) ReleaseSRWLockShared(&lock);
    else if ((exclusive = TryAcquireSRWLockExclusive(&lock))) ReleaseSRWLockExclusive(&lock);
    return got | shared << 1 | exclusive << 2;
}

static DWORD in_thread(LPTHREAD_START_ROUTINE f, void *arg) {
    HANDLE thread = CreateThread(NULL, 0, f, arg, 0, NULL);
    WaitForSingleObject(thread, INFINITE);
    DWORD code;
    GetExitCodeThread(thread, &code);
    CloseHandle(thread);
    return code;
}

static DWORD WINAPI waits(void *by_srw) {
    if (by_srw) {
        AcquireSRWLockExclusive(&lock);
        while (!ready) SleepConditionVariableSRW(&changed, &lock, INFINITE, 0);
        ReleaseSRWLockExclusive(&lock);
    } else {
        EnterCriticalSection(&section);
        while (!ready) SleepConditionVariableCS(&changed, &section, INFINITE);
        LeaveCriticalSection(&section);
    }
    return 0;
}

static BOOL CALLBACK init(INIT_ONCE *which, void *parameter, void **context) {
    (void)which;
    begun++;
    *context = (void *)0x1000;
    return *(BOOL *)parameter;
}

static DWORD WINAPI adds(void *what) {
    (void)what;
    for (int i = 0; i < 10000; i++) {
        EnterCriticalSection(&section);
        sum = sum + 1;
        LeaveCriticalSection(&section);
    }
    return 0;
}

static DWORD WINAPI wakes(void *what) {
    (void)what;
    Sleep(20);
    InterlockedExchange(&word, 1);
    WakeByAddressAll((void *)&word);
    return 0;
}

int main(void) {
    InitializeCriticalSectionAndSpinCount(&section, 100);
    printf("free: %lu\n", in_thread(tries, NULL));
    EnterCriticalSection(&section);
    printf("again by the same thread %d", TryEnterCriticalSection(&section));
    printf(", count %ld\n", section.RecursionCount);
    AcquireSRWLockShared(&lock);
    printf("entered, shared: %lu\n", in_thread(tries, NULL));
    LeaveCriticalSection(&section);
    ReleaseSRWLockShared(&lock);
    AcquireSRWLockExclusive(&lock);
    printf("left once, exclusive: %lu\n", in_thread(tries, NULL));
    LeaveCriticalSection(&section);
    ReleaseSRWLockExclusive(&lock);
    printf("left: %lu\n", in_thread(tries, NULL));

    for (int by_srw = 0; by_srw < 2; by_srw++) {
        HANDLE threads[3];
        ready = 0;
        for (int i = 0; i < 3; i++) threads[i] = CreateThread(NULL, 0, waits, (void *)(ULONG_PTR)by_srw, 0, NULL);
        Sleep(20);
        if (by_srw) AcquireSRWLockExclusive(&lock);
        else EnterCriticalSection(&section);
        ready = 1;
        if (by_srw) ReleaseSRWLockExclusive(&lock);
        else LeaveCriticalSection(&section);
        WakeAllConditionVariable(&changed);
        printf("woken %lu\n", WaitForMultipleObjects(3, threads, TRUE, 5000));
    }
    EnterCriticalSection(&section);
    printf("time-out %d", SleepConditionVariableCS(&changed, &section, 10));
    printf(" error %lu\n", GetLastError());
    LeaveCriticalSection(&section);

    BOOL fails = FALSE, succeeds = TRUE;
    void *context = NULL;
    printf("once %d", InitOnceExecuteOnce(&once, init, &fails, &context));
    printf(" %d", InitOnceExecuteOnce(&once, init, &succeeds, &context));
    printf(" %d", InitOnceExecuteOnce(&once, init, &succeeds, &context));
    printf(" begun %d context %p\n", begun, context);

    HANDLE threads[4];
    for (int i = 0; i < 4; i++) threads[i] = CreateThread(NULL, 0, adds, NULL, 0, NULL);
    WaitForMultipleObjects(4, threads, TRUE, INFINITE);
    printf("sum %ld\n", sum);

    LONG zero = 0;
    SetLastError(0);
    printf("address, time-out %d", WaitOnAddress(&word, &zero, sizeof zero, 10));
    printf(" error %lu", GetLastError());
    HANDLE waker = CreateThread(NULL, 0, wakes, NULL, 0, NULL);
    while (word == zero) WaitOnAddress(&word, &zero, sizeof zero, INFINITE);
    printf(", woken %ld", word);
    printf(", another value %d\n", WaitOnAddress(&word, &zero, sizeof zero, INFINITE));
    WaitForSingleObject(waker, INFINITE);
    DeleteCriticalSection(&section);
    return 0;
}
