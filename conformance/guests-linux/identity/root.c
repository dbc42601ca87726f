// What root sees and may do: identities, capabilities, owners and modes of files, programs that run as their file's owner
// (credentials(7), capabilities(7), chown(2), execve(2)). Anybody sees the same with --as-root.
#include "../files/see.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

static void ids(const char *when) {
    uid_t r, e, s;
    gid_t gr, ge, gs;
    getresuid(&r, &e, &s);
    getresgid(&gr, &ge, &gs);
    printf("%s: %d %d %d, %d %d %d, file user %d\n", when, r, e, s, gr, ge, gs, setfsuid(-1));
    fflush(stdout);
}

static void capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    syscall(SYS_capget, &header, data);
    printf("chown %d %d, setuid %d %d\n", data[0].effective & 1, data[0].permitted & 1, data[0].effective >> 7 & 1, data[0].permitted >> 7 & 1);
    fflush(stdout);
}

static void show(const char *path) {
    struct stat st;
    struct statx sx;
    if (lstat(path, &st)) {
        printf("%s: %s\n", path, error());
        return;
    }
    statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &sx);
    int fd = open(path, O_PATH | O_NOFOLLOW);
    struct stat by;
    fstat(fd, &by);
    int same = sx.stx_uid == st.st_uid && sx.stx_gid == st.st_gid && sx.stx_mode == st.st_mode && by.st_uid == st.st_uid && by.st_gid == st.st_gid && by.st_mode == st.st_mode;
    close(fd);
    printf("%s: %d:%d %o%s\n", path, st.st_uid, st.st_gid, st.st_mode, same ? "" : ", and otherwise");
    fflush(stdout);
}

#define CHILD(...) \
    do { \
        fflush(stdout); \
        pid_t child_ = fork(); \
        if (child_ == 0) { \
            __VA_ARGS__; \
            fflush(stdout); \
            _exit(0); \
        } \
        int status_; \
        waitpid(child_, &status_, 0); \
        if (status_) printf("status %x\n", status_); \
    } while (0)

