// Folders deeper than a path can tell: all is done by relative paths.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void show(const char *what, long result) { printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "ok"); }

int main() {
    enum { DEPTH = 700 };
    static char text[20000];
    const char *name = "folder";
    int depth = 0;
    while (depth < DEPTH && mkdir(name, 0755) == 0 && chdir(name) == 0) depth++;
    printf("depth %d\n", depth);
    show("getcwd", syscall(SYS_getcwd, text, sizeof text));
    show("/proc/self/cwd", readlink("/proc/self/cwd", text, sizeof text));
    show("create", close(open("f", O_CREAT | O_RDWR, 0644)));
    show("stat", access("f", F_OK));
    show("rename", rename("f", "g"));
    show("symlink", symlink("g", "l"));
    show("through a link", access("l", F_OK));
    show("link of a folder", symlink("../folder", "up"));
    show("through it", access("up/l", F_OK));
    int above = open("..", O_RDONLY | O_DIRECTORY);
    show("above", above);
    show("down from there", faccessat(above, "folder/g", F_OK, 0));
    show("up and down", access("../../folder/folder/g", F_OK));
    show("exactly here", access("./../folder/./g", F_OK));
    show("an absolute path", access("/work", F_OK));
    show("by /proc", access("/proc/self/cwd/g", F_OK));
    show("mkdir", mkdir("x", 0755));
    show("chdir", chdir("x"));
    show("back", chdir(".."));
    show("fchdir", fchdir(above));
    show("and down", chdir("folder"));
    // The longest way up that a path can tell: one that begins here does not arrive at the root yet.
    strcpy(text, "..");
    for (int i = 0; i < 1300; i++) strcat(text, "/..");
    show("beyond the root", access(strcat(text, "/work/folder"), F_OK));
    show("rmdir", rmdir("x"));
    show("unlink", unlink("g") | unlink("l") | unlink("up"));
    while (depth > 0 && chdir("..") == 0 && rmdir(name) == 0) depth--;
    printf("left %d\n", depth);
    printf("%s\n", getcwd(text, sizeof text));
    return 0;
}
