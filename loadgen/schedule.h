/*
 * When the requests of an open loop are due. Each connection has arrivals of its own; those of all `count`
 * connections of a class add up to `rate`.
 *
 * constant: connection i sends first at i / rate and then every count / rate, so the sends of the class are
 * evenly spaced and no two connections fire together. poisson: independent exponential gaps; the sum of
 * independent Poisson processes is one of their summed rate.
 */
#ifndef IOMODELS_SCHEDULE_H
#define IOMODELS_SCHEDULE_H

#include <stdint.h>

enum arrivals_kind { ARRIVALS_CONSTANT, ARRIVALS_POISSON };

struct arrivals {
    enum arrivals_kind kind;
    double
        rate; /* requests per second of all connections together; 0: a closed loop, nothing is scheduled */
    uint32_t count; /* connections that share it */
    uint64_t seed;  /* of the gaps */
};

/* The next request of one connection. */
struct schedule {
    double due_ns;   /* after the load began; a double keeps 0.01 ns over a day */
    uint64_t number; /* requests that were due before it */
    uint32_t index;  /* of the connection, from 0 */
};

void schedule_start(struct schedule *, const struct arrivals *, uint32_t index);
void schedule_advance(struct schedule *, const struct arrivals *); /* to the request after it */
uint64_t schedule_due_ns(const struct schedule *);                 /* after the load began */

#endif
