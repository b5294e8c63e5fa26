/* Checks the platform's limits before any measurement. */
#ifndef IOMODELS_LIMITS_H
#define IOMODELS_LIMITS_H

#include "loadgen/options.h"

struct limits {
    bool descriptors_known;
    /* open files and sockets that this process may reach */
    uint64_t descriptors;
    /* ports that the kernel offers per source address and server port */
    uint64_t ports_per_source;
    uint64_t connection_bytes; /* own memory per connection of the most expensive class */
};

/* Raises limits where possible and checks that the plan fits. `ends` is the number of this
 * process's sockets per connection. Chooses plan->sources if it is open. Returns false after a line
 * on stderr that names the limit and the remedy. */
bool limits_check(struct plan *, unsigned ends, struct limits *);

#endif
