// open(2): flags and errors.
#include "see.h"

int main() {
    put("file", "text\n");
    mkdir("dir", 0755);
    symlink("file", "link");
    symlink("none", "dangling");
    symlink("dir", "dirlink");
    symlink("self", "self");
    symlink(absolute("dir"), "abslink");
    put("dir/inner", "inner\n");

    printf("%s", get("file"));
    printf("%s", get("link"));
    printf("%s", get("dirlink/inner"));
    printf("%s", get("abslink/inner"));
    printf("%s", get("abslink/../file"));
    printf("%s", get(absolute("dirlink/../dir/./inner")));
    SEE(open("", O_RDONLY));
    SEE(open("none", O_RDONLY));
    SEE(open("none/x", O_RDONLY));
    SEE(open("file/x", O_RDONLY));
    SEE(open("file/", O_RDONLY));
    SEE(open("file/.", O_RDONLY));
    SEE(open("dir/", O_RDONLY));
    SEE(open("dir", O_WRONLY));
    SEE(open("dir", O_RDWR | O_CREAT, 0644));
    SEE(open("new/", O_RDWR | O_CREAT, 0644));
    SEE(open("self", O_RDONLY));
    SEE(open("link", O_RDONLY | O_NOFOLLOW));
    SEE(open("dirlink/inner", O_RDONLY | O_NOFOLLOW));
    SEE(open("link", O_PATH | O_NOFOLLOW));
    SEE(open("file", O_RDONLY | O_DIRECTORY));
    SEE(open("dirlink", O_RDONLY | O_DIRECTORY));
    SEE(open("dirlink", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    SEE(open("file", O_CREAT | O_EXCL | O_RDWR, 0644));
    SEE(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0644));
    SEE(open("dangling", O_RDONLY));
    SEE(open("dangling", O_CREAT | O_RDWR, 0644));
    SEE(access("none", F_OK));
    SEE(open((char *)8, O_RDONLY));
    SEE(open("file", O_RDONLY | 0x10000000));

    char *name = malloc(300);
    memset(name, 'n', 299);
    name[299] = 0;
    SEE(open(name, O_RDONLY));
    char *path = malloc(5000);
    memset(path, '/', 4999);
    path[4999] = 0;
    SEE(open(path, O_RDONLY));
    path[4095] = 0;
    SEE(open(path, O_RDONLY));

    int dir = open("dir", O_RDONLY | O_DIRECTORY);
    int fd = openat(dir, "inner", O_RDONLY);
    printf("openat: %s", text_of(fd));
    fd = openat(dir, "../file", O_RDONLY);
    printf("openat ..: %s", text_of(fd));
    fd = openat(dir, "../dirlink/../link", O_RDONLY);
    printf("openat link: %s", text_of(fd));
    SEE(openat(fd, "x", O_RDONLY));
    SEE(openat(999, "x", O_RDONLY));
    SEE(openat(999, "/", O_RDONLY));
    fd = openat(dir, ".", O_TMPFILE | O_RDWR, 0600);
    SEE_NUMBER(write(fd, "abc", 3));
    char self[64];
    sprintf(self, "/proc/self/fd/%d", fd);
    SEE(linkat(AT_FDCWD, self, dir, "named", AT_SYMLINK_FOLLOW));
    printf("%s\n", get("dir/named"));

    umask(027);
    fd = open("masked", O_CREAT | O_RDWR, 0666);
    struct stat st;
    fstat(fd, &st);
    printf("mode %o\n", st.st_mode);
    SEE_NUMBER(fcntl(fd, F_GETFD));
    fd = open("masked", O_RDWR | O_CLOEXEC | O_APPEND);
    SEE_NUMBER(fcntl(fd, F_GETFD));
    SEE_NUMBER(fcntl(fd, F_GETFL) & (O_APPEND | O_ACCMODE));
    return 0;
}
