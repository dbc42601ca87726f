// Child processes: inherited handles keep their values, handle lists, suspended starts, jobs, exit codes.
#define _WIN32_WINNT 0x0A00
#include <windows.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <process.h>

static char self[MAX_PATH];

static HANDLE start(const char *arguments, BOOL inherit, DWORD flags, STARTUPINFOEXA *si, HANDLE *thread, DWORD *pid) {
    char line[1024];
    PROCESS_INFORMATION pi;
    snprintf(line, sizeof line, "\"%s\" %s", self, arguments);
    fflush(stdout);
    if (!CreateProcessA(self, line, NULL, NULL, inherit, flags, NULL, NULL, &si->StartupInfo, &pi)) {
        printf("CreateProcess: %lu\n", GetLastError());
        exit(1);
    }
    if (thread) *thread = pi.hThread; else CloseHandle(pi.hThread);
    if (pid) *pid = pi.dwProcessId;
    return pi.hProcess;
}

static DWORD end(HANDLE process) {
    DWORD code = 0;
    printf("wait %lu", WaitForSingleObject(process, 20000));
    GetExitCodeProcess(process, &code);
    printf(" code %lx\n", code);
    fflush(stdout);
    return code;
}

// Whether a sleeping child holds a pipe's write end that the parent has closed. Asked of the pipe, as the value of a
// handle that was not inherited may be that of another one in the child.
static void still_written(const char *what, HANDLE read, HANDLE child) {
    DWORD available = 0;
    BOOL open = PeekNamedPipe(read, NULL, 0, NULL, &available, NULL);
    printf("%s: ", what);
    if (open) printf("held\n"); else printf("error %lu\n", GetLastError());
    TerminateProcess(child, 3);
    end(child);
    CloseHandle(child);
    CloseHandle(read);
}

static int child(int argc, char **argv) {
    if (!strcmp(argv[1], "write")) {
        for (int i = 2; i < argc; i++) {
            HANDLE h = (HANDLE)(ULONG_PTR)strtoull(argv[i], NULL, 16);
            DWORD n, flags = 0;
            BOOL wrote = WriteFile(h, "hello", 5, &n, NULL);
            GetHandleInformation(h, &flags);
            printf("child: write %d inherit %d\n", wrote, wrote && flags & HANDLE_FLAG_INHERIT);
        }
        fflush(stdout);
        return 7;
    }
    if (!strcmp(argv[1], "sleep")) {
        Sleep(60000);
        return 0;
    }
    if (!strcmp(argv[1], "map")) {
        HANDLE h = (HANDLE)(ULONG_PTR)strtoull(argv[2], NULL, 16);
        int *p = MapViewOfFile(h, FILE_MAP_ALL_ACCESS, 0, 0, 0);
        if (!p) return 1;
        int old = p[0];
        p[0] = 4711;
        return old;
    }
    if (!strcmp(argv[1], "code")) return (int)strtoul(argv[2], NULL, 16);
    return 99;
}

