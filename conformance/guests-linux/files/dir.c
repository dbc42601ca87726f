// The current directory, reading directories, the mount points of the system in them.
#include "see.h"
#include <sys/syscall.h>

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void list(const char *path) {
    DIR *dir = opendir(path);
    if (!dir) {
        printf("%s: %s\n", path, error());
        return;
    }
    char *names[100];
    int count = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        char text[300];
        sprintf(text, "%s%s", e->d_name, e->d_type == DT_DIR ? "/" : e->d_type == DT_LNK ? "@" : "");
        if (count < 100) names[count++] = strdup(text);
    }
    closedir(dir);
    qsort(names, count, sizeof *names, by_name);
    printf("%s:", path);
    for (int i = 0; i < count; i++) printf(" %s", names[i]);
    printf("\n");
}

int main() {
    char start[PATH_MAX], now[PATH_MAX];
    getcwd(start, sizeof start);
    mkdir("a", 0755);
    mkdir("a/b", 0755);
    put("a/file", "x");
    symlink("a/b", "link");
    list("a");
    list("a/b");
    list("link/..");
    list("none");
    list("a/file");
    SEE(chdir("a/b"));
    getcwd(now, sizeof now);
    printf("%s\n", now + strlen(start));
    SEE(chdir(".."));
    getcwd(now, sizeof now);
    printf("%s\n", now + strlen(start));
    SEE(chdir("file"));
    SEE(chdir("none"));
    SEE(chdir("../link"));
    getcwd(now, sizeof now);
    printf("%s\n", now + strlen(start));
    SEE(syscall(SYS_getcwd, now, 3));
    int fd = open("..", O_RDONLY);
    SEE(fchdir(fd));
    getcwd(now, sizeof now);
    printf("%s\n", now + strlen(start));
    int file = open("file", O_RDONLY);
    SEE(fchdir(file));
    SEE(chdir("/"));
    printf("%s\n", getcwd(now, sizeof now));
    SEE(chdir("../../.."));
    printf("%s\n", getcwd(now, sizeof now));
    SEE(chdir(start));
    printf("%d\n", !strcmp(getcwd(now, sizeof now), start));
    char proc[PATH_MAX];
    int len = readlink("/proc/self/cwd", proc, sizeof proc - 1);
    proc[len > 0 ? len : 0] = 0;
    printf("%d\n", !strcmp(proc, start));

    // Many entries in small pieces.
    mkdir("many", 0755);
    for (int i = 0; i < 500; i++) {
        char name[40];
        sprintf(name, "many/entry-%04d", i);
        close(open(name, O_CREAT | O_WRONLY, 0644));
    }
    int many = open("many", O_RDONLY), count = 0, calls = 0;
    char buffer[512];
    for (long got; (got = syscall(SYS_getdents64, many, buffer, sizeof buffer)) > 0; calls++)
        for (long at = 0; at < got; at += *(unsigned short *)(buffer + at + 16)) count++;
    printf("%d entries, %s\n", count, calls > 10 ? "many calls" : "few calls");
    SEE(syscall(SYS_getdents64, many, buffer, 1));
    SEE(lseek(many, 0, SEEK_SET));
    SEE(syscall(SYS_getdents64, many, buffer, 1));
    SEE(syscall(SYS_getdents64, file, buffer, sizeof buffer));

    // The system's own.
    int null = 0, proc_seen = 0, self = 0, dev = 0;
    DIR *dir = opendir("/dev");
    for (struct dirent *e; dir && (e = readdir(dir));) null += !strcmp(e->d_name, "null") || !strcmp(e->d_name, "tty") || !strcmp(e->d_name, "pts");
    dir = opendir("/");
    for (struct dirent *e; dir && (e = readdir(dir));) proc_seen += !strcmp(e->d_name, "proc"), dev += !strcmp(e->d_name, "dev");
    dir = opendir("/proc");
    for (struct dirent *e; dir && (e = readdir(dir));) self += !strcmp(e->d_name, "self") || !strcmp(e->d_name, "meminfo") || atoi(e->d_name) == getpid();
    printf("%d %d %d %d\n", null, proc_seen, dev, self);

    // A directory that is gone.
    mkdir("gone", 0755);
    chdir("gone");
    rmdir("../gone");
    SEE(open("x", O_CREAT | O_RDWR, 0644));
    SEE(open(".", O_RDONLY));
    SEE(open("../a/file", O_RDONLY));
    return 0;
}
