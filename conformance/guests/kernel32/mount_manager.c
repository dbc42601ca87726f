// The mount manager by DeviceIoControl (mountmgr.h): drive letters and the devices that they stand for.
#include <windows.h>
#include <stdio.h>
#include <string.h>

#define QUERY_POINTS 0x6d0008
#define QUERY_DOS_VOLUME_PATH 0x6d0030

typedef struct { ULONG offset; USHORT length, reserved; } TEXT_AT;
typedef struct { TEXT_AT link, id, device; } MOUNT_POINT;
typedef struct { ULONG size, count; MOUNT_POINT points[1]; } MOUNT_POINTS;

static union { char bytes[4096]; MOUNT_POINTS points; } out;
static union { char bytes[1024]; MOUNT_POINT point; } in;

static DWORD bytes;

static void show(const char *what, BOOL ok) {
    printf("%s: %d", what, ok);
    if (!ok) printf(" error %lu", GetLastError());
    printf(" bytes %d\n", bytes != 0);
}

int main(void) {
    HANDLE manager = CreateFileW(L"\\\\.\\MountPointManager", 0, 3, NULL, OPEN_EXISTING, 0, NULL);
    printf("open %d\n", manager != INVALID_HANDLE_VALUE);
    show("too small", DeviceIoControl(manager, QUERY_POINTS, &in, sizeof in.point, &out, 8, &bytes, NULL));
    show("cut", DeviceIoControl(manager, QUERY_POINTS, &in, sizeof in.point, &out, 32, &bytes, NULL));
    printf("needs more %d\n", out.points.size > 8);
    BOOL ok = DeviceIoControl(manager, QUERY_POINTS, &in, sizeof in.point, &out, sizeof out, &bytes, NULL);
    show("all", ok);
    printf("size %d\n", out.points.size == bytes);
    WCHAR device[64] = { 0 };
    int devices = 0;
    for (ULONG i = 0; i < out.points.count; i++) {
        MOUNT_POINT *p = &out.points.points[i];
        if (!p->link.length || memcmp(out.bytes + p->link.offset, L"\\DosDevices\\C:", 28)) continue;
        memcpy(device, out.bytes + p->device.offset, p->device.length);
        devices++;
    }
    WCHAR queried[64];
    QueryDosDeviceW(L"C:", queried, 64);
    printf("C: %d, as QueryDosDevice says %d\n", devices, !lstrcmpW(device, queried));

    in.point.link = (TEXT_AT){ sizeof in.point, 28, 0 };
    memcpy(in.bytes + sizeof in.point, L"\\DosDevices\\C:", 28);
    show("one", DeviceIoControl(manager, QUERY_POINTS, &in, sizeof in, &out, sizeof out, &bytes, NULL));
    printf("points %lu\n", out.points.count);
    in.point.link.offset = 5000;
    show("outside", DeviceIoControl(manager, QUERY_POINTS, &in, sizeof in, &out, sizeof out, &bytes, NULL));

    USHORT length = (USHORT)(lstrlenW(device) * 2);
    memcpy(in.bytes, &length, 2);
    memcpy(in.bytes + 2, device, length);
    show("path", DeviceIoControl(manager, QUERY_DOS_VOLUME_PATH, &in, 2 + length, &out, sizeof out, &bytes, NULL));
    printf("path %ls\n", (WCHAR *)(out.bytes + 4));
    show("unknown code", DeviceIoControl(manager, 0x6d7000, NULL, 0, NULL, 0, &bytes, NULL));
    return 0;
}
