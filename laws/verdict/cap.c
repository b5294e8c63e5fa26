#include "laws/verdict/cap.h"

#include <inttypes.h>

#define N "%" PRIu64

struct judgement judge_concurrency_cap(const struct concurrency_cap_seen *seen) {
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->most_at_1 > 1 || seen->most_at_2 > 2) {
        verdict = DOES_NOT_HOLD;
        because = "the cap is not honoured";
    } else if (seen->most_at_1 < 1 || seen->most_at_2 < 2) {
        verdict = NOT_TESTABLE;
        because = "too few concurrent handlers to reach the cap";
    }
    return judgement(verdict, because, "cap 1: " N " concurrent; cap 2: " N "; of " N " workers",
                     seen->most_at_1, seen->most_at_2, seen->workers);
}

struct judgement judge_concurrency_cap_zero(const struct concurrency_cap_seen *seen) {
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->most_at_0 > seen->processors) {
        verdict = DOES_NOT_HOLD;
        because = "the cap is not honoured";
    } else if (seen->most_at_0 < seen->processors) {
        verdict = NOT_TESTABLE;
        because = "too few concurrent handlers to reach the number of CPUs";
    }
    return judgement(verdict, because, "cap 0: " N " concurrent, " N " CPUs", seen->most_at_0,
                     seen->processors);
}

struct judgement judge_blocked_frees_slot(const struct blocked_frees_slot_seen *seen) {
    enum verdict verdict = seen->blocked_at_once > seen->cap ? HOLDS : DOES_NOT_HOLD;
    const char *because = "";
    if (seen->spinning_at_once > seen->cap) {
        verdict = NOT_TESTABLE;
        because = "the cap is not honoured: no slot to free";
    }
    return judgement(verdict, because,
                     "cap " N ": " N " concurrent handlers blocked, " N " running, of " N
                     " workers",
                     seen->cap, seen->blocked_at_once, seen->spinning_at_once, seen->workers);
}

struct judgement judge_never_more(const struct blocked_frees_slot_seen *seen) {
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->spinning_at_once > seen->cap) {
        verdict = DOES_NOT_HOLD;
        because = "the cap is not honoured";
    } else if (seen->blocked_at_once > seen->cap) {
        verdict = HOLDS_ONLY_WHEN;
        because = "handlers do not block";
    }
    return judgement(verdict, because,
                     "cap " N ": " N " concurrent handlers running, " N " blocked", seen->cap,
                     seen->spinning_at_once, seen->blocked_at_once);
}

struct judgement judge_listeners(const struct blocked_frees_slot_seen *seen) {
    bool more = seen->blocked_at_once > seen->cap;
    return judgement(more ? DOES_NOT_HOLD : NOT_TESTABLE,
                     more ? "more listening threads than the cap were served"
                          : "no more threads than the cap were served",
                     "cap " N ": " N " of " N " listening threads were served concurrently",
                     seen->cap, seen->blocked_at_once, seen->workers);
}

struct judgement judge_running_takes_next(const struct running_takes_next_seen *seen) {
    enum verdict verdict = seen->handovers * 50 <= seen->packets ? HOLDS : DOES_NOT_HOLD;
    const char *because = "";
    if (seen->most_at_once > 1) {
        verdict = DOES_NOT_HOLD;
        because = "the cap is not honoured";
    }
    return judgement(verdict, because,
                     "cap 1, " N " workers: " N " thread changes in " N " packets, " N
                     " concurrent",
                     seen->workers, seen->handovers, seen->packets, seen->most_at_once);
}

struct judgement judge_last_port(const struct last_port_seen *seen) {
    enum verdict verdict = seen->moved == seen->rounds ? HOLDS : DOES_NOT_HOLD;
    const char *because = "";
    if (seen->held > 0) {
        verdict = NOT_TESTABLE;
        because = "the cap is not honoured: no port counts its threads";
    }
    return judgement(verdict, because,
                     "a second worker was served in " N " of " N
                     " rounds before the first one moved, " N " after",
                     seen->held, seen->rounds, seen->moved);
}
