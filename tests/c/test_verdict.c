/* The verdicts of the laws on made-up platforms: one where a law holds, one where it does not, and what lies
 * between. */
#include "check.h"
#include "laws/verdict.h"

#include <string.h>

#define EXPECT(expected, judgement) expect(__LINE__, expected, judgement)

static void expect(int line, enum verdict expected, struct judgement made) {
    if (made.verdict != expected)
        fprintf(stderr, "line %d: %s, because '%s': %s\n", line, verdict_word(made.verdict), made.because,
                made.figure);
    CHECK(made.verdict == expected);
    CHECK(made.figure[0] != '\0');
    CHECK(made.verdict == HOLDS || made.verdict == DOES_NOT_HOLD || made.because[0] != '\0');
    CHECK(strlen(made.figure) + 1 < sizeof made.figure); /* nothing was cut off */
    CHECK(strlen(made.because) + 1 < sizeof made.because);
}

static void packets(void) {
    EXPECT(HOLDS, judge_fifo(&(struct fifo_seen){.packets = 1000}));
    EXPECT(DOES_NOT_HOLD, judge_fifo(&(struct fifo_seen){.packets = 1000, .out_of_order = 1}));
    EXPECT(DOES_NOT_HOLD, judge_fifo(&(struct fifo_seen){.packets = 1000, .missing = 1}));
    EXPECT(HOLDS, judge_once(&(struct once_seen){1000, 8, 8, 0, 0}));
    EXPECT(DOES_NOT_HOLD, judge_once(&(struct once_seen){1000, 8, 8, 1, 0}));
    EXPECT(DOES_NOT_HOLD, judge_once(&(struct once_seen){1000, 8, 8, 0, 1}));
    EXPECT(NOT_TESTABLE, judge_once(&(struct once_seen){1000, 8, 1, 0, 0}));
}

static void order_of_waiters(void) {
    const struct lifo_seen windows = {8, 40, 40, 0, 24, 24}, old_wine = {8, 40, 0, 40, 24, 0},
                           any = {8, 40, 5, 5, 24, 9};
    EXPECT(HOLDS, judge_lifo(&windows));
    EXPECT(DOES_NOT_HOLD, judge_lifo(&old_wine));
    EXPECT(DOES_NOT_HOLD, judge_lifo(&any));
    CHECK(strstr(judge_lifo(&old_wine).because, "first in, first out") != NULL);
    CHECK(strstr(judge_lifo(&any).because, "first in, first out") == NULL);
    EXPECT(HOLDS, judge_lifo_burst(&windows));
    EXPECT(DOES_NOT_HOLD, judge_lifo_burst(&old_wine));
    EXPECT(DOES_NOT_HOLD, judge_lifo(&(struct lifo_seen){.workers = 8})); /* nothing seen is nothing shown */
}

static void the_cap(void) {
    const struct cap_seen windows = {4, 6, 1, 2, 4}, wine = {4, 6, 2, 3, 5}, idle = {4, 6, 1, 1, 2};
    EXPECT(HOLDS, judge_cap(&windows));
    EXPECT(DOES_NOT_HOLD, judge_cap(&wine));
    EXPECT(DOES_NOT_HOLD, judge_cap(&(struct cap_seen){4, 6, 2, 2, 4}));
    EXPECT(DOES_NOT_HOLD, judge_cap(&(struct cap_seen){4, 6, 1, 3, 4}));
    EXPECT(NOT_TESTABLE, judge_cap(&idle));
    EXPECT(HOLDS, judge_cap_zero(&windows));
    EXPECT(DOES_NOT_HOLD, judge_cap_zero(&wine));
    EXPECT(NOT_TESTABLE, judge_cap_zero(&idle));
}

static void blocked_handlers(void) {
    const struct blocked_seen windows = {1, 4, 1, 4}, strict = {1, 4, 1, 1}, wine = {1, 4, 4, 4};
    EXPECT(HOLDS, judge_blocked(&windows));
    EXPECT(DOES_NOT_HOLD, judge_blocked(&strict));
    EXPECT(NOT_TESTABLE, judge_blocked(&wine));
    EXPECT(HOLDS_ONLY_WHEN, judge_never_more(&windows));
    EXPECT(HOLDS, judge_never_more(&strict));
    EXPECT(DOES_NOT_HOLD, judge_never_more(&wine));
    EXPECT(DOES_NOT_HOLD, judge_listeners(&windows));
    EXPECT(NOT_TESTABLE, judge_listeners(&strict));
}

