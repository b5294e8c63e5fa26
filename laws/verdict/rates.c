#include "laws/verdict/rates.h"

bool rate_beats(struct rate one, struct rate other) {
    return one.low > other.high;
}

bool rate_unclear(struct rate one, struct rate other) {
    uint64_t more = one.median > other.median ? one.median : other.median;
    uint64_t less = one.median > other.median ? other.median : one.median;
    return !rate_beats(one, other) && !rate_beats(other, one) && more * 10 > less * 11;
}

bool rates_unclear(const struct rate *rates, int count) {
    for (int i = 1; i < count; i++)
        if (rate_unclear(rates[i], rates[0]))
            return true;
    return false;
}

int rates_best(const struct rate *rates, int count) {
    int found = 0;
    for (int i = 1; i < count; i++)
        if (rates[i].median > rates[found].median)
            found = i;
    return found;
}
