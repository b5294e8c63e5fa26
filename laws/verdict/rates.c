#include "laws/verdict/rates.h"

bool rate_beats(struct rate one, struct rate other) {
    return one.low > other.high;
}

bool rate_equals(struct rate one, struct rate other) {
    return one.high * 10 <= other.low * 11 && other.high * 10 <= one.low * 11;
}

bool rate_unclear(struct rate one, struct rate other) {
    return !rate_beats(one, other) && !rate_beats(other, one) && !rate_equals(one, other);
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
