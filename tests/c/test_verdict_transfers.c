#include "laws/verdict/transfers.h"
#include "verdicts.h"

static void kernel_transfers(void) {
    const struct kernel_transfers_seen windows = {.operations = 10,
                                                  .receives_pended = 10,
                                                  .free_inline = 10,
                                                  .full_pended = 10,
                                                  .bytes_sent = 1000,
                                                  .bytes_arrived = 1000,
                                                  .receive_call_ns = 5000,
                                                  .receive_ns = 10000000,
                                                  .free_call_ns = 9000,
                                                  .full_call_ns = 6000,
                                                  .full_ns = 10000000};
    EXPECT(HOLDS, judge_kernel_transfers(&windows));
    struct kernel_transfers_seen seen = windows;
    seen.free_inline = 0; /* every send waits for the peer, and the call returns */
    EXPECT(HOLDS_ONLY_WHEN, judge_kernel_transfers(&seen));
    seen = windows;
    seen.full_call_ns = 9000000; /* the call waits for the peer */
    EXPECT(DOES_NOT_HOLD, judge_kernel_transfers(&seen));
    seen = windows;
    seen.receive_call_ns = 9000000;
    EXPECT(DOES_NOT_HOLD, judge_kernel_transfers(&seen));
    seen = windows;
    seen.bytes_arrived = 999;
    EXPECT(DOES_NOT_HOLD, judge_kernel_transfers(&seen));
    seen = windows;
    seen.full_pended = 9;
    EXPECT(NOT_TESTABLE, judge_kernel_transfers(&seen));
    seen = windows;
    seen.full_early = 1;
    EXPECT(NOT_TESTABLE, judge_kernel_transfers(&seen));
    seen = windows;
    seen.receives_pended = 0;
    EXPECT(NOT_TESTABLE, judge_kernel_transfers(&seen));
}

static void accepts(void) {
    EXPECT(HOLDS, judge_accept_ex_pointer(&(struct accept_ex_pointer_seen){1, 10, 10, 1}));
    EXPECT(DOES_NOT_HOLD, judge_accept_ex_pointer(&(struct accept_ex_pointer_seen){1, 10, 9, 1}));
    EXPECT(DOES_NOT_HOLD, judge_accept_ex_pointer(&(struct accept_ex_pointer_seen){0, 0, 0, 0}));
    const struct accept_with_data_seen windows = {5, 5, 5, 5, 5, 5, 5};
    EXPECT(HOLDS_ONLY_WHEN, judge_accept_with_data(&windows));
    struct accept_with_data_seen seen = windows;
    seen.silent_held = 0; /* a platform that returns without the data after a while */
    EXPECT(HOLDS, judge_accept_with_data(&seen));
    seen = windows;
    seen.addresses_right = 4;
    EXPECT(DOES_NOT_HOLD, judge_accept_with_data(&seen));
    seen = windows;
    seen.data_right = 0;
    EXPECT(DOES_NOT_HOLD, judge_accept_with_data(&seen));
    seen = windows;
    seen.without_buffer = 0; /* silence is not what holds the accept */
    EXPECT(NOT_TESTABLE, judge_accept_with_data(&seen));
}

static void buffers(void) {
    EXPECT(HOLDS, judge_posted_receives(&(struct posted_receives_seen){80, 4, 80, 80, 1160, 0}));
    EXPECT(DOES_NOT_HOLD,
           judge_posted_receives(&(struct posted_receives_seen){80, 4, 80, 79, 1160, 0}));
    EXPECT(DOES_NOT_HOLD,
           judge_posted_receives(&(struct posted_receives_seen){80, 4, 80, 80, 1160, 16}));
    EXPECT(NOT_TESTABLE,
           judge_posted_receives(&(struct posted_receives_seen){80, 4, 0, 80, 1160, 0}));
    EXPECT(HOLDS, judge_gathered_send(&(struct gathered_send_seen){64, 16, 64, 64, 1920, 0}));
    EXPECT(DOES_NOT_HOLD,
           judge_gathered_send(&(struct gathered_send_seen){64, 16, 64, 64, 1920, 1}));
    EXPECT(DOES_NOT_HOLD,
           judge_gathered_send(&(struct gathered_send_seen){64, 16, 64, 65, 1920, 0}));
    EXPECT(DOES_NOT_HOLD,
           judge_gathered_send(&(struct gathered_send_seen){64, 16, 4, 64, 1920, 0}));
    EXPECT(NOT_TESTABLE, judge_gathered_send(&(struct gathered_send_seen){64, 1, 64, 64, 1920, 0}));
    /* the least that tells something */
    EXPECT(HOLDS, judge_gathered_send(&(struct gathered_send_seen){64, 2, 64, 64, 1920, 0}));
    EXPECT(HOLDS, judge_accept_ex_pointer(&(struct accept_ex_pointer_seen){1, 1, 1, 1}));
    EXPECT(DOES_NOT_HOLD,
           judge_posted_receives(&(struct posted_receives_seen){80, 4, 80, 80, 1160, 1}));
}

int main(void) {
    kernel_transfers();
    accepts();
    buffers();
    return 0;
}
