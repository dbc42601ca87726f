// Pipes without a name, as NtCreateNamedPipeFile makes them relative to the folder of pipes (ntifs.h).
#define _WIN32_WINNT 0x0A00
#include <windows.h>
#include <winternl.h>
#include <stdio.h>
#include <string.h>

typedef NTSTATUS(NTAPI *CREATE_PIPE)(HANDLE *, ULONG, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG, ULONG, ULONG, ULONG, ULONG, ULONG, ULONG, ULONG, LARGE_INTEGER *);
typedef NTSTATUS(NTAPI *QUERY)(HANDLE, IO_STATUS_BLOCK *, void *, ULONG, ULONG);
typedef NTSTATUS(NTAPI *OPEN)(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, ULONG, ULONG);
static CREATE_PIPE create;
static OPEN open_nt;
static QUERY query;

static NTSTATUS open_file(HANDLE *out, HANDLE root, const wchar_t *name, ACCESS_MASK access, ULONG share, ULONG options) {
    UNICODE_STRING text = { wcslen(name) * 2, wcslen(name) * 2, (wchar_t *)name };
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK status;
    InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, root, NULL);
    return open_nt(out, access, &attributes, &status, share, options);
}

static NTSTATUS create_pipe(HANDLE *out, HANDLE root, const wchar_t *name, ACCESS_MASK access, ULONG share, ULONG disposition, ULONG options, ULONG messages) {
    UNICODE_STRING text = { wcslen(name) * 2, wcslen(name) * 2, (wchar_t *)name };
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK status;
    LARGE_INTEGER timeout;
    timeout.QuadPart = -500000;
    InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, root, NULL);
    return create(out, access, &attributes, &status, share, disposition, options, messages, messages, 0, 1, 4096, 4096, &timeout);
}

static void facts(const char *what, HANDLE h) {
    DWORD info[10];
    IO_STATUS_BLOCK status;
    printf("%s: query %lx", what, query(h, &status, info, sizeof info, 24));
    printf(" type %lu direction %lu state %lu end %lu\n", info[0], info[1], info[8], info[9]);
}

static DWORD WINAPI writer(void *h) {
    DWORD n;
    Sleep(50);
    WriteFile(h, "later", 5, &n, NULL);
    return 0;
}

int main(void) {
    HMODULE ntdll = GetModuleHandleA("ntdll");
    HANDLE folder, server, client, again;
    char text[64];
    DWORD n;
    create = (CREATE_PIPE)GetProcAddress(ntdll, "NtCreateNamedPipeFile");
    open_nt = (OPEN)GetProcAddress(ntdll, "NtOpenFile");
    query = (QUERY)GetProcAddress(ntdll, "NtQueryInformationFile");

    printf("folder %lx\n", open_file(&folder, NULL, L"\\Device\\NamedPipe\\", SYNCHRONIZE | GENERIC_READ, 7, FILE_SYNCHRONOUS_IO_NONALERT));

    // The server reads, asynchronously; the client writes.
    printf("inbound %lx\n", create_pipe(&server, folder, L"", SYNCHRONIZE | GENERIC_READ, FILE_SHARE_WRITE, FILE_CREATE, 0, 0));
    printf("reading client %lx\n", open_file(&client, server, L"", SYNCHRONIZE | GENERIC_READ, 7, FILE_NON_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT));
    printf("client %lx\n", open_file(&client, server, L"", SYNCHRONIZE | GENERIC_WRITE | FILE_READ_ATTRIBUTES, 7, FILE_NON_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT));
    printf("type %lu\n", GetFileType(client));
    printf("second client %d\n", open_file(&again, server, L"", SYNCHRONIZE | GENERIC_WRITE, 7, FILE_SYNCHRONOUS_IO_NONALERT) != 0);
    facts("server", server);
    facts("client", client);
    HANDLE t = CreateThread(NULL, 0, writer, client, 0, NULL);
    OVERLAPPED o = { 0 };
    o.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
    printf("read %d", ReadFile(server, text, sizeof text, NULL, &o));
    printf(" %lu\n", GetLastError());
    printf("result %d", GetOverlappedResult(server, &o, &n, TRUE));
    printf(" %.*s\n", (int)n, text);
    WaitForSingleObject(t, INFINITE);
    WriteFile(client, "rest", 4, &n, NULL);
    CloseHandle(client);
    o.Offset = 0;
    ReadFile(server, text, sizeof text, NULL, &o);
    printf("rest %d", GetOverlappedResult(server, &o, &n, TRUE));
    printf(" %.*s\n", (int)n, text);
    printf("end %d", ReadFile(server, text, sizeof text, NULL, &o));
    printf(" %lu\n", GetLastError());
    CloseHandle(server);

    // Messages, both ways.
    printf("duplex %lx\n", create_pipe(&server, folder, L"", SYNCHRONIZE | GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_CREATE, FILE_SYNCHRONOUS_IO_NONALERT, 1));
    printf("client %lx\n", open_file(&client, server, L"", SYNCHRONIZE | GENERIC_READ | GENERIC_WRITE, 7, FILE_SYNCHRONOUS_IO_NONALERT));
    facts("server", server);
    WriteFile(client, "one", 3, &n, NULL);
    WriteFile(client, "three", 5, &n, NULL);
    printf("message %d", ReadFile(server, text, sizeof text, &n, NULL));
    printf(" %.*s\n", (int)n, text);
    printf("part %d", ReadFile(server, text, 2, &n, NULL));
    printf(" %lu %.*s\n", GetLastError(), (int)n, text);
    printf("rest %d", ReadFile(server, text, sizeof text, &n, NULL));
    printf(" %.*s\n", (int)n, text);
    WriteFile(server, "back", 4, &n, NULL);
    printf("back %d", ReadFile(client, text, sizeof text, &n, NULL));
    printf(" %.*s\n", (int)n, text);
    CloseHandle(client);
    CloseHandle(server);

    // With a name it is a named pipe like others.
    printf("named %lx\n", create_pipe(&server, folder, L"uosrun-nt-pipe", SYNCHRONIZE | GENERIC_READ, FILE_SHARE_WRITE, FILE_CREATE, FILE_SYNCHRONOUS_IO_NONALERT, 0));
    printf("again %lx\n", create_pipe(&again, folder, L"uosrun-nt-pipe", SYNCHRONIZE | GENERIC_READ, FILE_SHARE_WRITE, FILE_CREATE, FILE_SYNCHRONOUS_IO_NONALERT, 0));
    client = CreateFileA("\\\\.\\pipe\\uosrun-nt-pipe", GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    printf("client %d\n", client != INVALID_HANDLE_VALUE);
    WriteFile(client, "by name", 7, &n, NULL);
    printf("read %d", ReadFile(server, text, sizeof text, &n, NULL));
    printf(" %.*s\n", (int)n, text);
    CloseHandle(client);
    CloseHandle(server);
    printf("no such %lx\n", create_pipe(&again, folder, L"uosrun-none", SYNCHRONIZE | GENERIC_READ, FILE_SHARE_WRITE, FILE_OPEN, FILE_SYNCHRONOUS_IO_NONALERT, 0));
    printf("no sharing %lx\n", create_pipe(&again, folder, L"uosrun-none", SYNCHRONIZE | GENERIC_READ, 0, FILE_CREATE, FILE_SYNCHRONOUS_IO_NONALERT, 0));
    return 0;
}
