#include "laws/verdict/order.h"
#include "verdicts.h"

static void order_of_workers(void) {
    const struct order_of_workers_seen port = {2000, 4, 4, 0, 0, 0, 90, 4, 4};
    EXPECT(HOLDS_ONLY_WHEN, judge_order_of_workers(&port));
    struct order_of_workers_seen seen = port;
    seen.late_one_receive = 1;
    EXPECT(HOLDS, judge_order_of_workers(&seen));
    seen = port;
    seen.late_one_worker = 1; /* a port that mixes its packets: the workers are not to blame */
    EXPECT(DOES_NOT_HOLD, judge_order_of_workers(&seen));
    seen = port;
    seen.late_several = 0;
    EXPECT(NOT_TESTABLE, judge_order_of_workers(&seen));
    seen = port;
    seen.used_several = 1;
    EXPECT(NOT_TESTABLE, judge_order_of_workers(&seen));
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
