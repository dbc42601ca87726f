// Handlers: masks, flags, what they are told, what they may change; alternate stacks; faults.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

// A result, with what errno says of a failure.
static void show(const char *what, long result) {
    printf("%s: %ld %s\n", what, result, result == -1 ? strerrorname_np(errno) : "");
}

static volatile int count, seen_code, seen_value, blocked_inside, on_stack;
static char stack[65536];

static void simple(int signal) { count++; (void)signal; }

static void full(int signal, siginfo_t *info, void *context) {
    count++;
    seen_code = info->si_code;
    seen_value = info->si_value.sival_int;
    sigset_t set;
    sigprocmask(SIG_BLOCK, NULL, &set);
    blocked_inside = sigismember(&set, signal) + 2 * sigismember(&set, SIGUSR2);
    char here;
    on_stack = &here >= stack && &here < stack + sizeof stack;
    (void)context;
}

static sigjmp_buf back;
static void *fault_at;
static void fault(int signal, siginfo_t *info, void *context) {
    fault_at = info->si_addr;
    seen_code = info->si_code;
    siglongjmp(back, signal);
    (void)context;
}

static void skip(int signal, siginfo_t *info, void *context) {
    ucontext_t *u = context;
    u->uc_mcontext.gregs[REG_RIP] += 2;
    u->uc_mcontext.gregs[REG_RAX] = 77;
    (void)signal, (void)info;
}

static void set(int signal, void *handler, int flags, int also) {
    struct sigaction action = {.sa_flags = flags};
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    if (also) sigaddset(&action.sa_mask, also);
    if (sigaction(signal, &action, NULL)) puts("sigaction failed");
}

