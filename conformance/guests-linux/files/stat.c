// Facts about files, permission bits, times, lengths.
#include "see.h"
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

static void show(const char *what, int result, struct stat *st) {
    if (result) printf("%s: %s\n", what, error());
    else printf("%s: %o size %ld mtime %ld.%09ld\n", what, st->st_mode, S_ISREG(st->st_mode) ? (long)st->st_size : 0, S_ISREG(st->st_mode) ? (long)st->st_mtim.tv_sec : 0, S_ISREG(st->st_mode) ? st->st_mtim.tv_nsec : 0);
}
#define SHOW(call) show(#call, call, &st)

int main() {
    struct stat st;
    umask(022);
    put("file", "12345");
    mkdir("dir", 0755);
    put("dir/inner", "1");
    symlink("file", "link");
    symlink("dir", "dirlink");
    symlink("none", "dangling");
    struct timespec times[2] = {{1000000000, 5}, {1100000000, 7}};
    SEE(utimensat(AT_FDCWD, "file", times, 0));
    SEE(utimensat(AT_FDCWD, "dirlink/inner", times, 0));
    SHOW(stat("file", &st));
    SHOW(stat("link", &st));
    SHOW(lstat("link", &st));
    SHOW(stat("dir", &st));
    SHOW(stat("dirlink/inner", &st));
    SHOW(lstat("dirlink/", &st));
    SHOW(lstat("file/", &st));
    SHOW(stat("dangling", &st));
    SHOW(lstat("dangling", &st));
    SHOW(stat("", &st));
    SHOW(stat("dir/..", &st));
    SHOW(stat("dir/../file", &st));
    SHOW(stat(absolute("dirlink/../link"), &st));
    int dir = open("dir", O_RDONLY), file = open("file", O_RDWR), path = open("link", O_PATH | O_NOFOLLOW);
    SHOW(fstat(file, &st));
    SHOW(fstatat(dir, "inner", &st, 0));
    SHOW(fstatat(dir, "../link", &st, AT_SYMLINK_NOFOLLOW));
    SHOW(fstatat(dir, "", &st, AT_EMPTY_PATH));
    SHOW(fstatat(path, "", &st, AT_EMPTY_PATH));
    SHOW(fstatat(dir, "", &st, 0));
    SHOW(fstatat(dir, "inner", &st, 1 << 20));
    SHOW(stat("file", (struct stat *)8));
    struct statx sx;
    SEE(statx(AT_FDCWD, "link", 0, STATX_SIZE, &sx));
    printf("%o %llu\n", sx.stx_mode, sx.stx_size);
    SEE(statx(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, STATX_MODE, &sx));
    printf("%o\n", sx.stx_mode);

    SEE(chmod("link", 0600));
    SHOW(stat("file", &st));
    SEE(chmod("none", 0600));
    SEE(chmod("dangling", 0600));
    SEE(fchmod(file, 0640));
    SEE(fchmodat(dir, "inner", 0400, 0));
    SHOW(stat("dir/inner", &st));
    SEE(chown("link", -1, -1));
    SEE(lchown("dangling", -1, -1));
    SEE(access("file", R_OK | W_OK));
    SEE(access("file", X_OK));
    SEE(access("dangling", F_OK));
    SEE(access("file/", F_OK));
    SEE(faccessat(AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
    SEE(truncate("link", 3));
    SEE(truncate("dir", 3));
    SEE(truncate("none", 3));
    SEE(ftruncate(file, 2));
    SHOW(stat("link", &st) || (st.st_mtim.tv_sec = st.st_mtim.tv_nsec = 0, 0));

    struct utimbuf old = {5, 6};
    SEE(utime("file", &old));
    SHOW(stat("file", &st));
    struct timeval micro[2] = {{7, 8}, {9, 10}}, bad[2] = {{7, 8}, {9, 1000000}};
    SEE(utimes("link", micro));
    SHOW(stat("file", &st));
    SEE(utimes("link", bad));
    SEE(lutimes("link", micro));
    SEE(futimens(file, times));
    SHOW(stat("file", &st));
    SEE(utimensat(AT_FDCWD, "none", times, 0));
    SEE(utime("file", NULL));

    struct statfs fs;
    SEE(statfs("dirlink", &fs));
    SEE(statfs("none", &fs));
    char value[16] = {0};
    SEE(setxattr("link", "user.key", "value", 5, 0));
    SEE_NUMBER(getxattr("file", "user.key", value, sizeof value));
    printf("%s\n", value);
    SEE_NUMBER(listxattr("file", value, sizeof value));
    SEE(lgetxattr("link", "user.key", value, sizeof value));
    SEE(getxattr("none", "user.key", value, sizeof value));
    SEE(removexattr("file", "user.key"));
    SEE(getxattr("file", "user.key", value, sizeof value));
    return 0;
}
