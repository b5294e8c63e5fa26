/*
 * A fixed amount of work, to learn how fast the CPU is now.
 *
 * On a shared or hot machine the same program runs faster and slower by turns. A measurement cannot see
 * why; but the time of a fixed amount of work, just before and just after, shows whether.
 */
#ifndef IOMODELS_SPIN_H
#define IOMODELS_SPIN_H

#include <stdint.h>

/* The work is done in equal parts. The fastest part leaves out interruptions by other threads. */
struct spin {
    uint64_t ns, fastest_ns; /* of all parts; of the fastest part */
    uint32_t parts;
};

/* Takes 3 to 10 ms. Call it only while the server is idle. */
struct spin spin_measure(void);

#endif
