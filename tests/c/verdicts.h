/* Checks of verdicts on invented platforms: one where a law holds, one where it does not, and cases
 * between. */
#ifndef IOMODELS_VERDICTS_H
#define IOMODELS_VERDICTS_H

#include "check.h"
#include "laws/verdict/verdict.h"

#include <string.h>

#define EXPECT(expected, judgement) expect(__LINE__, expected, judgement)

static void expect(int line, enum verdict expected, struct judgement made) {
    if (made.verdict != expected)
        fprintf(stderr, "line %d: %s, because '%s': %s\n", line, verdict_word(made.verdict),
                made.because, made.figure);
    CHECK(made.verdict == expected);
    CHECK(made.figure[0] != '\0');
    CHECK(made.verdict == HOLDS || made.verdict == DOES_NOT_HOLD || made.because[0] != '\0');
    CHECK(strlen(made.figure) + 1 < sizeof made.figure); /* nothing was truncated */
    CHECK(strlen(made.because) + 1 < sizeof made.because);
}

#endif
