#include "laws/verdict/relay.h"
#include "verdicts.h"

static const struct ratio same = {0.95, 1, 1.05}, third = {0.3, 0.33, 0.4}, wide = {0.4, 0.6, 0.9};

static struct relay_seen relay(struct ratio sustained, struct ratio burst) {
    return (struct relay_seen){.blocks = 1440,
                               .blocking_kb_per_s = 10000,
                               .writer_thread_kb_per_s = 10000,
                               .overlapped_kb_per_s = 120000,
                               .blocking_taken_us = 1234567,
                               .writer_thread_taken_us = 5000,
                               .overlapped_taken_us = 5000,
                               .percent_sent_during_writes = 100,
                               .sustained = sustained,
                               .equal = same,
                               .burst = burst};
}

static void relays(void) {
    struct relay_seen seen = relay(third, third);
    EXPECT(HOLDS, judge_relay(&seen));
    seen = relay(same, third);
    EXPECT(HOLDS_ONLY_WHEN, judge_relay(&seen));
    seen.wrong = 1;
    EXPECT(NOT_TESTABLE, judge_relay(&seen));
    seen.wrong = 0;
    seen.overfull = 1;
    EXPECT(NOT_TESTABLE, judge_relay(&seen));
    seen = relay(same, same);
    EXPECT(DOES_NOT_HOLD, judge_relay(&seen));
    seen = relay(same, wide);
    EXPECT(NOT_TESTABLE, judge_relay(&seen));
    const struct ratio above_half = {0.5, 0.6, 0.7}, to_half = {0.4, 0.45, 0.5};
    seen = relay(above_half, third); /* half may be the truth, so it is not less than twice */
    EXPECT(NOT_TESTABLE, judge_relay(&seen));
    seen = relay(to_half, third);
    EXPECT(HOLDS, judge_relay(&seen));
    seen = relay(wide, third);
    EXPECT(NOT_TESTABLE, judge_relay(&seen));
    EXPECT(NOT_TESTABLE, judge_relay(&(struct relay_seen){.blocks = 0}));
}

int main(void) {
    relays();
    return 0;
}
