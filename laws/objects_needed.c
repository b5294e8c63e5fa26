/* Events need one object per outstanding operation, because the object says which one is complete.
 * A completion port needs one object for all connections: the packet carries that knowledge. */
#include "laws/shared/handles.h"
#include "laws/verdict/overlapped.h"

#include "laws/law.h"

enum { CONNECTIONS = MAXIMUM_WAIT_OBJECTS };

static SOCKET pairs[CONNECTIONS][2];
static OVERLAPPED overlapped[CONNECTIONS];
static char bytes[CONNECTIONS];

static void receive(uint32_t i) {
    WSABUF buffer = {1, &bytes[i]};
    DWORD flags = 0;
    int result = WSARecv(pairs[i][0], &buffer, 1, NULL, &flags, &overlapped[i], NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
    law_require(send(pairs[i][1], "x", 1, 0) == 1, "send");
}

static uint64_t serve_by_events(HANDLE events[CONNECTIONS]) {
    uint64_t right = 0;
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        overlapped[i] = (OVERLAPPED){.hEvent = events[i]};
        receive(i);
    }
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        DWORD got = 0, flags;
        DWORD which = WaitForMultipleObjects(CONNECTIONS, events, FALSE, LAW_DEADLINE_MS);
        law_require(which < WAIT_OBJECT_0 + CONNECTIONS, "an expected event did not occur");
        which -= WAIT_OBJECT_0;
        right += WSAGetOverlappedResult(pairs[which][0], &overlapped[which], &got, FALSE, &flags) &&
                 got == 1 && bytes[which] == 'x';
        ResetEvent(events[which]);
    }
    return right;
}

static uint64_t serve_by_port(HANDLE port) {
    uint64_t right = 0;
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        overlapped[i] = (OVERLAPPED){0}; /* no event */
        bytes[i] = 0;
        law_require(CreateIoCompletionPort((HANDLE)pairs[i][0], port, i, 0) == port,
                    "CreateIoCompletionPort");
        receive(i);
    }
    for (uint32_t i = 0; i < CONNECTIONS; i++) {
        DWORD got = 0;
        ULONG_PTR key = 0;
        OVERLAPPED *done = NULL;
        law_require(GetQueuedCompletionStatus(port, &got, &key, &done, LAW_DEADLINE_MS),
                    "GetQueuedCompletionStatus");
        right += got == 1 && done == &overlapped[key] && bytes[key] == 'x';
    }
    return right;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "objects_needed",
              "A completion port needs no events, so it uses fewer resources.");
    HANDLE events[CONNECTIONS];
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        law_pair(pairs[i]);
    struct objects_needed_seen seen = {.connections = CONNECTIONS};
    uint64_t before = law_handles();
    for (; seen.event_objects < CONNECTIONS; seen.event_objects++) {
        events[seen.event_objects] = CreateEventW(NULL, TRUE, FALSE, NULL);
        law_require(events[seen.event_objects] != NULL, "CreateEventW");
    }
    seen.event_right = serve_by_events(events);
    seen.event_handles = law_handles() - before;
    for (uint32_t i = 0; i < CONNECTIONS; i++)
        CloseHandle(events[i]);
    uint64_t again = law_handles();
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    law_require(port != NULL, "CreateIoCompletionPort");
    seen.port_objects = 1;
    seen.port_right = serve_by_port(port);
    seen.port_handles = law_handles() - again;
    seen.handles_are_counted = before > 0;
    struct json line = law_line();
    OBJECTS_NEEDED_SEEN(LAW_SEEN)
    struct judged judged = {"C11", judge_objects_needed(&seen)};
    return law_print(&line, &judged, 1);
}
