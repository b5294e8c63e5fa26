#include "laws/verdict/accepts.h"
#include "verdicts.h"

/* Fills rounds around a value that vary by `spread` percent in turn. */
static void around(uint64_t rounds[RATIO_ROUNDS], uint64_t value, uint64_t spread) {
    for (uint64_t i = 0; i < RATIO_ROUNDS; i++)
        rounds[i] = value * (i % 2 ? 100 + spread : 100 - spread) / 100;
}

/* Makes a machine on which accept takes 1000 ns. */
static struct accept_ways_seen ways(uint64_t plain, uint64_t with_data, uint64_t spread) {
    struct accept_ways_seen seen = {.posted = 32, .pended = 32};
    around(seen.ns[WAY_ACCEPT], 1000, 0);
    around(seen.ns[WAY_SELECT], 1300, 1);
    around(seen.ns[WAY_ACCEPT_EX], plain, spread);
    around(seen.ns[WAY_ACCEPT_EX_DATA], with_data, spread);
    return seen;
}

static void accept_ex(void) {
    struct accept_ways_seen faster = ways(700, 600, 2), blocking = ways(700, 600, 2);
    const struct accept_ways_seen with_data = ways(1200, 700, 2), slower = ways(1500, 1300, 2),
                                  same = ways(1000, 1000, 2), noisy = ways(900, 700, 30),
                                  noisy_data = ways(2000, 1000, 30);
    blocking.pended = 0;
    EXPECT(HOLDS, judge_accept_ex_is_faster(&faster));
    EXPECT(DOES_NOT_HOLD, judge_accept_ex_is_faster(&blocking));
    EXPECT(HOLDS_ONLY_WHEN, judge_accept_ex_is_faster(&with_data));
    EXPECT(DOES_NOT_HOLD, judge_accept_ex_is_faster(&slower));
    EXPECT(DOES_NOT_HOLD, judge_accept_ex_is_faster(&same));
    EXPECT(NOT_TESTABLE, judge_accept_ex_is_faster(&noisy));
    EXPECT(NOT_TESTABLE, judge_accept_ex_is_faster(&noisy_data));
}

static struct accept_depth_seen depths(const uint64_t established[DEPTHS], uint64_t one,
                                       uint64_t few, uint64_t spread) {
    struct accept_depth_seen seen = {64, 5, 200, {0}, 64, {{0}}};
    for (int i = 0; i < DEPTHS; i++) {
        seen.established[i] = established[i];
        around(seen.ns[i], i == DEPTH_ONE ? one : few, i == DEPTH_ONE ? 0 : spread);
    }
    return seen;
}

static void accept_depth(void) {
    const uint64_t each_counts[DEPTHS] = {7, 8, 11, 22, 64, 64, 64},
                   few_suffice[DEPTHS] = {7, 8, 11, 11, 11, 11, 11},
                   all[DEPTHS] = {64, 64, 64, 64, 64, 64, 64};
    const struct accept_depth_seen more = depths(each_counts, 1000, 1000, 2),
                                   few = depths(few_suffice, 1000, 1000, 2),
                                   faster = depths(all, 1000, 700, 2),
                                   same = depths(all, 1000, 1000, 2),
                                   noisy = depths(all, 1000, 1000, 30);
    EXPECT(HOLDS_ONLY_WHEN, judge_accept_depth(&more));
    EXPECT(HOLDS, judge_accept_depth(&few));
    EXPECT(HOLDS, judge_accept_depth(&faster));
    EXPECT(DOES_NOT_HOLD, judge_accept_depth(&same));
    EXPECT(NOT_TESTABLE, judge_accept_depth(&noisy));
}

