// fork, vfork, posix_spawn, exec with its errors, scripts, descriptors, signals and environment across exec.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

// A result, with what errno says of a failure.
static void show(const char *what, long result) {
    printf("%s: %ld %s\n", what, result, result == -1 ? strerrorname_np(errno) : "");
}

extern char **environ;
static volatile int global = 1;

static int wait_for(pid_t child) {
    int status;
    if (waitpid(child, &status, 0) != child) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int child_main(int argc, char **argv) {
    if (!strcmp(argv[1], "args")) {
        for (int i = 0; i < argc; i++) printf("  [%s]", argv[i]);
        printf(" X=%s\n", getenv("X") ? getenv("X") : "none");
        return argc;
    }
    if (!strcmp(argv[1], "state")) {
        struct sigaction action;
        sigaction(SIGUSR1, NULL, &action);
        printf("  handled became default %d", action.sa_handler == SIG_DFL);
        sigaction(SIGUSR2, NULL, &action);
        printf(", ignored stays %d", action.sa_handler == SIG_IGN);
        sigset_t set;
        sigprocmask(SIG_BLOCK, NULL, &set);
        printf(", mask stays %d", sigismember(&set, SIGHUP));
        stack_t stack;
        sigaltstack(NULL, &stack);
        printf(", no alternate stack %d", stack.ss_flags == SS_DISABLE);
        printf(", descriptors %d %d\n", fcntl(atoi(argv[2]), F_GETFD), fcntl(atoi(argv[3]), F_GETFD));
        char name[16];
        prctl(PR_GET_NAME, name);
        printf("  name %s\n", name);
        char exe[100];
        ssize_t len = readlink("/proc/self/exe", exe, sizeof exe);
        printf("  exe %.*s\n", (int)len, exe);
        FILE *f = fopen("/proc/self/cmdline", "r");
        char line[100];
        size_t got = fread(line, 1, sizeof line, f);
        printf("  cmdline %s, %d bytes\n", line, got > 10);
        return 0;
    }
    return 99;
}

static void put(const char *path, const char *text, int mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    write(fd, text, strlen(text));
    close(fd);
    chmod(path, mode);
}

static void on_signal(int s) { (void)s; }

int main(int argc, char **argv) {
    if (argc > 1) return child_main(argc, argv);
    setbuf(stdout, NULL);
    pid_t child = fork();
    if (!child) {
        global = 2;
        _exit(getppid() > 0 ? 7 : 1);
    }
    printf("fork: %d, memory apart %d\n", wait_for(child), global);
    child = vfork();
    if (!child) _exit(8);
    printf("vfork: %d\n", wait_for(child));
    child = vfork();
    if (!child) {
        execl("/nonexistent", "x", NULL);
        _exit(errno == ENOENT ? 5 : 6);
    }
    printf("vfork, exec fails: %d\n", wait_for(child));
    printf("spawn of nothing: %s\n", strerrorname_np(posix_spawn(&child, "/nonexistent", NULL, NULL, (char *[]){"x", NULL}, environ)));
    printf("spawn of a folder: %s\n", strerrorname_np(posix_spawn(&child, "/tmp", NULL, NULL, (char *[]){"x", NULL}, environ)));
    int error = posix_spawn(&child, argv[0], NULL, NULL, (char *[]){"me", "args", "b c", NULL}, (char *[]){"X=spawned", NULL});
    printf("spawn: %d, exit %d\n", error, wait_for(child));

    put("/tmp/plain", "no program\n", 0755);
    put("/tmp/denied", "#!/prog\n", 0644);
    char script[100];
    snprintf(script, sizeof script, "#! %s args  with spaces \nrest\n", argv[0]);
    put("/tmp/script", script, 0755);
    put("/tmp/nested", "#!/tmp/script one\n", 0755);
    put("/tmp/loop", "#!/tmp/loop\n", 0755);
    put("/tmp/missing", "#!/not/there\n", 0755);
    put("/tmp/arm", "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\267\0\1\0\0\0", 0755);
    char *plain[] = {"x", NULL};
    for (char **path = (char *[]){"/tmp/plain", "/tmp/denied", "/tmp/loop", "/tmp/missing", "/tmp/arm", "", NULL}; *path; path++) {
        execve(*path, plain, environ);
        printf("exec \"%s\": %s\n", *path, strerrorname_np(errno));
    }
    for (char **path = (char *[]){"/tmp/script", "/tmp/nested", NULL}; *path; path++) {
        child = fork();
        if (!child) {
            execve(*path, (char *[]){"zero", "first", "second", NULL}, (char *[]){"X=1", NULL});
            _exit(100);
        }
        printf("%s: exit %d\n", *path, wait_for(child));
    }
    execve(argv[0], (char *[]){"x", NULL}, (char **)8);
    printf("bad environment: %s\n", strerrorname_np(errno));

    // What stays and what goes.
    child = fork();
    if (!child) {
        signal(SIGUSR1, on_signal);
        signal(SIGUSR2, SIG_IGN);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        sigprocmask(SIG_BLOCK, &set, NULL);
        static char stack[65536];
        sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
        int kept = open("/tmp/plain", O_RDONLY), closed = open("/tmp/plain", O_RDONLY | O_CLOEXEC);
        char a[10], b[10];
        sprintf(a, "%d", kept), sprintf(b, "%d", closed);
        execl(argv[0], "first word", "state", a, b, NULL);
        _exit(100);
    }
    printf("state: exit %d\n", wait_for(child));
    int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
    child = fork();
    if (!child) {
        fexecve(fd, (char *[]){"by descriptor", "args", NULL}, environ);
        _exit(100);
    }
    printf("fexecve: exit %d\n", wait_for(child));

    // Waiting.
    show("no child", waitpid(-1, NULL, 0));
    child = fork();
    if (!child) {
        setpgid(0, 0);
        pause();
    }
    usleep(20000);
    printf("still running: %d\n", waitpid(child, NULL, WNOHANG));
    kill(child, SIGTERM);
    siginfo_t info;
    waitid(P_PID, child, &info, WEXITED | WNOWAIT);
    printf("waitid: %d %d\n", info.si_code == CLD_KILLED, info.si_status);
    printf("and again: %d\n", wait_for(child));
    // A shared mapping is shared with a child, a private one is not.
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    child = fork();
    if (!child) {
        *shared = 5;
        _exit(0);
    }
    wait_for(child);
    printf("shared %d\n", *shared);
    return 0;
}
