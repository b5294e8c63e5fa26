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
        for (int count = 0; count < THREAD_COUNTS; count++)
            for (int kind = 0; kind < BLOCK_KINDS; kind++)
                seen.block_ns[count][kind][round] = kind == BLOCKS_LIST ? 50 : 100;
    }
    return seen;
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
    CHECK(strstr(judge_accept_and_lists(&article).figure, "0.50 at 16") != NULL);
    return 0;
}
