#include "laws/verdict/memory.h"
#include "verdicts.h"

/* Makes a server that takes 1000 ns with accept and malloc. Rounds vary by `spread` percent. */
static struct accept_and_lists_seen server(uint64_t accept_ex, uint64_t lists, uint64_t both,
                                           uint64_t spread) {
    const uint64_t values[SERVER_KINDS] = {1000, accept_ex, lists, both};
    struct accept_and_lists_seen seen = {0};
    for (uint64_t round = 0; round < RATIO_ROUNDS; round++) {
        uint64_t percent = round % 2 ? 100 + spread : 100 - spread;
        for (int i = 0; i < SERVER_KINDS; i++)
            seen.ns[i][round] = i == SERVER_ACCEPT ? 1000 : values[i] * percent / 100;
    }
    return seen;
}

static struct lookaside_lists_seen list(struct ratio ratio) {
    struct lookaside_lists_seen seen = {.threads = 16, .median_ns = {100, 90, 50, 5}};
    for (int kind = 0; kind < BLOCK_KINDS; kind++) /* the pool is always far faster */
        seen.to_malloc[kind] = (struct ratio){0.04, 0.05, 0.06};
    seen.to_malloc[BLOCKS_LIST] = ratio;
    return seen;
}

static void blocks(void) {
    const struct lookaside_lists_seen faster = list((struct ratio){0.4, 0.5, 0.6}),
                                      same = list((struct ratio){0.95, 1, 1.05}),
                                      slower = list((struct ratio){1.4, 1.5, 1.6}),
                                      unclear = list((struct ratio){0.5, 1, 1.5});
    EXPECT(HOLDS, judge_lookaside_list(&faster));
    EXPECT(DOES_NOT_HOLD, judge_lookaside_list(&same));
    EXPECT(DOES_NOT_HOLD, judge_lookaside_list(&slower));
    EXPECT(NOT_TESTABLE, judge_lookaside_list(&unclear));
}

int main(void) {
    const struct accept_and_lists_seen article = server(700, 800, 500, 2),
                                       only_accept_ex = server(600, 1000, 600, 2),
                                       only_lists = server(1000, 600, 600, 2),
                                       little = server(950, 950, 900, 2),
                                       worse = server(1500, 1000, 1500, 2),
                                       noisy = server(1000, 1000, 800, 30);
    EXPECT(HOLDS, judge_accept_and_lists(&article));
    EXPECT(HOLDS_ONLY_WHEN, judge_accept_and_lists(&only_accept_ex));
    CHECK(strstr(judge_accept_and_lists(&only_accept_ex).because, "AcceptEx replaces") != NULL);
    EXPECT(HOLDS_ONLY_WHEN, judge_accept_and_lists(&only_lists));
    CHECK(strstr(judge_accept_and_lists(&only_lists).because, "lists replace") != NULL);
    EXPECT(DOES_NOT_HOLD, judge_accept_and_lists(&little)); /* certain, but not considerable */
    EXPECT(DOES_NOT_HOLD, judge_accept_and_lists(&worse));
    EXPECT(NOT_TESTABLE, judge_accept_and_lists(&noisy));
    blocks();
    return 0;
}
