/* What the kit needs of the operating system and Windows and Linux do differently: os_windows.c and
 * os_linux.c. Only the kit includes it; a model calls its system itself. */
#ifndef IOMODELS_OS_H
#define IOMODELS_OS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "server.h"

typedef volatile long os_flag;

/* Writes `value` and returns the former one, as one step with a full barrier. */
long os_exchange(os_flag *, long value);

/* Writes `fresh` if the pointer is `expected`, as one step. Returns whether it did. */
bool os_replace(void *volatile *, void *expected, void *fresh);

/* The kit's only lock. It guards the list of open connections, for a few lines at a time. */
void os_lock(void);
void os_unlock(void);

/* Sets up this process before any thread of it starts. */
void os_start(void);

/* Returns the number of CPUs that this process's threads can use, at least 1. */
uint32_t os_processors(void);

uint64_t os_process_id(void);

/* Adds the system's own facts to the ready line. */
void os_report(struct json *);

/* Returns a listening socket, or SOCKET_NONE and the error. No other process can share its port,
 * unless the model lets its threads share it (share_port). `flags` are the model's socket_flags. */
socket_handle os_listen(const struct sockaddr_in *, uint32_t backlog, uint32_t flags, bool shared,
                        system_error *error);

/* Fills in what only this system's models need. Returns the name of the call that failed, or
 * NULL. */
const char *os_extend(struct server *, system_error *error);

/* Runs `read_commands` in a thread of its own, and sets `stopping` when the user interrupts.
 * Returns the name of the call that failed, or NULL. */
const char *os_control(void (*read_commands)(void), os_flag *stopping, system_error *error);

/* Reads one byte of stdin. Returns false at its end. */
bool os_read_stdin(char *byte);

/* Returns whether a receive would return bytes without waiting. */
bool os_has_input(socket_handle);

/* Ends every operation that waits for this socket. */
void os_cancel(socket_handle);

/* Returns whether the client reset the connection. */
bool os_is_reset(system_error);

/* Returns whether the client left before its connection was accepted. */
bool os_left_early(system_error);

#endif
