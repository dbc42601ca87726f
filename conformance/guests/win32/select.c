/* Which set of select a connection shows in: made in the second one, failed in the third one only. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdio.h>

static struct sockaddr_in bound(SOCKET *s)
{
    struct sockaddr_in at = { AF_INET };
    int len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    bind(*s, (struct sockaddr *)&at, sizeof at);
    getsockname(*s, (struct sockaddr *)&at, &len);
    return at;
}

static SOCKET begin(struct sockaddr_in *to)
{
    u_long on = 1;
    SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    ioctlsocket(s, FIONBIO, &on);
    int r = connect(s, (struct sockaddr *)to, sizeof *to);
    printf("connect %d %d\n", r, WSAGetLastError());
    return s;
}

static void outcome(const char *what, SOCKET s)
{
    fd_set write, except;
    struct timeval time = { 5, 0 };
    int error = 0, len = sizeof error;
    FD_ZERO(&write);
    FD_ZERO(&except);
    FD_SET(s, &write);
    FD_SET(s, &except);
    int r = select(0, NULL, &write, &except, &time);
    printf("%s: %d write %d except %d", what, r, FD_ISSET(s, &write) != 0, FD_ISSET(s, &except) != 0);
    getsockopt(s, SOL_SOCKET, SO_ERROR, (char *)&error, &len);
    printf(" error %d\n", error);
}

int main(void)
{
    WSADATA data;
    WSAStartup(MAKEWORD(2, 2), &data);
    SOCKET listener, taken;
    struct sockaddr_in at = bound(&listener);
    listen(listener, 5);
    SOCKET s = begin(&at);
    outcome("made", s);
    /* Reset by the other end: it was connected, so sending does not wait. */
    SOCKET other = accept(listener, NULL, NULL);
    struct linger hard = { 1, 0 };
    setsockopt(other, SOL_SOCKET, SO_LINGER, (char *)&hard, sizeof hard);
    closesocket(other);
    fd_set write;
    struct timeval time = { 5, 0 };
    FD_ZERO(&write);
    FD_SET(s, &write);
    Sleep(50);
    printf("after a reset: %d\n", select(0, NULL, &write, NULL, &time));
    closesocket(s);
    /* A port that is taken and does not listen. */
    at = bound(&taken);
    s = begin(&at);
    outcome("refused", s);
    closesocket(s);
    return 0;
}
