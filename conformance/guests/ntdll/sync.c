// Objects of the native API: events, mutants, semaphores, timers, keyed events and alerts (ntexapi.h).
#include <windows.h>
#include <winternl.h>
#include <stdio.h>

#define F(ret, name, ...) typedef ret(NTAPI *name##_t)(__VA_ARGS__); static name##_t name##_p;
#define LOAD(name) name##_p = (name##_t)GetProcAddress(GetModuleHandleA("ntdll"), #name)
typedef LARGE_INTEGER LI;
typedef OBJECT_ATTRIBUTES OA;
F(NTSTATUS, NtCreateEvent, HANDLE *, ULONG, OA *, ULONG, BOOLEAN)
F(NTSTATUS, NtOpenEvent, HANDLE *, ULONG, OA *)
F(NTSTATUS, NtQueryEvent, HANDLE, ULONG, void *, ULONG, ULONG *)
F(NTSTATUS, NtCreateMutant, HANDLE *, ULONG, OA *, BOOLEAN)
F(NTSTATUS, NtQueryMutant, HANDLE, ULONG, void *, ULONG, ULONG *)
F(NTSTATUS, NtCreateSemaphore, HANDLE *, ULONG, OA *, LONG, LONG)
F(NTSTATUS, NtQuerySemaphore, HANDLE, ULONG, void *, ULONG, ULONG *)
F(NTSTATUS, NtCreateTimer, HANDLE *, ULONG, OA *, ULONG)
F(NTSTATUS, NtSetTimer, HANDLE, LI *, void *, void *, BOOLEAN, LONG, BOOLEAN *)
F(NTSTATUS, NtCancelTimer, HANDLE, BOOLEAN *)
F(NTSTATUS, NtQueryTimer, HANDLE, ULONG, void *, ULONG, ULONG *)
F(NTSTATUS, NtSignalAndWaitForSingleObject, HANDLE, HANDLE, BOOLEAN, LI *)
F(NTSTATUS, NtCreateKeyedEvent, HANDLE *, ULONG, OA *, ULONG)
F(NTSTATUS, NtWaitForKeyedEvent, HANDLE, void *, BOOLEAN, LI *)
F(NTSTATUS, NtReleaseKeyedEvent, HANDLE, void *, BOOLEAN, LI *)
F(NTSTATUS, NtTestAlert, void)
F(NTSTATUS, NtAlertThread, HANDLE)
F(NTSTATUS, NtAlertThreadByThreadId, ULONG_PTR)
F(NTSTATUS, NtWaitForAlertByThreadId, void *, LI *)
F(NTSTATUS, NtDelayExecution, BOOLEAN, LI *)
F(NTSTATUS, NtSetInformationObject, HANDLE, ULONG, void *, ULONG)
F(NTSTATUS, RtlSetCurrentDirectory_U, UNICODE_STRING *)
F(void, RtlInitUnicodeString, UNICODE_STRING *, const WCHAR *)

static LI soon = { .QuadPart = -100000 }, none = { .QuadPart = 0 };
static HANDLE keyed;
static int key;

static DWORD WINAPI releases(void *what) {
    (void)what;
    printf("release %#lx\n", (long)NtReleaseKeyedEvent_p(keyed, &key, FALSE, NULL));
    return 0;
}

static DWORD WINAPI waits(void *what) {
    (void)what;
    return (DWORD)NtWaitForKeyedEvent_p(NULL, &key, FALSE, NULL);
}

static DWORD WINAPI alerts(void *id) {
    NtAlertThreadByThreadId_p((ULONG_PTR)id);
    return 0;
}

