/* A socket from AcceptEx is incomplete: getpeername and shutdown fail until
 * SO_UPDATE_ACCEPT_CONTEXT is set. */
#include "laws/law.h"
#include "laws/verdict/sockets_and_handles.h"

#include <mswsock.h>

static uint64_t peer_error(SOCKET socket) {
    struct sockaddr_in peer;
    int length = sizeof peer;
    return getpeername(socket, (struct sockaddr *)&peer, &length) == 0
               ? 0
               : (uint64_t)WSAGetLastError();
}

int main(int argc, char **argv) {
    law_start(argc, argv, "accept_context",
              "After AcceptEx a socket needs SO_UPDATE_ACCEPT_CONTEXT.");
    struct sockaddr_in address;
    int length = sizeof address;
    SOCKET listener = law_listener((struct sockaddr *)&address, &length);
    SOCKET accepted = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    SOCKET client = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    static char addresses[2 * (sizeof(struct sockaddr_in) + 16)];
    OVERLAPPED overlapped = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    DWORD bytes;
    BOOL good = AcceptEx(listener, accepted, addresses, 0, sizeof addresses / 2,
                         sizeof addresses / 2, &bytes, &overlapped);
    law_require(good || WSAGetLastError() == ERROR_IO_PENDING, "AcceptEx");
    law_require(connect(client, (struct sockaddr *)&address, length) == 0, "connect");
    law_wait(overlapped.hEvent);
    struct accept_context_seen seen = {.peer_error_before = peer_error(accepted)};
    law_require(setsockopt(accepted, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&listener,
                           sizeof listener) == 0,
                "SO_UPDATE_ACCEPT_CONTEXT");
    seen.peer_error_after = peer_error(accepted);
    struct json line = law_line();
    ACCEPT_CONTEXT_SEEN(LAW_SEEN)
    struct judged judged = {"C31", judge_accept_context(&seen)};
    return law_print(&line, &judged, 1);
}
