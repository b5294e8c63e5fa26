/* The overlapped echo server of a textbook: one thread alternates a non-blocking accept with
 * SleepEx(100, TRUE), in which completion routines run. A client that connects during the sleep
 * waits for its end. Counts accepts per second by the time of the sleep, without I/O and with an
 * echo whose completions end the sleep early.
 *
 * The cure: a thread that does nothing but accept, and one whose sleep has no end. They pass a
 * socket on with QueueUserAPC.
 *
 * The clients have connected before and wait in the backlog, so no client limits the rate. */
#include "laws/shared/accepts.h"
#include "laws/verdict/accepts.h"

#include <process.h>

#include "common/sockets.h"

enum { CLIENTS = 60, BACKLOG = 200, MEASURE_MS = 400 };

static SOCKET pair[2];         /* of the echo */
static volatile LONG stopping; /* the echo's */
static volatile LONG taken;    /* by the I/O thread */

/* Echoes a byte at a time, for ever: each receive posts a send, and each send a receive. */
static struct {
    OVERLAPPED overlapped;
    char byte;
} echo;
static void receive(void);

static void CALLBACK on_sent(DWORD error, DWORD bytes, OVERLAPPED *overlapped, DWORD flags) {
    (void)overlapped, (void)flags;
    if (error == 0 && bytes == 1)
        receive();
}

static void CALLBACK on_received(DWORD error, DWORD bytes, OVERLAPPED *overlapped, DWORD flags) {
    (void)overlapped, (void)flags;
    WSABUF buffer = {1, &echo.byte};
    if (error == 0 && bytes == 1)
        WSASend(pair[1], &buffer, 1, NULL, 0, &echo.overlapped, on_sent);
}

static void receive(void) {
    WSABUF buffer = {1, &echo.byte};
    DWORD flags = 0;
    WSARecv(pair[1], &buffer, 1, NULL, &flags, &echo.overlapped, on_received);
}

/* The client of the echo: one byte outstanding, until the end. */
static unsigned __stdcall converse(void *unused) {
    char byte = 'x';
    (void)unused;
    while (!stopping && send(pair[0], &byte, 1, 0) == 1 && recv(pair[0], &byte, 1, 0) == 1)
        continue;
    return 0;
}

/* Accepts as the textbook does, at most MEASURE_MS. Returns the number of accepts. */
static int accept_in_turn(SOCKET listener, SOCKET *accepted, uint32_t pause_ms,
                          uint64_t deadline_ns) {
    int count = 0;
    while (count < CLIENTS && clock_now_ns() < deadline_ns) {
        SleepEx(pause_ms, TRUE);
        SOCKET client = accept(listener, NULL, NULL);
        if (client != INVALID_SOCKET)
            accepted[count++] = client;
        else
            law_require(WSAGetLastError() == WSAEWOULDBLOCK, "accept");
    }
    return count;
}

static void CALLBACK take(ULONG_PTR socket) { /* here the I/O thread would post a receive */
    (void)socket;
    taken++;
}

struct acceptor {
    SOCKET listener, *accepted;
    HANDLE io_thread;
};

static unsigned __stdcall accept_all(void *argument) {
    struct acceptor *acceptor = argument;
    for (int i = 0; i < CLIENTS; i++) {
        SOCKET client = accept(acceptor->listener, NULL, NULL);
        law_require(client != INVALID_SOCKET, "accept");
        acceptor->accepted[i] = client;
        QueueUserAPC(take, acceptor->io_thread, (ULONG_PTR)client);
    }
    return 0;
}

static int accept_by_thread(SOCKET listener, SOCKET *accepted) {
    struct acceptor acceptor = {listener, accepted, NULL};
    DuplicateHandle(GetCurrentProcess(), GetCurrentThread(), GetCurrentProcess(),
                    &acceptor.io_thread, 0, FALSE, DUPLICATE_SAME_ACCESS);
    taken = 0;
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, accept_all, &acceptor, 0, NULL);
    law_require(thread && acceptor.io_thread, "_beginthreadex");
    uint64_t deadline_ns = clock_now_ns() + LAW_DEADLINE_MS * 1000000ull;
    while (taken < CLIENTS && clock_now_ns() < deadline_ns)
        SleepEx(LAW_ABSENT_MS, TRUE);
    law_wait(thread);
    CloseHandle(thread);
    CloseHandle(acceptor.io_thread);
    return (int)taken;
}

/* Returns accepts per second by the way `sleep`, or by an accept thread. */
static uint64_t rate(int way) {
    SOCKET clients[CLIENTS], accepted[CLIENTS];
    struct sockaddr_in address;
    SOCKET listener = accepts_listen(BACKLOG, &address);
    clients_connect(clients, CLIENTS, &address, 0);
    law_require(way == ACCEPT_THREAD || sockets_unblock(listener), "ioctlsocket");
    uint64_t start_ns = clock_now_ns();
    int count = way == ACCEPT_THREAD ? accept_by_thread(listener, accepted)
                                     : accept_in_turn(listener, accepted, accept_sleeps_ms[way],
                                                      start_ns + MEASURE_MS * 1000000ull);
    uint64_t took_ns = clock_now_ns() - start_ns;
    sockets_drop(accepted, count);
    sockets_drop(clients, CLIENTS);
    closesocket(listener);
    return (uint64_t)count * 1000000000ull / took_ns;
}

static void add_rates(struct json *line, const char *key, const uint64_t rates[SLEEPS + 1]) {
    json_array(line, key);
    for (int i = 0; i <= SLEEPS; i++)
        json_u64(line, NULL, rates[i]);
    json_close(line);
}

int main(int argc, char **argv) {
    law_start(argc, argv, "accept_in_turn", "Alternating accept with SleepEx limits the accepts.");
    struct accept_in_turn_seen seen;
    for (int way = 0; way <= SLEEPS; way++)
        seen.idle[way] = rate(way);
    law_pair(pair);
    receive();
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, converse, NULL, 0, NULL);
    law_require(thread != NULL, "_beginthreadex");
    for (int way = 0; way <= SLEEPS; way++)
        seen.loaded[way] = rate(way);
    stopping = 1;
    for (int i = 0; i < 100 && WaitForSingleObject(thread, 0) != 0; i++)
        SleepEx(10, TRUE); /* the last byte still needs its echo */
    law_wait(thread);
    struct json line = law_line();
    add_rates(&line, "idle_accepts_per_second", seen.idle);
    add_rates(&line, "loaded_accepts_per_second", seen.loaded);
    struct judged judged[] = {{"D7", judge_accept_in_turn(&seen)},
                              {"D8", judge_accept_thread(&seen)}};
    return law_print(&line, judged, 2);
}
