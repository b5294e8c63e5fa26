#include "laws/verdict/relay.h"
#include "verdicts.h"

static const struct ratio same = {0.95, 1, 1.05}, third = {0.3, 0.33, 0.4}, wide = {0.4, 0.6, 0.9};

static struct relay_seen relay(struct ratio sustained, struct ratio burst) {
    struct relay_seen seen = {.blocks = 1440, .percent_sent_during_writes = 100};
    for (int form = 0; form < RELAY_FORMS; form++) {
        seen.kb_per_s[form] = 120000;
        seen.taken_us[form] = 5000;
        seen.sustained[form] = seen.equal[form] = seen.burst[form] = same;
    }
    seen.kb_per_s[RELAY_BLOCKING] = 10000;
    seen.taken_us[RELAY_BLOCKING] = 1234567;
    seen.sustained[RELAY_PORT] = sustained;
    seen.burst[RELAY_PORT] = burst;
    return seen;
}

static void relays(void) {
    struct relay_seen seen = relay(third, third);
    EXPECT(HOLDS, judge_relay(&seen, RELAY_PORT));
    EXPECT(DOES_NOT_HOLD, judge_relay(&seen, RELAY_POOL)); /* each form has its own ratios */
    EXPECT(DOES_NOT_HOLD, judge_relay(&seen, RELAY_WRITER_THREAD));
    seen = relay(same, third);
    EXPECT(HOLDS_ONLY_WHEN, judge_relay(&seen, RELAY_PORT));
    seen.wrong = 1;
    EXPECT(NOT_TESTABLE, judge_relay(&seen, RELAY_PORT));
    seen.wrong = 0;
    seen.overfull = 1;
    EXPECT(NOT_TESTABLE, judge_relay(&seen, RELAY_PORT));
    seen = relay(same, same);
    EXPECT(DOES_NOT_HOLD, judge_relay(&seen, RELAY_PORT));
    seen = relay(same, wide);
    EXPECT(NOT_TESTABLE, judge_relay(&seen, RELAY_PORT));
    const struct ratio above_half = {0.5, 0.6, 0.7}, to_half = {0.4, 0.45, 0.5};
    seen = relay(above_half, third); /* half may be the truth, so it is not less than twice */
    EXPECT(NOT_TESTABLE, judge_relay(&seen, RELAY_PORT));
    seen = relay(to_half, third);
    EXPECT(HOLDS, judge_relay(&seen, RELAY_PORT));
    seen = relay(wide, third);
    EXPECT(NOT_TESTABLE, judge_relay(&seen, RELAY_PORT));
    EXPECT(NOT_TESTABLE, judge_relay(&(struct relay_seen){.blocks = 0}, RELAY_PORT));
}

static struct send_file_seen sent(struct ratio ratio) {
    return (struct send_file_seen){.name = "TransmitPackets, one thread",
                                   .exists = 1,
                                   .bytes = 167772160,
                                   .us = 12345,
                                   .read_send_us = 123456,
                                   .to_read_send = ratio};
}

static void files_sent(void) {
    struct send_file_seen seen = sent(third);
    EXPECT(HOLDS, judge_send_file(&seen));
    seen.wrong = 65536; /* faster, but wrong */
    EXPECT(DOES_NOT_HOLD, judge_send_file(&seen));
    seen = sent(third);
    seen.bytes = 0;
    EXPECT(DOES_NOT_HOLD, judge_send_file(&seen));
    seen = sent(same);
    EXPECT(DOES_NOT_HOLD, judge_send_file(&seen));
    const struct ratio twice = {1.8, 2, 2.2}, both = {0.8, 1, 1.3};
    seen = sent(twice);
    EXPECT(DOES_NOT_HOLD, judge_send_file(&seen));
    seen = sent(both);
    EXPECT(NOT_TESTABLE, judge_send_file(&seen));
    EXPECT(NOT_TESTABLE,
           judge_send_file(&(struct send_file_seen){.name = "TransmitPackets, port"}));
}

int main(void) {
    relays();
    files_sent();
    return 0;
}
