/* Windows' settings that skew a server's results: the power plan, the length of a timer's wait,
 * processor groups, a short cut for loopback. The kit sets what it can, equally for every model,
 * and "ready" reports the rest. An unavailable fact is null, with a reason. */
#ifndef IOMODELS_SYSTEM_H
#define IOMODELS_SYSTEM_H

#include <winsock2.h>
#include <windows.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"

enum { SYSTEM_GROUPS_MAX = 32 };

/* Asks Windows 11 not to throttle this process or its timers for lack of a window. Call it once,
 * before any thread. */
void system_start(void);

/* Keeps a listener off the loopback short cut (SIO_LOOPBACK_FAST_PATH), which skips most of the
 * stack and is no longer supported by Microsoft. Call it before bind(). */
void system_avoid_fast_path(SOCKET listener);

/* Returns the address of a Winsock extension, or NULL. Cast it to the function's type. */
void (*system_extension(SOCKET, GUID))(void);

/* Returns whether DisconnectEx makes a socket as new. That of Wine 8 and 10 only sends the end of
 * the data, and the next connection on the socket fails. */
bool system_reuses_sockets(void);

/* Returns the number of CPUs that this process's threads can use after spreading, at least 1. */
uint32_t system_processors(void);

/* Returns the group for the next thread, if `threads` are in each already, in proportion to the
 * groups' CPUs. `groups` must be at least 1; no number of CPUs may be 0. */
uint32_t system_next_group(const uint32_t *threads, const uint32_t *processors, uint32_t groups);

/* Moves the next thread to its group. Before Windows 11 and Server 2022 every thread starts in its
 * process's one group of at most 64 CPUs. It does nothing on later systems, which spread threads,
 * and in a pinned process. */
void system_spread(HANDLE thread);

/* Adds the object "system" to "ready". It measures waits of 0.5 ms, which takes a few
 * milliseconds. */
void system_report(struct json *);

#endif