static void accept_reuse(void) {
    const struct accept_reuse_seen windows = {10, 0, 10, 10, 11, 0, 90000, 120000},
                                   wine = {10, 1, 10, 10, 1, 0, 90000, 120000},
                                   refused = {10, 0, 1, 0, 1, 10022, 90000, 120000},
                                   no_disconnect = {10, 0, 0, 0, 1, 10045, 90000, 120000},
                                   lost = {10, 0, 10, 10, 1, 0, 90000, 120000};
    EXPECT(HOLDS, judge_accept_reuse(&windows));
    EXPECT(NOT_TESTABLE, judge_accept_reuse(&wine));
    EXPECT(DOES_NOT_HOLD, judge_accept_reuse(&refused));
    EXPECT(DOES_NOT_HOLD, judge_accept_reuse(&no_disconnect));
    EXPECT(DOES_NOT_HOLD, judge_accept_reuse(&lost));
}

static void accept_in_turn(void) {
    const struct accept_in_turn_seen textbook = {{20000, 900, 98, 9, 11000},
                                                 {1900, 2300, 2800, 2500, 1100}},
                                     alone = {{20000, 900, 98, 9, 11000},
                                              {1900, 900, 98, 10, 11000}},
                                     no_flaw = {{20000, 20000, 20000, 1900, 20000},
                                                {20000, 20000, 20000, 2000, 20000}},
                                     slow = {{9, 9, 9, 9, 9}, {9, 9, 9, 9, 9}},
                                     no_cure = {{20000, 900, 98, 9, 12}, {1900, 900, 98, 10, 11}};
    EXPECT(HOLDS_ONLY_WHEN, judge_accept_in_turn(&textbook));
    EXPECT(HOLDS, judge_accept_in_turn(&alone));
    EXPECT(DOES_NOT_HOLD, judge_accept_in_turn(&no_flaw));
    EXPECT(NOT_TESTABLE, judge_accept_in_turn(&slow));
    EXPECT(HOLDS, judge_accept_thread(&textbook));
    EXPECT(HOLDS, judge_accept_thread(&alone));
    EXPECT(NOT_TESTABLE, judge_accept_thread(&no_flaw));
    EXPECT(DOES_NOT_HOLD, judge_accept_thread(&no_cure));
    /* ten times the slower of the two, which is the loaded one */
    const struct accept_in_turn_seen burdened = {{20000, 900, 98, 9, 60}, {1900, 900, 50, 5, 50}};
    EXPECT(HOLDS, judge_accept_thread(&burdened));
}

static void first_reply(void) {
    const struct ratio sooner = {0.5, 0.6, 0.7}, same = {0.95, 1, 1.05}, later = {1.5, 2, 2.5},
                       wide = {0.6, 1, 1.6};
    const struct {
        enum verdict verdict;
        struct ratio alone, burst;
    } cases[] = {{HOLDS, sooner, sooner},          {HOLDS_ONLY_WHEN, sooner, same},
                 {HOLDS_ONLY_WHEN, later, sooner}, {DOES_NOT_HOLD, same, later},
                 {DOES_NOT_HOLD, same, same},      {NOT_TESTABLE, wide, later},
                 {HOLDS_ONLY_WHEN, sooner, wide}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct first_reply_seen seen = {.clients = 64, .backlog = 5, .asked = 320};
        for (int way = 0; way < REPLY_WAYS; way++) { /* each way has its own figures */
            uint64_t offset = (uint64_t)way;
            seen.alone_us[way] = 1000 + offset;
            seen.burst_us[way] = 20000 + offset;
            seen.connects[way] = 50000 + offset;
            seen.failed[way] = 100 + offset;
            seen.alone[way] = seen.burst[way] = same;
        }
        seen.alone[REPLY_EX_DATA] = cases[i].alone;
        seen.burst[REPLY_EX_DATA] = cases[i].burst;
        EXPECT(cases[i].verdict, judge_first_reply(&seen, REPLY_EX_DATA));
        CHECK(judge_first_reply(&seen, REPLY_SELECT).verdict == DOES_NOT_HOLD);
    }
}

int main(void) {
    accept_ex();
    accept_depth();
    accept_reuse();
    accept_in_turn();
    first_reply();
    return 0;
}
