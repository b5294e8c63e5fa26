/* Two costs that were measured in turn, round by round, and compared by their ratios. */
#ifndef IOMODELS_VERDICT_RATIOS_H
#define IOMODELS_VERDICT_RATIOS_H

#include <stdint.h>

enum { RATIO_ROUNDS = 10 };

/* An interval for the median ratio. Its ends are the second lowest and the second highest of ten.
 * By the sign test it misses the true median in 2.1 % of cases, whatever the noise looks like. */
struct ratio {
    double low, median, high;
};

/* Returns the ratio one/other. Both hold one positive value a round, in the same order. */
struct ratio ratio_of(const uint64_t one[RATIO_ROUNDS], const uint64_t other[RATIO_ROUNDS]);

enum order { LESS, EQUAL, MORE, UNCLEAR };

/* Within this factor of each other, two costs count as equal. */
#define RATIO_EQUAL      1.1
#define RATIO_IS_UNCLEAR "the interval allows both more and less"

/* Returns EQUAL for an interval inside 1/RATIO_EQUAL … RATIO_EQUAL, MORE or LESS for one wholly
 * above or below 1, and UNCLEAR for all others: overlap alone is no proof of anything. */
enum order ratio_order(struct ratio);

#endif
