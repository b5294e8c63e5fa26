/* Verdicts on overlapped calls: the same calls for files and sockets, one thread for many sockets,
 * and what the ways of notification need. */
#ifndef IOMODELS_VERDICT_OVERLAPPED_H
#define IOMODELS_VERDICT_OVERLAPPED_H

#include "laws/verdict/verdict.h"

/* same_calls: transfers by ReadFile and WriteFile and those of them whose bytes arrived. `mixed`:
 * one end used ReadFile or WriteFile and the other WSARecv or WSASend. winsock_on_file_error: the
 * error of WSARecv on the handle of a file. */
#define SAME_CALLS_SEEN(X)                                                                         \
    X(on_sockets)                                                                                  \
    X(on_sockets_right)                                                                            \
    X(mixed)                                                                                       \
    X(mixed_right)                                                                                 \
    X(on_files)                                                                                    \
    X(on_files_right)                                                                              \
    X(winsock_on_file_error)
struct same_calls_seen {
    SAME_CALLS_SEEN(VERDICT_FIELD)
};
struct judgement judge_same_calls(const struct same_calls_seen *);

/* one_thread_sockets: one thread echoes `messages` on 1, 8 and 64 sockets. `right`: replies whose
 * bytes were right; `silent`: sockets without one reply. */
#define ONE_THREAD_SOCKETS_SEEN(X) X(most_sockets) X(messages) X(right) X(silent)
struct one_thread_sockets_seen {
    ONE_THREAD_SOCKETS_SEEN(VERDICT_FIELD)
};
struct judgement judge_one_thread_sockets(const struct one_thread_sockets_seen *);

/* objects_needed: `connections` are served by events and by a port. `objects`: what the program had
 * to create; `handles`: by how much the process's count of handles grew, if the system reports it;
 * `right`: connections that were served. */
#define OBJECTS_NEEDED_SEEN(X)                                                                     \
    X(connections)                                                                                 \
    X(event_objects)                                                                               \
    X(event_handles)                                                                               \
    X(event_right)                                                                                 \
    X(port_objects)                                                                                \
    X(port_handles)                                                                                \
    X(port_right)                                                                                  \
    X(handles_are_counted) /* 1 is yes */
struct objects_needed_seen {
    OBJECTS_NEEDED_SEEN(VERDICT_FIELD)
};
struct judgement judge_objects_needed(const struct objects_needed_seen *);

#endif
