/* AcceptEx is an extension of the provider: a program asks a socket for its address with WSAIoctl
 * and SIO_GET_EXTENSION_FUNCTION_POINTER. That call goes directly to the provider. The function of
 * the same name in mswsock.lib asks for the address itself, perhaps in each call. */
#include "laws/law.h"
#include "laws/verdict/transfers.h"

#include <mswsock.h>

enum { ACCEPTS = 10, ADDRESS = sizeof(struct sockaddr_in) + 16 };

static LPFN_ACCEPTEX ask(SOCKET socket) {
    GUID id = WSAID_ACCEPTEX;
    LPFN_ACCEPTEX found = NULL;
    DWORD bytes;
    if (WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &found, sizeof found,
                 &bytes, NULL, NULL) != 0)
        return NULL;
    return found;
}

/* Returns whether `accepted` is the other end of `client`. */
static bool connected(SOCKET accepted, SOCKET client, SOCKET listener) {
    struct sockaddr_in own, peer;
    int own_length = sizeof own, peer_length = sizeof peer;
    return setsockopt(accepted, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&listener,
                      sizeof listener) == 0 &&
           getsockname(client, (struct sockaddr *)&own, &own_length) == 0 &&
           getpeername(accepted, (struct sockaddr *)&peer, &peer_length) == 0 &&
           own.sin_port == peer.sin_port;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "accept_ex_pointer",
              "WSAIoctl gives the address of AcceptEx, and that function accepts.");
    struct sockaddr_in address;
    int length = sizeof address;
    SOCKET listener = law_listener((struct sockaddr *)&address, &length), another = law_socket();
    LPFN_ACCEPTEX accept_ex = ask(listener);
    struct accept_ex_pointer_seen seen = {.found = accept_ex != NULL,
                                          .same_pointer = accept_ex && accept_ex == ask(another)};
    static char addresses[2 * ADDRESS];
    static OVERLAPPED overlapped;
    HANDLE complete = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(complete != NULL, "CreateEventW");
    for (int i = 0; i < ACCEPTS && seen.found; i++) {
        SOCKET accepted = law_socket(), client = law_socket();
        DWORD bytes, flags;
        overlapped = (OVERLAPPED){.hEvent = complete};
        BOOL good =
            accept_ex(listener, accepted, addresses, 0, ADDRESS, ADDRESS, &bytes, &overlapped);
        law_require(good || WSAGetLastError() == ERROR_IO_PENDING, "AcceptEx");
        law_require(connect(client, (struct sockaddr *)&address, length) == 0, "connect");
        law_wait(complete);
        seen.accepts++;
        seen.accepted += WSAGetOverlappedResult(listener, &overlapped, &bytes, FALSE, &flags) &&
                         connected(accepted, client, listener);
        closesocket(client);
        closesocket(accepted);
    }
    struct json line = law_line();
    ACCEPT_EX_POINTER_SEEN(LAW_SEEN)
    struct judged judged = {"E4", judge_accept_ex_pointer(&seen)};
    return law_print(&line, &judged, 1);
}
