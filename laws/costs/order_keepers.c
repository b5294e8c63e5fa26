/* What order costs behind a port with several workers. The messages of one connection are numbered
 * and reach the logic in one of four ways:
 * - no order: four outstanding receives, and each worker calls the logic itself;
 * - one outstanding receive: the next one starts after the logic;
 * - numbers: each receive gets a number when it starts, under a lock that also covers WSARecv. A
 *   worker leaves its message in a ring, and delivers all whose turn it is;
 * - a strand: workers queue messages, and one owner at a time works the queue off. It excludes
 *   concurrent calls of the logic. But two workers may queue in the wrong order.
 * Parsing takes 100 µs. Only the first and the third way parse messages concurrently. */
#include "laws/law.h"
#include "laws/verdict/order.h"

#include <process.h>
#include <string.h>

enum { MESSAGES = 100, GROUPS = 4, WORKERS = 4, RECEIVES = 4, BURST = 50, WORDS = 16 };

struct receive {
    OVERLAPPED overlapped;
    uint32_t message[WORDS]; /* the first word is its number */
    uint32_t turn;           /* number of the receive */
    struct receive *next;    /* in the strand's queue */
};

static struct receive receives[RECEIVES];
static SOCKET pair[2];
static HANDLE port, finished;
static enum keeper keeper;
static volatile LONG posted, arrived, handled;
static uint32_t logic[MESSAGES];

static SRWLOCK lock = SRWLOCK_INIT; /* of all below */
static uint32_t turns, due;
static struct receive *ring[RECEIVES], *head, **tail = &head;
static bool owned;

static void post(struct receive *receive) {
    if (InterlockedIncrement(&posted) > MESSAGES)
        return;
    WSABUF buffer = {sizeof receive->message, (char *)receive->message};
    DWORD flags = 0;
    receive->overlapped = (OVERLAPPED){0};
    receive->turn = keeper == KEEP_NUMBERS ? turns++ : 0;
    int result = WSARecv(pair[0], &buffer, 1, NULL, &flags, &receive->overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
}

/* Takes about 100 µs of CPU time. The order of messages does not matter for it. */
static void parse(struct receive *receive) {
    (void)receive;
    law_work(1);
}

/* The logic notes the message; then its receive starts again. */
static void deliver(struct receive *receive) {
    logic[InterlockedIncrement(&arrived) - 1] = receive->message[0];
    post(receive);
}

static void at_will(struct receive *receive) {
    parse(receive);
    deliver(receive);
}

static void by_number(struct receive *receive) {
    parse(receive);
    AcquireSRWLockExclusive(&lock);
    ring[receive->turn % RECEIVES] = receive;
    for (struct receive *next; (next = ring[due % RECEIVES]) != NULL; due++) {
        ring[due % RECEIVES] = NULL;
        deliver(next);
    }
    ReleaseSRWLockExclusive(&lock);
}

static void by_strand(struct receive *receive) {
    AcquireSRWLockExclusive(&lock);
    receive->next = NULL;
    *tail = receive;
    tail = &receive->next;
    bool owner = !owned;
    owned = true;
    while (owner && head) {
        struct receive *next = head;
        head = next->next;
        tail = head ? tail : &head;
        ReleaseSRWLockExclusive(&lock);
        parse(next);
        deliver(next);
        AcquireSRWLockExclusive(&lock);
    }
    owned = owned && !owner;
    ReleaseSRWLockExclusive(&lock);
}

static unsigned __stdcall work(void *unused) {
    (void)unused;
    struct law_packet packet;
    while (law_take(port, &packet, INFINITE)) {
        struct receive *receive = CONTAINING_RECORD(packet.overlapped, struct receive, overlapped);
        law_require(packet.error == 0 && packet.bytes == sizeof receive->message,
                    "a part of a message");
        if (keeper == KEEP_NUMBERS)
            by_number(receive);
        else if (keeper == KEEP_STRAND)
            by_strand(receive);
        else
            at_will(receive);
        if (InterlockedIncrement(&handled) == MESSAGES)
            SetEvent(finished); /* every worker has left the code above */
    }
    return 0;
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

/* Sends the messages one way. Returns the time per message. */
static uint64_t run_ns(enum keeper way) {
    static uint32_t burst[BURST][WORDS];
    int outstanding = way == KEEP_ONE_RECEIVE ? 1 : RECEIVES;
    keeper = way;
    turns = due = 0;
    posted = arrived = handled = 0;
    for (int i = 0; i < outstanding; i++)
        post(&receives[i]);
    uint64_t start_ns = clock_now_ns();
    for (uint32_t sent = 0; sent < MESSAGES; sent += BURST) {
        for (uint32_t i = 0; i < BURST; i++)
            burst[i][0] = sent + i;
        law_require(send(pair[1], (char *)burst, sizeof burst, 0) == sizeof burst, "send");
    }
    law_wait(finished);
    return (clock_now_ns() - start_ns) / MESSAGES;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "order_keepers",
              "Numbers, one outstanding receive or a strand keep order, and that costs time.");
    law_pair(pair);
    port = CreateIoCompletionPort((HANDLE)pair[0], NULL, 0, 0);
    finished = CreateEventW(NULL, FALSE, FALSE, NULL);
    law_require(port && finished, "CreateIoCompletionPort");
    for (int i = 0; i < WORKERS; i++)
        law_require(_beginthreadex(NULL, 0, work, NULL, 0, NULL) != 0, "_beginthreadex");
    struct order_keepers_seen seen = {.messages = (uint64_t)MESSAGES * GROUPS * RATIO_ROUNDS,
                                      .workers = WORKERS};
    uint64_t took_ns[KEEPERS][RATIO_ROUNDS];
    run_ns(KEEP_ANY); /* warms up */
    for (int round = 0; round < RATIO_ROUNDS; round++)
        for (enum keeper way = KEEP_ANY; way < KEEPERS; way++) {
            took_ns[way][round] = UINT64_MAX;
            for (int group = 0; group < GROUPS; group++) {
                uint64_t ns = run_ns(way); /* other programs only add time */
                took_ns[way][round] = ns < took_ns[way][round] ? ns : took_ns[way][round];
                seen.late[way] += late();
            }
        }
    struct json line = law_line();
    static const char *const names[KEEPERS] = {"any", "one_receive", "numbers", "strand"};
    struct judged judged[KEEPERS];
    for (enum keeper way = KEEP_ANY; way < KEEPERS; way++) {
        seen.over_any[way] = ratio_of(took_ns[way], took_ns[KEEP_ANY]);
        seen.median_ns[way] = law_median(took_ns[way], RATIO_ROUNDS);
        json_object(&line, names[way]);
        json_u64(&line, "late", seen.late[way]);
        json_u64(&line, "median_ns", seen.median_ns[way]);
        json_close(&line);
    }
    judged[0] = (struct judged){"", judge_order_keepers(&seen)};
    for (enum keeper way = KEEP_ONE_RECEIVE; way < KEEPERS; way++)
        judged[way] = (struct judged){"", judge_order_cost(&seen, way)};
    return law_print(&line, judged, KEEPERS);
}
