/* WaitForMultipleObjects takes at most MAXIMUM_WAIT_OBJECTS, 64, handles. So a thread of the events
 * model serves at most 64 clients. */
#include "laws/law.h"
#include "laws/verdict/sockets_and_handles.h"

enum { HANDLES = MAXIMUM_WAIT_OBJECTS + 1 };

static uint64_t error_at(const HANDLE *handles, DWORD count) {
    DWORD result = WaitForMultipleObjects(count, handles, FALSE, 0);
    return result == WAIT_FAILED ? GetLastError() : 0;
}

int main(int argc, char **argv) {
    law_start(argc, argv, "wait_limit", "One wait takes at most 64 handles.");
    HANDLE handles[HANDLES] = {NULL};
    for (int i = 0; i < HANDLES; i++) {
        handles[i] = CreateEventW(NULL, TRUE, FALSE, NULL);
        law_require(handles[i] != NULL, "CreateEventW");
    }
    struct wait_limit_seen seen = {error_at(handles, HANDLES - 1), error_at(handles, HANDLES)};
    struct json line = law_line();
    WAIT_LIMIT_SEEN(LAW_SEEN)
    struct judged judged = {"C9", judge_wait_limit(&seen)};
    return law_print(&line, &judged, 1);
}
