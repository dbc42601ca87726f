// IOCTL_AFD_POLL as event loops use it, and the catalogue of protocols that they ask first.
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <winternl.h>
#include <stdint.h>
#include <stdio.h>

#define IOCTL_AFD_POLL 0x00012024

typedef struct {
    LARGE_INTEGER timeout;
    ULONG handles, exclusive;
    struct { HANDLE handle; ULONG events; LONG status; } entry[2];
} POLL;

typedef NTSTATUS(NTAPI *Control)(HANDLE, HANDLE, PVOID, PVOID, IO_STATUS_BLOCK *, ULONG, PVOID, ULONG, PVOID, ULONG);
typedef NTSTATUS(NTAPI *Cancel)(HANDLE, IO_STATUS_BLOCK *, IO_STATUS_BLOCK *);
typedef VOID(NTAPI *Init)(UNICODE_STRING *, const WCHAR *);
typedef NTSTATUS(NTAPI *Create)(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, LARGE_INTEGER *, ULONG, ULONG, ULONG, ULONG, PVOID, ULONG);
static Control control;
static Cancel cancel;
static HANDLE device, port;
static POLL poll_of;
static IO_STATUS_BLOCK block, ignored;

static void begin(const char *what, SOCKET s, ULONG events, LONGLONG timeout) {
    memset(&poll_of, 0, sizeof poll_of);
    poll_of.timeout.QuadPart = timeout;
    poll_of.handles = 1;
    poll_of.entry[0].handle = (HANDLE)s;
    poll_of.entry[0].events = events;
    NTSTATUS status = control(device, NULL, NULL, &block, &block, IOCTL_AFD_POLL, &poll_of, 32, &poll_of, 32);
    printf("%s: %#lx", what, (unsigned long)status);
}

static void end(void) {
    OVERLAPPED *overlapped = NULL;
    ULONG_PTR key = 0;
    DWORD bytes = 0;
    BOOL ok = GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, 2000);
    if (!overlapped) {
        printf(" nothing came\n");
        return;
    }
    printf(" -> %s key %d, %lu handles", ok ? "ok" : "failed", (int)key, ok ? poll_of.handles : 0);
    if (ok && poll_of.handles)
        printf(", events %#lx%s", poll_of.entry[0].events, (void *)overlapped == &block ? "" : " of another");
    printf("\n");
}

