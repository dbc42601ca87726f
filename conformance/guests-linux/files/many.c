// More open files than most programs have: each can be used, seen and closed, in a child too, whatever its number is.
#include "see.h"
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { MANY = 2000 };
static int fds[MANY], count;

static int listed() {
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        for (int i = 0; i < count; i++)
            n += e->d_name[0] != '.' && atoi(e->d_name) == fds[i];
    closedir(dir);
    return n;
}

static int work() {
    int n = 0;
    for (int i = 0; i < count; i++) {
        struct stat st;
        char name[64], link[64] = "";
        snprintf(name, sizeof name, "/proc/self/fd/%d", fds[i]);
        n += fstat(fds[i], &st) == 0 && readlink(name, link, sizeof link) > 0 && fcntl(fds[i], F_SETFD, FD_CLOEXEC) == 0;
    }
    return n;
}

int main(int argc, char **argv) {
    int before = 0;
    for (int fd = 3; fd < 3000; fd++)
        before += fcntl(fd, F_GETFD) >= 0;
    if (argc > 1) {
        printf("after exec %d\n", before);
        return 0;
    }
    SEE(close_range(3, ~0U, 0));
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = MANY + 500;
    SEE(setrlimit(RLIMIT_NOFILE, &limit));
    put("/work/file", "text\n");
    fcntl(3, F_SETFD, FD_CLOEXEC);
    while (count + 1 < MANY) {
        int pair[2], ok = 0;
        switch (count % 5) {
        case 0: ok = fds[count] = open("/work/file", O_RDWR); break;
        case 1: ok = fds[count] = socket(AF_UNIX, SOCK_STREAM, 0); break;
        case 2: ok = fds[count] = dup(fds[0]); break;
        case 3: ok = fds[count] = eventfd(0, 0); break;
        case 4: ok = pipe(pair); fds[count++] = pair[0]; fds[count] = pair[1]; break;
        }
        if (ok < 0) {
            printf("%d: %s\n", count, strerror(errno));
            break;
        }
        count++;
    }
    printf("%d %d\n", count >= MANY - 1, count == work());
    printf("listed %d\n", count == listed());
    for (int round = 0; round < 2; round++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            printf("child %d\n", count == work());
            fflush(stdout);
            if (round == 1)
                execl(argv[0], argv[0], "x", NULL);
            int closed = 0;
            for (int i = 0; i < count; i++)
                closed += close(fds[i]) == 0;
            printf("closed %d\n", closed == count);
            exit(3);
        }
        int status;
        waitpid(child, &status, 0);
        printf("status %d\n", WEXITSTATUS(status));
    }
    // Another file in each number's place.
    int replaced = 0, null = open("/dev/null", O_RDWR);
    for (int i = 0; i < count; i++)
        replaced += dup2(null, fds[i]) == fds[i];
    printf("replaced %d\n", replaced == count);
    SEE(close_range(3, ~0U, 0));
    int left = 0;
    for (int i = 0; i < count; i++)
        left += fcntl(fds[i], F_GETFD) >= 0;
    printf("left %d\n", left);
    SEE(open("/work/file", O_RDONLY));
    printf("%s", get("/work/file"));
    return 0;
}
