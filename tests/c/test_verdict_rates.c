#include "check.h"
#include "laws/verdict/rates.h"

static struct rate between(uint64_t low, uint64_t high) {
    return (struct rate){low, (low + high) / 2, high};
}

/* Rates are equal if the ends of both intervals lie within a tenth, the limit included. */
static void limits(void) {
    struct rate one = between(100, 105);
    CHECK(rate_equals(between(105, 110), one) && rate_equals(one, between(105, 110)));
    CHECK(!rate_equals(between(105, 111), one) && !rate_equals(one, between(105, 111)));
    CHECK(!rate_beats(between(105, 130), one) && rate_unclear(between(105, 130), one));
    CHECK(rate_beats(between(106, 130), one) && !rate_unclear(between(106, 130), one));
    CHECK(!rate_unclear(one, between(106, 130)));
}

static void many(void) {
    const struct rate rates[] = {between(100, 104), between(101, 105), between(90, 140),
                                 between(200, 204), between(200, 204)};
    CHECK(!rates_unclear(rates, 2) && rates_unclear(rates, 3));
    CHECK(rates_best(rates, 2) == 1 && rates_best(rates, 1) == 0);
    CHECK(rates_best(rates, 5) == 3); /* the first of equal ones */
}

int main(void) {
    limits();
    many();
    return 0;
}
