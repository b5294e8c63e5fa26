#include "laws/verdict/shortcuts.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static double median(const uint64_t values[RATIO_ROUNDS]) {
    uint64_t sorted[RATIO_ROUNDS];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, RATIO_ROUNDS, sizeof *sorted, compare);
    const int half = RATIO_ROUNDS / 2;
    return (double)(sorted[half - 1] + sorted[half]) / 2;
}

struct shortcut_seen shortcut_of(const char *name, const uint64_t name_ns[RATIO_ROUNDS],
                                 const char *detour, const uint64_t detour_ns[RATIO_ROUNDS],
                                 uint32_t uses) {
    return (struct shortcut_seen){name, detour, median(name_ns) / uses, median(detour_ns) / uses,
                                  ratio_of(name_ns, detour_ns)};
}

struct judgement judge_shortcut(const struct shortcut_seen *seen) {
    enum order order = ratio_order(seen->ratio);
    enum verdict verdict = order == LESS ? HOLDS : order == UNCLEAR ? NOT_TESTABLE : DOES_NOT_HOLD;
    const char *because = order == UNCLEAR ? RATIO_IS_UNCLEAR
                          : order == EQUAL ? "both cost the same here"
                          : order == MORE  ? "it costs more here"
                                           : "";
    bool micro = seen->detour_ns >= 1000;
    double unit = micro ? 1000 : 1;
    return judgement(verdict, because, "%s %.1f %s, %s %.1f %s; ratio %.2f (%.2f to %.2f)",
                     seen->name, seen->name_ns / unit, micro ? "µs" : "ns", seen->detour,
                     seen->detour_ns / unit, micro ? "µs" : "ns", seen->ratio.median,
                     seen->ratio.low, seen->ratio.high);
}
