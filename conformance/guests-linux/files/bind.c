// Folders of the host that are bound into the tree: /bound to write, /fixed to read. (Runs only in the tree.)
#include "see.h"
#include <sys/socket.h>
#include <sys/un.h>

int main() {
    struct stat st;
    printf("%s", get("/bound/secret"));
    printf("%s", get("/fixed/secret"));
    printf("%s\n", get("/bound/../secret"));
    printf("%s\n", get("/bound/../../../secret"));
    put("/work/in", "inside\n");
    printf("%s", get("/bound/../work/in"));
    SEE(mkdir("/bound", 0755));
    SEE(rmdir("/bound"));
    SEE(rename("/bound", "/other"));
    SEE(rename("/work/in", "/bound/moved") == 0 || errno == EXDEV ? 0 : -1);
    SEE(mkdir("/bound/dir", 0755));
    SEE(symlink("/work", "/bound/dir/abs"));
    SEE(symlink("../../work", "/bound/dir/rel"));
    put("/bound/dir/abs/a", "a\n");
    printf("%s", get("/work/a"));
    printf("%s", get("/bound/dir/rel/a"));
    SEE(chdir("/bound/dir"));
    char here[PATH_MAX];
    printf("%d\n", strstr(getcwd(here, sizeof here), "/dir") != NULL);
    SEE(chdir("../.."));
    printf("%s\n", getcwd(here, sizeof here));

    SEE(open("/fixed/new", O_CREAT | O_RDWR, 0644));
    SEE(open("/fixed/secret", O_RDWR));
    SEE(open("/fixed/secret", O_RDONLY | O_TRUNC));
    SEE(open("/fixed/secret", O_RDONLY));
    SEE(mkdir("/fixed/d", 0755));
    SEE(mkdir("/fixed/secret", 0755));
    SEE(symlink("x", "/fixed/l"));
    SEE(unlink("/fixed/secret"));
    SEE(rename("/fixed/secret", "/fixed/other"));
    SEE(rename("/fixed/secret", "/work/other"));
    SEE(link("/work/a", "/fixed/a"));
    SEE(chmod("/fixed/secret", 0777));
    SEE(chown("/fixed/secret", -1, -1));
    SEE(truncate("/fixed/secret", 0));
    SEE(utimensat(AT_FDCWD, "/fixed/secret", NULL, 0));
    int fixed = open("/fixed/secret", O_RDONLY), null = open("/dev/null", O_RDWR);
    SEE(fchmod(fixed, 0777));
    SEE(fchown(fixed, -1, -1));
    SEE(futimens(fixed, NULL));
    SEE(fchmod(null, 0666));
    SEE(access("/fixed/secret", W_OK));
    SEE(access("/fixed/secret", R_OK));
    SEE(mkfifo("/fixed/fifo", 0644));
    struct sockaddr_un address = {AF_UNIX, "/fixed/sock"};
    SEE(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address));
    int dir = open("/fixed", O_RDONLY);
    SEE(openat(dir, "new", O_CREAT | O_RDWR, 0644));
    SEE(unlinkat(dir, "secret", 0));
    SEE(fstatat(dir, "secret", &st, 0));
    SEE(chdir("/fixed"));
    SEE(unlink("secret"));
    SEE(open("new", O_CREAT | O_WRONLY, 0644));
    SEE(chdir("/"));
    int seen = 0;
    DIR *root = opendir("/");
    for (struct dirent *e; root && (e = readdir(root));) seen += !strcmp(e->d_name, "bound") || !strcmp(e->d_name, "fixed");
    printf("%d\n", seen);
    printf("%d\n", strstr(get("/proc/self/mounts"), " /fixed ") != NULL);
    return 0;
}
