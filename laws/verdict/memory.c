#include "laws/verdict/memory.h"
#include "laws/verdict/answers.h"

/* A ratio with its interval. */
#define R              "%.2f [%.2f, %.2f]"
#define RATIO(ratio)   (ratio).median, (ratio).low, (ratio).high
#define CONSIDERABLE   0.8 /* of the former time, or less */
#define CONSIDERABLE_N "a fifth"

static double list_over_malloc(const struct accept_and_lists_seen *seen, int count) {
    return ratio_of(seen->block_ns[count][BLOCKS_LIST], seen->block_ns[count][BLOCKS_MALLOC])
        .median;
}

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
                     "times accept and malloc: AcceptEx " R ", lists " R ", both " R
                     "; a block: list/malloc %.2f at 1 thread, %.2f at 16",
                     RATIO(accept_ex), RATIO(lists), RATIO(both),
                     list_over_malloc(seen, FIRST_COUNT), list_over_malloc(seen, LAST_COUNT));
}
