/* Rates of repeated measurements, compared by their intervals. */
#ifndef IOMODELS_VERDICT_RATES_H
#define IOMODELS_VERDICT_RATES_H

#include <stdbool.h>
#include <stdint.h>

/* The median of ten repeats. Its interval ends at the second lowest and the second highest repeat; by
 * the sign test it misses the true median in 2.1 % of cases. */
struct rate {
    uint64_t low, median, high;
};

#define RATES_TOO_SCATTERED "the repeats vary too much to compare"

/* Returns whether the whole interval of `one` is above that of `other`. */
bool rate_beats(struct rate one, struct rate other);

/* Returns whether no value of one interval is further than a tenth from any of the other. */
bool rate_equals(struct rate one, struct rate other);

/* Returns whether neither beats the other, nor are they equal: overlap alone proves nothing. */
bool rate_unclear(struct rate one, struct rate other);

/* Returns whether the first of `count` rates and any other are unclear. */
bool rates_unclear(const struct rate *rates, int count);

/* Returns the index of the highest median. */
int rates_best(const struct rate *rates, int count);

#endif
