/* The raw values of costs that were measured in turn. */
#ifndef IOMODELS_SHARED_ROUNDS_H
#define IOMODELS_SHARED_ROUNDS_H

#include "common/json.h"
#include "laws/verdict/ratios.h"

/* Keeps the lower of a round's value and a new one; 0 is none yet. */
void rounds_keep(uint64_t *kept, uint64_t value);

/* Adds one list of RATIO_ROUNDS values per cost. */
void rounds_seen(struct json *, const char *key, uint64_t (*values)[RATIO_ROUNDS], int costs);

#endif
