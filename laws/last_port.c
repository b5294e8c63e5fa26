/* A thread counts against the cap of one port, the last one that it called. Port A has cap 1. The
 * first worker thread takes a packet of A and keeps running; the second gets none. If the first
 * then calls port B, it counts against B, and the second gets a packet. */
#include "laws/law.h"
#include "laws/verdict/cap.h"

#include <process.h>

enum { ROUNDS = 3 };

static HANDLE ports[2], took, done;
static bool moves;

static bool take(HANDLE port, uint32_t timeout_ms) {
    DWORD bytes;
    ULONG_PTR key;
    OVERLAPPED *overlapped;
    return GetQueuedCompletionStatus(port, &bytes, &key, &overlapped, timeout_ms);
}

static unsigned __stdcall first(void *argument) {
    (void)argument;
    law_require(take(ports[0], LAW_DEADLINE_MS), "the first packet was not taken");
    if (moves)
        take(ports[1], 0); /* empty: the call only changes the port */
    SetEvent(took);
    /* keeps running: a wait of 0 does not block */
    while (WaitForSingleObject(done, 0) != WAIT_OBJECT_0) {
    }
    return 0;
}

/* Returns whether port A serves the calling thread while the other one runs. */
static bool second_served(bool first_moves) {
    moves = first_moves;
    took = CreateEventW(NULL, FALSE, FALSE, NULL);
    done = CreateEventW(NULL, TRUE, FALSE, NULL);
    for (int i = 0; i < 2; i++)
        ports[i] = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    law_require(took && done && ports[0] && ports[1], "CreateIoCompletionPort");
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, first, NULL, 0, NULL);
    law_require(thread != NULL, "_beginthreadex");
    PostQueuedCompletionStatus(ports[0], 0, 1, NULL);
    law_wait(took);
    PostQueuedCompletionStatus(ports[0], 0, 2, NULL);
    bool served = take(ports[0], LAW_ABSENT_MS);
    SetEvent(done);
    law_wait(thread);
    CloseHandle(thread);
    CloseHandle(took);
    CloseHandle(done);
    CloseHandle(ports[0]);
    CloseHandle(ports[1]);
    return served;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "last_port", "A thread belongs to the port that it called last.");
    struct last_port_seen seen = {.rounds = ROUNDS};
    for (int round = 0; round < ROUNDS; round++) {
        seen.held += second_served(false);
        seen.moved += second_served(true);
    }
    struct json line = law_line();
    LAST_PORT_SEEN(LAW_SEEN)
    struct judged judged = {"B22", judge_last_port(&seen)};
    return law_print(&line, &judged, 1);
}
