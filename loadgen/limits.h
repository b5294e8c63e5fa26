/* What the system allows, asked before anything is measured. */
#ifndef IOMODELS_LIMITS_H
#define IOMODELS_LIMITS_H

#include "loadgen/options.h"

struct limits {
    bool descriptors_known;
    uint64_t
        descriptors; /* open files and sockets of this process, as far as it may raise that itself */
    uint64_t
        ports_per_source; /* that the system hands out for one source address and one server port */
    uint64_t connection_bytes; /* own memory of the dearest class's connection */
};

/* Raises what may be raised and checks that the plan fits; `ends`: sockets of this process per connection.
   Chooses plan->sources where that was left open. false: a line on stderr names the limit and the remedy. */
bool limits_check(struct plan *, unsigned ends, struct limits *);

#endif
