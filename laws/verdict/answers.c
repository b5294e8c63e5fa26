#include "laws/verdict/answers.h"

/* Returns YES if the whole interval is above the limit, and NO if all of it is below. */
static enum answer above(struct ratio ratio, double limit) {
    if (ratio.low > limit)
        return ANSWER_YES;
    return ratio.high <= limit ? ANSWER_NO : ANSWER_UNKNOWN;
}

enum answer ratio_adds(struct ratio ratio) {
    return above(ratio, RATIO_EQUAL);
}

enum answer ratio_saves(struct ratio ratio) {
    return ratio_adds((struct ratio){1 / ratio.high, 1 / ratio.median, 1 / ratio.low});
}
