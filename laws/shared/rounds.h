/* The raw values of costs that were measured in turn. */
#ifndef IOMODELS_SHARED_ROUNDS_H
#define IOMODELS_SHARED_ROUNDS_H

#include "common/json.h"
#include "laws/verdict/ratios.h"

/* Adds one list of RATIO_ROUNDS values per cost. */
void rounds_seen(struct json *, const char *key, uint64_t (*values)[RATIO_ROUNDS], int costs);

#endif
