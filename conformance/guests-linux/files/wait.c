// Waiting for descriptors: poll, select, epoll, eventfd, timerfd, inotify, pipes.
#include "see.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/timerfd.h>

int main() {
    int pipes[2];
    SEE(pipe2(pipes, O_CLOEXEC | O_NONBLOCK));
    char data[4096];
    SEE_NUMBER(read(pipes[0], data, 10));
    struct pollfd poller = {pipes[0], POLLIN};
    SEE_NUMBER(poll(&poller, 1, 0));
    SEE_NUMBER(write(pipes[1], "abc", 3));
    SEE_NUMBER(poll(&poller, 1, -1));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    struct timeval second = {1, 0};
    SEE_NUMBER(select(pipes[0] + 1, &set, NULL, NULL, &second));

    int epoll = epoll_create1(EPOLL_CLOEXEC), event = eventfd(0, EFD_NONBLOCK), timer = timerfd_create(CLOCK_MONOTONIC, 0);
    struct epoll_event wanted = {EPOLLIN, {.u32 = 7}}, got[4];
    SEE(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted));
    SEE(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted));
    SEE_NUMBER(epoll_wait(epoll, got, 4, 0));
    eventfd_write(event, 3);
    SEE_NUMBER(epoll_wait(epoll, got, 4, -1));
    printf("%u\n", got[0].data.u32);
    eventfd_t value = 0;
    SEE(eventfd_read(event, &value));
    printf("%lu\n", value);
    struct itimerspec soon = {{0, 0}, {0, 1000000}};
    SEE(timerfd_settime(timer, 0, &soon, NULL));
    wanted.data.u32 = 8;
    SEE(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &wanted));
    SEE_NUMBER(epoll_pwait(epoll, got, 4, 1000, NULL));
    printf("%u\n", got[0].data.u32);

    mkdir("dir", 0755);
    symlink("dir", "link");
    int watch = inotify_init1(IN_NONBLOCK);
    SEE_NUMBER(inotify_add_watch(watch, "link", IN_CREATE | IN_DELETE));
    SEE(inotify_add_watch(watch, "none", IN_CREATE));
    SEE(inotify_add_watch(watch, "link", IN_CREATE | IN_ONLYDIR | IN_DONT_FOLLOW) < 0 ? 0 : -1);
    put("dir/new", "x");
    unlink("dir/new");
    int len = read(watch, data, sizeof data);
    for (int at = 0; at < len;) {
        struct inotify_event *e = (void *)(data + at);
        printf("%x %s\n", e->mask, e->len ? e->name : "");
        at += sizeof *e + e->len;
    }

    int memory = memfd_create("name", 0);
    SEE_NUMBER(write(memory, "abc", 3));
    SEE_NUMBER(lseek(memory, 0, SEEK_CUR));
    int copy = dup(memory);
    SEE_NUMBER(lseek(copy, 0, SEEK_CUR));
    SEE_NUMBER(dup2(copy, 900));
    SEE_NUMBER(lseek(900, 0, SEEK_CUR));
    SEE(dup3(copy, copy, 0));
    SEE_NUMBER(dup2(copy, copy) - copy);
    SEE(close_range(900, ~0u, 0));
    SEE(close(900));
    SEE(close(-1));
    // What the guest closes is only its own: paths still work.
    for (int fd = 3; fd < 1024; fd++) close(fd);
    put("after", "still here\n");
    printf("%s", get("after"));
    return 0;
}
