/* An asynchronous receive returns long before it completes, so the program can do other work
 * meanwhile. */
#include "laws/law.h"
#include "laws/verdict/sockets_and_handles.h"

enum { CALLS = 10, PAUSE_US = 10000 };

int main(int argc, char **argv) {
    law_start(argc, argv, "call_returns",
              "An asynchronous call returns immediately; the operation completes later.");
    SOCKET pair[2];
    law_pair(pair);
    OVERLAPPED overlapped = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    uint64_t call_ns[CALLS], completion_ns[CALLS];
    struct call_returns_seen seen = {.calls = CALLS};
    for (int i = 0; i < CALLS; i++) {
        char byte;
        WSABUF buffer = {1, &byte};
        DWORD flags = 0, bytes;
        uint64_t start_ns = clock_now_ns();
        int result = WSARecv(pair[0], &buffer, 1, NULL, &flags, &overlapped, NULL);
        call_ns[i] = clock_now_ns() - start_ns;
        seen.pended += result == SOCKET_ERROR && WSAGetLastError() == WSA_IO_PENDING;
        clock_sleep_us(PAUSE_US); /* other work */
        law_require(send(pair[1], "x", 1, 0) == 1, "send");
        law_wait(overlapped.hEvent);
        completion_ns[i] = clock_now_ns() - start_ns;
        law_require(WSAGetOverlappedResult(pair[0], &overlapped, &bytes, FALSE, &flags) &&
                        bytes == 1,
                    "WSAGetOverlappedResult");
    }
    seen.call_ns = law_median(call_ns, CALLS);
    seen.completion_ns = law_median(completion_ns, CALLS);
    struct json line = law_line();
    CALL_RETURNS_SEEN(LAW_SEEN)
    struct judged judged = {"A2", judge_call_returns(&seen)};
    return law_print(&line, &judged, 1);
}
