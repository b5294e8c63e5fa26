#include "laws/verdict/shortcuts.h"
#include "verdicts.h"

static struct judgement of(double low, double high) {
    struct shortcut_seen seen = {"packet and CONTAINING_RECORD",
                                 "packet and map",
                                 5123.4,
                                 6123.4,
                                 {low, (low + high) / 2, high}};
    return judge_shortcut(&seen);
}

static void orders(void) {
    EXPECT(HOLDS, of(0.3, 0.5));
    EXPECT(DOES_NOT_HOLD, of(0.95, 1.05));
    EXPECT(DOES_NOT_HOLD, of(1.2, 1.5));
    EXPECT(NOT_TESTABLE, of(0.7, 1.2));
}

static void per_use(void) {
    uint64_t one[RATIO_ROUNDS], other[RATIO_ROUNDS];
    for (uint64_t i = 0; i < RATIO_ROUNDS; i++) {
        one[i] = 200 + 20 * i; /* its median lies between 280 and 300 */
        other[i] = 3 * one[i];
    }
    struct shortcut_seen seen = shortcut_of("a", one, "b", other, 100);
    CHECK(seen.name_ns > 2.89 && seen.name_ns < 2.91);
    CHECK(seen.detour_ns > 8.69 && seen.detour_ns < 8.71);
    EXPECT(HOLDS, judge_shortcut(&seen));
    CHECK(strstr(judge_shortcut(&seen).figure, "a 2.9 ns, b 8.7 ns") != NULL);
    seen.detour_ns = 1000000; /* from a microsecond on, both are in microseconds */
    CHECK(strstr(judge_shortcut(&seen).figure, "a 0.0 µs, b 1000.0 µs") != NULL);
    seen.detour_ns = 1000;
    CHECK(strstr(judge_shortcut(&seen).figure, "a 0.0 µs, b 1.0 µs") != NULL);
    seen.detour_ns = 999;
    CHECK(strstr(judge_shortcut(&seen).figure, "a 2.9 ns, b 999.0 ns") != NULL);
}

int main(void) {
    orders();
    per_use();
    return 0;
}
