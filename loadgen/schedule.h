/* When the requests of an open loop are due. Each connection has its own arrivals; those of a
 * class's `count` connections add up to `rate`.
 *
 * constant: connection i first sends at i / rate, then every count / rate. So the sends of a class
 * are evenly spaced, and no two connections send together. poisson: independent exponential gaps.
 * The sum of independent Poisson processes is one with their summed rate. */
#ifndef IOMODELS_SCHEDULE_H
#define IOMODELS_SCHEDULE_H

#include <stdint.h>

enum arrivals_kind { ARRIVALS_CONSTANT, ARRIVALS_POISSON };

struct arrivals {
    enum arrivals_kind kind;
    /* requests per second of all connections; 0: a closed loop without a schedule */
    double rate;
    uint32_t count; /* connections that share the rate */
    uint64_t seed;  /* for the gaps */
};

/* The next request of one connection. */
struct schedule {
    double due_ns;   /* after the load began; a double keeps 0.01 ns over a day */
    uint64_t number; /* requests due before it */
    uint32_t index;  /* the connection's, from 0 */
};

void schedule_start(struct schedule *, const struct arrivals *, uint32_t index);
/* advances to the next request */
void schedule_advance(struct schedule *, const struct arrivals *);
uint64_t schedule_due_ns(const struct schedule *); /* after the load began */

#endif
