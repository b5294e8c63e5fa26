#include "laws/verdict/order.h"

#include <inttypes.h>

#define N "%" PRIu64

const uint32_t order_levels[ORDER_LEVELS] = {1, 2, 4, 8};

struct judgement judge_order_of_workers(const struct order_of_workers_seen *seen) {
    uint64_t one_worker = 0, one_receive = 0, several = 0, used = 0;
    for (int i = 0; i < ORDER_LEVELS; i++)
        one_worker += seen->late[0][i];
    for (int workers = 1; workers < ORDER_LEVELS; workers++) {
        one_receive += seen->late[workers][0];
        for (int receives = 1; receives < ORDER_LEVELS; receives++) {
            several += seen->late[workers][receives];
            used = seen->used[workers][receives] > used ? seen->used[workers][receives] : used;
        }
    }
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (one_worker > 0) {
        verdict = DOES_NOT_HOLD;
        because = "order is lost with a single worker, too";
    } else if (used < 2) {
        verdict = NOT_TESTABLE;
        because = "one worker took every message";
    } else if (several == 0 && one_receive == 0) {
        verdict = NOT_TESTABLE;
        because = "no message was late, but that does not prove the order";
    } else if (one_receive == 0) {
        verdict = HOLDS_ONLY_WHEN;
        because = "a connection has several outstanding receives";
    }
#define ROW(receives) seen->late[1][receives], seen->late[2][receives], seen->late[3][receives]
    return judgement(verdict, because,
                     "late of " N " messages with 2, 4, 8 workers: 1 receive " N ", " N ", " N
                     "; 2 receives " N ", " N ", " N "; 4 receives " N ", " N ", " N
                     "; 8 receives " N ", " N ", " N "; 1 worker " N,
                     seen->messages, ROW(0), ROW(1), ROW(2), ROW(3), one_worker);
#undef ROW
}

static const char *const names[KEEPERS] = {"no order", "one outstanding receive", "numbers",
                                           "a strand"};

struct judgement judge_order_keepers(const struct order_keepers_seen *seen) {
    const uint64_t *late = seen->late;
    const char *because = "";
    enum verdict verdict = HOLDS;
    if (late[KEEP_ONE_RECEIVE] > 0 || late[KEEP_NUMBERS] > 0) {
        verdict = DOES_NOT_HOLD;
        because = "numbers or one outstanding receive do not keep the order";
    } else if (late[KEEP_ANY] == 0) {
        verdict = NOT_TESTABLE;
        because = "no message was late, but that does not prove the order";
    } else if (late[KEEP_STRAND] > 0) {
        verdict = HOLDS_ONLY_WHEN;
        because = "a message has a number or is alone: a strand lets others overtake before it";
    }
    return judgement(verdict, because,
                     N " workers, late of " N " messages: " N " in no order, " N
                       " with one receive, " N " with numbers, " N " with a strand",
                     seen->workers, seen->messages, late[KEEP_ANY], late[KEEP_ONE_RECEIVE],
                     late[KEEP_NUMBERS], late[KEEP_STRAND]);
}

struct judgement judge_order_cost(const struct order_keepers_seen *seen, enum keeper keeper) {
    struct ratio ratio = seen->over_any[keeper];
    enum order order = ratio_order(ratio);
    const char *because = order == UNCLEAR ? RATIO_IS_UNCLEAR
                          : order == EQUAL ? "it costs nothing here"
                          : order == LESS  ? "it is faster than no order here"
                                           : "";
    enum verdict verdict = order == UNCLEAR ? NOT_TESTABLE : order == MORE ? HOLDS : DOES_NOT_HOLD;
    return judgement(verdict, because,
                     "%s: %.1f µs per message, in no order %.1f; ratio %.2f (%.2f to %.2f)",
                     names[keeper], (double)seen->median_ns[keeper] / 1000,
                     (double)seen->median_ns[KEEP_ANY] / 1000, ratio.median, ratio.low, ratio.high);
}
