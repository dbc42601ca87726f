// Named and anonymous pipes within one process: modes, waits, cancellation, overlapped operations.
#include <windows.h>
#include <stdio.h>
#include <string.h>
#define NAME "\\\\.\\pipe\\uosrun-test"

static void say(const char *what, BOOL ok) { printf("%s: %d", what, ok); if (!ok) printf(" error %lu", GetLastError()); printf("\n"); }
static HANDLE blocked;
static DWORD WINAPI reader(void *p) {
    char c; DWORD n = 99;
    BOOL ok = ReadFile(p, &c, 1, &n, 0);
    printf("blocked read: %d error %lu\n", ok, ok ? 0 : GetLastError());
    return 0;
}
static DWORD WINAPI client(void *p) {
    char text[32] = {0}; DWORD n;
    WaitNamedPipeA(NAME, 5000);
    HANDLE h = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, 0, OPEN_EXISTING, 0, 0);
    if (h == INVALID_HANDLE_VALUE) { printf("client: %lu\n", GetLastError()); return 1; }
    WriteFile(h, "ping", 4, &n, 0);
    ReadFile(h, text, sizeof text, &n, 0);
    printf("client got %lu %s\n", n, text);
    CloseHandle(h);
    return 0;
}
static VOID CALLBACK routine(DWORD error, DWORD bytes, OVERLAPPED *o) { printf("routine: %lu %lu\n", error, bytes); }

int main(void) {
    setvbuf(stdout, 0, _IONBF, 0);
    char text[64]; DWORD n, a, left;
    // No such pipe; then one, byte mode.
    HANDLE c = CreateFileA(NAME, GENERIC_READ, 0, 0, OPEN_EXISTING, 0, 0);
    printf("no pipe: %lu\n", GetLastError());
    say("wait for none", WaitNamedPipeA(NAME, 10));
    HANDLE s = CreateNamedPipeA(NAME, PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE, PIPE_TYPE_BYTE | PIPE_WAIT, 2, 512, 512, 0, 0);
    printf("type %lu\n", GetFileType(s));
    HANDLE second = CreateNamedPipeA(NAME, PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE, PIPE_TYPE_BYTE, 2, 512, 512, 0, 0);
    printf("second first instance: %d error %lu\n", second != INVALID_HANDLE_VALUE, GetLastError());
    say("wait for one", WaitNamedPipeA(NAME, 10));
    c = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, 0, OPEN_EXISTING, 0, 0);
    say("connect after the client", ConnectNamedPipe(s, 0));
    HANDLE busy = CreateFileA(NAME, GENERIC_READ, 0, 0, OPEN_EXISTING, 0, 0);
    printf("all busy: %d error %lu\n", busy == INVALID_HANDLE_VALUE, GetLastError());
    WriteFile(c, "hello", 5, &n, 0);
    say("peek", PeekNamedPipe(s, text, 3, &n, &a, &left));
    printf("peeked %lu %.3s of %lu\n", n, text, a);
    ReadFile(s, text, 64, &n, 0);
    printf("read %lu %.5s\n", n, text);
    DWORD flags, instances;
    GetNamedPipeInfo(s, &flags, 0, 0, &instances);
    printf("server: flags %lu instances %lu\n", flags, instances);
    GetNamedPipeInfo(c, &flags, 0, 0, &instances);
    printf("client: flags %lu\n", flags);
    CloseHandle(c);
    say("read from a gone client", ReadFile(s, text, 64, &n, 0));
    say("connect without disconnect", ConnectNamedPipe(s, 0));
    say("disconnect", DisconnectNamedPipe(s));
    say("read disconnected", ReadFile(s, text, 64, &n, 0));
    HANDLE t = CreateThread(0, 0, client, 0, 0, 0);
    (void)t;
    // The same instance serves another client.
    BOOL ok = ConnectNamedPipe(s, 0);
    printf("second client: %d\n", ok || GetLastError() == ERROR_PIPE_CONNECTED);
    ReadFile(s, text, 64, &n, 0);
    printf("server got %lu %.4s\n", n, text);
    WriteFile(s, "pong", 4, &n, 0);
    WaitForSingleObject(t, INFINITE);
    CloseHandle(s);

    // Messages.
    s = CreateNamedPipeA(NAME, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 1, 512, 512, 0, 0);
    c = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, 0, OPEN_EXISTING, 0, 0);
    WriteFile(c, "first", 5, &n, 0);
    WriteFile(c, "second", 6, &n, 0);
    say("part of a message", ReadFile(s, text, 2, &n, 0));
    printf("%lu %.2s\n", n, text);
    say("the rest", ReadFile(s, text, 64, &n, 0));
    printf("%lu %.3s\n", n, text);
    say("the next", ReadFile(s, text, 64, &n, 0));
    printf("%lu %.6s\n", n, text);
    DWORD mode = PIPE_READMODE_MESSAGE;
    say("client reads messages", SetNamedPipeHandleState(c, &mode, 0, 0));
    CloseHandle(c); CloseHandle(s);

    // Overlapped.
    s = CreateNamedPipeA(NAME, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, PIPE_TYPE_BYTE, 1, 512, 512, 0, 0);
    OVERLAPPED o = {0};
    o.hEvent = CreateEventA(0, TRUE, FALSE, 0);
    say("connect overlapped", ConnectNamedPipe(s, &o));
    c = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, 0, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, 0);
    say("connected", GetOverlappedResult(s, &o, &n, TRUE));
    say("read overlapped", ReadFile(s, text, 64, 0, &o));
    printf("signalled %d\n", WaitForSingleObject(o.hEvent, 0) == WAIT_OBJECT_0);
    OVERLAPPED w = {0};
    say("write overlapped", WriteFile(c, "data", 4, &n, &w));
    say("result", GetOverlappedResult(s, &o, &n, TRUE));
    printf("%lu %.4s\n", n, text);
    ReadFile(s, text, 64, 0, &o);
    say("cancel", CancelIoEx(s, &o));
    say("cancelled", GetOverlappedResult(s, &o, &n, TRUE));
    say("nothing to cancel", CancelIoEx(s, 0));
    OVERLAPPED r = {0};
    say("read with a routine", ReadFileEx(c, text, 64, &r, routine));
    WriteFile(s, "abc", 3, &n, &w);
    printf("alerted %d\n", SleepEx(1000, TRUE) == WAIT_IO_COMPLETION);
    CloseHandle(c); CloseHandle(s);

    // An anonymous pipe whose blocked read is cancelled.
    HANDLE rd, wr;
    CreatePipe(&rd, &wr, 0, 0);
    t = CreateThread(0, 0, reader, rd, 0, 0);
    do Sleep(5); while (!CancelIoEx(rd, 0));
    WaitForSingleObject(t, INFINITE);
    t = CreateThread(0, 0, reader, rd, 0, 0);
    do Sleep(5); while (!CancelSynchronousIo(t));
    WaitForSingleObject(t, INFINITE);
    WriteFile(wr, "xyz", 3, &n, 0);
    say("peek anonymous", PeekNamedPipe(rd, text, 2, &n, &a, 0));
    printf("%lu %.2s of %lu\n", n, text, a);
    CloseHandle(wr);
    say("data after close", ReadFile(rd, text, 64, &n, 0));
    say("end", ReadFile(rd, text, 64, &n, 0));
    return 0;
}
