/* A Windows program between Linux programs of one prefix: says what it was given, starts Linux programs with pipes (CreateProcess,
   GetExitCodeProcess), and tells their output and exit codes. */
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

static int say(int argc, char **argv) {
    char text[512], line[512] = "";
    for (int i = 2; i < argc; i++) printf("argument %d: %s\n", i - 1, argv[i]);
    printf("GREETING: %s\n", GetEnvironmentVariableA("GREETING", text, sizeof text) ? text : "(none)");
    GetCurrentDirectoryA(sizeof text, text);
    printf("directory: %s\n", text);
    if (GetEnvironmentVariableA("PATH", text, sizeof text)) printf("PATH has Z:\\bin: %d\n", strstr(text, ";Z:\\bin") != 0);
    if (fgets(line, sizeof line, stdin)) printf("read: %s", line);
    return 3;
}

/* Starts a command with its output in a pipe, and `input` on its standard input. */
static void start(const char *line, const char *directory, const char *input) {
    SECURITY_ATTRIBUTES inherit = {sizeof inherit, 0, TRUE};
    HANDLE in[2], out[2];
    CreatePipe(&in[0], &in[1], &inherit, 0);
    CreatePipe(&out[0], &out[1], &inherit, 0);
    SetHandleInformation(in[1], HANDLE_FLAG_INHERIT, 0);
    SetHandleInformation(out[0], HANDLE_FLAG_INHERIT, 0);
    STARTUPINFOA startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES, .hStdInput = in[0], .hStdOutput = out[1], .hStdError = out[1]};
    PROCESS_INFORMATION process;
    char copy[1024];
    strcpy(copy, line);
    BOOL done = CreateProcessA(0, copy, 0, 0, TRUE, 0, 0, directory, &startup, &process);
    DWORD error = done ? 0 : GetLastError(), count, code = 0;
    CloseHandle(in[0]);
    CloseHandle(out[1]);
    if (!done) {
        printf("%s: error %lu\n", line, error);
    } else {
        char buffer[4096];
        WriteFile(in[1], input, strlen(input), &count, 0);
        CloseHandle(in[1]);
        fflush(stdout);
        while (ReadFile(out[0], buffer, sizeof buffer - 1, &count, 0) && count) {
            buffer[count] = 0;
            fputs(buffer, stdout);
        }
        WaitForSingleObject(process.hProcess, INFINITE);
        GetExitCodeProcess(process.hProcess, &code);
        printf("exit code %lu\n", code);
    }
    CloseHandle(out[0]);
}

int main(int argc, char **argv) {
    /* Lines as Linux programs write them. */
    _setmode(1, _O_BINARY);
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "say")) return say(argc, argv);
    SetEnvironmentVariableA("GREETING", "from Windows");
    start("Z:\\bin\\sh -c \"read line; echo got $line; echo $GREETING; pwd; exit 7\"", "Z:\\work", "typed\n");
    start("\"Z:/bin/echo\" one \"two three\" \"quo\\\"te\" \"\"", 0, "");
    start("Z:\\script \"an argument\"", 0, "");
    start("Z:\\bin\\sh -c \"kill -TERM $$\"", 0, "");
    start("Z:\\bin\\sh -c \"echo ls | sh -c 'read c; $c /work'; type win.exe >/dev/null; echo $?; echo $PATH\"", 0, "");
    start("Z:\\bin\\sh -c \"/win.exe say from a shell; echo code $?\"", 0, "more\n");
    start("Z:\\bin\\ash -c \"echo by a link\"", 0, "");
    start("Z:\\text", 0, "");
    start("Z:\\none", 0, "");
    STARTUPINFOA startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    char line[] = "Z:\\bin\\sh -c \"exit 9\"";
    if (CreateProcessA(0, line, 0, 0, FALSE, CREATE_SUSPENDED, 0, 0, &startup, &process)) {
        DWORD code = WaitForSingleObject(process.hProcess, 100);
        printf("suspended: %d\n", code == WAIT_TIMEOUT);
        ResumeThread(process.hThread);
        WaitForSingleObject(process.hProcess, INFINITE);
        GetExitCodeProcess(process.hProcess, &code);
        printf("exit code %lu\n", code);
    }
    return 0;
}
