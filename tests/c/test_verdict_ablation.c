#include "laws/verdict/ablation.h"
#include "verdicts.h"

/* Fills rounds around a value that vary by `spread` percent in turn. */
static void around(uint64_t rounds[RATIO_ROUNDS], uint64_t value, uint64_t spread) {
    for (uint64_t i = 0; i < RATIO_ROUNDS; i++)
        rounds[i] = value * (i % 2 ? 100 + spread : 100 - spread) / 100;
}

static struct port_or_select_seen steps(const uint64_t values[STEPS], uint64_t spread) {
    struct port_or_select_seen seen = {.sockets = 64, .workers = 4};
    for (int i = 0; i < STEPS; i++)
        around(seen.ns[i], values[i], i % 2 ? spread : 0);
    return seen;
}

static void port_or_select(void) {
    const uint64_t each[STEPS] = {1000, 800, 600, 400, 200}, one[STEPS] = {800, 800, 800, 400, 400},
                   none[STEPS] = {400, 400, 400, 375, 500};
    const struct port_or_select_seen article = steps(each, 1), port = steps(one, 1),
                                     select = steps(none, 1), noisy = steps(one, 40);
    EXPECT(HOLDS, judge_port_or_select(&article));
    EXPECT(HOLDS_ONLY_WHEN, judge_port_or_select(&port));
    CHECK(strstr(judge_port_or_select(&port).because, "no select") != NULL);
    CHECK(strstr(judge_port_or_select(&port).because, "threads") == NULL);
    EXPECT(DOES_NOT_HOLD, judge_port_or_select(&select)); /* a port saves only 6 % */
    EXPECT(NOT_TESTABLE, judge_port_or_select(&noisy));
    CHECK(strstr(judge_port_or_select(&article).figure, "; shares 25, 25, 25, 25 %") != NULL);
    CHECK(strstr(judge_port_or_select(&port).figure, "; shares 0, 0, 100, 0 %") != NULL);
    const uint64_t back[STEPS] = {400, 600, 500, 450, 400};
    const struct port_or_select_seen nothing = steps(back, 1); /* no difference to share */
    CHECK(strstr(judge_port_or_select(&nothing).figure, "shares") == NULL);
}

/* Makes a server that takes 1000 ns without any waste. The short backlog fails in some storms. */
static struct sample_waste_seen sample(uint64_t print, uint64_t allocate, uint64_t buffer,
                                       uint64_t storms, uint64_t spread) {
    struct sample_waste_seen seen = {64, 5, {0, storms}, {64, 6}, {{0}}};
    around(seen.ns[WASTE_NONE], 1000, 0);
    around(seen.ns[WASTE_PRINT_NUL], print, 0);
    around(seen.ns[WASTE_PRINT_PIPE], print, 1);
    around(seen.ns[WASTE_ALLOCATE], allocate, spread);
    around(seen.ns[WASTE_BUFFER], buffer, 1);
    around(seen.ns[WASTE_ALL], print + allocate + buffer - 2000, 1);
    return seen;
}

static void sample_waste(void) {
    const struct sample_waste_seen all = sample(9000, 1300, 4000, 10, 1),
                                   two = sample(1300, 1000, 9000, 0, 1),
                                   none = sample(1000, 1000, 1000, 0, 1),
                                   noisy = sample(1300, 1000, 9000, 10, 40),
                                   sometimes = sample(9000, 1300, 4000, 5, 1);
    EXPECT(HOLDS, judge_sample_waste(&all));
    CHECK(strstr(judge_sample_waste(&all).figure, "27 % of what all add") != NULL);
    CHECK(strstr(judge_sample_waste(&all).because, "per message printing costs most") != NULL);
    EXPECT(HOLDS_ONLY_WHEN, judge_sample_waste(&two));
    CHECK(strstr(judge_sample_waste(&two).because, "per message the buffer costs most") != NULL);
    CHECK(strstr(judge_sample_waste(&two).because, "printing, the buffer") != NULL);
    CHECK(strstr(judge_sample_waste(&two).because, "backlog") == NULL);
    const struct sample_waste_seen tie = sample(4000, 1300, 4000, 10, 1);
    CHECK(strstr(judge_sample_waste(&tie).because, "per message printing costs most") != NULL);
    EXPECT(DOES_NOT_HOLD, judge_sample_waste(&none));
    EXPECT(NOT_TESTABLE, judge_sample_waste(&noisy));
    CHECK(strstr(judge_sample_waste(&noisy).because, "allocating") != NULL);
    EXPECT(NOT_TESTABLE, judge_sample_waste(&sometimes));
    CHECK(strstr(judge_sample_waste(&sometimes).because, "backlog") != NULL);
}

int main(void) {
    port_or_select();
    sample_waste();
    return 0;
}
