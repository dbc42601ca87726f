/* The thread pool (threadpoolapi.h) and its older functions. */
#define _WIN32_WINNT 0x0A00
#include <windows.h>
#include <stdio.h>

static volatile LONG ran, cancelled, fired;
static HANDLE done;

static void CALLBACK work(PTP_CALLBACK_INSTANCE i, void *c, PTP_WORK w) { InterlockedAdd(&ran, *(int *)c); }
static void CALLBACK slow(PTP_CALLBACK_INSTANCE i, void *c, PTP_WORK w) { WaitForSingleObject(c, INFINITE); InterlockedIncrement(&ran); }
static void CALLBACK simple(PTP_CALLBACK_INSTANCE i, void *c)
{
    printf("simple %s, may run long %d\n", (char *)c, CallbackMayRunLong(i));
    SetEventWhenCallbackReturns(i, done);
}
static void CALLBACK timer(PTP_CALLBACK_INSTANCE i, void *c, PTP_TIMER t)
{
    if (InterlockedIncrement(&fired) == 3)
        SetEvent(c);
}
static void CALLBACK waited(PTP_CALLBACK_INSTANCE i, void *c, PTP_WAIT w, TP_WAIT_RESULT r)
{
    printf("wait %s %lu\n", (char *)c, r);
    SetEvent(done);
}
static void CALLBACK group_cancel(void *object, void *cleanup) { printf("cancelled %s %s\n", (char *)object, (char *)cleanup); }
static void CALLBACK never(PTP_CALLBACK_INSTANCE i, void *c, PTP_TIMER t) { printf("never\n"); }
static void CALLBACK old(void *c, BOOLEAN timed) { printf("old %s %d\n", (char *)c, timed); SetEvent(done); }
static void CALLBACK old_timer(void *c, BOOLEAN timed) { if (InterlockedIncrement(&fired) == 2) SetEvent(c); }
static DWORD WINAPI item(void *c) { printf("item %s\n", (char *)c); SetEvent(done); return 0; }

int main(void)
{
    int one = 1;
    FILETIME due;
    LARGE_INTEGER t;
    done = CreateEvent(NULL, FALSE, FALSE, NULL);

    PTP_WORK w = CreateThreadpoolWork(work, &one, NULL);
    for (int i = 0; i < 1000; i++)
        SubmitThreadpoolWork(w);
    WaitForThreadpoolWorkCallbacks(w, FALSE);
    printf("ran %ld\n", ran);
    CloseThreadpoolWork(w);

    /* A pool with one thread: what has not begun can be taken back. */
    HANDLE gate = CreateEvent(NULL, TRUE, FALSE, NULL);
    TP_CALLBACK_ENVIRON env;
    InitializeThreadpoolEnvironment(&env);
    PTP_POOL pool = CreateThreadpool(NULL);
    SetThreadpoolThreadMaximum(pool, 1);
    printf("minimum %d\n", SetThreadpoolThreadMinimum(pool, 1));
    SetThreadpoolCallbackPool(&env, pool);
    ran = 0;
    w = CreateThreadpoolWork(slow, gate, &env);
    for (int i = 0; i < 5; i++)
        SubmitThreadpoolWork(w);
    Sleep(100);
    SetEvent(gate);
    WaitForThreadpoolWorkCallbacks(w, FALSE);
    printf("one thread ran %ld\n", ran);
    CloseThreadpoolWork(w);

    printf("try\n");
    TrySubmitThreadpoolCallback(simple, "context", NULL);
    printf("set %lu\n", WaitForSingleObject(done, 5000));

    HANDLE third = CreateEvent(NULL, FALSE, FALSE, NULL);
    PTP_TIMER tm = CreateThreadpoolTimer(timer, third, NULL);
    printf("is set %d\n", IsThreadpoolTimerSet(tm));
    t.QuadPart = -10 * 10000;
    due.dwLowDateTime = t.LowPart, due.dwHighDateTime = t.HighPart;
    SetThreadpoolTimer(tm, &due, 10, 0);
    printf("is set %d\n", IsThreadpoolTimerSet(tm));
    printf("third %lu\n", WaitForSingleObject(third, 5000));
    SetThreadpoolTimer(tm, NULL, 0, 0);
    WaitForThreadpoolTimerCallbacks(tm, TRUE);
    printf("is set %d, at least three %d\n", IsThreadpoolTimerSet(tm), fired >= 3);
    CloseThreadpoolTimer(tm);

    HANDLE ev = CreateEvent(NULL, FALSE, FALSE, NULL);
    PTP_WAIT wt = CreateThreadpoolWait(waited, "object", NULL);
    SetThreadpoolWait(wt, ev, NULL);
    SetEvent(ev);
    WaitForSingleObject(done, 5000);
    WaitForThreadpoolWaitCallbacks(wt, FALSE);
    SetThreadpoolWait(wt, ev, &due);
    WaitForSingleObject(done, 5000);
    WaitForThreadpoolWaitCallbacks(wt, FALSE);
    SetThreadpoolWait(wt, ev, NULL);
    SetThreadpoolWait(wt, NULL, NULL);
    SetEvent(ev);
    printf("stopped %lu\n", WaitForSingleObject(done, 50));
    ResetEvent(ev);
    CloseThreadpoolWait(wt);

    PTP_CLEANUP_GROUP group = CreateThreadpoolCleanupGroup();
    SetThreadpoolCallbackCleanupGroup(&env, group, group_cancel);
    tm = CreateThreadpoolTimer(never, "timer", &env);
    t.QuadPart = -600LL * 10000000;
    due.dwLowDateTime = t.LowPart, due.dwHighDateTime = t.HighPart;
    SetThreadpoolTimer(tm, &due, 0, 0);
    CloseThreadpoolCleanupGroupMembers(group, TRUE, "cleanup");
    CloseThreadpoolCleanupGroup(group);
    CloseThreadpool(pool);

    QueueUserWorkItem(item, "context", WT_EXECUTEDEFAULT);
    WaitForSingleObject(done, 5000);
    HANDLE h;
    RegisterWaitForSingleObject(&h, ev, old, "wait", INFINITE, WT_EXECUTEDEFAULT);
    for (int i = 0; i < 2; i++) {
        SetEvent(ev);
        WaitForSingleObject(done, 5000);
    }
    printf("unregister %d\n", UnregisterWaitEx(h, INVALID_HANDLE_VALUE));
    RegisterWaitForSingleObject(&h, ev, old, "time", 10, WT_EXECUTEONLYONCE);
    WaitForSingleObject(done, 5000);
    printf("unregister %d\n", UnregisterWaitEx(h, INVALID_HANDLE_VALUE));

    fired = 0;
    HANDLE q = CreateTimerQueue();
    printf("timer %d\n", CreateTimerQueueTimer(&h, q, old_timer, third, 600000, 0, 0));
    printf("change %d\n", ChangeTimerQueueTimer(q, h, 1, 5));
    printf("second %lu\n", WaitForSingleObject(third, 5000));
    printf("delete %d\n", DeleteTimerQueueTimer(q, h, INVALID_HANDLE_VALUE));
    printf("delete %d\n", DeleteTimerQueueEx(q, INVALID_HANDLE_VALUE));
    return 0;
}
