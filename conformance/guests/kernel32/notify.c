/* Change notification of folders: ReadDirectoryChangesW in its forms, and notification handles. */
#define _WIN32_WINNT 0x0A00
#include <windows.h>
#include <stdio.h>
#include <string.h>

static DWORD buffer[4096];
static const char *const actions[] = { "?", "added", "removed", "modified", "old", "new" };

/* Prints records; what repeats itself is printed once, as systems differ in how often they tell of a write. */
static void show(DWORD bytes)
{
    char last[300] = "";
    if (!bytes) {
        printf("  nothing told\n");
        return;
    }
    for (BYTE *at = (BYTE *)buffer;;) {
        FILE_NOTIFY_INFORMATION *info = (FILE_NOTIFY_INFORMATION *)at;
        char line[300];
        snprintf(line, sizeof line, "  %s %.*ls", actions[info->Action % 6], (int)(info->FileNameLength / 2), info->FileName);
        if (strcmp(line, last))
            puts(line);
        strcpy(last, line);
        if (!info->NextEntryOffset)
            break;
        at += info->NextEntryOffset;
    }
    fflush(stdout);
}

static HANDLE open_folder(const char *name, DWORD flags)
{
    return CreateFileA(name, FILE_LIST_DIRECTORY, 7, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | flags, NULL);
}

static void touch(const char *name, const char *text)
{
    DWORD n;
    HANDLE f = CreateFileA(name, GENERIC_WRITE, 7, NULL, OPEN_ALWAYS, 0, NULL);
    WriteFile(f, text, strlen(text), &n, NULL);
    CloseHandle(f);
}

static OVERLAPPED o;

static BOOL ask(HANDLE folder, BOOL subtree, DWORD filter) { return ReadDirectoryChangesW(folder, buffer, sizeof buffer, subtree, filter, NULL, &o, NULL); }

static void told(HANDLE folder, const char *what)
{
    DWORD n = 0;
    printf("%s: wait %lu", what, WaitForSingleObject(o.hEvent, 5000));
    printf(" result %d\n", GetOverlappedResult(folder, &o, &n, FALSE));
    show(n);
}

static void CALLBACK routine(DWORD error, DWORD bytes, OVERLAPPED *over)
{
    printf("routine: %lu\n", error);
    show(bytes);
}

static DWORD WINAPI later(void *name)
{
    Sleep(100);
    touch(name, "x");
    return 0;
}

