// Limits on descriptors below which a layer's own would not fit; timers that end with the program.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
    setbuf(stdout, NULL);
    struct rlimit limit;
    if (argc > 1) {
        getrlimit(RLIMIT_NOFILE, &limit);
        char exe[100] = "";
        readlink("/proc/self/exe", exe, sizeof exe - 1);
        printf("%s: %ld %ld %s\n", argv[1], (long)limit.rlim_cur, (long)limit.rlim_max, exe);
        // A timer of the program before would kill.
        struct timespec time = {0, 60000000};
        while (nanosleep(&time, &time)) {}
        return 3;
    }
    limit = (struct rlimit){64, 100};
    printf("set %d\n", setrlimit(RLIMIT_NOFILE, &limit));
    getrlimit(RLIMIT_NOFILE, &limit);
    printf("got %ld %ld\n", (long)limit.rlim_cur, (long)limit.rlim_max);
    limit = (struct rlimit){20, 10};
    printf("soft above hard: %s\n", setrlimit(RLIMIT_NOFILE, &limit) ? strerrorname_np(errno) : "ok");
    int highest = 0, fd;
    while ((fd = open("/prog", O_RDONLY)) >= 0) highest = fd;
    printf("highest %d %s\n", highest, strerrorname_np(errno));
    printf("dup2 to 64: %d\n", dup2(0, 64) == -1 && errno == EBADF);
    for (fd = 3; fd <= highest; fd++) close(fd);
    pid_t child;
    int status;
    int error = posix_spawn(&child, argv[0], NULL, NULL, (char *[]){argv[0], "spawned", NULL}, environ);
    waitpid(child, &status, 0);
    printf("spawn %d\n", error);
    printf("exit %d\n", WEXITSTATUS(status));
    child = fork();
    if (!child) {
        timer_t timer;
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
        timer_create(CLOCK_MONOTONIC, &event, &timer);
        struct itimerspec soon = {{0, 10000000}, {0, 30000000}};
        timer_settime(timer, 0, &soon, NULL);
        execl(argv[0], argv[0], "with a timer before", NULL);
    }
    waitpid(child, &status, 0);
    printf("exit %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    return 0;
}
