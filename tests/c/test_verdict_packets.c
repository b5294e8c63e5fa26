#include "laws/verdict/packets.h"
#include "verdicts.h"

static void packets(void) {
    EXPECT(HOLDS, judge_fifo_packets(&(struct fifo_packets_seen){.packets = 1000}));
    EXPECT(DOES_NOT_HOLD,
           judge_fifo_packets(&(struct fifo_packets_seen){.packets = 1000, .out_of_order = 1}));
    EXPECT(DOES_NOT_HOLD,
           judge_fifo_packets(&(struct fifo_packets_seen){.packets = 1000, .missing = 1}));
    EXPECT(HOLDS, judge_exactly_once(&(struct exactly_once_seen){1000, 8, 8, 0, 0}));
    EXPECT(DOES_NOT_HOLD, judge_exactly_once(&(struct exactly_once_seen){1000, 8, 8, 1, 0}));
    EXPECT(DOES_NOT_HOLD, judge_exactly_once(&(struct exactly_once_seen){1000, 8, 8, 0, 1}));
    EXPECT(NOT_TESTABLE, judge_exactly_once(&(struct exactly_once_seen){1000, 8, 1, 0, 0}));
}

static void order_of_waiters(void) {
    const struct lifo_waiters_seen windows = {8, 40, 40, 0, 24, 24},
                                   old_wine = {8, 40, 0, 40, 24, 0}, any = {8, 40, 5, 5, 24, 9};
    EXPECT(HOLDS, judge_lifo_waiters(&windows));
    EXPECT(DOES_NOT_HOLD, judge_lifo_waiters(&old_wine));
    EXPECT(DOES_NOT_HOLD, judge_lifo_waiters(&any));
    CHECK(strstr(judge_lifo_waiters(&old_wine).because, "first in, first out") != NULL);
    CHECK(strstr(judge_lifo_waiters(&any).because, "first in, first out") == NULL);
    EXPECT(HOLDS, judge_lifo_waiters_burst(&windows));
    EXPECT(DOES_NOT_HOLD, judge_lifo_waiters_burst(&old_wine));
    EXPECT(DOES_NOT_HOLD, judge_lifo_waiters(&(struct lifo_waiters_seen){
                              .workers = 8})); /* without packets nothing is proved */
    const struct lifo_waiters_seen nine_in_ten = {8, 40, 36, 0, 0, 0}, fewer = {8, 40, 35, 0, 0, 0};
    CHECK(judge_lifo_waiters(&nine_in_ten).verdict == HOLDS);
    CHECK(judge_lifo_waiters(&fewer).verdict == DOES_NOT_HOLD);
}

static void what_a_packet_says(void) {
    EXPECT(HOLDS_ONLY_WHEN, judge_zero_bytes(&(struct zero_bytes_seen){0, 0, 64, 0, 0, 1}));
    EXPECT(HOLDS, judge_zero_bytes(&(struct zero_bytes_seen){0, 0, 64, 0, 87, 1}));
    EXPECT(DOES_NOT_HOLD, judge_zero_bytes(&(struct zero_bytes_seen){0, 64, 64, 0, 0, 1}));
    EXPECT(HOLDS, judge_read_or_write(&(struct read_or_write_seen){2, 1, 1, 1}));
    EXPECT(DOES_NOT_HOLD, judge_read_or_write(&(struct read_or_write_seen){2, 0, 1, 1}));
}

int main(void) {
    packets();
    order_of_waiters();
    what_a_packet_says();
    return 0;
}