int main(void) {
    WSADATA data;
    WSAStartup(0x202, &data);
    HMODULE ntdll = GetModuleHandleA("ntdll");
    control = (Control)(void *)GetProcAddress(ntdll, "NtDeviceIoControlFile");
    cancel = (Cancel)(void *)GetProcAddress(ntdll, "NtCancelIoFileEx");
    UNICODE_STRING name;
    ((Init)(void *)GetProcAddress(ntdll, "RtlInitUnicodeString"))(&name, L"\\Device\\Afd\\Guest");
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
    NTSTATUS status = ((Create)(void *)GetProcAddress(ntdll, "NtCreateFile"))(&device, SYNCHRONIZE, &attributes, &block, NULL, 0, FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_OPEN, 0, NULL, 0);
    printf("device %#lx\n", (unsigned long)status);
    port = CreateIoCompletionPort(device, NULL, 7, 0);

    SOCKET listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int len = sizeof to;
    bind(listener, (struct sockaddr *)&to, len);
    getsockname(listener, (struct sockaddr *)&to, &len);
    listen(listener, 4);

    SOCKET client = socket(AF_INET, SOCK_STREAM, 0);
    u_long one = 1;
    ioctlsocket(client, FIONBIO, &one);
    begin("not connected", client, 0x1ff & ~0x20, -200000), end();
    begin("accept", listener, 0x80, INT64_MAX);
    connect(client, (struct sockaddr *)&to, sizeof to);
    end();
    begin("connected", client, 4 | 0x100, INT64_MAX), end();
    SOCKET server = accept(listener, NULL, NULL);
    begin("receive", client, 1 | 8 | 0x10, INT64_MAX);
    send(server, "x", 1, 0);
    end();
    char c;
    recv(client, &c, 1, 0);
    begin("cancelled", client, 1, INT64_MAX);
    printf(" cancel %#lx", (unsigned long)cancel(device, &block, &ignored));
    end();
    begin("timeout", client, 1, -100000), end();
    begin("at once", client, 1, 0), end();
    begin("exclusive", client, 1, INT64_MAX);
    poll_of.exclusive = 1;
    POLL first = poll_of, second = poll_of;
    IO_STATUS_BLOCK others[2];
    status = control(device, NULL, NULL, NULL, &others[0], IOCTL_AFD_POLL, &first, 32, &first, 32);
    status = control(device, NULL, NULL, NULL, &others[1], IOCTL_AFD_POLL, &second, 32, &second, 32);
    Sleep(50);
    printf(", the first has %#lx %lu, the second %#lx", (long)others[0].Status, first.handles, (long)others[1].Status);
    printf(", cancel %#lx %#lx", (unsigned long)cancel(device, &block, &ignored), (unsigned long)cancel(device, &others[1], &ignored));
    end();
    begin("disconnect", client, 8, INT64_MAX);
    shutdown(server, SD_SEND);
    end();
    begin("abort", client, 0x10, INT64_MAX);
    struct linger hard = {1, 0};
    setsockopt(server, SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard);
    closesocket(server);
    end();
    begin("closed", listener, 0x80 | 0x20, INT64_MAX);
    closesocket(listener);
    end();
    SOCKET refused = socket(AF_INET, SOCK_STREAM, 0);
    ioctlsocket(refused, FIONBIO, &one);
    begin("refused", refused, 4 | 0x10 | 0x100, INT64_MAX);
    connect(refused, (struct sockaddr *)&to, sizeof to);
    end();
    closesocket(refused);
    // A poll that rests, since a socket without a connection hangs up, goes on when that changes.
    SOCKET late = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_port = 0;
    bind(late, (struct sockaddr *)&to, sizeof to);
    len = sizeof to;
    getsockname(late, (struct sockaddr *)&to, &len);
    begin("listens later", late, 0x80, INT64_MAX);
    Sleep(50);
    listen(late, 4);
    connect(other, (struct sockaddr *)&to, sizeof to);
    end();
    SOCKET third = socket(AF_INET, SOCK_STREAM, 0);
    ioctlsocket(third, FIONBIO, &one);
    begin("connects later", third, 4, INT64_MAX);
    Sleep(50);
    connect(third, (struct sockaddr *)&to, sizeof to);
    end();
    begin("closed unasked", third, 1, INT64_MAX);
    closesocket(third);
    end();
    SOCKET datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    begin("can be sent", datagrams, 4 | 1, INT64_MAX), end();
    begin("no socket", (SOCKET)port, 1, INT64_MAX), printf("\n");

    // What succeeds at once is not reported to the port, if it shall not be; what ends later is.
    printf("modes %d\n", SetFileCompletionNotificationModes(device, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE));
    begin("at once, skipped", datagrams, 4, INT64_MAX);
    printf(", block %#lx, ", (long)block.Status);
    OVERLAPPED *packet;
    ULONG_PTR key;
    DWORD bytes;
    printf("packet %d\n", GetQueuedCompletionStatus(port, &bytes, &key, &packet, 0));
    begin("later", datagrams, 1, -100000), end();

    WSAPROTOCOL_INFOW info;
    len = sizeof info;
    int got = getsockopt(client, SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&info, &len);
    printf("info %d %d: family %d kind %d protocol %d, provider %08lx\n", got, len, info.iAddressFamily, info.iSocketType, info.iProtocol, info.ProviderId.Data1);
    int wanted[] = {IPPROTO_UDP, 0};
    DWORD room = 0;
    got = WSAEnumProtocolsW(wanted, NULL, &room);
    printf("enumerate %d %d", got, WSAGetLastError());
    WSAPROTOCOL_INFOW *list = malloc(room);
    int count = WSAEnumProtocolsW(wanted, list, &room);
    printf(", %d:", count);
    for (int i = 0; i < count; i++)
        printf(" %d/%d %s", list[i].iAddressFamily, list[i].iProtocol, list[i].dwServiceFlags1 & XP1_CONNECTIONLESS ? "connectionless" : "");
    printf("\n");
}
