// Each call that takes a path, with each form that a path may have: slashes behind, dots, links to files, folders, nothing and themselves.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *FORMS[] = {"f", "f/", "f/.", "f/..", "f/x", "d", "d/", "d/.", "d/..", "d//", "d/../f", "d/../f/", "e", "e/", "e/.", "lf", "lf/", "ld",
    "ld/", "ld/.", "ld/..", "ld/in", "ln", "ln/", "la", "la/", "loop", "loop/", "loop/x", "n", "n/", "n/x", ".", "./", "..", "./f", ".//d/./", "", "/", "//", "/..",
    "/tmp/../work", "lup/f", "lup/../work/forms/f", "long", "long/"};
#define COUNT (sizeof FORMS / sizeof *FORMS)

static void fresh(void) {
    chdir("/work/forms");
    // What the calls may have made or left.
    const char *names[] = {"f", "d/in/x", "d/in", "d/f", "d/e", "d", "e/f", "e/in", "e", "lf", "ld", "ln", "la", "loop", "lup", "n", "to/in", "to", "x"};
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
            if (unlink(names[i])) rmdir(names[i]);
    close(open("f", O_CREAT | O_WRONLY, 0644));
    mkdir("d", 0755), mkdir("e", 0755);
    close(open("d/in", O_CREAT | O_WRONLY, 0644));
    symlink("f", "lf"), symlink("d", "ld"), symlink("n", "ln"), symlink("/work/forms/d", "la"), symlink("loop", "loop"), symlink("../forms", "lup");
}

static const char *path;
static long socket_call(int (*call)(int, const struct sockaddr *, socklen_t)) {
    struct sockaddr_un name = {AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (!*path) return close(fd), -1;
    strcpy(name.sun_path, strlen(path) < 100 ? path : "n");
    long result = call(fd, (void *)&name, sizeof name), error = errno;
    close(fd), errno = error;
    return result;
}

static struct stat st;
static struct statx sx;
static struct statfs sf;
static char text[5000];
static int lowest;
static long closed(int fd) {
    if (fd >= 0 && fd != lowest) printf(" (descriptor %d)", fd - lowest);
    return fd < 0 ? -1 : close(fd);
}
static long o_read(void) { return closed(open(path, O_RDONLY)); }
static long o_write(void) { return closed(open(path, O_WRONLY)); }
static long o_creat(void) { return closed(open(path, O_WRONLY | O_CREAT, 0644)); }
static long o_excl(void) { return closed(open(path, O_WRONLY | O_CREAT | O_EXCL, 0644)); }
static long o_nofollow(void) { return closed(open(path, O_RDONLY | O_NOFOLLOW)); }
static long o_path(void) { return closed(open(path, O_PATH)); }
static long o_path_nofollow(void) { return closed(open(path, O_PATH | O_NOFOLLOW)); }
static long o_directory(void) { return closed(open(path, O_RDONLY | O_DIRECTORY)); }
static long o_creat_directory(void) { return closed(open(path, O_RDONLY | O_CREAT | O_NOFOLLOW, 0644)); }
static long o_tmpfile(void) { return closed(open(path, O_TMPFILE | O_RDWR, 0644)); }
static long o_trunc(void) { return closed(open(path, O_WRONLY | O_TRUNC)); }
static long c_stat(void) { return stat(path, &st); }
static long c_lstat(void) { return lstat(path, &st); }
static long c_empty(void) { return fstatat(AT_FDCWD, path, &st, AT_EMPTY_PATH); }
static long c_statx(void) { return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_ALL, &sx); }
static long c_statfs(void) { return statfs(path, &sf); }
static long c_access(void) { return access(path, R_OK); }
static long c_faccessat(void) { return syscall(439, AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW); }
static long c_readlink(void) { return readlink(path, text, sizeof text) < 0 ? -1 : 0; }
static long c_mkdir(void) { return mkdir(path, 0755); }
static long c_rmdir(void) { return rmdir(path); }
static long c_unlink(void) { return unlink(path); }
static long c_mknod(void) { return mknod(path, S_IFREG | 0644, 0); }
static long c_mkfifo(void) { return mkfifo(path, 0644); }
static long c_symlink(void) { return symlink("x", path); }
static long c_chdir(void) { return chdir(path); }
static long c_chmod(void) { return chmod(path, 0755); }
static long c_chown(void) { return chown(path, -1, -1); }
static long c_lchown(void) { return lchown(path, -1, -1); }
static long c_truncate(void) { return truncate(path, 0); }
static long c_utimes(void) { return utimes(path, NULL); }
static long c_utimensat(void) { return utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW); }
static long c_getxattr(void) { return getxattr(path, "user.none", text, 10); }
static long c_lgetxattr(void) { return lgetxattr(path, "user.none", text, 10); }
static long c_listxattr(void) { return listxattr(path, NULL, 0) < 0 ? -1 : 0; }
static long c_removexattr(void) { return removexattr(path, "user.none"); }
static long c_execve(void) { return execve(path, (char *[]){"x", NULL}, (char *[]){NULL}); }
static long c_inotify(void) {
    int fd = inotify_init();
    long result = inotify_add_watch(fd, path, IN_CREATE) < 0 ? -1 : 0, error = errno;
    close(fd), errno = error;
    return result;
}
static long c_bind(void) { return socket_call(bind); }
static long c_connect(void) { return socket_call(connect); }
static long c_link_from(void) { return link(path, "to"); }
static long c_link_follow(void) { return linkat(AT_FDCWD, path, AT_FDCWD, "to", AT_SYMLINK_FOLLOW); }
static long c_link_to(void) { return link("f", path); }
static long c_rename_from(void) { return rename(path, "to"); }
static long c_rename_to(void) { return rename("f", path); }
static long c_rename_folder_to(void) { return rename("e", path); }
static long c_rename_noreplace(void) { return renameat2(AT_FDCWD, "f", AT_FDCWD, path, RENAME_NOREPLACE); }
static long c_exchange(void) { return renameat2(AT_FDCWD, "e", AT_FDCWD, path, RENAME_EXCHANGE); }

