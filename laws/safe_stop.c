/* How to stop a connection of the thread pool under load: forbid further operations, CancelIoEx,
 * WaitForThreadpoolIoCallbacks, and only then close and free. CancelIoEx returns before the
 * callbacks run. So a program that frees after it, without the wait, frees memory that a callback
 * still uses. Here memory is given up by a mark first, so a late callback is counted and harms
 * nothing. */
#include "laws/law.h"
#include "laws/verdict/completions.h"

#include <stdlib.h>

enum { STOPS = 60, RECEIVES = 4, LENGTH = 64 };

struct connection {
    SOCKET pair[2];
    PTP_IO io;
    SRWLOCK lock; /* no operation starts after `stopping` is set */
    bool stopping;
    volatile LONG given_up; /* the program would have freed the connection */
    volatile LONG late;
};

/* One receive; its callback frees it. */
struct operation {
    OVERLAPPED overlapped;
    volatile LONG callbacks;
    char data[LENGTH];
};

/* with the wait, without it; nothing of them is reused */
static struct connection connections[2][STOPS];
static volatile LONG started, complete, cancelled, twice;
static volatile LONG allocated;

/* Starts a receive. The caller has the lock, or the connection is new. */
static void receive(struct connection *connection) {
    struct operation *operation = calloc(1, sizeof *operation);
    law_require(operation != NULL, "calloc");
    InterlockedIncrement(&allocated);
    InterlockedIncrement(&started);
    WSABUF buffer = {LENGTH, operation->data};
    DWORD flags = 0;
    StartThreadpoolIo(connection->io);
    int result =
        WSARecv(connection->pair[0], &buffer, 1, NULL, &flags, &operation->overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
}

static void CALLBACK on_io(PTP_CALLBACK_INSTANCE instance, void *context, void *overlapped,
                           ULONG error, ULONG_PTR bytes, PTP_IO io) {
    (void)instance, (void)bytes, (void)io;
    struct connection *connection = context;
    struct operation *operation = CONTAINING_RECORD(overlapped, struct operation, overlapped);
    InterlockedExchangeAdd(&connection->late, connection->given_up);
    if (InterlockedIncrement(&operation->callbacks) > 1)
        InterlockedIncrement(&twice);
    if (error == ERROR_OPERATION_ABORTED)
        InterlockedIncrement(&cancelled);
    AcquireSRWLockExclusive(&connection->lock);
    if (!connection->stopping && error == ERROR_SUCCESS)
        receive(connection);
    ReleaseSRWLockExclusive(&connection->lock);
    free(operation);
    InterlockedDecrement(&allocated);
    InterlockedIncrement(&complete);
}

/* Sends to a connection, stops it and closes it. */
static void run_and_stop(struct connection *connection, bool wait) {
    LONG before = complete;
    InitializeSRWLock(&connection->lock);
    law_pair(connection->pair);
    connection->io = CreateThreadpoolIo((HANDLE)connection->pair[0], on_io, connection, NULL);
    law_require(connection->io != NULL, "CreateThreadpoolIo");
    for (int i = 0; i < RECEIVES; i++)
        receive(connection);
    for (int i = 0; i < 2 * RECEIVES; i++) /* load: callbacks run while it stops */
        law_require(send(connection->pair[1], "load", 4, 0) == 4, "send");
    law_reached(&complete, before + 1, LAW_DEADLINE_MS);
    AcquireSRWLockExclusive(&connection->lock);
    connection->stopping = true;
    ReleaseSRWLockExclusive(&connection->lock);
    CancelIoEx((HANDLE)connection->pair[0], NULL); /* fails if nothing is outstanding */
    if (!wait)
        InterlockedExchange(&connection->given_up, 1);
    WaitForThreadpoolIoCallbacks(connection->io, FALSE);
    InterlockedExchange(&connection->given_up, 1);
    closesocket(connection->pair[0]);
    CloseThreadpoolIo(connection->io);
    closesocket(connection->pair[1]);
}

int main(int argc, char **argv) {
    law_start(argc, argv, "safe_stop",
              "CancelIoEx, WaitForThreadpoolIoCallbacks, then close: a safe stop.");
    struct safe_stop_seen seen = {.stops = STOPS};
    for (int i = 0; i < STOPS; i++) {
        run_and_stop(&connections[0][i], true);
        run_and_stop(&connections[1][i], false);
    }
    Sleep(LAW_ABSENT_MS);
    for (int i = 0; i < STOPS; i++) {
        seen.late += (uint64_t)connections[0][i].late;
        seen.late_without_wait += connections[1][i].late > 0;
    }
    seen.operations = (uint64_t)started;
    seen.cancelled = (uint64_t)cancelled;
    seen.lost = (uint64_t)(started > complete ? started - complete : 0);
    seen.twice = (uint64_t)twice;
    seen.not_freed = (uint64_t)allocated;
    struct json line = law_line();
    SAFE_STOP_SEEN(LAW_SEEN)
    struct judged judged = {"C30", judge_safe_stop(&seen)};
    return law_print(&line, &judged, 1);
}