int main() {
    set(SIGUSR1, simple, 0, 0);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    printf("handled %d\n", count);

    set(SIGUSR1, full, SA_SIGINFO, SIGUSR2);
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 42});
    printf("sigqueue: code %d value %d blocked %d\n", seen_code == SI_QUEUE, seen_value, blocked_inside);
    set(SIGUSR1, full, SA_SIGINFO | SA_NODEFER, 0);
    raise(SIGUSR1);
    printf("nodefer: blocked %d, code %d\n", blocked_inside, seen_code == SI_TKILL);

    stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack}, old;
    printf("sigaltstack %d\n", sigaltstack(&alt, &old));
    printf("was disabled %d\n", old.ss_flags == SS_DISABLE);
    raise(SIGUSR1);
    printf("without SA_ONSTACK: %d\n", on_stack);
    set(SIGUSR1, full, SA_SIGINFO | SA_ONSTACK, 0);
    raise(SIGUSR1);
    printf("with SA_ONSTACK: %d\n", on_stack);

    set(SIGUSR1, simple, SA_RESETHAND, 0);
    raise(SIGUSR1);
    struct sigaction now;
    sigaction(SIGUSR1, NULL, &now);
    printf("after SA_RESETHAND: default %d\n", now.sa_handler == SIG_DFL);

    // Blocked, pending, delivered once.
    set(SIGUSR2, simple, 0, 0);
    sigset_t two, pending, before;
    sigemptyset(&two);
    sigaddset(&two, SIGUSR2);
    sigprocmask(SIG_BLOCK, &two, &before);
    count = 0;
    raise(SIGUSR2), raise(SIGUSR2);
    sigpending(&pending);
    printf("pending %d, handled %d\n", sigismember(&pending, SIGUSR2), count);
    sigprocmask(SIG_SETMASK, &before, NULL);
    printf("handled %d\n", count);
    // sigsuspend lets it in and restores the mask.
    sigprocmask(SIG_BLOCK, &two, NULL);
    raise(SIGUSR2);
    sigset_t none;
    sigemptyset(&none);
    int got = sigsuspend(&none);
    printf("sigsuspend %d %s, handled %d\n", got, strerrorname_np(errno), count);
    sigprocmask(SIG_BLOCK, NULL, &pending);
    printf("blocked again %d\n", sigismember(&pending, SIGUSR2));
    raise(SIGUSR2);
    struct timespec zero = {0, 0};
    siginfo_t info;
    printf("sigtimedwait %d\n", sigtimedwait(&two, &info, &zero) == SIGUSR2);
    show("sigtimedwait again", sigtimedwait(&two, &info, &zero));
    sigprocmask(SIG_SETMASK, &before, NULL);

    // Faults.
    set(SIGSEGV, fault, SA_SIGINFO, 0);
    set(SIGBUS, fault, SA_SIGINFO, 0);
    set(SIGFPE, fault, SA_SIGINFO, 0);
    set(SIGILL, fault, SA_SIGINFO, 0);
    int signal;
    if (!(signal = sigsetjmp(back, 1))) *(volatile int *)0x123 = 1;
    printf("null: %d at %p code %d\n", signal == SIGSEGV, fault_at, seen_code == SEGV_MAPERR);
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!(signal = sigsetjmp(back, 1))) page[5] = 1;
    printf("read-only: %d %d code %d\n", signal == SIGSEGV, fault_at == page + 5, seen_code == SEGV_ACCERR);
    volatile int zero_int = 0;
    if (!(signal = sigsetjmp(back, 1))) zero_int = 1 / zero_int;
    printf("division: %d code %d\n", signal == SIGFPE, seen_code == FPE_INTDIV);
    if (!(signal = sigsetjmp(back, 1))) __asm__ volatile("ud2");
    printf("ud2: %d\n", signal == SIGILL);
    int file = open("/tmp/short", O_RDWR | O_CREAT | O_TRUNC, 0600);
    char *beyond = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
    if (!(signal = sigsetjmp(back, 1))) (void)*(volatile char *)beyond;
    printf("beyond the end: %d code %d\n", signal == SIGBUS, seen_code == BUS_ADRERR);
    // A system call gives EFAULT instead.
    show("read to nowhere", read(file, (void *)0x123, 4));
    show("open of nowhere", open((void *)0x123, 0));
    show("pipe to nowhere", pipe((void *)0x123));
    // A handler that changes the registers.
    set(SIGILL, skip, SA_SIGINFO, 0);
    long value;
    __asm__ volatile("xor %%eax, %%eax; ud2" : "=a"(value));
    printf("skipped with %ld\n", value);

    // Vector registers survive a handler that uses them.
    set(SIGUSR1, simple, 0, 0);
    double vector;
    __asm__ volatile("movsd %1, %%xmm9; mov %2, %%edi; mov %3, %%esi; mov $62, %%eax; syscall; movsd %%xmm9, %0"
                     : "=m"(vector) : "m"((double){2.5}), "r"(getpid()), "i"(SIGUSR1) : "rax", "rdi", "rsi", "rcx", "r11", "xmm9", "memory");
    printf("xmm9 %.1f\n", vector);

    // Default actions, as the parent sees them.
    for (int *s = (int[]){SIGTERM, SIGSEGV, SIGKILL, SIGABRT, SIGPIPE, SIGRTMIN, 0}; *s; s++) {
        int status;
        pid_t child = fork();
        if (!child) {
            struct sigaction plain = {.sa_handler = SIG_DFL};
            sigaction(*s, &plain, NULL);
            kill(getpid(), *s);
            _exit(1);
        }
        waitpid(child, &status, 0);
        printf("killed by %d: %d\n", *s, WIFSIGNALED(status) && WTERMSIG(status) == *s);
    }
    int status;
    pid_t child = fork();
    if (!child) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        *(volatile int *)0 = 0;
        _exit(1);
    }
    waitpid(child, &status, 0);
    printf("a fault that is blocked: %d\n", WTERMSIG(status) == SIGSEGV);
    sigset_t all, read_back;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    sigprocmask(SIG_BLOCK, NULL, &read_back);
    printf("all blocked: segv %d sys %d kill %d\n", sigismember(&read_back, SIGSEGV), sigismember(&read_back, SIGSYS), sigismember(&read_back, SIGKILL));
    getppid();
    sigprocmask(SIG_SETMASK, &before, NULL);
    // Stop and continue.
    child = fork();
    if (!child) {
        raise(SIGSTOP);
        _exit(9);
    }
    waitpid(child, &status, WUNTRACED);
    printf("stopped %d\n", WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    kill(child, SIGCONT);
    waitpid(child, &status, WCONTINUED);
    printf("continued %d\n", WIFCONTINUED(status));
    waitpid(child, &status, 0);
    printf("exit %d\n", WEXITSTATUS(status));
    return 0;
}
