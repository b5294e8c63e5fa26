/* May two threads wait for one asynchronous operation? Both wait for the event of one receive. */
#include "laws/law.h"
#include "laws/verdict/sockets_and_handles.h"

#include <process.h>

enum { WAITERS = 2 };

static OVERLAPPED overlapped;
static volatile LONG woken;

static unsigned __stdcall await(void *argument) {
    (void)argument;
    if (WaitForSingleObject(overlapped.hEvent, LAW_DEADLINE_MS) == WAIT_OBJECT_0)
        InterlockedIncrement(&woken);
    return 0;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "two_waiters", "Only one thread may wait for an asynchronous operation.");
    SOCKET pair[2];
    law_pair(pair);
    HANDLE threads[WAITERS];
    static char byte;
    WSABUF buffer = {1, &byte};
    DWORD flags = 0;
    overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    law_require(overlapped.hEvent != NULL, "CreateEventW");
    int result = WSARecv(pair[0], &buffer, 1, NULL, &flags, &overlapped, NULL);
    law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
    for (int i = 0; i < WAITERS; i++)
        threads[i] = (HANDLE)_beginthreadex(NULL, 0, await, NULL, 0, NULL);
    Sleep(LAW_ABSENT_MS);
    law_require(send(pair[1], "x", 1, 0) == 1, "send");
    for (int i = 0; i < WAITERS; i++)
        WaitForSingleObject(threads[i], LAW_DEADLINE_MS + LAW_ABSENT_MS);
    struct two_waiters_seen seen = {WAITERS, (uint64_t)woken};
    struct json line = law_line();
    TWO_WAITERS_SEEN(LAW_SEEN)
    struct judged judged = {"C10", judge_two_waiters(&seen)};
    return law_print(&line, &judged, 1);
}
