#include "check.h"
#include "laws/verdict/answers.h"

static enum answer saves(double low, double median, double high) {
    return ratio_saves((struct ratio){low, median, high});
}

static enum answer adds(double low, double median, double high) {
    return ratio_adds((struct ratio){low, median, high});
}

int main(void) {
    CHECK(saves(0.5, 0.6, 0.7) == ANSWER_YES);
    CHECK(saves(0.97, 1.0, 1.03) == ANSWER_NO);
    CHECK(saves(1.2, 1.5, 40) == ANSWER_NO);
    CHECK(saves(0.95, 1.2, 40) == ANSWER_NO);         /* wide, but no room for a saving */
    CHECK(saves(0.88, 0.93, 0.98) == ANSWER_UNKNOWN); /* certain, but maybe too small to matter */
    CHECK(saves(0.08, 0.78, 0.98) == ANSWER_UNKNOWN);
    CHECK(saves(0.5, 0.7, 1.02) == ANSWER_UNKNOWN);
    CHECK(saves(0.5, 2, 40) == ANSWER_UNKNOWN);
    CHECK(adds(1.3, 1.5, 2) == ANSWER_YES);
    CHECK(adds(0.97, 1.0, 1.03) == ANSWER_NO);
    CHECK(adds(0.1, 0.9, 1.05) == ANSWER_NO);
    CHECK(adds(0.9, 1.3, 2) == ANSWER_UNKNOWN);
    return 0;
}
