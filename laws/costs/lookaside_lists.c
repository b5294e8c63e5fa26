/* What a block of memory costs: from malloc, from HeapAlloc, from a lookaside list
 * (InterlockedPopEntrySList), and from a pool that each thread has for itself. 1 to 16 threads take
 * and give blocks concurrently. */
#include "laws/shared/blocks.h"
#include "laws/shared/rounds.h"

enum { COUNTS = 5 }; /* of threads: 1, 2, 4, 8, 16 */

int main(int argc, char **argv) {
    static const char *const keys[COUNTS] = {"ns_per_block_1", "ns_per_block_2", "ns_per_block_4",
                                             "ns_per_block_8", "ns_per_block_16"};
    law_start(argc, argv, "lookaside_lists",
              "A lookaside list gives a block of memory faster than malloc.");
    blocks_start();
    struct json line = law_line();
    struct judged judged[COUNTS];
    for (int count = 0; count < COUNTS; count++) {
        uint64_t ns[BLOCK_KINDS][RATIO_ROUNDS];
        struct lookaside_lists_seen seen = {.threads = 1ull << count};
        blocks_measure((uint32_t)seen.threads, ns);
        rounds_seen(&line, keys[count], ns, BLOCK_KINDS);
        for (int kind = 0; kind < BLOCK_KINDS; kind++)
            seen.to_malloc[kind] = ratio_of(ns[kind], ns[BLOCKS_MALLOC]);
        for (int kind = 0; kind < BLOCK_KINDS; kind++) /* law_median sorts, so it comes after */
            seen.median_ns[kind] = law_median(ns[kind], RATIO_ROUNDS);
        judged[count] = (struct judged){"", judge_lookaside_list(&seen)};
    }
    return law_print(&line, judged, COUNTS);
}
