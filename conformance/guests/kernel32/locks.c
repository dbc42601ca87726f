// Byte-range locks, as documented with LockFileEx and UnlockFile.
#include <windows.h>
#include <stdio.h>

static HANDLE open_it(void) {
    return CreateFileA("locks.bin", GENERIC_READ | GENERIC_WRITE, 7, NULL, OPEN_ALWAYS, 0, NULL);
}

static void lock(const char *what, HANDLE file, DWORD flags, DWORD at, DWORD len) {
    OVERLAPPED o = { .Offset = at };
    BOOL ok = LockFileEx(file, flags | LOCKFILE_FAIL_IMMEDIATELY, 0, len, 0, &o);
    printf("%s: %d", what, ok);
    if (!ok) printf(" error %lu", GetLastError());
    printf("\n");
}

static void unlock(const char *what, HANDLE file, DWORD at, DWORD len) {
    BOOL ok = UnlockFile(file, at, 0, len, 0);
    printf("%s: %d", what, ok);
    if (!ok) printf(" error %lu", GetLastError());
    printf("\n");
}

int main(void) {
    HANDLE a = open_it(), b = open_it();
    lock("exclusive", a, LOCKFILE_EXCLUSIVE_LOCK, 10, 10);
    lock("exclusive again", a, LOCKFILE_EXCLUSIVE_LOCK, 15, 10);
    lock("other, shared", b, 0, 19, 1);
    lock("other, beside", b, LOCKFILE_EXCLUSIVE_LOCK, 20, 5);
    lock("shared over it", a, 0, 10, 10);
    unlock("other range", a, 10, 5);
    unlock("the exclusive one goes first", a, 10, 10);
    lock("other, shared", b, 0, 10, 10);
    unlock("other", b, 10, 10);
    lock("other, exclusive", b, LOCKFILE_EXCLUSIVE_LOCK, 10, 10);
    unlock("then the shared one", a, 10, 10);
    unlock("nothing left", a, 10, 10);
    lock("other, exclusive", b, LOCKFILE_EXCLUSIVE_LOCK, 10, 10);
    CloseHandle(b);
    lock("closed", a, LOCKFILE_EXCLUSIVE_LOCK, 0, 100);
    CloseHandle(a);
    DeleteFileA("locks.bin");
    return 0;
}
