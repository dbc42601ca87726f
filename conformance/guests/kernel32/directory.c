// The current directory: set, told, used for relative names, and its handle in the process parameters.
#include <windows.h>
#include <stdio.h>
#include <string.h>

static const char *tail(void) {
    static char path[MAX_PATH];
    GetCurrentDirectoryA(sizeof path, path);
    char *last = strrchr(path, '\\');
    return last ? last + 1 : path;
}

int main(void) {
    CreateDirectoryA("one", 0);
    CreateDirectoryA("one\\two", 0);
    for (int i = 0; i < 3; i++) {
        printf("into: %d", SetCurrentDirectoryA("one"));
        printf(" %s\n", tail());
        printf("further: %d", SetCurrentDirectoryA("two"));
        printf(" %s\n", tail());
        HANDLE h = CreateFileA("file", GENERIC_WRITE, 0, 0, CREATE_ALWAYS, 0, 0);
        printf("file: %d\n", h != INVALID_HANDLE_VALUE);
        CloseHandle(h);
        printf("back: %d\n", SetCurrentDirectoryA("..\\.."));
        printf("there: %d\n", GetFileAttributesA("one\\two\\file") != INVALID_FILE_ATTRIBUTES);
    }
    BOOL ok = SetCurrentDirectoryA("none");
    DWORD error = GetLastError();
    printf("missing: %d error %lu\n", ok, error);
    ok = SetCurrentDirectoryA("one\\two\\file");
    error = GetLastError();
    printf("a file: %d error %lu\n", ok, error);
    BOOL file = DeleteFileA("one\\two\\file"), two = RemoveDirectoryA("one\\two"), one = RemoveDirectoryA("one");
    printf("removed: %d %d %d\n", file, two, one);
    return 0;
}
