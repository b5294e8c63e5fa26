/* A port's packets are first in, first out, and receives fill in the order of their calls. Still
 * two workers that take neighbouring packets of one connection race to the logic. Messages of one
 * connection are numbered; 1 to 8 receives are outstanding, and 1 to 8 workers wait.
 * With one outstanding receive the next one starts after the logic, so nothing can overtake. */
#include "laws/law.h"
#include "laws/verdict/order.h"

#include <process.h>

enum { MESSAGES = 1000, MOST = 8, BURST = 50 };

struct receive {
    OVERLAPPED overlapped;
    uint32_t number; /* the message */
};

static struct receive receives[MOST];
static SOCKET pair[2];
static HANDLE port, finished;
static volatile LONG posted, arrived;
static uint32_t logic[MESSAGES]; /* the numbers in the order in which the logic got them */

static void post(struct receive *receive) {
    if (InterlockedIncrement(&posted) > MESSAGES)
        return;
    WSABUF buffer = {sizeof receive->number, (char *)&receive->number};
    DWORD flags = 0;
    receive->overlapped = (OVERLAPPED){0};
    int result = WSARecv(pair[0], &buffer, 1, NULL, &flags, &receive->overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
}

/* Takes messages until a packet without OVERLAPPED comes. Returns 1 if it took any. */
static unsigned __stdcall work(void *unused) {
    (void)unused;
    struct law_packet packet;
    unsigned took = 0;
    while (law_take(port, &packet, LAW_DEADLINE_MS)) {
        struct receive *receive = CONTAINING_RECORD(packet.overlapped, struct receive, overlapped);
        law_require(packet.error == 0 && packet.bytes == sizeof receive->number,
                    "a part of a message");
        LONG place = InterlockedIncrement(&arrived) - 1;
        logic[place] = receive->number;
        post(receive);
        took = 1;
        if (place + 1 == MESSAGES)
            SetEvent(finished);
    }
    return took;
}

/* Returns how many of the messages came after a later one. */
static uint64_t late(void) {
    uint64_t count = 0;
    uint32_t latest = 0;
    for (int i = 0; i < MESSAGES; i++) {
        count += logic[i] < latest;
        latest = logic[i] > latest ? logic[i] : latest;
    }
    return count;
}

/* Sends the messages through `workers` with `outstanding` receives. Returns how many were late. */
static uint64_t run(uint32_t workers, uint32_t outstanding, uint64_t *used) {
    HANDLE threads[MOST];
    law_pair(pair);
    port = CreateIoCompletionPort((HANDLE)pair[0], NULL, 0, 0);
    law_require(port != NULL, "CreateIoCompletionPort");
    posted = arrived = 0;
    for (uint32_t i = 0; i < outstanding; i++)
        post(&receives[i]);
    for (uint32_t i = 0; i < workers; i++) {
        threads[i] = (HANDLE)_beginthreadex(NULL, 0, work, NULL, 0, NULL);
        law_require(threads[i] != NULL, "_beginthreadex");
    }
    uint32_t burst[BURST];
    for (uint32_t sent = 0; sent < MESSAGES; sent += BURST) {
        for (uint32_t i = 0; i < BURST; i++)
            burst[i] = sent + i;
        law_require(send(pair[1], (char *)burst, sizeof burst, 0) == sizeof burst, "send");
    }
    law_wait(finished);
    for (uint32_t i = 0; i < workers; i++)
        PostQueuedCompletionStatus(port, 0, 0, NULL);
    *used = 0;
    for (uint32_t i = 0; i < workers; i++) {
        DWORD took;
        law_wait(threads[i]);
        GetExitCodeThread(threads[i], &took);
        *used += took;
        CloseHandle(threads[i]);
    }
    closesocket(pair[0]);
    closesocket(pair[1]);
    CloseHandle(port);
    return late();
}

int main(int argc, char **argv) {
    law_start(argc, argv, "order_of_workers",
              "With several workers a connection's messages can reach the logic out of order.");
    struct order_of_workers_seen seen = {.messages = MESSAGES};
    finished = CreateEventW(NULL, FALSE, FALSE, NULL);
    law_require(finished != NULL, "CreateEventW");
    struct json line = law_line();
    LAW_SEEN(messages)
    json_array(&line, "cells");
    for (int workers = 0; workers < ORDER_LEVELS; workers++)
        for (int outstanding = 0; outstanding < ORDER_LEVELS; outstanding++) {
            uint64_t *late_ones = &seen.late[workers][outstanding];
            uint64_t *used = &seen.used[workers][outstanding];
            *late_ones = run(order_levels[workers], order_levels[outstanding], used);
            json_object(&line, NULL);
            json_u64(&line, "workers", order_levels[workers]);
            json_u64(&line, "receives", order_levels[outstanding]);
            json_u64(&line, "late", *late_ones);
            json_u64(&line, "used", *used);
            json_close(&line);
        }
    json_close(&line);
    struct judged judged = {"B31", judge_order_of_workers(&seen)};
    return law_print(&line, &judged, 1);
}
