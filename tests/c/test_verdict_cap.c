#include "laws/verdict/cap.h"
#include "verdicts.h"

static void the_cap(void) {
    const struct concurrency_cap_seen windows = {4, 6, 1, 2, 4}, wine = {4, 6, 2, 3, 5},
                                      idle = {4, 6, 1, 1, 2};
    EXPECT(HOLDS, judge_concurrency_cap(&windows));
    EXPECT(DOES_NOT_HOLD, judge_concurrency_cap(&wine));
    EXPECT(DOES_NOT_HOLD, judge_concurrency_cap(&(struct concurrency_cap_seen){4, 6, 2, 2, 4}));
    EXPECT(DOES_NOT_HOLD, judge_concurrency_cap(&(struct concurrency_cap_seen){4, 6, 1, 3, 4}));
    EXPECT(NOT_TESTABLE, judge_concurrency_cap(&idle));
    EXPECT(HOLDS, judge_concurrency_cap_zero(&windows));
    EXPECT(DOES_NOT_HOLD, judge_concurrency_cap_zero(&wine));
    EXPECT(NOT_TESTABLE, judge_concurrency_cap_zero(&idle));
}

static void blocked_handlers(void) {
    const struct blocked_frees_slot_seen windows = {1, 4, 1, 4}, strict = {1, 4, 1, 1},
                                         wine = {1, 4, 4, 4};
    EXPECT(HOLDS, judge_blocked_frees_slot(&windows));
    EXPECT(DOES_NOT_HOLD, judge_blocked_frees_slot(&strict));
    EXPECT(NOT_TESTABLE, judge_blocked_frees_slot(&wine));
    EXPECT(HOLDS_ONLY_WHEN, judge_never_more(&windows));
    EXPECT(HOLDS, judge_never_more(&strict));
    EXPECT(DOES_NOT_HOLD, judge_never_more(&wine));
    EXPECT(DOES_NOT_HOLD, judge_listeners(&windows));
    EXPECT(NOT_TESTABLE, judge_listeners(&strict));
}

static void running_threads(void) {
    EXPECT(HOLDS, judge_running_takes_next(&(struct running_takes_next_seen){400, 8, 2, 1}));
    EXPECT(HOLDS, judge_running_takes_next(&(struct running_takes_next_seen){400, 8, 8, 1}));
    EXPECT(DOES_NOT_HOLD,
           judge_running_takes_next(&(struct running_takes_next_seen){400, 8, 9, 1}));
    EXPECT(DOES_NOT_HOLD,
           judge_running_takes_next(&(struct running_takes_next_seen){400, 8, 200, 1}));
    EXPECT(DOES_NOT_HOLD,
           judge_running_takes_next(&(struct running_takes_next_seen){400, 8, 2, 4}));
    EXPECT(HOLDS, judge_last_port(&(struct last_port_seen){3, 0, 3}));
    EXPECT(DOES_NOT_HOLD, judge_last_port(&(struct last_port_seen){3, 0, 0}));
    EXPECT(NOT_TESTABLE, judge_last_port(&(struct last_port_seen){3, 3, 3}));
}

int main(void) {
    the_cap();
    blocked_handlers();
    running_threads();
    return 0;
}
