// /proc and /dev as programs use them.
#include "see.h"
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char *link_of(const char *path) {
    static char text[PATH_MAX];
    int len = readlink(path, text, sizeof text - 1);
    if (len < 0) return error();
    text[len] = 0;
    return text;
}

// Whether a line of a long file ends so.
static int has_line(const char *path, const char *end) {
    char line[1024];
    int found = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        found |= strlen(line) >= strlen(end) && !strcmp(line + strlen(line) - strlen(end), end);
    return found;
}

int main() {
    struct stat st;
    char path[64], want[64];
    put("file", "text\n");
    int fd = open("file", O_RDONLY);
    sprintf(path, "/proc/self/fd/%d", fd);
    printf("%d\n", !strcmp(link_of(path), absolute("file")));
    printf("%s", get(path));
    sprintf(path, "/dev/fd/%d", fd);
    printf("%s", get(path));
    sprintf(path, "/proc/%d/fd/%d", getpid(), fd);
    printf("%s", get(path));
    sprintf(path, "/proc/thread-self/fd/%d", fd);
    printf("%s", get(path));
    unlink("file");
    sprintf(path, "/proc/self/fd/%d", fd);
    printf("%s\n", strstr(link_of(path), " (deleted)") ? "deleted" : link_of(path));
    printf("%s", get(path));

    sprintf(want, "%d", getpid());
    printf("%d\n", !strcmp(link_of("/proc/self"), want));
    printf("%s\n", link_of("/proc/self/root"));
    printf("%s\n", link_of("/dev/fd"));
    printf("%s\n", link_of("/dev/stdin"));
    printf("%s\n", link_of("/proc/mounts"));
    SEE(readlink("/proc/self/status", path, sizeof path));
    SEE(lstat("/proc/self/exe", &st));
    printf("link %d\n", S_ISLNK(st.st_mode));
    SEE(stat("/proc/self/fd", &st));
    printf("dir %d\n", S_ISDIR(st.st_mode));
    SEE(open("/proc/none", O_RDONLY));
    SEE(open("/proc/self/none", O_RDONLY));
    SEE(open("/proc/self/status/x", O_RDONLY));
    SEE(open("/proc/self/fd/987", O_RDONLY));
    SEE(mkdir("/proc/x", 0755));
    SEE(unlink("/proc/self/maps") < 0 ? 0 : -1);
    printf("%d\n", strstr(get("/proc/self/status"), "Pid:") != 0);
    printf("%d\n", strstr(get("/proc/self/maps"), "r-xp") != 0);
    printf("%d\n", strstr(get("/proc/self/mounts"), " /proc proc ") != 0);
    printf("%d\n", strstr(get("/proc/self/mountinfo"), " - proc proc ") != 0);
    printf("%d\n", strstr(get("/proc/cpuinfo"), "processor") != 0);
    printf("%d\n", atoi(get("/proc/sys/kernel/pid_max")) > 0);
    printf("%d\n", strlen(get("/proc/sys/kernel/random/uuid")) == 37);
    printf("%d\n", atof(get("/proc/uptime")) > 0);

    // Descriptors of /proc as places to begin at.
    int proc = open("/proc/self", O_RDONLY | O_DIRECTORY);
    int status = openat(proc, "status", O_RDONLY);
    printf("%d\n", strncmp(text_of(status), "Name:", 5) == 0);
    SEE(fchdir(proc));
    printf("%d\n", strncmp(get("status"), "Name:", 5) == 0);
    printf("%d\n", strncmp(get("../self/status"), "Name:", 5) == 0);
    printf("%d\n", strncmp(get("task/../status"), "Name:", 5) == 0);
    SEE(chdir("/"));

    // Devices.
    char zeros[8] = "xxxxxxx";
    int zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_RDWR), full = open("/dev/full", O_RDWR), random = open("/dev/urandom", O_RDONLY);
    SEE_NUMBER(read(zero, zeros, 8));
    printf("%d\n", zeros[0] == 0 && zeros[7] == 0);
    SEE_NUMBER(write(null, "abc", 3));
    SEE_NUMBER(read(null, zeros, 8));
    SEE_NUMBER(write(full, "abc", 3));
    SEE_NUMBER(read(random, zeros, 8));
    SEE(stat("/dev/null", &st));
    printf("char %d\n", S_ISCHR(st.st_mode));
    SEE(access("/dev/null", R_OK | W_OK));
    SEE(open("/dev/null/x", O_RDONLY));
    SEE(open("/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0666));
    SEE(open("/dev/null", O_RDONLY | O_DIRECTORY));
    SEE(open("/dev/none", O_RDONLY));
    int size;
    SEE(ioctl(null, TIOCGWINSZ, &size));
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    SEE(master);
    SEE(grantpt(master));
    SEE(unlockpt(master));
    char *name = ptsname(master);
    printf("%d\n", name && !strncmp(name, "/dev/pts/", 9));
    int slave = open(name, O_RDWR | O_NOCTTY);
    SEE(slave);
    printf("%d %d\n", isatty(slave), isatty(null));
    printf("%d\n", ttyname(slave) && !strcmp(ttyname(slave), name));
    SEE_NUMBER(write(slave, "hi", 2));
    SEE_NUMBER(read(master, zeros, 8));
    struct winsize window = {24, 80, 0, 0};
    SEE(ioctl(master, TIOCSWINSZ, &window));
    // Memory in detail, and local sockets.
    printf("%d\n", has_line("/proc/self/smaps", " rd ex mr mw me sd \n") || has_line("/proc/self/smaps", "[stack]\n"));
    int named = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {AF_UNIX, "/work/listening"};
    SEE(bind(named, (void *)&address, sizeof address));
    printf("%d\n", has_line("/proc/net/unix", "listening\n"));
    // The break has a name.
    sbrk(10000);
    char line[1024];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        if (strstr(line, "[heap]\n") && sscanf(line, "%lx-%lx", &start, &end) == 2)
            found |= start < (unsigned long)sbrk(0) && (unsigned long)sbrk(0) - 1 < end;
    }
    printf("heap %d\n", found);
    return 0;
}
