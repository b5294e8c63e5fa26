/* The null target: a thread of this process that sends back whatever bytes come, as cheaply as the system
 * allows. */
#ifndef IOMODELS_TARGET_H
#define IOMODELS_TARGET_H

#include "common/sockets.h"

struct target;

/* Listens on 127.0.0.1 and serves up to `connections` clients until all that came have gone. NULL: a line on
   stderr says why. */
struct target *target_start(uint32_t connections, struct sockaddr_in *address);

/* CPU time of its thread so far; false where the system does not tell. Not once its clients have gone. */
bool target_cpu_ns(const struct target *, uint64_t *ns);

void target_stop(struct target *); /* when its clients have gone */

#endif