int main(int argc, char **argv) {
    STARTUPINFOEXA si = { { sizeof(STARTUPINFOA) } };
    SECURITY_ATTRIBUTES sa = { sizeof sa, NULL, TRUE };
    HANDLE r, w, r2, w2, p, t, job;
    char line[256], buf[64];
    DWORD n, pid;
    GetModuleFileNameA(NULL, self, sizeof self);
    if (argc > 1) return child(argc, argv);

    // An inheritable pipe end is there under the same value; one that is not inheritable is not.
    CreatePipe(&r, &w, &sa, 0);
    SetHandleInformation(r, HANDLE_FLAG_INHERIT, 0);
    CreatePipe(&r2, &w2, NULL, 0);
    snprintf(line, sizeof line, "write %llx %llx", (unsigned long long)(ULONG_PTR)w, (unsigned long long)0xf000);
    p = start(line, TRUE, 0, &si, NULL, NULL);
    CloseHandle(w);
    end(p);
    CloseHandle(p);
    printf("read %d", ReadFile(r, buf, sizeof buf, &n, NULL));
    printf(" %lu %.*s\n", n, (int)n, buf);
    // The child was the last writer.
    printf("read %d", ReadFile(r, buf, sizeof buf, &n, NULL));
    printf(" error %lu\n", GetLastError());
    CloseHandle(r);

    // Without bInheritHandles nothing is inherited.
    CreatePipe(&r, &w, &sa, 0);
    p = start("sleep", FALSE, 0, &si, NULL, NULL);
    CloseHandle(w);
    still_written("not inherited", r, p);
    CreatePipe(&r, &w, &sa, 0);
    SetHandleInformation(r, HANDLE_FLAG_INHERIT, 0);
    p = start("sleep", TRUE, 0, &si, NULL, NULL);
    CloseHandle(w);
    still_written("inherited", r, p);

    // With a list, only what is in it.
    SIZE_T size = 0;
    HANDLE r3, w3, list[4];
    CreatePipe(&r, &w, &sa, 0);
    CreatePipe(&r3, &w3, &sa, 0);
    printf("size %d", InitializeProcThreadAttributeList(NULL, 1, 0, &size));
    printf(" %lu\n", GetLastError());
    si.lpAttributeList = malloc(size);
    printf("list %d\n", InitializeProcThreadAttributeList(si.lpAttributeList, 1, 0, &size));
    list[0] = w3;
    list[1] = GetStdHandle(STD_OUTPUT_HANDLE);
    SetHandleInformation(list[1], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    printf("update %d\n", UpdateProcThreadAttribute(si.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, list, 2 * sizeof(HANDLE), NULL, NULL));
    si.StartupInfo.cb = sizeof si;
    snprintf(line, sizeof line, "write %llx", (unsigned long long)(ULONG_PTR)w3);
    p = start(line, TRUE, EXTENDED_STARTUPINFO_PRESENT, &si, NULL, NULL);
    end(p);
    CloseHandle(p);
    p = start("sleep", TRUE, EXTENDED_STARTUPINFO_PRESENT, &si, NULL, NULL);
    CloseHandle(w);
    CloseHandle(w3);
    still_written("not in the list", r, p);
    CloseHandle(r3);
    DeleteProcThreadAttributeList(si.lpAttributeList);
    memset(&si, 0, sizeof si);
    si.StartupInfo.cb = sizeof(STARTUPINFOA);

    // Standard output into a pipe.
    HANDLE ro, wo;
    CreatePipe(&ro, &wo, &sa, 0);
    SetHandleInformation(ro, HANDLE_FLAG_INHERIT, 0);
    si.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    si.StartupInfo.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    si.StartupInfo.hStdOutput = wo;
    si.StartupInfo.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    p = start("write f000", TRUE, 0, &si, NULL, NULL);
    CloseHandle(wo);
    int total = 0;
    while (ReadFile(ro, buf + total, sizeof buf - total, &n, NULL) && n) total += n;
    printf("piped %lu: %.*s", GetLastError(), total, buf);
    end(p);
    CloseHandle(p);
    memset(&si, 0, sizeof si);
    si.StartupInfo.cb = sizeof(STARTUPINFOA);

    // A section is shared memory.
    HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, &sa, PAGE_READWRITE, 0, 4096, NULL);
    int *view = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
    view[0] = 42;
    snprintf(line, sizeof line, "map %llx", (unsigned long long)(ULONG_PTR)section);
    p = start(line, TRUE, 0, &si, NULL, NULL);
    end(p);
    CloseHandle(p);
    printf("view %d\n", view[0]);

    // Exit codes have 32 bits.
    p = start("code deadbeef", FALSE, 0, &si, NULL, NULL);
    end(p);
    CloseHandle(p);

    // Started suspended, it runs when it is resumed.
    p = start("code 5", FALSE, CREATE_SUSPENDED, &si, &t, &pid);
    printf("suspended: wait %lu", WaitForSingleObject(p, 300));
    GetExitCodeProcess(p, &n);
    printf(" code %lu resume %lu", n, ResumeThread(t));
    printf(" again %lu\n", ResumeThread(t));
    end(p);
    CloseHandle(t);
    CloseHandle(p);

    // A process is ended with a code, and opened by its number.
    p = start("sleep", FALSE, 0, &si, NULL, &pid);
    printf("id %d\n", GetProcessId(p) == pid);
    HANDLE opened = OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE, FALSE, pid);
    printf("terminate %d\n", TerminateProcess(opened, 0x1234));
    end(p);
    printf("opened wait %lu\n", WaitForSingleObject(opened, 0));
    printf("terminate again %d", TerminateProcess(p, 1));
    printf(" %lu\n", GetLastError());
    CloseHandle(p);

    // Closing a job ends what is in it.
    job = CreateJobObjectA(NULL, NULL);
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = { 0 };
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    printf("limits %d\n", SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits));
    p = start("sleep", FALSE, CREATE_SUSPENDED, &si, &t, NULL);
    printf("assign %d\n", AssignProcessToJobObject(job, p));
    BOOL in = 0;
    IsProcessInJob(p, job, &in);
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION counts;
    QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &counts, sizeof counts, NULL);
    printf("in %d active %lu\n", in, counts.ActiveProcesses);
    ResumeThread(t);
    printf("close %d\n", CloseHandle(job));
    printf("wait %lu\n", WaitForSingleObject(p, 20000));
    CloseHandle(p);

    // No such program, and not a program.
    PROCESS_INFORMATION pi;
    char none[] = "C:\\none\\none.exe";
    printf("none %d", CreateProcessA(none, NULL, NULL, NULL, FALSE, 0, NULL, NULL, &si.StartupInfo, &pi));
    printf(" %lu\n", GetLastError());

    // The C runtime's way, its descriptors with it.
    printf("spawn %x\n", (int)_spawnl(_P_WAIT, self, "self", "code", "abcd", NULL));
    intptr_t handle = _spawnl(_P_NOWAIT, self, "self", "code", "9", NULL);
    int status = 0;
    printf("cwait %d", _cwait(&status, handle, 0) == handle);
    printf(" %d\n", status);
    return 0;
}
