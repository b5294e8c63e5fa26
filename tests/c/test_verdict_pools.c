#include "laws/verdict/pools.h"
#include "verdicts.h"

static void the_size_of_a_pool(void) {
    EXPECT(HOLDS,
           judge_pool_follows_load(&(struct pool_follows_load_seen){4, 12, 12, 4, 1, 4, 0, 5000}));
    EXPECT(HOLDS_ONLY_WHEN,
           judge_pool_follows_load(&(struct pool_follows_load_seen){4, 12, 12, 4, 1, 4, 4, 8000}));
    EXPECT(DOES_NOT_HOLD, /* it does not grow */
           judge_pool_follows_load(&(struct pool_follows_load_seen){4, 12, 12, 1, 1, 1, 1, 8000}));
    EXPECT(
        DOES_NOT_HOLD, /* it is not bounded */
        judge_pool_follows_load(&(struct pool_follows_load_seen){4, 12, 12, 12, 1, 12, 1, 5000}));
    EXPECT(DOES_NOT_HOLD, /* it has its threads from the start */
           judge_pool_follows_load(&(struct pool_follows_load_seen){4, 12, 12, 4, 4, 4, 4, 8000}));
    EXPECT(DOES_NOT_HOLD,
           judge_pool_follows_load(&(struct pool_follows_load_seen){4, 12, 3, 4, 1, 4, 0, 5000}));
}

/* Fills rounds around a value that vary by `spread` percent in turn. */
static void around(uint64_t rounds[RATIO_ROUNDS], uint64_t value, uint64_t spread) {
    for (uint64_t i = 0; i < RATIO_ROUNDS; i++)
        rounds[i] = value * (i % 2 ? 100 + spread : 100 - spread) / 100;
}

/* Makes a machine on which two workers per CPU take 1000 ns. */
static struct managed_pool_seen machine(uint64_t computing, uint64_t blocking, uint64_t spread) {
    struct managed_pool_seen seen = {.processors = 4};
    for (int i = 0; i < HANDLERS; i++) {
        around(seen.ns[i][PORT_ONCE], 1000, 0);
        around(seen.ns[i][PORT_TWICE], 1000, 0);
    }
    around(seen.ns[COMPUTES][MANAGED_POOL], computing, spread);
    around(seen.ns[BLOCKS][MANAGED_POOL], blocking, spread);
    return seen;
}

static void a_managed_pool(void) {
    const struct managed_pool_seen better = machine(700, 800, 2), blocking = machine(1000, 500, 2),
                                   computing = machine(500, 1000, 2), same = machine(1000, 1000, 2),
                                   worse = machine(1300, 2000, 2), noisy = machine(1000, 500, 40);
    EXPECT(HOLDS, judge_managed_pool(&better));
    EXPECT(HOLDS_ONLY_WHEN, judge_managed_pool(&blocking));
    CHECK(strstr(judge_managed_pool(&blocking).because, "block") != NULL);
    EXPECT(HOLDS_ONLY_WHEN, judge_managed_pool(&computing));
    CHECK(strstr(judge_managed_pool(&computing).because, "compute") != NULL);
    EXPECT(DOES_NOT_HOLD, judge_managed_pool(&same));
    EXPECT(DOES_NOT_HOLD, judge_managed_pool(&worse));
    EXPECT(HOLDS_ONLY_WHEN, judge_managed_pool(&noisy)); /* clear only for blocking handlers */
    CHECK(strstr(judge_managed_pool(&noisy).because, "unclear if they only compute") != NULL);
    const struct managed_pool_seen unclear = machine(1000, 1000, 40),
                                   half = machine(1000, 2000, 30);
    EXPECT(NOT_TESTABLE, judge_managed_pool(&unclear));
    EXPECT(NOT_TESTABLE, judge_managed_pool(&half));
}

int main(void) {
    the_size_of_a_pool();
    a_managed_pool();
    return 0;
}
