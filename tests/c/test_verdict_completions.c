#include "laws/verdict/completions.h"
#include "verdicts.h"

static void errors_are_packets(void) {
    struct errors_are_packets_seen seen = {40, 160, 40, 40, 40, 40, 0, 40, 40, 40};
    EXPECT(HOLDS, judge_errors_are_packets(&seen));
    seen.close_once = 39; /* lost or twice */
    EXPECT(DOES_NOT_HOLD, judge_errors_are_packets(&seen));
    seen.close_once = 40;
    seen.reset_errors = 0; /* an RST that looks like a FIN */
    EXPECT(DOES_NOT_HOLD, judge_errors_are_packets(&seen));
    seen.pended = 159;
    EXPECT(NOT_TESTABLE, judge_errors_are_packets(&seen));
    EXPECT(NOT_TESTABLE, judge_errors_are_packets(&(struct errors_are_packets_seen){0}));
}

static void start_threadpool_io(void) {
    const struct start_threadpool_io_seen ignores = {20, 20, 0, 0, 50, 50, 50, 100, 0, 1},
                                          crashes = {20, 20, 0, 1, 50, 0, 0, 50, 0, 0},
                                          forgives = {20, 20, 20, 0, 50, 0, 0, 0, 0, 0};
    EXPECT(HOLDS, judge_start_threadpool_io(&ignores));
    EXPECT(HOLDS, judge_start_threadpool_io(&crashes));
    EXPECT(DOES_NOT_HOLD, judge_start_threadpool_io(&forgives));
    struct start_threadpool_io_seen half = forgives;
    half.callbacks_not_started = 3;
    EXPECT(DOES_NOT_HOLD, judge_start_threadpool_io(&half)); /* nothing leaks */
    half = forgives;
    half.blocks_not_cancelled = 50;
    EXPECT(DOES_NOT_HOLD, judge_start_threadpool_io(&half)); /* nothing is lost */
    half.blocks_cancelled = 50;                              /* both leak the same */
    half.callbacks_not_started = 0;
    EXPECT(DOES_NOT_HOLD, judge_start_threadpool_io(&half));
    half = ignores;
    half.blocks_cancelled = 60; /* 10 more without a cause; 25 more are half of the failures */
    half.waits_that_hang = 0;
    half.blocks_not_cancelled = 85;
    EXPECT(HOLDS, judge_start_threadpool_io(&half));
    half.blocks_not_cancelled = 84;
    EXPECT(DOES_NOT_HOLD, judge_start_threadpool_io(&half));
    half = ignores;
    half.callbacks_started = 19;
    EXPECT(NOT_TESTABLE, judge_start_threadpool_io(&half));
}

static void safe_stop(void) {
    const struct safe_stop_seen safe = {100, 2000, 500, 0, 0, 0, 0, 95};
    EXPECT(HOLDS, judge_safe_stop(&safe));
    struct safe_stop_seen seen = safe;
    seen.late = 1;
    EXPECT(DOES_NOT_HOLD, judge_safe_stop(&seen));
    seen = safe;
    seen.lost = 1;
    EXPECT(DOES_NOT_HOLD, judge_safe_stop(&seen));
    seen = safe;
    seen.twice = 1;
    EXPECT(DOES_NOT_HOLD, judge_safe_stop(&seen));
    seen = safe;
    seen.not_freed = 1;
    EXPECT(DOES_NOT_HOLD, judge_safe_stop(&seen));
    seen = safe;
    seen.late_without_wait = 0; /* then the wait proves nothing */
    EXPECT(NOT_TESTABLE, judge_safe_stop(&seen));
    seen = safe;
    seen.cancelled = 0;
    EXPECT(NOT_TESTABLE, judge_safe_stop(&seen));
}

static void pointers(void) {
    EXPECT(HOLDS, judge_own_overlapped(&(struct own_overlapped_seen){20, 80, 80, 0, 40}));
    EXPECT(DOES_NOT_HOLD, judge_own_overlapped(&(struct own_overlapped_seen){20, 80, 80, 0, 0}));
    EXPECT(NOT_TESTABLE, judge_own_overlapped(&(struct own_overlapped_seen){20, 80, 79, 0, 40}));
    EXPECT(NOT_TESTABLE, judge_own_overlapped(&(struct own_overlapped_seen){20, 80, 80, 1, 40}));
    EXPECT(HOLDS, judge_key_and_operation(&(struct key_and_operation_seen){50, 400, 400, 0, 0}));
    EXPECT(DOES_NOT_HOLD,
           judge_key_and_operation(&(struct key_and_operation_seen){50, 400, 400, 1, 0}));
    EXPECT(DOES_NOT_HOLD,
           judge_key_and_operation(&(struct key_and_operation_seen){50, 400, 400, 0, 1}));
    EXPECT(DOES_NOT_HOLD,
           judge_key_and_operation(&(struct key_and_operation_seen){50, 400, 399, 0, 0}));
    EXPECT(NOT_TESTABLE, judge_key_and_operation(&(struct key_and_operation_seen){1, 8, 8, 0, 0}));
}

int main(void) {
    errors_are_packets();
    start_threadpool_io();
    safe_stop();
    pointers();
    return 0;
}
