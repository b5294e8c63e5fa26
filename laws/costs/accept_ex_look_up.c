/* What it saves to keep the address of AcceptEx. A server asks WSAIoctl once and calls the address;
 * or it asks before each call; or it calls the function of mswsock.lib, which may ask by itself.
 * Each way starts the same accepts without a client; only the calls are timed, and
 * the fastest group of them counts, because other programs only add time. */
#include "laws/law.h"
#include "laws/verdict/shortcuts.h"

#include <mswsock.h>

enum { ACCEPTS = 100, BATCH = 10, ADDRESS = sizeof(struct sockaddr_in) + 16 };
enum way { KEPT, ASKED, LIBRARY, WAYS };

static struct accepting {
    OVERLAPPED overlapped;
    SOCKET socket;
    char addresses[2 * ADDRESS];
} acceptings[ACCEPTS];

static LPFN_ACCEPTEX ask(SOCKET listener) {
    GUID id = WSAID_ACCEPTEX;
    LPFN_ACCEPTEX found = NULL;
    DWORD bytes;
    law_require(WSAIoctl(listener, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &found,
                         sizeof found, &bytes, NULL, NULL) == 0,
                "WSAIoctl");
    return found;
}

/* Starts BATCH accepts. */
static uint64_t start_ns(enum way way, SOCKET listener, struct accepting *accepting) {
    LPFN_ACCEPTEX kept = ask(listener);
    uint64_t begun_ns = clock_now_ns();
    for (int i = 0; i < BATCH; i++, accepting++) {
        LPFN_ACCEPTEX accept_ex = way == KEPT ? kept : way == ASKED ? ask(listener) : AcceptEx;
        DWORD bytes;
        BOOL good = accept_ex(listener, accepting->socket, accepting->addresses, 0, ADDRESS,
                              ADDRESS, &bytes, &accepting->overlapped);
        law_require(good || WSAGetLastError() == ERROR_IO_PENDING, "AcceptEx");
    }
    return clock_now_ns() - begun_ns;
}

static uint64_t round_ns(enum way way) {
    struct sockaddr_in address;
    int length = sizeof address;
    SOCKET listener = law_listener((struct sockaddr *)&address, &length);
    HANDLE port = CreateIoCompletionPort((HANDLE)listener, NULL, 0, 1);
    law_require(port != NULL, "CreateIoCompletionPort");
    for (int i = 0; i < ACCEPTS; i++) {
        acceptings[i].overlapped = (OVERLAPPED){0};
        acceptings[i].socket = law_socket();
    }
    uint64_t fastest_ns = UINT64_MAX;
    for (int first = 0; first < ACCEPTS; first += BATCH) {
        uint64_t ns = start_ns(way, listener, &acceptings[first]);
        fastest_ns = ns < fastest_ns ? ns : fastest_ns;
    }
    closesocket(listener); /* cancels the accepts; each still has its packet */
    for (int i = 0; i < ACCEPTS; i++) {
        struct law_packet packet;
        law_require(law_take(port, &packet, LAW_DEADLINE_MS), "a packet is missing");
    }
    for (int i = 0; i < ACCEPTS; i++)
        closesocket(acceptings[i].socket);
    CloseHandle(port);
    return fastest_ns;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "accept_ex_look_up",
              "AcceptEx by an address that is kept costs less than asking for it each time.");
    uint64_t took_ns[WAYS][RATIO_ROUNDS];
    round_ns(KEPT); /* warms up */
    for (int round = 0; round < RATIO_ROUNDS; round++)
        for (enum way way = KEPT; way < WAYS; way++)
            took_ns[way][round] = round_ns(way);
    struct shortcut_seen seen[] = {
        shortcut_of("address kept", took_ns[KEPT], "asked each time", took_ns[ASKED], BATCH),
        shortcut_of("address kept", took_ns[KEPT], "mswsock.lib", took_ns[LIBRARY], BATCH)};
    struct json line = law_line();
    json_u64(&line, "accepts", ACCEPTS);
    json_double(&line, "kept_ns", seen[0].name_ns);
    json_double(&line, "asked_ns", seen[0].detour_ns);
    json_double(&line, "library_ns", seen[1].detour_ns);
    struct judged judged[] = {{"", judge_shortcut(&seen[0])}, {"", judge_shortcut(&seen[1])}};
    return law_print(&line, judged, 2);
}
