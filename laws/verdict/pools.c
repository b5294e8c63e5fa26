#include "laws/verdict/pools.h"
#include "laws/verdict/answers.h"

#include <inttypes.h>

#define N "%" PRIu64
/* A ratio with its interval. */
#define R            "%.2f [%.2f, %.2f]"
#define RATIO(ratio) (ratio).median, (ratio).low, (ratio).high

struct judgement judge_pool_follows_load(const struct pool_follows_load_seen *seen) {
    enum verdict verdict = DOES_NOT_HOLD;
    const char *because = "";
    if (seen->ran < seen->asked)
        because = "not every callback ran";
    else if (seen->most > seen->maximum)
        because = "more callbacks ran than SetThreadpoolThreadMaximum allows";
    else if (seen->most < seen->maximum || seen->threads_loaded <= seen->threads_light)
        because = "blocked callbacks create no further threads";
    else if (seen->threads_idle < seen->threads_loaded)
        verdict = HOLDS;
    else {
        verdict = HOLDS_ONLY_WHEN;
        because = "the load grows; idle threads stayed until the experiment ended";
    }
    return judgement(verdict, because,
                     "threads: " N " for single callbacks, " N " for " N " blocked ones (maximum " N
                     "), " N " after %.1f s without work",
                     seen->threads_light, seen->threads_loaded, seen->asked, seen->maximum,
                     seen->threads_idle, (double)seen->idle_ms / 1000);
}

struct judgement judge_managed_pool(const struct managed_pool_seen *seen) {
    struct ratio pool[HANDLERS], once[HANDLERS];
    for (int i = 0; i < HANDLERS; i++) {
        pool[i] = ratio_of(seen->ns[i][MANAGED_POOL], seen->ns[i][PORT_TWICE]);
        once[i] = ratio_of(seen->ns[i][PORT_ONCE], seen->ns[i][PORT_TWICE]);
    }
    enum answer computes = ratio_saves(pool[COMPUTES]), blocks = ratio_saves(pool[BLOCKS]);
    enum verdict verdict = DOES_NOT_HOLD;
    const char *because = "the pool is not faster than twice the CPUs";
    if (computes == ANSWER_YES && blocks == ANSWER_YES) {
        verdict = HOLDS;
        because = "";
    } else if (computes == ANSWER_YES || blocks == ANSWER_YES) {
        bool clear = computes != ANSWER_UNKNOWN && blocks != ANSWER_UNKNOWN;
        verdict = HOLDS_ONLY_WHEN;
        if (blocks == ANSWER_YES)
            because = clear ? "handlers block" : "handlers block; unclear if they only compute";
        else
            because =
                clear ? "handlers only compute" : "handlers only compute; unclear if they block";
    } else if (computes == ANSWER_UNKNOWN || blocks == ANSWER_UNKNOWN) {
        verdict = NOT_TESTABLE;
        because = RATIO_IS_UNCLEAR;
    }
    return judgement(verdict, because,
                     "time over 2 workers per CPU: pool " R " computing, " R
                     " blocking; 1 per CPU %.2f and %.2f; " N " CPUs",
                     RATIO(pool[COMPUTES]), RATIO(pool[BLOCKS]), once[COMPUTES].median,
                     once[BLOCKS].median, seen->processors);
}
