#include "laws/verdict/memory.h"
#include "laws/verdict/answers.h"

#include <inttypes.h>

#define N "%" PRIu64
/* A ratio with its interval. */
#define R              "%.2f [%.2f, %.2f]"
#define RATIO(ratio)   (ratio).median, (ratio).low, (ratio).high
#define CONSIDERABLE   0.8 /* of the former time, or less */
#define CONSIDERABLE_N "a fifth"

struct judgement judge_accept_and_lists(const struct accept_and_lists_seen *seen) {
    struct ratio both = ratio_of(seen->ns[SERVER_BOTH], seen->ns[SERVER_ACCEPT]);
    struct ratio accept_ex = ratio_of(seen->ns[SERVER_ACCEPT_EX], seen->ns[SERVER_ACCEPT]);
    struct ratio lists = ratio_of(seen->ns[SERVER_LISTS], seen->ns[SERVER_ACCEPT]);
    enum answer first = ratio_saves(accept_ex), second = ratio_saves(lists);
    enum verdict verdict = NOT_TESTABLE;
    const char *because = RATIO_IS_UNCLEAR;
    if (both.low > CONSIDERABLE) {
        verdict = DOES_NOT_HOLD;
        because = "together they save less than " CONSIDERABLE_N " of the time";
    } else if (both.high < CONSIDERABLE && first == ANSWER_YES && second == ANSWER_YES) {
        verdict = HOLDS;
        because = "";
    } else if (both.high < CONSIDERABLE && first == ANSWER_YES && second == ANSWER_NO) {
        verdict = HOLDS_ONLY_WHEN;
        because = "AcceptEx replaces accept; lookaside lists alone save nothing";
    } else if (both.high < CONSIDERABLE && second == ANSWER_YES && first == ANSWER_NO) {
        verdict = HOLDS_ONLY_WHEN;
        because = "lookaside lists replace malloc; AcceptEx alone saves nothing";
    }
    return judgement(verdict, because,
                     "times accept and malloc: AcceptEx " R ", lists " R ", both " R,
                     RATIO(accept_ex), RATIO(lists), RATIO(both));
}

struct judgement judge_lookaside_list(const struct lookaside_lists_seen *seen) {
    const uint64_t *ns = seen->median_ns;
    struct ratio list = seen->to_malloc[BLOCKS_LIST], pool = seen->to_malloc[BLOCKS_THREAD_POOL];
    enum order order = ratio_order(list);
    enum verdict verdict = order == LESS ? HOLDS : order == UNCLEAR ? NOT_TESTABLE : DOES_NOT_HOLD;
    const char *because = order == UNCLEAR ? RATIO_IS_UNCLEAR
                          : order == EQUAL ? "both cost the same here"
                          : order == MORE  ? "it costs more here"
                                           : "";
    return judgement(verdict, because,
                     "threads: " N "; ns per block: malloc " N ", HeapAlloc " N ", list " N
                     ", a pool per thread " N "; times malloc: list " R ", pool " R,
                     seen->threads, ns[BLOCKS_MALLOC], ns[BLOCKS_HEAP], ns[BLOCKS_LIST],
                     ns[BLOCKS_THREAD_POOL], RATIO(list), RATIO(pool));
}