static void running_threads(void) {
    EXPECT(HOLDS, judge_takes(&(struct takes_seen){400, 8, 2, 1}));
    EXPECT(DOES_NOT_HOLD, judge_takes(&(struct takes_seen){400, 8, 200, 1}));
    EXPECT(DOES_NOT_HOLD, judge_takes(&(struct takes_seen){400, 8, 2, 4}));
    EXPECT(HOLDS, judge_last_port(&(struct last_port_seen){3, 0, 3}));
    EXPECT(DOES_NOT_HOLD, judge_last_port(&(struct last_port_seen){3, 0, 0}));
    EXPECT(NOT_TESTABLE, judge_last_port(&(struct last_port_seen){3, 3, 3}));
}

static struct rate about(uint64_t median) {
    return (struct rate){median * 98 / 100, median, median * 102 / 100};
}

/* Packets a second of a grid in which caps (rows) and workers (columns) have these medians. */
static struct grid_seen grid(const uint64_t cpu[3][4], const uint64_t blocking[4]) {
    struct grid_seen seen = {.processors = 4};
    for (int cap = 0; cap < GRID_CAPS; cap++)
        for (int workers = 0; workers < GRID_WORKERS; workers++) {
            seen.cpu[cap][workers] = about(cpu[cap][workers]);
            seen.blocking[cap][workers] = about(blocking[workers]);
        }
    return seen;
}

static void workers_and_caps(void) {
    const uint64_t textbook[3][4] = {{100, 100, 100, 100}, {400, 400, 400, 400}, {400, 390, 350, 340}};
    const uint64_t no_cap[3][4] = {{400, 400, 400, 400}, {400, 400, 400, 400}, {400, 400, 400, 400}};
    const uint64_t higher[3][4] = {{100, 100, 100, 100}, {400, 400, 400, 400}, {400, 450, 500, 500}};
    const uint64_t more[3][4] = {{100, 100, 100, 100}, {400, 500, 600, 700}, {400, 500, 600, 700}};
    const uint64_t twice[4] = {200, 400, 400, 400}, four[4] = {100, 200, 300, 400},
                   same[4] = {400, 400, 400, 400};
    struct grid_seen seen = grid(textbook, twice);
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
    seen.cpu[1][3] = (struct rate){100, 200, 900}; /* somebody else used the machine */
    EXPECT(NOT_TESTABLE, judge_cap_is_processors(&seen));
    EXPECT(NOT_TESTABLE, judge_as_many_as_processors(&seen));
}

static void one_processor(void) {
    EXPECT(HOLDS, judge_one_core(&(struct core_seen){{about(100), about(99), about(95), about(92)}}));
    EXPECT(DOES_NOT_HOLD,
           judge_one_core(&(struct core_seen){{about(100), about(150), about(150), about(150)}}));
    EXPECT(NOT_TESTABLE,
           judge_one_core(&(struct core_seen){{about(100), {50, 150, 200}, about(95), about(92)}}));
}

static void costs(void) {
    EXPECT(HOLDS, judge_creation(&(struct creation_seen){100, 50000, 4000, 3000}));
    EXPECT(HOLDS_ONLY_WHEN, judge_creation(&(struct creation_seen){100, 50000, 20000, 3000}));
    EXPECT(DOES_NOT_HOLD, judge_creation(&(struct creation_seen){100, 50000, 40000, 3000}));
    EXPECT(HOLDS, judge_switch(&(struct switch_seen){2000, 900, 1000, 1100, 1900, 2000, 2100}));
    EXPECT(DOES_NOT_HOLD, judge_switch(&(struct switch_seen){2000, 1900, 2000, 2100, 900, 1000, 1100}));
    EXPECT(DOES_NOT_HOLD, judge_switch(&(struct switch_seen){2000, 900, 1000, 1100, 950, 1050, 1150}));
    EXPECT(NOT_TESTABLE, judge_switch(&(struct switch_seen){2000, 900, 1000, 1900, 950, 1500, 2100}));
    EXPECT(HOLDS, judge_stacks(&(struct stack_seen){4, 4000, 2900, 1048576}));
    EXPECT(DOES_NOT_HOLD, judge_stacks(&(struct stack_seen){4, 4000, 4000, 1048576}));
    EXPECT(NOT_TESTABLE, judge_stacks(&(struct stack_seen){8, 16, 16, 1048576}));
}

