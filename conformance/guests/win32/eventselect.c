// WSAEventSelect: connect, data and end of a connection as events.
#include <winsock2.h>
#include <stdio.h>

static void show(const char *what, SOCKET s, WSAEVENT e) {
    WSANETWORKEVENTS events;
    DWORD waited = WSAWaitForMultipleEvents(1, &e, TRUE, 2000, FALSE);
    WSAEnumNetworkEvents(s, e, &events);
    printf("%s: wait %lu events %lx connect error %d\n", what, waited, events.lNetworkEvents, events.iErrorCode[FD_CONNECT_BIT]);
}

int main(void) {
    WSADATA data;
    WSAStartup(0x202, &data);
    SOCKET l = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {0};
    int len = sizeof a;
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(l, (void *)&a, sizeof a);
    listen(l, 1);
    getsockname(l, (void *)&a, &len);
    SOCKET c = socket(AF_INET, SOCK_STREAM, 0);
    WSAEVENT e = WSACreateEvent(), le = WSACreateEvent();
    printf("select %d %d\n", WSAEventSelect(l, le, FD_ACCEPT), WSAEventSelect(c, e, FD_CONNECT | FD_READ | FD_CLOSE));
    int r = connect(c, (void *)&a, sizeof a), error = WSAGetLastError();
    printf("connect %d\n", r == 0 || error == WSAEWOULDBLOCK);
    show("client", c, e);
    show("listener", l, le);
    SOCKET s = accept(l, NULL, NULL);
    send(s, "hello", 5, 0);
    show("client", c, e);
    char b[16];
    printf("recv %d\n", recv(c, b, sizeof b, 0));
    printf("recv %d %d\n", recv(c, b, sizeof b, 0), WSAGetLastError());
    closesocket(s);
    show("client", c, e);
    printf("recv %d\n", recv(c, b, sizeof b, 0));
    return 0;
}
