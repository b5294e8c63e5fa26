#include "laws/verdict/threads_and_pool.h"
#include "verdicts.h"

static void costs(void) {
    struct thread_creation_seen thread = {100, 50000, 4000, 3000, {11, 12.5, 14}};
    EXPECT(HOLDS, judge_thread_creation(&thread));
    thread.thread_to_pool = (struct ratio){2.2, 2.5, 9.9};
    EXPECT(HOLDS_ONLY_WHEN, judge_thread_creation(&thread));
    thread.thread_to_pool = (struct ratio){0.8, 1.2, 1.9};
    EXPECT(DOES_NOT_HOLD, judge_thread_creation(&thread));
    thread.thread_to_pool = (struct ratio){8, 40, 50}; /* the median alone is beyond the limit */
    EXPECT(NOT_TESTABLE, judge_thread_creation(&thread));
    thread.thread_to_pool = (struct ratio){1.5, 1.9, 2.5};
    EXPECT(NOT_TESTABLE, judge_thread_creation(&thread));
    EXPECT(HOLDS,
           judge_switch_cost(&(struct switch_cost_seen){2000, 900, 1000, 1100, 1900, 2000, 2100}));
    EXPECT(DOES_NOT_HOLD,
           judge_switch_cost(&(struct switch_cost_seen){2000, 1900, 2000, 2100, 900, 1000, 1100}));
    EXPECT(DOES_NOT_HOLD,
           judge_switch_cost(&(struct switch_cost_seen){2000, 980, 1000, 1020, 990, 1010, 1030}));
    EXPECT(NOT_TESTABLE, /* the intervals overlap, but 900 and 1150 are not the same */
           judge_switch_cost(&(struct switch_cost_seen){2000, 900, 1000, 1100, 950, 1050, 1150}));
    EXPECT(NOT_TESTABLE,
           judge_switch_cost(&(struct switch_cost_seen){2000, 900, 1000, 1900, 950, 1500, 2100}));
    EXPECT(HOLDS, judge_thread_stacks(&(struct thread_stacks_seen){4, 4000, 2900, 1048576}));
    EXPECT(DOES_NOT_HOLD,
           judge_thread_stacks(&(struct thread_stacks_seen){4, 4000, 4000, 1048576}));
    EXPECT(NOT_TESTABLE, judge_thread_stacks(&(struct thread_stacks_seen){8, 16, 16, 1048576}));
}

static void the_pool(void) {
    EXPECT(HOLDS,
           judge_pool_work_kinds(&(struct pool_work_kinds_seen){30, 30, 30, 30, 30, 1, 1, 1, 1}));
    EXPECT(DOES_NOT_HOLD,
           judge_pool_work_kinds(&(struct pool_work_kinds_seen){30, 30, 30, 29, 30, 1, 1, 1, 1}));
    EXPECT(DOES_NOT_HOLD, judge_pool_work_kinds(&(struct pool_work_kinds_seen){.asked = 0}));
    EXPECT(HOLDS, judge_pool_first_submit(&(struct pool_first_submit_seen){1, 1, 2, 1}));
    EXPECT(DOES_NOT_HOLD, judge_pool_first_submit(&(struct pool_first_submit_seen){1, 2, 2, 1}));
    EXPECT(DOES_NOT_HOLD, judge_pool_first_submit(&(struct pool_first_submit_seen){1, 1, 1, 0}));
}

static void processors(void) {
    EXPECT(HOLDS, judge_processors(&(struct processors_seen){4, 4, 4}));
    EXPECT(HOLDS_ONLY_WHEN, judge_processors(&(struct processors_seen){8, 8, 4}));
    EXPECT(NOT_TESTABLE, judge_processors(&(struct processors_seen){8, 8, 0}));
    EXPECT(DOES_NOT_HOLD, judge_processors(&(struct processors_seen){64, 128, 64}));
}

int main(void) {
    costs();
    the_pool();
    processors();
    return 0;
}
