// Sockets: local ones with paths, without and abstract, messages with descriptors, TCP.
#include "see.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un local(const char *path) {
    struct sockaddr_un address = {AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    return address;
}
#define AT(address) (struct sockaddr *)&address, sizeof address

int main() {
    mkdir("dir", 0755);
    symlink("dir/sock", "link");
    struct sockaddr_un address = local("dir/sock"), through = local("link"), none = local("dir/none"), got;
    socklen_t len = sizeof got;
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    SEE(connect(client, AT(address)));
    SEE(bind(server, AT(address)));
    SEE(bind(socket(AF_UNIX, SOCK_STREAM, 0), AT(address)));
    SEE(bind(socket(AF_UNIX, SOCK_STREAM, 0), AT(through)));
    SEE(connect(client, AT(address)));
    SEE(listen(server, 5));
    SEE(connect(client, AT(none)));
    SEE(connect(client, AT(through)));
    int peer = accept(server, (struct sockaddr *)&got, &len);
    SEE(peer);
    SEE(getsockname(server, (struct sockaddr *)&got, (len = sizeof got, &len)));
    printf("%s %d\n", got.sun_path, (int)len);
    SEE(getpeername(client, (struct sockaddr *)&got, (len = sizeof got, &len)));
    printf("%s %d\n", got.sun_path, (int)len);
    struct stat st;
    SEE(stat("dir/sock", &st));
    printf("socket %d\n", S_ISSOCK(st.st_mode));

    // A descriptor beside the data.
    put("file", "through a socket\n");
    int file = open("file", O_RDONLY), received;
    char data[16] = "x", room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec vector = {data, 1};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *control = CMSG_FIRSTHDR(&message);
    control->cmsg_level = SOL_SOCKET, control->cmsg_type = SCM_RIGHTS, control->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(control), &file, sizeof file);
    SEE_NUMBER(sendmsg(client, &message, 0));
    memset(room, 0, sizeof room);
    SEE_NUMBER(recvmsg(peer, &message, 0));
    memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
    printf("%s", text_of(received));

    // Datagrams by path.
    int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un from = local("dir/from"), to = local("dir/to");
    SEE(bind(a, AT(from)));
    SEE(bind(b, AT(to)));
    SEE_NUMBER(sendto(a, "data", 4, 0, AT(to)));
    SEE_NUMBER(recvfrom(b, data, sizeof data, 0, (struct sockaddr *)&got, (len = sizeof got, &len)));
    printf("%s\n", got.sun_path);
    SEE_NUMBER(sendto(a, "data", 4, 0, AT(none)));

    // Abstract, and a pair.
    struct sockaddr_un abstract = {AF_UNIX};
    sprintf(abstract.sun_path + 1, "files-%d", getpid());
    int hidden = socket(AF_UNIX, SOCK_STREAM, 0);
    SEE(bind(hidden, AT(abstract)));
    SEE(listen(hidden, 1));
    SEE(connect(socket(AF_UNIX, SOCK_STREAM, 0), AT(abstract)));
    int pair[2];
    SEE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    SEE_NUMBER(send(pair[0], "abcd", 4, 0));
    struct pollfd poller = {pair[1], POLLIN};
    SEE_NUMBER(poll(&poller, 1, 1000));
    SEE_NUMBER(recv(pair[1], data, sizeof data, 0));

    // TCP on this machine.
    struct sockaddr_in inet = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    int listener = socket(AF_INET, SOCK_STREAM, 0), caller = socket(AF_INET, SOCK_STREAM, 0);
    SEE(bind(listener, AT(inet)));
    SEE(listen(listener, 1));
    len = sizeof inet;
    SEE(getsockname(listener, (struct sockaddr *)&inet, &len));
    SEE(connect(caller, AT(inet)));
    int called = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    SEE_NUMBER(recv(called, data, sizeof data, 0));
    SEE_NUMBER(send(caller, "hello", 5, 0));
    poller.fd = called;
    SEE_NUMBER(poll(&poller, 1, 1000));
    SEE_NUMBER(recv(called, data, sizeof data, 0));
    return 0;
}
