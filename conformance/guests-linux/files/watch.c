// inotify(7): one is told at once that a folder is gone, whoever has looked into it before.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static void look(int times) {
    struct stat st;
    for (int i = 0; i < times; i++) lstat("d/f", &st), stat("d/g", &st), access("d/f", F_OK);
}

static void events(int fd) {
    char buffer[4096] __attribute__((aligned(8)));
    struct pollfd wait = {fd, POLLIN};
    while (poll(&wait, 1, 0) > 0) {
        int len = read(fd, buffer, sizeof buffer);
        for (struct inotify_event *e = (void *)buffer; (char *)e < buffer + len; e = (void *)(e + 1) + e->len) {
            printf(" %x", e->mask);
            if (e->len) printf("(%s)", e->name);
        }
    }
    puts("");
}

int main() {
    for (int round = 0; round < 2; round++) {
        mkdir("d", 0755);
        close(open("d/f", O_CREAT | O_WRONLY, 0644));
        look(20);
        int fd = inotify_init1(IN_CLOEXEC);
        printf("watch %d\n", inotify_add_watch(fd, "d", IN_ALL_EVENTS));
        // That does not touch it.
        look(20);
        printf("looking:");
        events(fd);
        rename("d/f", "d/g"), chmod("d/g", 0600), truncate("d/g", 5), unlink("d/g");
        printf("changing:");
        events(fd);
        look(20);
        rmdir("d");
        printf("gone:");
        events(fd);
        close(fd);
    }
    return 0;
}
