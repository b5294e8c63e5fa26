#include "laws/verdict/workers.h"
#include "verdicts.h"

static struct rate about(uint64_t median) {
    return (struct rate){median * 98 / 100, median, median * 102 / 100};
}

/* Makes a grid in which caps (rows) and workers (columns) have these medians, in packets per
 * second. */
static struct worker_grid_seen grid(const uint64_t cpu[3][4], const uint64_t blocking[4]) {
    struct worker_grid_seen seen = {.processors = 4};
    for (int cap = 0; cap < GRID_CAPS; cap++)
        for (int workers = 0; workers < GRID_WORKERS; workers++) {
            seen.cpu[cap][workers] = about(cpu[cap][workers]);
            seen.blocking[cap][workers] = about(blocking[workers]);
        }
    return seen;
}

static void workers_and_caps(void) {
    const uint64_t textbook[3][4] = {
        {100, 100, 100, 100}, {400, 400, 400, 400}, {400, 390, 350, 340}};
    const uint64_t no_cap[3][4] = {
        {400, 400, 400, 400}, {400, 400, 400, 400}, {400, 400, 400, 400}};
    const uint64_t higher[3][4] = {
        {100, 100, 100, 100}, {400, 400, 400, 400}, {400, 450, 500, 500}};
    const uint64_t more[3][4] = {{100, 100, 100, 100}, {400, 500, 600, 700}, {400, 500, 600, 700}};
    const uint64_t twice[4] = {200, 400, 400, 400}, four[4] = {100, 200, 300, 400},
                   same[4] = {400, 400, 400, 400};
    struct worker_grid_seen seen = grid(textbook, twice);
    EXPECT(HOLDS, judge_cap_is_processors(&seen));
    EXPECT(HOLDS_ONLY_WHEN, judge_two_or_three(&seen));
    EXPECT(HOLDS, judge_twice_when_blocking(&seen));
    EXPECT(HOLDS_ONLY_WHEN, judge_as_many_as_processors(&seen));
    seen.processors = 1;
    EXPECT(NOT_TESTABLE, judge_cap_is_processors(&seen));
    seen = grid(no_cap, same);
    EXPECT(NOT_TESTABLE, judge_cap_is_processors(&seen));
    EXPECT(DOES_NOT_HOLD, judge_two_or_three(&seen));
    EXPECT(DOES_NOT_HOLD, judge_twice_when_blocking(&seen));
    EXPECT(HOLDS, judge_as_many_as_processors(&seen));
    seen = grid(higher, four);
    EXPECT(DOES_NOT_HOLD, judge_cap_is_processors(&seen));
    EXPECT(DOES_NOT_HOLD, judge_two_or_three(&seen));
    seen = grid(more, twice);
    EXPECT(HOLDS, judge_two_or_three(&seen));
    EXPECT(DOES_NOT_HOLD, judge_twice_when_blocking(&seen));
    EXPECT(DOES_NOT_HOLD, judge_as_many_as_processors(&seen));
    seen = grid(textbook, twice);
    seen.cpu[1][3] = (struct rate){100, 200, 900}; /* another program used the machine */
    EXPECT(NOT_TESTABLE, judge_cap_is_processors(&seen));
    EXPECT(NOT_TESTABLE, judge_as_many_as_processors(&seen));
    seen = grid(textbook, twice);
    /* equal medians, but the repeats allow a third more: overlap is no proof that they are equal */
    seen.cpu[0][3] = (struct rate){300, 400, 450};
    EXPECT(NOT_TESTABLE, judge_cap_is_processors(&seen));
    seen = grid(textbook, twice);
    seen.blocking[1][3] = (struct rate){395, 430, 480}; /* 4P may do better */
    EXPECT(NOT_TESTABLE, judge_two_or_three(&seen));
    CHECK(strstr(judge_two_or_three(&seen).because, "more workers may") != NULL);
}

static void one_processor(void) {
    EXPECT(HOLDS,
           judge_one_core(&(struct one_core_seen){{about(100), about(99), about(95), about(92)}}));
    EXPECT(DOES_NOT_HOLD, judge_one_core(&(struct one_core_seen){
                              {about(100), about(150), about(150), about(150)}}));
    EXPECT(NOT_TESTABLE, judge_one_core(&(struct one_core_seen){
                             {about(100), {50, 150, 200}, about(95), about(92)}}));
    EXPECT(NOT_TESTABLE, judge_one_core(&(struct one_core_seen){
                             {about(1000), {700, 1000, 1300}, about(1000), about(1000)}}));
}

int main(void) {
    workers_and_caps();
    one_processor();
    return 0;
}
