/* Files bound to the thread pool, and a pool that is closed at once. */
#define _WIN32_WINNT 0x0A00
#include <windows.h>
#include <stdio.h>
#include <string.h>

static volatile LONG calls, ran;
static HANDLE done;

static void CALLBACK io(PTP_CALLBACK_INSTANCE i, void *context, void *overlapped, ULONG result, ULONG_PTR bytes, PTP_IO io)
{
    if (result != ERROR_HANDLE_EOF)
        printf("%s: result %lu, %lu bytes, offset %lu\n", (char *)context, result, (ULONG)bytes, ((OVERLAPPED *)overlapped)->Offset);
    fflush(stdout);
    InterlockedIncrement(&calls);
    SetEventWhenCallbackReturns(i, done);
}

static void CALLBACK simple(PTP_CALLBACK_INSTANCE i, void *c) { InterlockedIncrement(&ran); }
static void CALLBACK work(PTP_CALLBACK_INSTANCE i, void *c, PTP_WORK w) { InterlockedIncrement(&ran); }

/* Starts an operation the documented way. */
static void begin(PTP_IO tp, HANDLE file, int write, char *buffer, DWORD size, OVERLAPPED *o, DWORD offset)
{
    memset(o, 0, sizeof *o);
    o->Offset = offset;
    StartThreadpoolIo(tp);
    BOOL ok = write ? WriteFile(file, buffer, size, NULL, o) : ReadFile(file, buffer, size, NULL, o);
    if (!ok && GetLastError() != ERROR_IO_PENDING) {
        printf("failed at once: %lu\n", GetLastError());
        CancelThreadpoolIo(tp);
    }
}

int main(void)
{
    char text[] = "0123456789abcdef", buffer[64] = { 0 };
    OVERLAPPED o, o2;
    done = CreateEvent(NULL, FALSE, FALSE, NULL);

    HANDLE file = CreateFileA("io.tmp", GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_FLAG_OVERLAPPED | FILE_FLAG_DELETE_ON_CLOSE, NULL);
    PTP_IO tp = CreateThreadpoolIo(file, io, "file", NULL);
    printf("bound %d\n", tp != NULL);
    begin(tp, file, 1, text, 16, &o, 0);
    WaitForSingleObject(done, 5000);
    begin(tp, file, 0, buffer, 64, &o, 10);
    WaitForSingleObject(done, 5000);
    printf("read %.*s\n", 6, buffer);
    WaitForThreadpoolIoCallbacks(tp, FALSE);
    printf("calls %ld\n", calls);
    /* Reading beyond the end fails, at once or later, and leaves nothing to wait for. */
    calls = 0;
    memset(&o, 0, sizeof o);
    o.Offset = 100;
    StartThreadpoolIo(tp);
    BOOL ok = ReadFile(file, buffer, 4, NULL, &o);
    DWORD error = GetLastError();
    if (!ok && error != ERROR_IO_PENDING)
        CancelThreadpoolIo(tp);
    WaitForThreadpoolIoCallbacks(tp, FALSE);
    printf("end of file %d\n", calls == 1 || (!ok && error == ERROR_HANDLE_EOF));
    CloseThreadpoolIo(tp);
    CloseHandle(file);
    ResetEvent(done);
    /* A file that is not open for overlapped use, or none at all. */
    tp = CreateThreadpoolIo(INVALID_HANDLE_VALUE, io, "none", NULL);
    printf("none: %d\n", tp != NULL);

    /* A pipe: the callback comes when the other end writes. */
    HANDLE server = CreateNamedPipeA("\\\\.\\pipe\\uosrun-tp-io", PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, PIPE_TYPE_BYTE, 1, 512, 512, 0, NULL);
    HANDLE client = CreateFileA("\\\\.\\pipe\\uosrun-tp-io", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    tp = CreateThreadpoolIo(server, io, "pipe", NULL);
    begin(tp, server, 0, buffer, 5, &o, 0);
    printf("not yet %lu\n", WaitForSingleObject(done, 50));
    fflush(stdout);
    DWORD n;
    WriteFile(client, "hello", 5, &n, NULL);
    WaitForSingleObject(done, 5000);
    printf("read %.5s\n", buffer);
    /* Cancelled: the callback is told. */
    begin(tp, server, 0, buffer, 5, &o, 0);
    printf("cancel %d\n", CancelIoEx(server, &o));
    fflush(stdout);
    WaitForThreadpoolIoCallbacks(tp, FALSE);
    /* Given up with an operation under way: its callback still comes. */
    ResetEvent(done);
    begin(tp, server, 0, buffer, 5, &o2, 0);
    CloseThreadpoolIo(tp);
    WriteFile(client, "again", 5, &n, NULL);
    printf("closed, then %lu\n", WaitForSingleObject(done, 5000));
    printf("read %.5s\n", buffer);
    CloseHandle(client);
    CloseHandle(server);

    /* A pool closed right after work was given to it still does it. */
    for (int i = 0; i < 200; i++) {
        TP_CALLBACK_ENVIRON env;
        InitializeThreadpoolEnvironment(&env);
        PTP_POOL pool = CreateThreadpool(NULL);
        SetThreadpoolCallbackPool(&env, pool);
        PTP_WORK w = CreateThreadpoolWork(work, NULL, &env);
        SubmitThreadpoolWork(w);
        CloseThreadpool(pool);
        WaitForThreadpoolWorkCallbacks(w, FALSE);
        CloseThreadpoolWork(w);
    }
    printf("pools closed early ran %ld\n", ran);
    return 0;
}
