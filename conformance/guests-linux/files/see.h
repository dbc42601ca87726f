// What the file guests print with: each line names a call and what came of it.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *error(void) {
    const char *name = strerrorname_np(errno);
    return name ? name : "?";
}

// 0 or more is "ok": numbers of descriptors depend on what is open.
#define SEE(call) \
    do { \
        long result_ = (long)(call); \
        printf("%s: %s\n", #call, result_ >= 0 ? "ok" : error()); \
        fflush(stdout); \
    } while (0)

// The number itself.
#define SEE_NUMBER(call) \
    do { \
        long result_ = (long)(call); \
        if (result_ >= 0) printf("%s: %ld\n", #call, result_); \
        else printf("%s: %s\n", #call, error()); \
        fflush(stdout); \
    } while (0)

static void put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) printf("cannot write %s: %s\n", path, error());
    close(fd);
}

static const char *text_of(int fd) {
    static char buffer[4096];
    int len = read(fd, buffer, sizeof buffer - 1);
    if (len < 0) return error();
    buffer[len] = 0;
    return buffer;
}

static const char *get(const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) return error();
    const char *text = text_of(fd);
    close(fd);
    return text;
}

// `path` below the current directory as an absolute path.
static const char *absolute(const char *path) {
    static char buffers[4][PATH_MAX];
    static int next;
    char here[2048];
    if (!getcwd(here, sizeof here)) return error();
    char *buffer = buffers[next++ % 4];
    snprintf(buffer, PATH_MAX, "%s/%s", here, path);
    return buffer;
}
