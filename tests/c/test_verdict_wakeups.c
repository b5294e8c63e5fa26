#include "laws/verdict/wakeups.h"
#include "verdicts.h"

static struct judgement of(uint64_t cores, enum place place, double low, double high) {
    struct wakeups_seen seen = {.cores = cores};
    seen.us[place][WAKE_EVENT] = 123456.7;
    seen.us[place][WAKE_SECTION] = 123456.7;
    seen.over_event[place][WAKE_SECTION] = (struct ratio){low, (low + high) / 2, high};
    return judge_wakeup(&seen, place, WAKE_SECTION);
}

int main(void) {
    EXPECT(HOLDS, of(2, SAME_CORE, 0.1, 0.2));
    EXPECT(HOLDS, of(2, OTHER_CORE, 0.1, 0.2));
    EXPECT(DOES_NOT_HOLD, of(2, OTHER_CORE, 0.95, 1.05));
    EXPECT(DOES_NOT_HOLD, of(2, OTHER_CORE, 1.2, 1.4));
    EXPECT(NOT_TESTABLE, of(2, SAME_CORE, 0.8, 1.4));
    EXPECT(NOT_TESTABLE, of(1, OTHER_CORE, 0.1, 0.2)); /* no second core */
    EXPECT(HOLDS, of(1, SAME_CORE, 0.1, 0.2));
    return 0;
}