int main(int argc, char **argv) {
    if (argc > 1) {
        ids(argv[1]);
        printf("secure %ld, %ld %ld\n", getauxval(AT_SECURE), getauxval(AT_UID), getauxval(AT_EUID));
        return 0;
    }
    umask(022);
    chmod("/tmp", 01777);
    chdir("/work");
    SEE(setgroups(0, NULL));
    ids("root");
    capabilities();

    // Owners.
    put("a", "text\n");
    show("a");
    SEE(chown("a", 5, 6));
    show("a");
    SEE(chown("a", -1, 7));
    show("a");
    SEE(chmod("a", 04755));
    show("a");
    SEE(chown("a", 0, 0));
    show("a");
    mkdir("d", 0755);
    SEE(chown("d", 33, 34));
    show("d");
    symlink("a", "l");
    SEE(lchown("l", 0, 0));
    show("l");
    SEE(rename("a", "b"));
    SEE(chown("b", 8, 8));
    SEE(link("b", "c"));
    show("c");

    // Modes that keep others out, but not root.
    SEE(chmod("b", 0));
    show("b");
    SEE(access("b", R_OK | W_OK));
    SEE(access("b", X_OK));
    printf("%s", get("b"));
    put("b", "again\n");
    printf("%s", get("b"));
    SEE(open("new", O_CREAT | O_EXCL | O_WRONLY, 0400));
    show("new");
    put("new", "written\n");
    printf("%s", get("new"));
    SEE(mkdir("closed", 0));
    show("closed");
    SEE(mkdir("closed/in", 0555));
    put("closed/in/f", "deep\n");
    printf("%s", get("closed/in/f"));
    show("closed/in");
    SEE(unlink("closed/in/f"));
    SEE(rmdir("closed/in"));
    SEE(rmdir("closed"));
    umask(0777);
    SEE(open("masked", O_CREAT | O_RDWR, 0666));
    umask(022);
    show("masked");

    // Devices.
    SEE(mknod("device", S_IFCHR | 0666, makedev(1, 3)));
    SEE(chown("device", 0, 9));
    SEE(chmod("device", 0640));
    show("device");
    struct stat st;
    SEE(stat("device", &st));
    printf("%d %d\n", major(st.st_rdev), minor(st.st_rdev));
    SEE(mknod("device", S_IFBLK | 0660, makedev(8, 0)));
    SEE(unlink("device"));
    SEE(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
    put("null", "gone\n");
    char byte;
    SEE_NUMBER(read(open("null", O_RDWR | O_CREAT | O_TRUNC, 0666), &byte, 1));
    SEE(unlink("null"));
    CHILD({
        setuid(70);
        SEE(mknod("/tmp/device", S_IFCHR | 0666, makedev(1, 3)));
    });

    // Somebody else.
    put("secret", "secret\n");
    chmod("secret", 0600);
    mkdir("free", 0777);
    chmod("free", 01777);
    CHILD({
        gid_t groups[2] = {50, 51};
        SEE(setgroups(2, groups));
        SEE(setresgid(60, 60, 60));
        SEE(setuid(70));
        ids("user");
        printf("groups %d %d %d\n", getgroups(2, groups), groups[0], groups[1]);
        capabilities();
        SEE(setuid(0));
        SEE(setresuid(-1, 70, -1));
        SEE(setgroups(0, NULL));
        SEE(open("secret", O_RDONLY));
        SEE(access("secret", R_OK));
        SEE(open("secret", O_WRONLY | O_TRUNC));
        SEE(chown("secret", 70, 70));
        SEE(chmod("secret", 0644));
        put("free/mine", "mine\n");
        show("free/mine");
        SEE(chmod("free/mine", 0444));
        SEE(open("free/mine", O_WRONLY));
        SEE(chown("free/mine", 70, 50));
        SEE(chown("free/mine", 70, 99));
        SEE(chown("free/mine", 71, -1));
        show("free/mine");
        SEE(mkdir("free/dir", 0750));
        show("free/dir");
    });
    // For a while.
    CHILD({
        SEE(seteuid(70));
        ids("for a while");
        capabilities();
        SEE(seteuid(0));
        ids("back");
        capabilities();
        SEE(setreuid(70, 71));
        ids("two");
        SEE(setreuid(71, 70));
        ids("swapped");
    });
    CHILD({
        printf("%d %d %d\n", setfsuid(70), setfsuid(70), setfsuid(0));
        capabilities();
    });
    CHILD({
        SEE(prctl(PR_SET_KEEPCAPS, 1));
        SEE(setresuid(70, 70, 70));
        capabilities();
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct data[2] = {{1 << 6, 1 << 6 | 1 << 7, 0}, {0, 0, 0}};
        SEE(syscall(SYS_capset, &header, data));
        SEE(setgid(60));
        SEE(setuid(0));
        data[0].effective = data[0].permitted = 1;
        SEE(syscall(SYS_capset, &header, data));
    });

    // Programs that run as somebody else.
    int from = open("/prog", O_RDONLY);
    int to = open("runs", O_WRONLY | O_CREAT, 0755);
    while (sendfile(to, from, NULL, 1 << 20) > 0) {}
    close(to);
    SEE(chown("runs", 80, 81));
    SEE(chmod("runs", 06755));
    CHILD(execl("runs", "runs", "root runs it", NULL));
    CHILD({
        setuid(70);
        execl("runs", "runs", "user runs it", NULL);
    });
    SEE(chown("runs", 82, 83));
    show("runs");
    CHILD({
        setuid(70);
        execl("runs", "runs", "without the bits", NULL);
    });
    CHILD({
        SEE(chmod("runs", 0744));
        setuid(70);
        execl("runs", "runs", "not for others", NULL);
        printf("%s\n", error());
    });
    CHILD({
        SEE(chmod("runs", 0));
        execl("runs", "runs", "root", NULL);
        printf("%s\n", error());
        SEE(chmod("runs", 0001));
        execl("runs", "runs", "anybody's", NULL);
    });

    // Who is at the other end.
    CHILD({
        int pair[2], on = 1;
        setresgid(60, 60, 60);
        setresuid(70, 70, 70);
        socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
        struct ucred peer;
        socklen_t len = sizeof peer;
        SEE(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &len));
        printf("peer %d %d %d\n", peer.pid == getpid(), peer.uid, peer.gid);
        SEE(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
        char byte = 'x', room[CMSG_SPACE(sizeof peer)] = {0};
        struct iovec vector = {&byte, 1};
        struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
        struct cmsghdr *control = CMSG_FIRSTHDR(&message);
        *control = (struct cmsghdr){CMSG_LEN(sizeof peer), SOL_SOCKET, SCM_CREDENTIALS};
        *(struct ucred *)CMSG_DATA(control) = (struct ucred){getpid(), getuid(), getgid()};
        SEE(sendmsg(pair[0], &message, 0));
        memset(room, 0, sizeof room);
        message.msg_controllen = sizeof room;
        SEE(recvmsg(pair[1], &message, 0));
        struct ucred *got = (struct ucred *)CMSG_DATA(CMSG_FIRSTHDR(&message));
        printf("message from %d %d %d\n", got->pid == getpid(), got->uid, got->gid);
    });
    return 0;
}
