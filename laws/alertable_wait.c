/* A completion routine runs only in an alertable wait of its thread: not in Sleep, but in
 * SleepEx(…, TRUE). It needs no event, so hEvent is free for the program. */
#include "laws/law.h"
#include "laws/verdict/sockets_and_handles.h"

enum { OPERATIONS = 4 };

static volatile LONG ran, kept;

static void CALLBACK routine(DWORD error, DWORD bytes, OVERLAPPED *overlapped, DWORD flags) {
    (void)error, (void)bytes, (void)flags;
    kept += overlapped->hEvent == (HANDLE)&ran;
    ran++;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "alertable_wait",
              "Completion routines run only in an alertable wait; hEvent is free.");
    SOCKET pair[2];
    law_pair(pair);
    static OVERLAPPED overlapped[OPERATIONS];
    static char bytes[OPERATIONS];
    for (int i = 0; i < OPERATIONS; i++) {
        WSABUF buffer = {1, &bytes[i]};
        DWORD flags = 0;
        overlapped[i].hEvent = (HANDLE)&ran;
        int result = WSARecv(pair[0], &buffer, 1, NULL, &flags, &overlapped[i], routine);
        law_require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "WSARecv");
    }
    law_require(send(pair[1], "1234", OPERATIONS, 0) == OPERATIONS, "send");
    struct alertable_wait_seen seen = {.operations = OPERATIONS};
    Sleep(LAW_ABSENT_MS);
    seen.ran_in_sleep = (uint64_t)ran;
    for (int i = 0; i < OPERATIONS && ran < OPERATIONS; i++)
        SleepEx(LAW_DEADLINE_MS / OPERATIONS, TRUE);
    seen.ran_in_alertable_sleep = (uint64_t)ran - seen.ran_in_sleep;
    seen.context_kept = (uint64_t)kept;
    struct json line = law_line();
    ALERTABLE_WAIT_SEEN(LAW_SEEN)
    struct judged judged[] = {{"D6", judge_alertable_wait(&seen)},
                              {"D5", judge_event_field_free(&seen)}};
    return law_print(&line, judged, 2);
}
