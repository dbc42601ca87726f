// openat2: limits on where a path leads, below plain folders, at the root, over mount points and in /proc; what it refuses.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long openat2(int dir, const char *path, struct open_how *how, size_t size)
{
    return syscall(SYS_openat2, dir, path, how, size);
}

static int base;

static void show(int dir, const char *path, unsigned long resolve)
{
    struct open_how how = {.flags = O_RDONLY, .resolve = resolve};
    long fd = openat2(dir, path, &how, sizeof how);
    const char *names[] = {"no_xdev", "no_magiclinks", "no_symlinks", "beneath", "in_root"};
    printf("%s from %s", path, dir == base ? "base" : "root");
    for (int bit = 0; bit < 5; bit++)
        if (resolve & 1 << bit)
            printf(" %s", names[bit]);
    char text[16] = "";
    if (fd >= 0 && read(fd, text, sizeof text - 1) < 0)
        strcpy(text, "folder");
    printf(": %s\n", fd < 0 ? strerrorname_np(errno) : text);
    if (fd >= 0)
        close(fd);
}

static void file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    write(fd, text, strlen(text));
    close(fd);
}

static void refused(const char *what, struct open_how *how, size_t size)
{
    long fd = openat2(base, "file", how, size);
    printf("%s: %s\n", what, fd < 0 ? strerrorname_np(errno) : "opened");
    if (fd >= 0)
        close(fd);
}

int main(void)
{
    mkdir("/work/base", 0755);
    mkdir("/work/base/inner", 0755);
    file("/work/base/file", "file");
    file("/work/base/inner/deep", "deep");
    file("/work/outside", "outside");
    file("/at-root", "at-root");
    symlink("file", "/work/base/link");
    symlink("/work/outside", "/work/base/absolute");
    symlink("/file", "/work/base/absolute-inside");
    symlink("../outside", "/work/base/out");
    symlink("../file", "/work/base/inner/up");
    symlink("..", "/work/base/parent");
    base = open("/work/base", O_PATH | O_DIRECTORY);
    int root = open("/", O_PATH | O_DIRECTORY);

    const char *paths[] = {"file", "inner/deep", "inner/../file", "inner/up", "link", "absolute", "absolute-inside", "out", "parent/outside",
                           "..", "../outside", "/file", "/work/outside", "/", ".", "none", "inner/none", "file/", "inner/"};
    unsigned long limits[] = {0, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
    for (int l = 0; l < 5; l++)
        for (int p = 0; p < sizeof paths / sizeof *paths; p++)
            show(base, paths[p], limits[l]);

    // From a folder that mount points lie below.
    show(root, "work/base/link", RESOLVE_BENEATH);
    show(root, "work/base/absolute", RESOLVE_BENEATH);
    show(root, "work/base/absolute", RESOLVE_IN_ROOT);
    show(root, "/work/base/absolute", RESOLVE_IN_ROOT);
    show(root, "../../at-root", RESOLVE_IN_ROOT);
    show(root, "../at-root", RESOLVE_BENEATH);
    show(root, "work/../at-root", RESOLVE_BENEATH);
    show(root, "work/../../at-root", RESOLVE_BENEATH);
    show(root, "work/base/file", RESOLVE_NO_XDEV);
    show(root, "proc/self/cmdline", RESOLVE_NO_XDEV);
    show(root, "dev/null", RESOLVE_NO_SYMLINKS);
    show(root, "proc/self/cwd", RESOLVE_NO_MAGICLINKS);
    show(root, "proc/self/exe", RESOLVE_NO_MAGICLINKS);
    show(root, "proc/self/exe", RESOLVE_BENEATH);
    show(root, "proc/self/cmdline", RESOLVE_NO_SYMLINKS);

    struct open_how how = {.flags = O_RDONLY, .mode = 0600};
    refused("a mode without need", &how, sizeof how);
    how = (struct open_how){.flags = O_RDONLY | 1ul << 40};
    refused("flags that nobody knows", &how, sizeof how);
    how = (struct open_how){.resolve = 1ul << 20};
    refused("limits that nobody knows", &how, sizeof how);
    how = (struct open_how){.resolve = RESOLVE_BENEATH | RESOLVE_IN_ROOT};
    refused("two scopes", &how, sizeof how);
    how = (struct open_how){.flags = O_PATH | O_RDWR};
    refused("a path to write to", &how, sizeof how);
    how = (struct open_how){.flags = O_CREAT | O_WRONLY, .mode = 0100000};
    refused("a mode that is none", &how, sizeof how);
    how = (struct open_how){.flags = O_RDONLY};
    refused("too small", &how, 8);
    struct { struct open_how how; char more[16]; } large = {{.flags = O_RDONLY}};
    refused("larger", &large.how, sizeof large);
    large.more[3] = 1;
    refused("more than is known", &large.how, sizeof large);
    how = (struct open_how){.flags = O_CREAT | O_RDWR | O_EXCL, .mode = 0640, .resolve = RESOLVE_BENEATH};
    long made = openat2(base, "inner/made", &how, sizeof how);
    struct stat st;
    printf("made: %d, mode %o\n", made >= 0, made >= 0 && fstat(made, &st) == 0 ? st.st_mode & 0777 : 0);
    how.flags &= ~O_EXCL;
    made = openat2(root, "at-root/made", &how, sizeof how);
    printf("made below a file: %s\n", made < 0 ? strerrorname_np(errno) : "made");
}