static void the_pool(void) {
    EXPECT(HOLDS, judge_kinds(&(struct kinds_seen){30, 30, 30, 30, 30, 1, 1, 1, 1}));
    EXPECT(DOES_NOT_HOLD, judge_kinds(&(struct kinds_seen){30, 30, 30, 29, 30, 1, 1, 1, 1}));
    EXPECT(DOES_NOT_HOLD, judge_kinds(&(struct kinds_seen){.asked = 0}));
    EXPECT(HOLDS, judge_submit(&(struct submit_seen){1, 1, 2, 1}));
    EXPECT(DOES_NOT_HOLD, judge_submit(&(struct submit_seen){1, 2, 2, 1}));
    EXPECT(DOES_NOT_HOLD, judge_submit(&(struct submit_seen){1, 1, 1, 0}));
    EXPECT(HOLDS_ONLY_WHEN, judge_callback(&(struct callback_seen){0, 1, 1}));
    EXPECT(HOLDS, judge_callback(&(struct callback_seen){1, 0, 1}));
    EXPECT(DOES_NOT_HOLD, judge_callback(&(struct callback_seen){0, 1, 0}));
    EXPECT(HOLDS, judge_pool_association(&(struct association_seen){0, 1, 87, 87}));
    EXPECT(DOES_NOT_HOLD, judge_pool_association(&(struct association_seen){0, 1, 87, 0}));
}

static void sockets_and_handles(void) {
    EXPECT(HOLDS, judge_wait_limit(&(struct wait_seen){0, 87}));
    EXPECT(DOES_NOT_HOLD, judge_wait_limit(&(struct wait_seen){0, 0}));
    EXPECT(HOLDS, judge_inherit(&(struct inherit_seen){10035, 10035}));
    EXPECT(DOES_NOT_HOLD, judge_inherit(&(struct inherit_seen){10035, 10060}));
    EXPECT(HOLDS, judge_alertable(&(struct alertable_seen){4, 0, 4, 4}));
    EXPECT(DOES_NOT_HOLD, judge_alertable(&(struct alertable_seen){4, 4, 0, 4}));
    EXPECT(HOLDS, judge_event_field_free(&(struct alertable_seen){4, 0, 4, 4}));
    EXPECT(DOES_NOT_HOLD, judge_event_field_free(&(struct alertable_seen){4, 0, 4, 3}));
    EXPECT(HOLDS, judge_association(&(struct association_seen){0, 1, 87, 87}));
    EXPECT(DOES_NOT_HOLD, judge_association(&(struct association_seen){1, 1, 87, 87}));
    EXPECT(DOES_NOT_HOLD, judge_association(&(struct association_seen){0, 1, 0, 87}));
    EXPECT(HOLDS_ONLY_WHEN, judge_zero(&(struct zero_seen){0, 0, 64, 0, 0, 1}));
    EXPECT(HOLDS, judge_zero(&(struct zero_seen){0, 0, 64, 0, 87, 1}));
    EXPECT(DOES_NOT_HOLD, judge_zero(&(struct zero_seen){0, 64, 64, 0, 0, 1}));
    EXPECT(HOLDS_ONLY_WHEN, judge_parameters(&(struct parameters_seen){1, 6, 87}));
    EXPECT(HOLDS, judge_parameters(&(struct parameters_seen){1, 0, 0}));
    EXPECT(DOES_NOT_HOLD, judge_parameters(&(struct parameters_seen){0, 6, 87}));
    EXPECT(HOLDS, judge_two_waiters(&(struct two_waiters_seen){2, 1}));
    EXPECT(DOES_NOT_HOLD, judge_two_waiters(&(struct two_waiters_seen){2, 2}));
    EXPECT(HOLDS, judge_zero_read(&(struct zero_read_seen){0, 1, 0}));
    EXPECT(DOES_NOT_HOLD, judge_zero_read(&(struct zero_read_seen){0, 0, 0}));
    EXPECT(HOLDS, judge_accept_context(&(struct context_seen){10057, 0}));
    EXPECT(DOES_NOT_HOLD, judge_accept_context(&(struct context_seen){0, 0}));
    EXPECT(HOLDS, judge_processors(&(struct processors_seen){4, 4, 4}));
    EXPECT(HOLDS_ONLY_WHEN, judge_processors(&(struct processors_seen){8, 8, 4}));
    EXPECT(NOT_TESTABLE, judge_processors(&(struct processors_seen){8, 8, 0}));
    EXPECT(DOES_NOT_HOLD, judge_processors(&(struct processors_seen){64, 128, 64}));
    EXPECT(HOLDS, judge_read_or_write(&(struct kind_seen){2, 1, 1, 1}));
    EXPECT(DOES_NOT_HOLD, judge_read_or_write(&(struct kind_seen){2, 0, 1, 1}));
    EXPECT(HOLDS, judge_returns(&(struct returns_seen){10, 10, 5000, 10000000}));
    EXPECT(DOES_NOT_HOLD, judge_returns(&(struct returns_seen){10, 10, 9000000, 10000000}));
    EXPECT(NOT_TESTABLE, judge_returns(&(struct returns_seen){10, 3, 5000, 10000000}));
}

int main(void) {
    packets();
    order_of_waiters();
    the_cap();
    blocked_handlers();
    running_threads();
    workers_and_caps();
    one_processor();
    costs();
    the_pool();
    sockets_and_handles();
    return 0;
}
