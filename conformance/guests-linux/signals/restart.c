// Signals that come while a call waits: EINTR, SA_RESTART, and no signal lost.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int count;
static int write_end = -1;

static void handler(int signal) {
    count++;
    if (write_end >= 0 && count == 3) write(write_end, "x", 1);
    (void)signal;
}

static void set(int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(SIGALRM, &action, NULL);
}

static void tick(int us) {
    struct itimerval timer = {{0, us}, {0, us}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

#define INTERRUPTED(call) \
    do { \
        count = 0; \
        tick(3000); \
        errno = 0; \
        long result_ = (long)(call); \
        tick(0); \
        printf("%s: %ld %s, handled %d\n", #call, result_, result_ < 0 ? strerrorname_np(errno) : "", count > 0); \
    } while (0)

int main() {
    int fds[2];
    char c;
    pipe(fds);
    set(0);
    INTERRUPTED(read(fds[0], &c, 1));
    struct pollfd p = {fds[0], POLLIN};
    INTERRUPTED(poll(&p, 1, -1));
    INTERRUPTED(ppoll(&p, 1, NULL, NULL));
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(fds[0], &readable);
    INTERRUPTED(select(fds[0] + 1, &readable, NULL, NULL, NULL));
    int epoll = epoll_create1(0);
    struct epoll_event event;
    INTERRUPTED(epoll_wait(epoll, &event, 1, -1));
    INTERRUPTED(pause());
    struct timespec hour = {3600, 0}, rest = {0, 0};
    INTERRUPTED(nanosleep(&hour, &rest));
    printf("rest %d\n", rest.tv_sec >= 3598);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {AF_UNIX, "/tmp/restart-socket"};
    unlink(address.sun_path);
    bind(listener, (void *)&address, sizeof address);
    listen(listener, 1);
    INTERRUPTED(accept(listener, NULL, NULL));
    pid_t child = fork();
    if (!child) {
        pause();
        _exit(0);
    }
    int status;
    INTERRUPTED(waitpid(child, &status, 0));

    // With SA_RESTART only some calls go on; the third signal makes the pipe readable.
    set(SA_RESTART);
    write_end = fds[1];
    INTERRUPTED(read(fds[0], &c, 1));
    write_end = -1;
    INTERRUPTED(poll(&p, 1, -1));
    INTERRUPTED(nanosleep(&hour, &rest));
    kill(child, SIGKILL);
    INTERRUPTED(waitpid(child, &status, 0) == child);

    // A connect by path waits in our own code: the queue is full.
    // Many signals against many short calls: none is lost, no call fails.
    set(SA_RESTART);
    tick(200);
    count = 0;
    int bad = 0;
    for (int i = 0; i < 60000; i++) {
        if (access("/tmp", F_OK)) bad++;
        if (getppid() < 0) bad++;
        sigset_t none;
        sigemptyset(&none);
        if (sigprocmask(SIG_BLOCK, &none, NULL)) bad++;
        if (i % 500 == 0) {
            pid_t short_lived = fork();
            if (short_lived < 0) bad++;
            if (!short_lived) _exit(3);
            if (waitpid(short_lived, &status, 0) != short_lived || WEXITSTATUS(status) != 3) bad++;
        }
    }
    tick(0);
    printf("bad %d, signals %d\n", bad, count > 20);

    // Every one of a thousand signals of a child is waited for.
    sigset_t usr1, old;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, &old);
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    count = 0;
    int up[2], down[2];
    pipe(up), pipe(down);
    child = fork();
    if (!child) {
        for (int i = 0; i < 1000; i++) {
            kill(getppid(), SIGUSR1);
            if (read(down[0], &c, 1) != 1) _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < 1000; i++) {
        while (count <= i) sigsuspend(&old);
        write(down[1], "x", 1);
    }
    waitpid(child, &status, 0);
    printf("signals %d, exit %d\n", count, WEXITSTATUS(status));
    return 0;
}
