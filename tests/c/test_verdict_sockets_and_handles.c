#include "laws/verdict/sockets_and_handles.h"
#include "verdicts.h"

static void sockets_and_handles(void) {
    EXPECT(HOLDS, judge_wait_limit(&(struct wait_limit_seen){0, 87}));
    EXPECT(DOES_NOT_HOLD, judge_wait_limit(&(struct wait_limit_seen){0, 0}));
    EXPECT(HOLDS, judge_accept_inherits(&(struct accept_inherits_seen){10035, 10035}));
    EXPECT(DOES_NOT_HOLD, judge_accept_inherits(&(struct accept_inherits_seen){10035, 10060}));
    EXPECT(HOLDS, judge_alertable_wait(&(struct alertable_wait_seen){4, 0, 4, 4}));
    EXPECT(DOES_NOT_HOLD, judge_alertable_wait(&(struct alertable_wait_seen){4, 4, 0, 4}));
    EXPECT(HOLDS, judge_event_field_free(&(struct alertable_wait_seen){4, 0, 4, 4}));
    EXPECT(DOES_NOT_HOLD, judge_event_field_free(&(struct alertable_wait_seen){4, 0, 4, 3}));
    EXPECT(HOLDS, judge_two_waiters(&(struct two_waiters_seen){2, 1}));
    EXPECT(DOES_NOT_HOLD, judge_two_waiters(&(struct two_waiters_seen){2, 2}));
    EXPECT(HOLDS, judge_zero_read(&(struct zero_read_seen){0, 1, 0}));
    EXPECT(DOES_NOT_HOLD, judge_zero_read(&(struct zero_read_seen){0, 0, 0}));
    EXPECT(HOLDS, judge_accept_context(&(struct accept_context_seen){10057, 0}));
    EXPECT(DOES_NOT_HOLD, judge_accept_context(&(struct accept_context_seen){0, 0}));
    EXPECT(HOLDS, judge_call_returns(&(struct call_returns_seen){10, 10, 5000, 10000000}));
    EXPECT(DOES_NOT_HOLD,
           judge_call_returns(&(struct call_returns_seen){10, 10, 9000000, 10000000}));
    EXPECT(NOT_TESTABLE, judge_call_returns(&(struct call_returns_seen){10, 3, 5000, 10000000}));
}

int main(void) {
    sockets_and_handles();
    return 0;
}
