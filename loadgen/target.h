/* The null target: a thread of this process that echoes all bytes as cheaply as possible. */
#ifndef IOMODELS_TARGET_H
#define IOMODELS_TARGET_H

#include "common/sockets.h"

struct target;

/* Listens on 127.0.0.1 and serves clients until all have left. NULL: a line on stderr gives the
 * reason. A process has one target at a time. */
struct target *target_start(struct sockaddr_in *address);

/* Reads the CPU time of its thread. Returns false if unavailable. Do not call it after its clients
 * have left. */
bool target_cpu_ns(const struct target *, uint64_t *ns);

void target_stop(struct target *); /* after its clients have left */

/* What a platform provides (target_epoll.c, target_iocp.c). */
bool target_open(socket_handle listener);
void target_serve(socket_handle listener); /* returns when the last client has left */
void target_close(void);                   /* after the listener is closed */

#endif
