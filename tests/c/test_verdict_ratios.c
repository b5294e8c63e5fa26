#include "check.h"
#include "laws/verdict/ratios.h"

static enum order order(double low, double high) {
    return ratio_order((struct ratio){low, (low + high) / 2, high});
}

static int near(double value, double expected) {
    return value > expected - 1e-9 && value < expected + 1e-9;
}

static void orders(void) {
    CHECK(order(1.2, 1.4) == MORE);
    CHECK(order(0.5, 0.9) == LESS);
    CHECK(order(0.95, 1.05) == EQUAL);
    CHECK(order(1.01, 1.05) == EQUAL); /* certain, and too small to matter */
    CHECK(order(0.95, 1.2) == UNCLEAR);
    CHECK(order(0.8, 1.05) == UNCLEAR);
    CHECK(order(0.5, 2.0) == UNCLEAR);
}

static void one_outlier_on_each_side_does_no_harm(void) {
    const uint64_t other[RATIO_ROUNDS] = {100, 100, 100, 100, 100, 100, 100, 100, 100, 100};
    const uint64_t one[RATIO_ROUNDS] = {190, 200, 210, 205, 195, 9000, 1, 200, 202, 198};
    struct ratio ratio = ratio_of(one, other);
    CHECK(near(ratio.low, 1.9) && near(ratio.median, 2.0) && near(ratio.high, 2.1));
    CHECK(ratio_order(ratio) == MORE);
}

static void drift_cancels(void) { /* the machine gets slower, the ratio stays */
    uint64_t one[RATIO_ROUNDS], other[RATIO_ROUNDS];
    for (uint64_t i = 0; i < RATIO_ROUNDS; i++) {
        other[i] = 100 + 50 * i;
        one[i] = 3 * other[i];
    }
    struct ratio ratio = ratio_of(one, other);
    CHECK(near(ratio.low, 3) && near(ratio.high, 3));
}

int main(void) {
    orders();
    one_outlier_on_each_side_does_no_harm();
    drift_cancels();
    return 0;
}
