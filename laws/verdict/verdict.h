/* From the counts of a law's experiment to a verdict: pure functions without calls to Windows. So
 * tests on any platform check them against platforms where a law holds and where it does not. Times
 * are nanoseconds; errors are Windows' codes, 0 is success. */
#ifndef IOMODELS_VERDICT_H
#define IOMODELS_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

enum verdict { HOLDS, HOLDS_ONLY_WHEN, DOES_NOT_HOLD, NOT_TESTABLE };

struct judgement {
    enum verdict verdict;
    char because[160]; /* the condition or the reason; "" if the figure is enough */
    char figure[256];  /* the counts that decided */
};

const char *verdict_word(enum verdict);

/* Returns a judgement whose figure is printed from `format`. */
struct judgement judgement(enum verdict, const char *because, const char *format, ...);

/* Each law lists its counts once, as LAW_SEEN(X); the list makes the struct and the JSON line. */
#define VERDICT_FIELD(name) uint64_t name;

#endif
