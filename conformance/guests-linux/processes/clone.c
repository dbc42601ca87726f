// clone and clone3: what the end of a process raises, descriptors of processes, cleared handlers, and what is refused.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

static volatile sig_atomic_t raised;

static void handler(int signal)
{
    raised = signal;
}

static long clone3(struct clone_args *args, size_t size)
{
    return syscall(SYS_clone3, args, size);
}

static void show(const char *what, long result)
{
    printf("%s: %s\n", what, result == -1 ? strerrorname_np(errno) : "made");
}

static int code_of(pid_t child, int options)
{
    int status;
    pid_t waited = waitpid(child, &status, options);
    return waited == child && WIFEXITED(status) ? WEXITSTATUS(status) : -errno;
}

static void ends(const char *what, unsigned signal)
{
    raised = 0;
    struct clone_args args = {.exit_signal = signal};
    long child = clone3(&args, sizeof args);
    if (child == 0)
        _exit(3);
    // What raises something else than SIGCHLD is waited for as a clone.
    int plain = code_of(child, 0);
    int code = plain == 3 ? plain : code_of(child, __WALL);
    printf("%s: code %d, plainly %s, raised %d\n", what, code, plain == 3 ? "waited for" : strerrorname_np(-plain), raised);
}

static void descriptors(void)
{
    int fd = -1;
    struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD};
    long child = clone3(&args, sizeof args);
    if (child == 0) {
        pause();
        _exit(1);
    }
    printf("descriptor of a process: %d, closed by exec %d\n", fd >= 0, fcntl(fd, F_GETFD) == FD_CLOEXEC);
    struct pollfd poll_of = {.fd = fd, .events = POLLIN};
    printf("ended before: %d\n", poll(&poll_of, 1, 0));
    syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
    siginfo_t info = {0};
    int waited = waitid(P_PIDFD, fd, &info, WEXITED);
    printf("waited %d, its own %d, signal %d\n", waited, info.si_pid == child, info.si_status);
    close(fd);
    int old = -1;
    child = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &old, 0, 0);
    if (child == 0)
        _exit(4);
    printf("by clone: %d, code %d\n", old >= 0, code_of(child, 0));
    close(old);
}

static void handlers(void)
{
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    struct clone_args args = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
    long child = clone3(&args, sizeof args);
    if (child == 0) {
        struct sigaction one, two;
        sigaction(SIGUSR1, NULL, &one);
        sigaction(SIGUSR2, NULL, &two);
        _exit((one.sa_handler == SIG_DFL) + 2 * (two.sa_handler == SIG_IGN));
    }
    printf("handlers cleared: %d\n", code_of(child, 0));
    struct sigaction mine;
    sigaction(SIGUSR1, NULL, &mine);
    printf("the parent's are as before: %d\n", mine.sa_handler == handler);
}

// A child on a stack of its own, as posix_spawn has it.
static void stacks(void)
{
    char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t tid = -1;
    struct clone_args args = {.flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID, .exit_signal = SIGCHLD, .parent_tid = (uintptr_t)&tid,
                              .child_tid = (uintptr_t)&tid, .stack = (uintptr_t)stack, .stack_size = 65536};
    register struct clone_args *at asm("rdi") = &args;
    register size_t size asm("rsi") = sizeof args;
    register long child asm("rax") = SYS_clone3;
    asm volatile("syscall\n test %%rax, %%rax\n jnz 1f\n mov %%rsp, %%rdi\n sub %2, %%rdi\n shr $12, %%rdi\n mov $60, %%eax\n syscall\n 1:"
                 : "+r"(child), "+r"(at), "+r"(size) : : "rcx", "r11", "memory");
    (void)size;
    long made = child;
    int status;
    waitpid(made, &status, 0);
    printf("number noted: %d\n", tid == made);
    printf("ended: %d\n", WIFEXITED(status));
}

int main(void)
{
    signal(SIGCHLD, handler);
    signal(SIGUSR1, handler);
    ends("SIGCHLD", SIGCHLD);
    ends("SIGUSR1", SIGUSR1);
    ends("nothing", 0);
    descriptors();
    handlers();
    stacks();

    struct clone_args args = {.exit_signal = SIGCHLD};
    show("too small", clone3(&args, 56));
    show("too large", clone3(&args, 8192));
    char larger[128] = {0};
    memcpy(larger, &args, sizeof args);
    larger[120] = 1;
    show("what nobody knows", clone3((void *)larger, sizeof larger));
    larger[120] = 0;
    long child = clone3((void *)larger, sizeof larger);
    if (child == 0)
        _exit(0);
    show("what is not set", child);
    waitpid(child, NULL, 0);
    args.flags = SIGCHLD;
    show("a signal among the flags", clone3(&args, sizeof args));
    args = (struct clone_args){.exit_signal = 65};
    show("no signal", clone3(&args, sizeof args));
    args = (struct clone_args){.exit_signal = SIGCHLD, .stack = 4096};
    show("a stack without a size", clone3(&args, sizeof args));
    args = (struct clone_args){.exit_signal = SIGCHLD, .stack_size = 4096};
    show("a size without a stack", clone3(&args, sizeof args));
    args = (struct clone_args){.flags = CLONE_SIGHAND, .exit_signal = SIGCHLD};
    show("handlers without memory", clone3(&args, sizeof args));
    args = (struct clone_args){.flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, .exit_signal = SIGCHLD};
    show("a thread that raises", clone3(&args, sizeof args));
    args = (struct clone_args){.flags = CLONE_THREAD | CLONE_VM};
    show("a thread with handlers of its own", clone3(&args, sizeof args));
    show("bad address", clone3((void *)8, sizeof args));
    int fd;
    show("descriptor and number at one place", syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0));
    return 0;
}
