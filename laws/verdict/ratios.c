#include "laws/verdict/ratios.h"

#include <stdlib.h>

static int compare(const void *one, const void *other) {
    const double *a = one, *b = other;
    return (*a > *b) - (*a < *b);
}

struct ratio ratio_of(const uint64_t one[RATIO_ROUNDS], const uint64_t other[RATIO_ROUNDS]) {
    double ratios[RATIO_ROUNDS];
    for (int i = 0; i < RATIO_ROUNDS; i++)
        ratios[i] = (double)one[i] / (double)other[i];
    qsort(ratios, RATIO_ROUNDS, sizeof *ratios, compare);
    double median = (ratios[RATIO_ROUNDS / 2 - 1] + ratios[RATIO_ROUNDS / 2]) / 2;
    return (struct ratio){ratios[1], median, ratios[RATIO_ROUNDS - 2]};
}

enum order ratio_order(struct ratio ratio) {
    if (ratio.low >= 1 / RATIO_EQUAL && ratio.high <= RATIO_EQUAL)
        return EQUAL;
    return ratio.low > 1 ? MORE : ratio.high < 1 ? LESS : UNCLEAR;
}
