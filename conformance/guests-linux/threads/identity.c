// A process with threads changes its group: all its threads do (nptl(7)). And a handler of a program's own for the signal by which
// C libraries do that, set up before there is a second thread.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int stage, arrived, handled;

static void *looks(void *arg) {
    arrived++;
    while (!stage) usleep(1000);
    return (void *)(syscall(SYS_getegid) == *(gid_t *)arg);
}

static void own(int signal) { handled++; (void)signal; }

static void changes(void) {
    pthread_t threads[3];
    // Root to another group, everybody else to the one that they are in.
    gid_t group = geteuid() == 0 ? 12345 : getgid();
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], NULL, looks, &group);
    while (arrived < 3) usleep(1000);
    printf("setresgid %d\n", setresgid(group, group, group));
    printf("own %d\n", getegid() == group);
    stage = 1;
    for (int i = 0; i < 3; i++) {
        void *same;
        pthread_join(threads[i], &same);
        printf("thread %d\n", same != NULL);
    }
}

struct kernel_action { void (*handler)(int); unsigned long flags; void (*restorer)(void); unsigned long mask; };

extern void restore(void);
asm(".text; restore: mov $15, %eax; syscall");

// Without the C library's threads: those handle the signal themselves.
static char stack[65536] __attribute__((aligned(64)));
static int waits_raw(void *arg) {
    arrived++;
    while (!handled)
        ;
    syscall(SYS_exit, 0);
    return 0;
}

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    if (fork() == 0) {
        changes();
        exit(0);
    }
    wait(NULL);
    struct kernel_action action = {own, 0x04000000, restore, 0}, old;
    printf("sigaction %ld\n", syscall(SYS_rt_sigaction, 33, &action, NULL, 8));
    pid_t tid = 0;
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID;
    clone(waits_raw, stack + sizeof stack, flags, NULL, &tid);
    while (!arrived) usleep(1000);
    printf("tgkill %ld\n", syscall(SYS_tgkill, getpid(), tid, 33));
    while (!handled) usleep(1000);
    printf("handled %d\n", handled);
    syscall(SYS_rt_sigaction, 33, NULL, &old, 8);
    printf("kept %d\n", old.handler == own);
    return 0;
}
