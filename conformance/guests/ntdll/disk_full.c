// A device without room: errors as on a full disk, and the program goes on.
#include <windows.h>
#include <stdio.h>
#include <errno.h>
int main(void) {
    HANDLE full = CreateFileA("Z:\\dev\\full", GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, 0, OPEN_EXISTING, 0, 0);
    DWORD done = 7;
    BOOL ok = WriteFile(full, "1234", 4, &done, 0);
    printf("WriteFile: %d, error %lu, %lu bytes\n", ok, GetLastError(), done);
    CloseHandle(full);
    FILE *file = fopen("Z:\\dev\\full", "r+");
    int put = fputs("text", file);
    errno = 0;
    int flushed = fflush(file);
    printf("fputs: %d, fflush: %d, errno %d, ferror %d\n", put >= 0, flushed, errno, ferror(file) != 0);
    return 0;
}
