/* A non-blocking listener does not wait, and its accepted sockets are non-blocking too. */
#include "laws/law.h"
#include "laws/verdict/sockets_and_handles.h"

int main(int argc, char **argv) {
    law_start(argc, argv, "accept_inherits",
              "A non-blocking listener does not wait, and accepted sockets inherit its mode.");
    struct sockaddr_in address;
    int length = sizeof address;
    SOCKET listener = law_listener((struct sockaddr *)&address, &length);
    u_long yes = 1;
    law_require(ioctlsocket(listener, (long)FIONBIO, &yes) == 0, "ioctlsocket");
    struct accept_inherits_seen seen = {0};
    if (accept(listener, NULL, NULL) == INVALID_SOCKET)
        seen.accept_error = (uint64_t)WSAGetLastError();
    SOCKET client = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    law_require(connect(client, (struct sockaddr *)&address, length) == 0, "connect");
    fd_set ready;
    FD_ZERO(&ready);
    FD_SET(listener, &ready);
    struct timeval deadline = {LAW_DEADLINE_MS / 1000, 0};
    law_require(select(0, &ready, NULL, NULL, &deadline) == 1, "select");
    SOCKET accepted = accept(listener, NULL, NULL);
    law_require(accepted != INVALID_SOCKET, "accept");
    /* if the socket blocks after all, the receive fails with another error */
    DWORD patience_ms = LAW_ABSENT_MS;
    setsockopt(accepted, SOL_SOCKET, SO_RCVTIMEO, (const char *)&patience_ms, sizeof patience_ms);
    char byte;
    if (recv(accepted, &byte, 1, 0) == SOCKET_ERROR)
        seen.receive_error = (uint64_t)WSAGetLastError();
    struct json line = law_line();
    ACCEPT_INHERITS_SEEN(LAW_SEEN)
    struct judged judged = {"D3", judge_accept_inherits(&seen)};
    return law_print(&line, &judged, 1);
}
