// Every trick to get at what lies outside of the root: the file `secret` in the folders above it, the host's own files.
// Each prints one line; "out" is an escape. (Runs only in the tree.)
#include "see.h"
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <signal.h>

static void tried(const char *what, int out) { printf("%s: %s\n", what, out ? "OUT" : "held"); }

// Whether what a path leads to is something of the outside.
static int leads_out(const char *path) {
    char text[4096] = {0};
    int fd = open(path, O_RDONLY);
    if (fd < 0) return 0;
    read(fd, text, sizeof text - 1);
    struct stat st;
    int is_dir = !fstat(fd, &st) && S_ISDIR(st.st_mode);
    int secret = is_dir && openat(fd, "secret", O_RDONLY) >= 0;
    close(fd);
    return strstr(text, "SECRET") || strstr(text, "root:") || secret;
}

static void path(const char *text) { tried(text, leads_out(text)); }

static void through(const char *target) {
    unlink("trap");
    symlink(target, "trap");
    char what[256];
    snprintf(what, sizeof what, "link to %s", target);
    struct stat st;
    tried(what, leads_out("trap") || (!stat("trap", &st) && S_ISREG(st.st_mode) && st.st_size == 7));
}

int main() {
    const char *ups = "../../../../../../../../../../";
    char text[512];
    // The traps do notice what they look for.
    put("bait", "SECRET\n");
    printf("notices: %d\n", leads_out("bait"));
    mkdir("baits", 0755), put("baits/secret", "x");
    printf("notices: %d\n", leads_out("baits"));
    path("../secret");
    path("../../secret");
    path("/../secret");
    path("/work/../../secret");
    path("/etc/passwd");
    path("/work/../../../../../../../../etc/passwd");
    path("/proc/self/root/etc/passwd");
    path("/proc/self/root/../secret");
    path("/proc/self/root/../../../../etc/passwd");
    path("/proc/self/cwd/../../secret");
    path("/proc/self/cwd/../../../../../../etc/passwd");
    path("/proc/1/root/etc/passwd");
    path("/proc/1/cwd/etc/passwd");
    path("/proc/../../etc/passwd");
    path("/dev/../../secret");
    path("/dev/pts/../../etc/passwd");
    path("/dev/fd/../../root/etc/passwd");
    path("/proc/thread-self/root/etc/passwd");
    snprintf(text, sizeof text, "/proc/%d/root/etc/passwd", getppid());
    tried("parent's root", leads_out(text));
    snprintf(text, sizeof text, "/proc/%d/cwd", getppid());
    tried("parent's directory", leads_out(text));
    snprintf(text, sizeof text, "/proc/self/task/%d/root/etc/passwd", getpid());
    tried("task's root", leads_out(text));

    through("../secret");
    through("../../secret");
    through("/etc/passwd");
    snprintf(text, sizeof text, "%setc/passwd", ups);
    through(text);
    through("/proc/self/root/etc/passwd");
    through("/proc/self/root/../etc/passwd");
    through("/proc/self/cwd/../../secret");
    symlink("..", "/up");
    symlink("up/up/up", "/upup");
    path("/up/secret");
    path("/upup/secret");
    path("/upup/upup/../secret");
    mkdir("/work/deep", 0755);
    symlink("/", "/work/deep/top");
    path("/work/deep/top/../secret");
    path("/work/deep/top/../../etc/passwd");

    // Descriptors as places to begin at.
    int top = open("/", O_RDONLY | O_DIRECTORY), up = openat(top, "..", O_RDONLY | O_DIRECTORY);
    tried("openat(/, ..)", openat(up, "secret", O_RDONLY) >= 0 || openat(up, "../secret", O_RDONLY) >= 0);
    up = open("/", O_PATH);
    for (int i = 0; i < 10; i++) up = openat(up, "..", O_PATH | O_DIRECTORY);
    tried("climbing by O_PATH", openat(up, "etc/passwd", O_RDONLY) >= 0 || openat(up, "secret", O_RDONLY) >= 0);
    int inherited = 0;
    for (int fd = 0; fd < 1024; fd++) {
        struct stat st;
        int here = openat(fd, "../secret", O_RDONLY), there = openat(fd, "secret", O_RDONLY), etc = openat(fd, "../../../../../../etc/passwd", O_RDONLY);
        inherited |= here >= 0 || there >= 0 || etc >= 0;
        close(here), close(there), close(etc);
    }
    tried("all descriptors", inherited);
    fchdir(top);
    chdir("../../..");
    tried("chdir(..)", open("secret", O_RDONLY) >= 0 || open("etc/passwd", O_RDONLY) >= 0);
    chdir("/proc/self/root/..");
    tried("chdir(/proc/self/root/..)", open("secret", O_RDONLY) >= 0 || open("etc/passwd", O_RDONLY) >= 0);
    chdir("/proc/1/root");
    tried("chdir(/proc/1/root)", open("etc/passwd", O_RDONLY) >= 0);
    chdir("/work");

    // The old way out of a chroot: a directory that is kept open from outside of a new one.
    int pid = fork();
    if (!pid) {
        int keep = open("/", O_RDONLY | O_DIRECTORY);
        mkdir("/work/jail", 0755);
        int done = chroot("/work/jail");
        fchdir(keep);
        for (int i = 0; i < 20; i++) chdir("..");
        _exit(open("secret", O_RDONLY) >= 0 || open("etc/passwd", O_RDONLY) >= 0 || openat(keep, "../secret", O_RDONLY) >= 0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    tried("chroot", status != 0);

    // Moving a directory while it is the current one, and climbing then.
    mkdir("/work/x", 0755), mkdir("/work/x/y", 0755), mkdir("/work/x/y/z", 0755);
    chdir("/work/x/y/z");
    rename("/work/x/y/z", "/z");
    tried("moved directory", leads_out("../secret") || leads_out("../../secret") || leads_out("../../../secret") || leads_out("../../../../../../../etc/passwd"));
    chdir("/work");
    rmdir("/z");

    // Other calls than open.
    struct stat st;
    snprintf(text, sizeof text, "%setc/passwd", ups);
    tried("stat", !stat(text, &st) || !lstat(text, &st) || !access(text, F_OK));
    tried("link", !link(text, "stolen") || !link("/proc/1/exe", "stolen") || !link("../../secret", "stolen"));
    tried("rename", !rename("../../secret", "stolen") || !rename("/../secret", "stolen"));
    tried("readlink", readlink("/proc/1/exe", text, sizeof text) > 0 || readlink("/proc/1/cwd", text, sizeof text) > 0);
    int len = readlink("/proc/self/root", text, sizeof text - 1);
    text[len > 0 ? len : 0] = 0;
    tried("readlink root", strcmp(text, "/") != 0);
    char here[PATH_MAX] = {0};
    tried("getcwd", strcmp(getcwd(here, sizeof here), "/work") != 0);
    tried("truncate", !truncate("../../secret", 0));
    tried("unlink", !unlink("../../secret") || !unlink("/../secret") || !rmdir("/../../outside"));
    tried("chmod", !chmod("../../secret", 0777) || !chown("../../secret", 0, 0));
    tried("inotify", inotify_add_watch(inotify_init(), "../../outside", IN_CREATE) >= 0);
    tried("mknod", !mknod("disk", S_IFBLK | 0600, 0x801) || !mknod("mem", S_IFCHR | 0600, 0x101));
    tried("mount", !syscall(SYS_mount, "/", "/work", 0, 4096, 0));
    tried("pivot_root", !syscall(SYS_pivot_root, "/", "/work"));
    unsigned handle[34] = {128, 0};
    int mount_id;
    tried("file handles", !syscall(SYS_name_to_handle_at, AT_FDCWD, "/", handle, &mount_id, 0) || syscall(SYS_open_by_handle_at, top, handle, O_RDONLY) >= 0);
    struct { unsigned long flags, mode, resolve; } how = {O_RDONLY, 0, 0x10};
    tried("openat2 in root", syscall(SYS_openat2, AT_FDCWD, "/../etc/passwd", &how, sizeof how) >= 0 || syscall(SYS_openat2, top, "/../secret", &how, sizeof how) >= 0);
    how.resolve = 0;
    tried("openat2", syscall(SYS_openat2, top, "../secret", &how, sizeof how) >= 0);

    // Created through links.
    symlink("../../planted", "plant");
    put("plant", "x");
    symlink("/../planted2", "plant2");
    put("plant2", "x");
    tried("planting", access("/planted", F_OK) || access("/planted2", F_OK));

    // Local sockets by links.
    struct sockaddr_un address = {AF_UNIX, "../../outside/sock"};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    tried("bind", !bind(s, (struct sockaddr *)&address, sizeof address));
    symlink("../../outside/service", "service");
    strcpy(address.sun_path, "service");
    errno = 0;
    connect(s, (struct sockaddr *)&address, sizeof address);
    tried("connect", errno != ENOENT);

    // Maps, mounts and links of descriptors tell of no path outside.
    tried("maps", strstr(get("/proc/self/maps"), "/outside") != 0 || strstr(get("/proc/self/maps"), "/root/work") != 0);
    tried("mounts", strstr(get("/proc/self/mounts"), "/tmp/uosrun") != 0 || strstr(get("/proc/self/mountinfo"), "/tmp/uosrun") != 0);

    // Renames and exchanges under the resolver.
    mkdir("/work/d", 0755), mkdir("/work/e", 0755), mkdir("/work/e/f", 0755);
    symlink("../../../../../..", "/work/l");
    int child = fork();
    if (!child) {
        for (;;) {
            renameat2(AT_FDCWD, "/work/d", AT_FDCWD, "/work/l", RENAME_EXCHANGE);
            rename("/work/e/f", "/work/g");
            rename("/work/g", "/work/e/f");
        }
    }
    int out = 0;
    for (int i = 0; i < 20000 && !out; i++) {
        static const char *tricks[] = {"/work/d/secret", "/work/d/../../secret", "/work/l/etc/passwd", "/work/e/f/../../../secret", "/work/e/f/../../../../etc/passwd", "d/../../../secret"};
        const char *trick = tricks[i % 6];
        int fd = open(trick, O_RDONLY);
        out = fd >= 0 || !stat(trick, &st);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    tried("renames", out);
    return 0;
}