int main(void)
{
    const DWORD names = FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME;
    DWORD n;
    CreateDirectoryA("top", NULL);
    CreateDirectoryA("top\\sub", NULL);
    touch("top\\old.txt", "1");

    /* With an event. */
    HANDLE folder = open_folder("top", FILE_FLAG_OVERLAPPED);
    o.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL);
    printf("ask %d\n", ask(folder, FALSE, names));
    printf("quiet: %lu\n", WaitForSingleObject(o.hEvent, 50));
    touch("top\\new.txt", "1");
    told(folder, "create");
    /* What happens between two calls is kept; other folders do not count. */
    touch("top\\sub\\inner.txt", "1");
    DeleteFileA("top\\old.txt");
    ask(folder, FALSE, names);
    told(folder, "delete");
    MoveFileA("top\\new.txt", "top\\other.txt");
    ask(folder, FALSE, names);
    told(folder, "rename");
    CreateDirectoryA("top\\made", NULL);
    ask(folder, FALSE, names);
    told(folder, "mkdir");
    RemoveDirectoryA("top\\made");
    ask(folder, FALSE, names);
    told(folder, "rmdir");
    /* Cancelled, and closed. */
    ResetEvent(o.hEvent);
    ask(folder, FALSE, names);
    printf("cancel %d\n", CancelIoEx(folder, &o));
    printf("cancelled %d", GetOverlappedResult(folder, &o, &n, TRUE));
    printf(" %lu\n", GetLastError());
    ask(folder, FALSE, names);
    CloseHandle(folder);
    printf("closed: wait %lu", WaitForSingleObject(o.hEvent, 5000));
    printf(", status %lx, bytes %lu\n", (DWORD)o.Internal, (DWORD)o.InternalHigh);

    /* Contents and attributes. */
    folder = open_folder("top", FILE_FLAG_OVERLAPPED);
    ask(folder, FALSE, FILE_NOTIFY_CHANGE_LAST_WRITE | FILE_NOTIFY_CHANGE_SIZE);
    touch("top\\other.txt", "longer");
    told(folder, "write");
    CloseHandle(folder);
    folder = open_folder("top", FILE_FLAG_OVERLAPPED);
    ask(folder, FALSE, FILE_NOTIFY_CHANGE_ATTRIBUTES);
    SetFileAttributesA("top\\other.txt", FILE_ATTRIBUTE_READONLY);
    told(folder, "attributes");
    SetFileAttributesA("top\\other.txt", FILE_ATTRIBUTE_NORMAL);
    CloseHandle(folder);

    /* A subtree, with folders that come and go. */
    folder = open_folder("top", FILE_FLAG_OVERLAPPED);
    ask(folder, TRUE, names);
    touch("top\\sub\\a.txt", "1");
    told(folder, "subtree");
    CreateDirectoryA("top\\fresh", NULL);
    ask(folder, TRUE, names);
    told(folder, "fresh folder");
    touch("top\\fresh\\b.txt", "1");
    ask(folder, TRUE, names);
    told(folder, "in it");
    MoveFileA("top\\fresh", "top\\moved");
    ask(folder, TRUE, names);
    told(folder, "folder renamed");
    touch("top\\moved\\c.txt", "1");
    ask(folder, TRUE, names);
    told(folder, "in it");
    MoveFileA("top\\moved\\c.txt", "top\\sub\\c.txt");
    ask(folder, TRUE, names);
    told(folder, "moved over");
    /* More than fits is not told at all. */
    for (int i = 0; i < 10; i++) {
        char name[64];
        snprintf(name, sizeof name, "top\\sub\\many%d", i);
        touch(name, "1");
    }
    o.InternalHigh = 1;
    ReadDirectoryChangesW(folder, buffer, 64, TRUE, names, NULL, &o, NULL);
    WaitForSingleObject(o.hEvent, 5000);
    printf("too much: %lx %lu\n", (DWORD)o.Internal, (DWORD)o.InternalHigh);
    CloseHandle(folder);

    /* A routine, and a completion port. */
    folder = open_folder("top", FILE_FLAG_OVERLAPPED);
    ReadDirectoryChangesW(folder, buffer, sizeof buffer, FALSE, names, NULL, &o, routine);
    touch("top\\apc.txt", "1");
    printf("alerted %d\n", SleepEx(5000, TRUE) == WAIT_IO_COMPLETION);
    CloseHandle(folder);
    folder = open_folder("top", FILE_FLAG_OVERLAPPED);
    HANDLE port = CreateIoCompletionPort(folder, NULL, 77, 1);
    ULONG_PTR key = 0;
    OVERLAPPED *which = NULL, o2 = { 0 };
    ReadDirectoryChangesW(folder, buffer, sizeof buffer, FALSE, names, NULL, &o2, NULL);
    touch("top\\port.txt", "1");
    printf("packet %d", GetQueuedCompletionStatus(port, &n, &key, &which, 5000));
    printf(" key %lu own %d\n", (DWORD)key, which == &o2);
    show(n);
    CloseHandle(folder);

    /* Waiting in the call. */
    folder = open_folder("top", 0);
    HANDLE t = CreateThread(NULL, 0, later, "top\\sync.txt", 0, NULL);
    printf("synchronous %d\n", ReadDirectoryChangesW(folder, buffer, sizeof buffer, FALSE, names, &n, NULL, NULL));
    show(n);
    WaitForSingleObject(t, INFINITE);
    CloseHandle(folder);

    /* Notification handles. */
    HANDLE h = FindFirstChangeNotificationA("top", FALSE, FILE_NOTIFY_CHANGE_FILE_NAME);
    printf("first %d, quiet %lu\n", h != INVALID_HANDLE_VALUE, WaitForSingleObject(h, 50));
    touch("top\\n1", "1");
    printf("signalled %lu\n", WaitForSingleObject(h, 5000));
    printf("next %d", FindNextChangeNotification(h));
    printf(", quiet %lu\n", WaitForSingleObject(h, 50));
    touch("top\\n2", "1");
    printf("signalled %lu\n", WaitForSingleObject(h, 5000));
    touch("top\\n3", "1");
    printf("next %d", FindNextChangeNotification(h));
    printf(", signalled %lu\n", WaitForSingleObject(h, 5000));
    printf("close %d\n", FindCloseChangeNotification(h));
    h = FindFirstChangeNotificationA("none", FALSE, FILE_NOTIFY_CHANGE_FILE_NAME);
    printf("missing %d %lu\n", h == INVALID_HANDLE_VALUE, GetLastError());
    h = FindFirstChangeNotificationA("top\\n1", FALSE, FILE_NOTIFY_CHANGE_FILE_NAME);
    printf("file %d\n", h == INVALID_HANDLE_VALUE);
    folder = open_folder("top", FILE_FLAG_OVERLAPPED);
    printf("no filter %d", ask(folder, FALSE, 0));
    printf(" %lu\n", GetLastError());
    return 0;
}