static void names(void) {
    UNICODE_STRING name;
    RtlInitUnicodeString_p(&name, L"\\BaseNamedObjects\\uosrun-test");
    OA oa = { .Length = sizeof oa, .ObjectName = &name };
    HANDLE a, b = NULL;
    printf("create %#lx", (long)NtCreateEvent_p(&a, EVENT_ALL_ACCESS, &oa, 0, TRUE));
    printf(" again %#lx", (long)NtCreateEvent_p(&b, EVENT_ALL_ACCESS, &oa, 0, TRUE));
    oa.Attributes = OBJ_OPENIF;
    printf(" open if %#lx", (long)NtCreateEvent_p(&b, EVENT_ALL_ACCESS, &oa, 0, TRUE));
    HANDLE c = OpenEventA(SYNCHRONIZE, FALSE, "Global\\uosrun-test");
    printf(" by name %d", c != NULL);
    printf(" open %#lx\n", (long)NtOpenEvent_p(&b, SYNCHRONIZE, &oa));
    RtlInitUnicodeString_p(&name, L"\\BaseNamedObjects\\uosrun-none");
    printf("none %#lx\n", (long)NtOpenEvent_p(&b, SYNCHRONIZE, &oa));
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    LOAD(NtCreateEvent), LOAD(NtOpenEvent), LOAD(NtQueryEvent), LOAD(NtCreateMutant), LOAD(NtQueryMutant), LOAD(NtCreateSemaphore);
    LOAD(NtQuerySemaphore), LOAD(NtCreateTimer), LOAD(NtSetTimer), LOAD(NtCancelTimer), LOAD(NtQueryTimer);
    LOAD(NtSignalAndWaitForSingleObject), LOAD(NtCreateKeyedEvent), LOAD(NtWaitForKeyedEvent), LOAD(NtReleaseKeyedEvent);
    LOAD(NtTestAlert), LOAD(NtAlertThread), LOAD(NtAlertThreadByThreadId), LOAD(NtWaitForAlertByThreadId), LOAD(NtDelayExecution);
    LOAD(NtSetInformationObject), LOAD(RtlSetCurrentDirectory_U), LOAD(RtlInitUnicodeString);
    ULONG info[4], size;
    HANDLE event, mutant, semaphore, timer;
    NtCreateEvent_p(&event, EVENT_ALL_ACCESS, NULL, 1, TRUE);
    printf("event %#lx:", (long)NtQueryEvent_p(event, 0, info, 8, &size));
    printf(" type %lu state %lu size %lu", info[0], info[1], size);
    printf(" bad class %#lx bad size %#lx\n", (long)NtQueryEvent_p(event, 1, info, 8, &size), (long)NtQueryEvent_p(event, 0, info, 4, &size));
    printf("bad type %#lx\n", (long)NtCreateEvent_p(&timer, EVENT_ALL_ACCESS, NULL, 2, TRUE));
    names();
    NtCreateMutant_p(&mutant, MUTANT_ALL_ACCESS, NULL, TRUE);
    WaitForSingleObject(mutant, 0);
    NtQueryMutant_p(mutant, 0, info, 8, &size);
    printf("mutant %ld owned %d abandoned %d\n", (long)(int)info[0], ((BYTE *)info)[4], ((BYTE *)info)[5]);
    printf("semaphore %#lx", (long)NtCreateSemaphore_p(&semaphore, SEMAPHORE_ALL_ACCESS, NULL, 2, 1));
    printf(" %#lx", (long)NtCreateSemaphore_p(&semaphore, SEMAPHORE_ALL_ACCESS, NULL, 1, 5));
    NtQuerySemaphore_p(semaphore, 0, info, 8, &size);
    printf(" %lu of %lu\n", info[0], info[1]);
    printf("signal and wait %#lx", (long)NtSignalAndWaitForSingleObject_p(semaphore, event, FALSE, NULL));
    NtQuerySemaphore_p(semaphore, 0, info, 8, &size);
    printf(" count %lu again %#lx\n", info[0], (long)NtSignalAndWaitForSingleObject_p(semaphore, event, FALSE, &none));

    struct { LI left; BOOLEAN signalled; } t;
    BOOLEAN was = 9;
    LI later = { .QuadPart = -600000000 };
    NtCreateTimer_p(&timer, TIMER_ALL_ACCESS, NULL, 0);
    printf("timer %#lx", (long)NtSetTimer_p(timer, &later, NULL, NULL, FALSE, 0, &was));
    printf(" was %d", was);
    printf(" query %#lx", (long)NtQueryTimer_p(timer, 0, &t, sizeof t, &size));
    printf(" left %d signalled %d", t.left.QuadPart > 500000000 && t.left.QuadPart <= 600000000, t.signalled);
    NtSetTimer_p(timer, &soon, NULL, NULL, FALSE, 0, NULL);
    printf(" wait %lu", WaitForSingleObject(timer, 5000));
    NtCancelTimer_p(timer, &was);
    printf(" signalled %d\n", was);

    NtCreateKeyedEvent_p(&keyed, GENERIC_READ | GENERIC_WRITE, NULL, 0);
    printf("keyed time-out %#lx", (long)NtWaitForKeyedEvent_p(keyed, &key, FALSE, &soon));
    printf(" odd %#lx\n", (long)NtWaitForKeyedEvent_p(keyed, (char *)&key + 1, FALSE, &soon));
    HANDLE thread = CreateThread(NULL, 0, releases, NULL, 0, NULL);
    Sleep(20);
    NTSTATUS status = NtWaitForKeyedEvent_p(keyed, &key, FALSE, NULL);
    WaitForSingleObject(thread, INFINITE);
    printf("wait %#lx\n", (long)status);
    thread = CreateThread(NULL, 0, waits, NULL, 0, NULL);
    printf("other key %#lx", (long)NtReleaseKeyedEvent_p(NULL, &keyed, FALSE, &soon));
    printf(" null %#lx", (long)NtReleaseKeyedEvent_p(NULL, &key, FALSE, NULL));
    WaitForSingleObject(thread, INFINITE);
    DWORD code;
    GetExitCodeThread(thread, &code);
    printf(" %#lx\n", code);

    printf("alert %#lx", (long)NtAlertThread_p(GetCurrentThread()));
    printf(" sleep %#lx", (long)NtDelayExecution_p(FALSE, &soon));
    printf(" alertable %#lx", (long)NtDelayExecution_p(TRUE, &soon));
    printf(" again %#lx", (long)NtDelayExecution_p(TRUE, &soon));
    NtAlertThread_p(GetCurrentThread());
    printf(" test %#lx", (long)NtTestAlert_p());
    printf(" %#lx\n", (long)NtTestAlert_p());
    printf("by id %#lx", (long)NtWaitForAlertByThreadId_p(&key, &soon));
    NtAlertThreadByThreadId_p(GetCurrentThreadId());
    NtAlertThreadByThreadId_p(GetCurrentThreadId());
    printf(" %#lx", (long)NtWaitForAlertByThreadId_p(&key, &soon));
    printf(" %#lx", (long)NtWaitForAlertByThreadId_p(&key, &none));
    thread = CreateThread(NULL, 0, alerts, (void *)(ULONG_PTR)GetCurrentThreadId(), 0, NULL);
    printf(" thread %#lx", (long)NtWaitForAlertByThreadId_p(&key, NULL));
    WaitForSingleObject(thread, INFINITE);
    printf(" nobody %#lx\n", (long)NtAlertThreadByThreadId_p(0x7ffffff0));

    BOOLEAN flags[2] = { TRUE, FALSE };
    DWORD now = 9;
    printf("flags %#lx", (long)NtSetInformationObject_p(event, 4, flags, 2));
    GetHandleInformation(event, &now);
    printf(" %lu\n", now);
    UNICODE_STRING path;
    WCHAR dir[MAX_PATH];
    RtlInitUnicodeString_p(&path, L"C:\\windows");
    printf("directory %#lx", (long)RtlSetCurrentDirectory_U_p(&path));
    GetCurrentDirectoryW(MAX_PATH, dir);
    printf(" %ls", dir);
    RtlInitUnicodeString_p(&path, L"C:\\nowhere");
    printf(" missing %d\n", RtlSetCurrentDirectory_U_p(&path) < 0);
    return 0;
}
