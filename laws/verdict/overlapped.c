#include "laws/verdict/overlapped.h"

#include <inttypes.h>

#define N "%" PRIu64

static bool all(uint64_t right, uint64_t of) {
    return of > 0 && right == of;
}

struct judgement judge_same_calls(const struct same_calls_seen *seen) {
    bool holds = all(seen->on_sockets_right, seen->on_sockets) &&
                 all(seen->mixed_right, seen->mixed) && all(seen->on_files_right, seen->on_files);
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     "ReadFile, WriteFile: " N " of " N " right on sockets, " N " of " N
                     " with Winsock at one end, " N " of " N " on a file; WSARecv on a file: "
                     "error " N,
                     seen->on_sockets_right, seen->on_sockets, seen->mixed_right, seen->mixed,
                     seen->on_files_right, seen->on_files, seen->winsock_on_file_error);
}

struct judgement judge_one_thread_sockets(const struct one_thread_sockets_seen *seen) {
    bool holds = seen->most_sockets > 1 && seen->silent == 0 && all(seen->right, seen->messages);
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     "one thread, up to " N " sockets: " N " of " N " replies right, " N
                     " sockets without a reply",
                     seen->most_sockets, seen->right, seen->messages, seen->silent);
}

struct judgement judge_objects_needed(const struct objects_needed_seen *seen) {
    uint64_t event = seen->handles_are_counted ? seen->event_handles : seen->event_objects;
    uint64_t port = seen->handles_are_counted ? seen->port_handles : seen->port_objects;
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (!all(seen->event_right, seen->connections) || !all(seen->port_right, seen->connections)) {
        verdict = NOT_TESTABLE;
        because = "not every connection was served in both ways";
    } else if (port >= event) {
        verdict = DOES_NOT_HOLD;
        because = "the port takes as many handles";
    } else if (seen->port_objects > 1) {
        verdict = DOES_NOT_HOLD;
        because = "the port needed further objects";
    }
    return judgement(verdict, because,
                     N " connections: " N " more handles by events, " N " by a port (%s)",
                     seen->connections, event, port,
                     seen->handles_are_counted ? "the system's count" : "what the program created");
}
