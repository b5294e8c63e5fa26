#include "laws/verdict/ports.h"
#include "verdicts.h"

static void ports(void) {
    EXPECT(HOLDS_ONLY_WHEN, judge_port_callback(&(struct port_callback_seen){0, 1, 1}));
    EXPECT(HOLDS, judge_port_callback(&(struct port_callback_seen){1, 0, 1}));
    EXPECT(DOES_NOT_HOLD, judge_port_callback(&(struct port_callback_seen){0, 1, 0}));
    EXPECT(HOLDS, judge_pool_association(&(struct port_association_seen){0, 1, 87, 87}));
    EXPECT(DOES_NOT_HOLD, judge_pool_association(&(struct port_association_seen){0, 1, 87, 0}));
    EXPECT(HOLDS, judge_port_association(&(struct port_association_seen){0, 1, 87, 87}));
    EXPECT(DOES_NOT_HOLD, judge_port_association(&(struct port_association_seen){1, 1, 87, 87}));
    EXPECT(DOES_NOT_HOLD, judge_port_association(&(struct port_association_seen){0, 1, 0, 87}));
    EXPECT(HOLDS_ONLY_WHEN, judge_port_parameters(&(struct port_parameters_seen){1, 6, 87}));
    EXPECT(HOLDS, judge_port_parameters(&(struct port_parameters_seen){1, 0, 0}));
    EXPECT(DOES_NOT_HOLD, judge_port_parameters(&(struct port_parameters_seen){0, 6, 87}));
}

int main(void) {
    ports();
    return 0;
}
