// SuspendThread, GetThreadContext, SetThreadContext and ResumeThread on a thread that computes and on one that sleeps and allocates.
#include <windows.h>

static HANDLE out;
static void say(const char *text) { DWORD n; WriteFile(out, text, lstrlenA(text), &n, 0); }
static volatile LONG64 counter;
static volatile LONG stop, redirected, calls;

static DWORD WINAPI spin(void *unused) {
    while (!stop) counter++;
    return 5;
}
static DWORD WINAPI caller(void *unused) {
    while (!stop) {
        void *p = HeapAlloc(GetProcessHeap(), 0, 100);
        HeapFree(GetProcessHeap(), 0, p);
        Sleep(0);
        InterlockedIncrement(&calls);
    }
    return 6;
}
static void target(void) {
    redirected = 1;
    ExitThread(9);
}

int mainCRTStartup(void) {
    out = GetStdHandle(STD_OUTPUT_HANDLE);
    HANDLE a = CreateThread(0, 0, spin, 0, 0, 0), b = CreateThread(0, 0, caller, 0, 0, 0);
    while (counter < 1000) Sleep(1);
    int moved = 0, inside = 0, resumed = 0;
    for (int i = 0; i < 1000; i++) {
        if (SuspendThread(a) != 0) say("count?\n");
        CONTEXT context;
        context.ContextFlags = CONTEXT_FULL;
        if (!GetThreadContext(a, &context)) say("context?\n");
        LONG64 before = counter;
        if (context.Rip >= (DWORD64)spin && context.Rip < (DWORD64)spin + 200) inside++;
        for (volatile int k = 0; k < 200; k++);
        if (counter != before) moved++;
        if (ResumeThread(a) == 1) resumed++;
    }
    say(moved ? "moved while suspended\n" : "stood still\n");
    say(inside > 900 ? "context in spin\n" : "context elsewhere\n");
    say(resumed == 1000 ? "resumed\n" : "count wrong\n");
    for (int i = 0; i < 1000; i++) {
        SuspendThread(b);
        CONTEXT context;
        context.ContextFlags = CONTEXT_FULL;
        GetThreadContext(b, &context);
        ResumeThread(b);
    }
    LONG seen = calls;
    Sleep(20);
    say(calls != seen ? "caller goes on\n" : "caller is stuck\n");
    SuspendThread(b);
    Sleep(5);
    seen = calls;
    Sleep(20);
    say(calls == seen ? "caller stands still\n" : "caller moved\n");
    ResumeThread(b);
    SuspendThread(a);
    CONTEXT context;
    context.ContextFlags = CONTEXT_CONTROL;
    GetThreadContext(a, &context);
    context.Rip = (DWORD64)target;
    context.Rsp = (context.Rsp & ~15) - 8;
    SetThreadContext(a, &context);
    ResumeThread(a);
    WaitForSingleObject(a, 5000);
    DWORD code = 0;
    GetExitCodeThread(a, &code);
    say(redirected && code == 9 ? "redirected\n" : "not redirected\n");
    stop = 1;
    WaitForSingleObject(b, 5000);
    GetExitCodeThread(b, &code);
    say(code == 6 ? "done\n" : "caller lost\n");
    ExitProcess(0);
}
