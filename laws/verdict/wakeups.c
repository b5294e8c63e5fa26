#include "laws/verdict/wakeups.h"

const char *const wakeup_names[WAKEUPS] = {"event",     "packet",   "APC",
                                           "condition", "SRW lock", "critical section"};

struct judgement judge_wakeup(const struct wakeups_seen *seen, enum place place,
                              enum wakeup wakeup) {
    const char *where = place == SAME_CORE ? "same core" : "other core";
    struct ratio ratio = seen->over_event[place][wakeup];
    if (place == OTHER_CORE && seen->cores < 2)
        return judgement(NOT_TESTABLE, "there is only one core", "%s, %s: not measured", where,
                         wakeup_names[wakeup]);
    enum order order = ratio_order(ratio);
    enum verdict verdict = order == LESS ? HOLDS : order == UNCLEAR ? NOT_TESTABLE : DOES_NOT_HOLD;
    const char *because = order == UNCLEAR ? RATIO_IS_UNCLEAR
                          : order == EQUAL ? "both cost the same here"
                          : order == MORE  ? "it costs more here"
                                           : "";
    return judgement(verdict, because,
                     "%s: %s %.1f µs per hand-over, event %.1f µs; ratio %.2f (%.2f to %.2f)",
                     where, wakeup_names[wakeup], seen->us[place][wakeup],
                     seen->us[place][WAKE_EVENT], ratio.median, ratio.low, ratio.high);
}
