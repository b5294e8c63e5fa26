/*
 * What Windows decides behind a server's back and that moves its figures: the power plan, the length of a
 * timer's wait, processor groups, a short cut for loopback. What can be set is set the same way for every
 * model; what was found is told in "ready". A fact that cannot be had is null, with a reason.
 */
#ifndef IOMODELS_SYSTEM_H
#define IOMODELS_SYSTEM_H

#include <winsock2.h>
#include <windows.h>
#include <stdint.h>

#include "common/json.h"

enum { SYSTEM_GROUPS_MAX = 32 };

/* Once, before any thread: asks Windows 11 not to slow this process down, nor its timers, for having no
 * window. */
void system_start(void);

/* Keeps a listener off the loopback short cut (SIO_LOOPBACK_FAST_PATH), which leaves out most of the stack
   and is no longer supported by Microsoft. Before bind(). */
void system_avoid_fast_path(SOCKET listener);

/* The processors that this process's threads may run on once they are spread. At least 1. */
uint32_t system_processors(void);

/* The group that the next thread goes to, when `threads` are in each already: each group is to have threads
   as it has processors. `groups` is at least 1; no count of processors is 0. */
uint32_t system_next_group(const uint32_t *threads, const uint32_t *processors, uint32_t groups);

/* Moves the next thread to the group that is due. Before Windows 11 and Server 2022 every thread starts in
   the one group of its process, 64 processors at most; later systems spread threads themselves, and a process
   that was pinned stays where it is put: then this does nothing. */
void system_spread(HANDLE thread);

/* The object "system" of "ready". It measures waits of half a millisecond, which takes a few milliseconds. */
void system_report(struct json *);

#endif
