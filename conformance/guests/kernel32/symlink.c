/* Symbolic links: their targets are read back as they were written; "." may be a link. */
#define _WIN32_WINNT 0x0A00
#include <windows.h>
#include <winioctl.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    ULONG tag;
    USHORT length, reserved, substitute_at, substitute_len, print_at, print_len;
    ULONG flags;
    WCHAR names[1];
} LINK;

static void target(const char *name)
{
    BYTE data[4096];
    DWORD n;
    LINK *link = (LINK *)data;
    HANDLE h = CreateFileA(name, 0, 7, NULL, OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, NULL);
    BOOL ok = DeviceIoControl(h, FSCTL_GET_REPARSE_POINT, NULL, 0, data, sizeof data, &n, NULL);
    printf("%s: %d", name, ok);
    if (ok)
        printf(" relative %lu substitute %.*ls print %.*ls", link->flags, link->substitute_len / 2, link->names + link->substitute_at / 2,
               link->print_len / 2, link->names + link->print_at / 2);
    puts("");
    CloseHandle(h);
}

static void attributes(const char *name)
{
    DWORD a = GetFileAttributesA(name);
    printf("%s: link %d folder %d\n", name, !!(a & FILE_ATTRIBUTE_REPARSE_POINT), !!(a & FILE_ATTRIBUTE_DIRECTORY));
}

static void final(const char *name)
{
    char path[MAX_PATH];
    HANDLE h = CreateFileA(name, 0, 7, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    DWORD n = GetFinalPathNameByHandleA(h, path, sizeof path, 0);
    printf("%s -> %s\n", name, n ? path : "none");
    CloseHandle(h);
}

int main(void)
{
    const DWORD dir = SYMBOLIC_LINK_FLAG_DIRECTORY;
    CreateDirectoryA("C:\\uosrun-links", NULL);
    CreateDirectoryA("C:\\uosrun-links\\dir", NULL);
    CreateDirectoryA("C:\\uosrun-links\\dir\\in", NULL);
    SetCurrentDirectoryA("C:\\uosrun-links");
    printf("make %d", CreateSymbolicLinkA("rel", "dir\\in", dir));
    printf(" %d", CreateSymbolicLinkA("up", "..\\uosrun-links\\dir", dir));
    printf(" %d", CreateSymbolicLinkA("abs", "C:\\uosrun-links\\dir", dir));
    printf(" %d", CreateSymbolicLinkA("rooted", "\\uosrun-links\\dir", dir));
    printf(" %d", CreateSymbolicLinkA("root", "\\", dir));
    printf(" %d\n", CreateSymbolicLinkA("dangling", "\\none\\such", dir));
    target("rel"), target("up"), target("abs"), target("rooted"), target("root"), target("dangling"), target("dir");
    attributes("rooted"), attributes("rooted\\in"), attributes("root\\uosrun-links\\dir");
    final("rel"), final("rooted\\in"), final("root\\uosrun-links");
    printf("enter %d\n", SetCurrentDirectoryA("rooted"));
    attributes("."), attributes("C:."), attributes("..\\rooted"), attributes("in");
    final(".");
    SetCurrentDirectoryA("C:\\");
    for (const char **name = (const char *[]){ "rel", "up", "abs", "rooted", "root", "dangling", "dir\\in", "dir", "", NULL }; *name; name++) {
        char path[MAX_PATH];
        snprintf(path, sizeof path, "C:\\uosrun-links\\%s", *name);
        if (!RemoveDirectoryA(path))
            printf("remove %s: %lu\n", path, GetLastError());
    }
    return 0;
}