static const struct {
    const char *name;
    long (*call)(void);
} CALLS[] = {{"open", o_read}, {"open to write", o_write}, {"create", o_creat}, {"create anew", o_excl}, {"open no link", o_nofollow}, {"O_PATH", o_path},
    {"O_PATH no link", o_path_nofollow}, {"O_DIRECTORY", o_directory}, {"create no link", o_creat_directory}, {"O_TMPFILE", o_tmpfile}, {"O_TRUNC", o_trunc},
    {"stat", c_stat}, {"lstat", c_lstat}, {"AT_EMPTY_PATH", c_empty}, {"statx", c_statx}, {"statfs", c_statfs}, {"access", c_access}, {"faccessat2", c_faccessat},
    {"readlink", c_readlink}, {"mkdir", c_mkdir}, {"rmdir", c_rmdir}, {"unlink", c_unlink}, {"mknod", c_mknod}, {"mkfifo", c_mkfifo}, {"symlink", c_symlink},
    {"chdir", c_chdir}, {"chmod", c_chmod}, {"chown", c_chown}, {"lchown", c_lchown}, {"truncate", c_truncate}, {"utimes", c_utimes}, {"utimensat", c_utimensat},
    {"getxattr", c_getxattr}, {"lgetxattr", c_lgetxattr}, {"listxattr", c_listxattr}, {"removexattr", c_removexattr}, {"execve", c_execve},
    {"inotify", c_inotify}, {"bind", c_bind}, {"connect", c_connect}, {"link from", c_link_from}, {"link followed", c_link_follow}, {"link to", c_link_to},
    {"rename from", c_rename_from}, {"rename to", c_rename_to}, {"rename folder to", c_rename_folder_to}, {"rename anew", c_rename_noreplace}, {"exchange", c_exchange}};

int main() {
    static char long_name[300];
    memset(long_name, 'x', 256);
    lowest = dup(0), close(lowest);
    mkdir("/work/forms", 0755);
    for (unsigned c = 0; c < sizeof CALLS / sizeof *CALLS; c++) {
        printf("%s:", CALLS[c].name);
        for (unsigned i = 0; i < COUNT; i++) {
            fresh();
            path = FORMS[i];
            if (!strncmp(path, "long", 4)) strcpy(long_name + 256, path + 4), path = long_name;
            errno = 0;
            long result = CALLS[c].call();
            // Whether the root can be moved or removed depends on whose it is.
            int is_root = !strcmp(path, "/") || !strcmp(path, "//") || !strcmp(path, "/..");
            if (is_root && result < 0 && (errno == EBUSY || errno == EEXIST || errno == EACCES || errno == EXDEV)) errno = EBUSY;
            // Some file systems have no attributes of users.
            if (result < 0 && errno == EOPNOTSUPP) errno = ENODATA;
            printf(" %s=%s", FORMS[i], result >= 0 ? "ok" : strerrorname_np(errno) ? strerrorname_np(errno) : "?");
        }
        puts(""), fflush(stdout);
    }
    fresh();
    // A lock goes with the first descriptor of its file that the process closes: opening it once more closes none.
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    fcntl(open("f", O_RDWR), F_SETLK, &lock);
    open("lf", O_RDONLY), open("ld/../f", O_RDONLY), open("lup/lf", O_RDWR), open("../forms/f", O_RDONLY);
    if (fork() == 0) {
        fcntl(open("f", O_RDWR), F_GETLK, &lock);
        printf("locked: %d\n", lock.l_type == F_WRLCK);
        return 0;
    }
    wait(NULL);
    return 0;
}
