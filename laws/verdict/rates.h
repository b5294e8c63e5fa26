/* Rates of repeated measurements, compared by their whole spread. */
#ifndef IOMODELS_VERDICT_RATES_H
#define IOMODELS_VERDICT_RATES_H

#include <stdbool.h>
#include <stdint.h>

/* Lowest, median and highest of the repeats. */
struct rate {
    uint64_t low, median, high;
};

#define RATES_TOO_SCATTERED "the repeats vary too much to compare"

/* Returns whether every repeat of `one` is above every repeat of `other`. */
bool rate_beats(struct rate one, struct rate other);

/* Returns whether the repeats overlap although the medians differ by more than a tenth. */
bool rate_unclear(struct rate one, struct rate other);

/* Returns whether the first of `count` rates and any other are unclear. */
bool rates_unclear(const struct rate *rates, int count);

/* Returns the index of the highest median. */
int rates_best(const struct rate *rates, int count);

#endif
