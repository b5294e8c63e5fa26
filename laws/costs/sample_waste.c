/* A textbook's sample prints a line per message, allocates per message, has buffers of 100 bytes and
 * a backlog of 5. What does each cost? An echo server with one worker thread runs as it should be,
 * and then with one of these at a time; messages have 1 KiB. The last run has all three of them, so
 * each has a share of the difference.
 *
 * Printing goes to NUL, and to a pipe that a thread reads. A console costs more than either.
 * The backlog meets a storm of clients while a thread accepts them one by one
 * and takes a millisecond for each. */
#include "laws/shared/accepts.h"
#include "laws/shared/echo.h"
#include "laws/shared/rounds.h"
#include "laws/verdict/ablation.h"

#include <process.h>

#include "common/sockets.h"

enum { SOCKETS = 16, VISITS = 8, BATCHES = 8, BATCHES_SMALL = 3, SMALL = 100 };
enum { CLIENTS = 64, SHORT_BACKLOG = 5, LONG_BACKLOG = 200, PATIENCE_MS = 150, SETUP = 10 };

/* Reads the pipe until the process ends. */
static unsigned __stdcall drain(void *pipe) {
    char text[4096];
    DWORD bytes;
    while (ReadFile(pipe, text, sizeof text, &bytes, NULL) && bytes > 0)
        continue;
    return 0;
}

static void open_echoes(struct echo *echoes[WASTES]) {
    HANDLE read, write, thread;
    HANDLE nul = CreateFileW(L"NUL", GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                             OPEN_EXISTING, 0, NULL);
    law_require(nul != INVALID_HANDLE_VALUE, "NUL");
    law_require(CreatePipe(&read, &write, NULL, 65536), "CreatePipe");
    thread = (HANDLE)_beginthreadex(NULL, 0, drain, read, 0, NULL);
    law_require(thread != NULL, "_beginthreadex");
    CloseHandle(thread);
    const struct echo_settings settings[WASTES] = {
        [WASTE_NONE] = {.sockets = SOCKETS, .buffer_bytes = ECHO_MESSAGE},
        [WASTE_PRINT_NUL] = {.sockets = SOCKETS, .buffer_bytes = ECHO_MESSAGE, .print = nul},
        [WASTE_PRINT_PIPE] = {.sockets = SOCKETS, .buffer_bytes = ECHO_MESSAGE, .print = write},
        [WASTE_ALLOCATE] = {.sockets = SOCKETS, .buffer_bytes = ECHO_MESSAGE, .allocate = true},
        [WASTE_BUFFER] = {.sockets = SOCKETS, .buffer_bytes = SMALL},
        [WASTE_ALL] = {.sockets = SOCKETS, .buffer_bytes = SMALL, .allocate = true, .print = write},
    };
    for (int i = 0; i < WASTES; i++)
        echoes[i] = echo_open(&settings[i]);
}

struct acceptor {
    SOCKET listener, accepted[CLIENTS];
    int count;
    volatile LONG stopping;
};

static unsigned __stdcall accept_all(void *argument) {
    struct acceptor *acceptor = argument;
    while (!acceptor->stopping && acceptor->count < CLIENTS) {
        SOCKET client = accept(acceptor->listener, NULL, NULL); /* it does not block */
        if (client == INVALID_SOCKET) {
            Sleep(0);
            continue;
        }
        acceptor->accepted[acceptor->count++] = client;
        law_work(SETUP); /* a server prepares for its client: 1 ms */
    }
    return 0;
}

/* Counts the clients of a storm that have a connection after PATIENCE_MS. */
static void storm(int backlog, uint64_t *incomplete, uint64_t *fewest) {
    SOCKET clients[CLIENTS];
    struct sockaddr_in address;
    struct acceptor acceptor = {.listener = accepts_listen(backlog, &address)};
    law_require(sockets_unblock(acceptor.listener), "ioctlsocket");
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, accept_all, &acceptor, 0, NULL);
    law_require(thread != NULL, "_beginthreadex");
    uint32_t established = clients_storm(clients, CLIENTS, &address, PATIENCE_MS);
    acceptor.stopping = 1;
    law_wait(thread);
    CloseHandle(thread);
    sockets_drop(clients, CLIENTS);
    sockets_drop(acceptor.accepted, acceptor.count);
    closesocket(acceptor.listener);
    *incomplete += established < CLIENTS;
    if (established < *fewest)
        *fewest = established;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "sample_waste",
              "Printing, allocating, small buffers and a short backlog cost throughput.");
    struct echo *echoes[WASTES];
    static struct sample_waste_seen seen;
    seen.clients = seen.fewest[STORM_SHORT] = seen.fewest[STORM_LONG] = CLIENTS;
    seen.short_backlog = SHORT_BACKLOG;
    open_echoes(echoes);
    for (int visit = 0; visit < VISITS * RATIO_ROUNDS; visit++)
        for (int i = 0; i < WASTES; i++) {
            bool small = i == WASTE_BUFFER || i == WASTE_ALL;
            rounds_keep(&seen.ns[i][visit / VISITS],
                        echo_message_ns(echoes[i], 1, small ? BATCHES_SMALL : BATCHES));
        }
    for (int round = 0; round < RATIO_ROUNDS; round++) {
        storm(LONG_BACKLOG, &seen.incomplete[STORM_LONG], &seen.fewest[STORM_LONG]);
        storm(SHORT_BACKLOG, &seen.incomplete[STORM_SHORT], &seen.fewest[STORM_SHORT]);
    }
    struct json line = law_line();
    LAW_SEEN(clients)
    LAW_SEEN(short_backlog)
    json_u64(&line, "incomplete_short", seen.incomplete[STORM_SHORT]);
    json_u64(&line, "incomplete_long", seen.incomplete[STORM_LONG]);
    json_u64(&line, "fewest_short", seen.fewest[STORM_SHORT]);
    json_u64(&line, "fewest_long", seen.fewest[STORM_LONG]);
    rounds_seen(&line, "ns_per_message", seen.ns, WASTES);
    struct judged judged = {"D14", judge_sample_waste(&seen)};
    return law_print(&line, &judged, 1);
}
