/* Fibers and fiber-local storage (winbase.h, fibersapi.h). */
#include <windows.h>
#include <stdio.h>

static void *main_fiber, *a, *b;
static DWORD slot;
static int steps;

static void WINAPI fls_gone(void *value) { printf("callback for %s\n", (char *)value); }

static void CALLBACK run(void *name)
{
    volatile double d = 1.5;
    char local[3000];
    local[0] = *(char *)name;
    printf("%s starts, data same: %d, fiber: %d\n", (char *)name, GetFiberData() == name, IsThreadAFiber());
    printf("%s own stack: %d\n", (char *)name, (char *)((NT_TIB *)NtCurrentTeb())->StackLimit < local && local < (char *)((NT_TIB *)NtCurrentTeb())->StackBase);
    printf("%s fls first: %d\n", (char *)name, FlsGetValue(slot) == NULL);
    FlsSetValue(slot, name);
    for (int i = 0; i < 3; i++) {
        d *= 2;
        printf("%s step %d %.1f %c %s\n", (char *)name, i, d, local[0], (char *)FlsGetValue(slot));
        steps++;
        SwitchToFiber(name == (void *)0 ? main_fiber : *(char *)name == 'A' ? b : a);
    }
    SwitchToFiber(main_fiber);
}

static void CALLBACK returns(void *p) { printf("returns %d\n", *(int *)p); }

static DWORD WINAPI ends(void *p)
{
    FlsSetValue(slot, "thread");
    ConvertThreadToFiber(NULL);
    SwitchToFiber(CreateFiber(0, returns, p));
    printf("never\n");
    return 1;
}

static DWORD WINAPI plain(void *p) { FlsSetValue(slot, p); return 3; }

int main(void)
{
    DWORD code = 99;
    int five = 5;
    printf("fiber %d\n", IsThreadAFiber());
    BOOL ok = ConvertFiberToThread();
    printf("no fiber: %d %lu\n", ok, GetLastError());
    main_fiber = ConvertThreadToFiberEx("main", FIBER_FLAG_FLOAT_SWITCH);
    printf("converted %d %s\n", main_fiber == GetCurrentFiber(), (char *)GetFiberData());
    void *again = ConvertThreadToFiber(NULL);
    printf("again %p %lu\n", again, GetLastError());
    slot = FlsAlloc(fls_gone);
    FlsSetValue(slot, "main");
    a = CreateFiber(0, run, "A");
    b = CreateFiberEx(4096, 128 * 1024, 0, run, "B");
    SwitchToFiber(a);
    printf("back after %d, %s\n", steps, (char *)FlsGetValue(slot));
    DeleteFiber(a);
    printf("freeing\n");
    /* B's value, then main's or the other way round: both are called. Take main's away first. */
    FlsSetValue(slot, NULL);
    FlsFree(slot);
    DeleteFiber(b);
    slot = FlsAlloc(fls_gone);
    HANDLE t = CreateThread(NULL, 0, plain, "plain thread", 0, NULL);
    WaitForSingleObject(t, INFINITE);
    GetExitCodeThread(t, &code);
    printf("exit %lu\n", code);
    t = CreateThread(NULL, 0, ends, &five, 0, NULL);
    WaitForSingleObject(t, INFINITE);
    printf("thread ended by its fiber\n");
    /* The ended thread's first fiber was never deleted: its value is left. */
    FlsFree(slot);
    ok = ConvertFiberToThread();
    printf("thread again %d %d\n", ok, IsThreadAFiber());
    return 0;
}
