#include "laws/verdict/order.h"
#include "verdicts.h"

static void order_of_workers(void) {
    struct order_of_workers_seen port = {.messages = 1000};
    for (int workers = 0; workers < ORDER_LEVELS; workers++)
        for (int receives = 0; receives < ORDER_LEVELS; receives++) {
            uint64_t place = (uint64_t)(10 * workers + receives);
            port.used[workers][receives] = order_levels[workers];
            port.late[workers][receives] = workers > 0 && receives > 0 ? place : 0;
        }
    EXPECT(HOLDS_ONLY_WHEN, judge_order_of_workers(&port));
    struct order_of_workers_seen seen = port;
    seen.late[3][0] = 1;
    EXPECT(HOLDS, judge_order_of_workers(&seen));
    seen.late[0][3] = 1; /* a port that mixes its packets: the workers are not to blame */
    EXPECT(DOES_NOT_HOLD, judge_order_of_workers(&seen));
    seen = port;
    seen.late[0][0] = 1;
    EXPECT(DOES_NOT_HOLD, judge_order_of_workers(&seen));
    seen = port;
    for (int workers = 1; workers < ORDER_LEVELS; workers++)
        for (int receives = 1; receives < ORDER_LEVELS; receives++) {
            seen.late[workers][receives] = 0;
            port.used[workers][receives] = 1;
        }
    EXPECT(NOT_TESTABLE, judge_order_of_workers(&seen));
    seen.late[2][3] = 1; /* one late message is enough */
    EXPECT(HOLDS_ONLY_WHEN, judge_order_of_workers(&seen));
    EXPECT(NOT_TESTABLE, judge_order_of_workers(&port));
    port.used[1][1] = 2;
    EXPECT(HOLDS_ONLY_WHEN, judge_order_of_workers(&port));
}

static void keepers(void) {
    struct order_keepers_seen seen = {
        500, 4, {900, 0, 0, 12}, {100000, 120000, 100000, 120000}, {{0, 0, 0}}};
    EXPECT(HOLDS_ONLY_WHEN, judge_order_keepers(&seen));
    seen.late[KEEP_STRAND] = 0;
    EXPECT(HOLDS, judge_order_keepers(&seen));
    seen.late[KEEP_NUMBERS] = 1;
    EXPECT(DOES_NOT_HOLD, judge_order_keepers(&seen));
    seen.late[KEEP_NUMBERS] = seen.late[KEEP_ANY] = 0;
    EXPECT(NOT_TESTABLE, judge_order_keepers(&seen));
    seen.over_any[KEEP_NUMBERS] = (struct ratio){1.2, 1.3, 1.4};
    EXPECT(HOLDS, judge_order_cost(&seen, KEEP_NUMBERS));
    seen.over_any[KEEP_NUMBERS] = (struct ratio){0.95, 1.0, 1.05};
    EXPECT(DOES_NOT_HOLD, judge_order_cost(&seen, KEEP_NUMBERS));
    seen.over_any[KEEP_NUMBERS] = (struct ratio){0.5, 0.6, 0.7};
    EXPECT(DOES_NOT_HOLD, judge_order_cost(&seen, KEEP_NUMBERS));
    seen.over_any[KEEP_NUMBERS] = (struct ratio){0.9, 1.2, 1.4};
    EXPECT(NOT_TESTABLE, judge_order_cost(&seen, KEEP_NUMBERS));
}

int main(void) {
    order_of_workers();
    keepers();
    return 0;
}
