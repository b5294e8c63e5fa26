#include "laws/verdict/accepts.h"
#include "laws/verdict/answers.h"

#include <inttypes.h>

#define N "%" PRIu64
/* A ratio with its interval. */
#define R            "%.2f [%.2f, %.2f]"
#define RATIO(ratio) (ratio).median, (ratio).low, (ratio).high

const uint32_t accept_depths[DEPTHS] = {1, 2, 5, 16, 64, 200, 1000};
const uint32_t accept_sleeps_ms[SLEEPS] = {0, 1, 10, 100};

struct judgement judge_accept_ex_is_faster(const struct accept_ways_seen *seen) {
    struct ratio plain = ratio_of(seen->ns[WAY_ACCEPT_EX], seen->ns[WAY_ACCEPT]);
    struct ratio data = ratio_of(seen->ns[WAY_ACCEPT_EX_DATA], seen->ns[WAY_ACCEPT]);
    struct ratio selected = ratio_of(seen->ns[WAY_SELECT], seen->ns[WAY_ACCEPT]);
    enum answer faster = ratio_saves(plain), with_data = ratio_saves(data);
    enum verdict verdict = DOES_NOT_HOLD;
    const char *because = "it is asynchronous, but not faster";
    if (seen->pended < seen->posted) {
        because = "a call waited for its client";
    } else if (faster == ANSWER_YES) {
        verdict = HOLDS;
        because = "";
    } else if (faster == ANSWER_UNKNOWN || with_data == ANSWER_UNKNOWN) {
        verdict = NOT_TESTABLE;
        because = RATIO_IS_UNCLEAR;
    } else if (with_data == ANSWER_YES) {
        verdict = HOLDS_ONLY_WHEN;
        because = "it takes the first data along";
    }
    return judgement(verdict, because,
                     "times accept's: AcceptEx " R ", with data " R ", select+accept " R "; " N
                     " of " N " calls pended",
                     RATIO(plain), RATIO(data), RATIO(selected), seen->pended, seen->posted);
}

struct judgement judge_accept_depth(const struct accept_depth_seen *seen) {
    struct ratio few = ratio_of(seen->ns[DEPTH_FEW], seen->ns[DEPTH_ONE]);
    struct ratio many = ratio_of(seen->ns[DEPTH_MANY], seen->ns[DEPTH_FEW]);
    uint64_t one_took = seen->established[DEPTH_ONE], few_took = seen->established[DEPTH_FEW],
             many_took = seen->established[DEPTH_MANY];
    enum verdict verdict = DOES_NOT_HOLD;
    const char *because = "one outstanding AcceptEx does as well";
    enum answer faster = ratio_saves(few);
    if (many_took > few_took) {
        verdict = HOLDS_ONLY_WHEN;
        because = "a burst fits into them and the backlog; a larger burst needs more of either";
    } else if (faster == ANSWER_YES || (few_took > one_took && many_took == few_took)) {
        verdict = HOLDS;
        because = "";
    } else if (faster == ANSWER_UNKNOWN) {
        verdict = NOT_TESTABLE;
        because = RATIO_IS_UNCLEAR;
    }
    return judgement(verdict, because,
                     "of " N ": 1 takes " N ", 5 " N ", 64 " N " (backlog " N "), 1 takes " N " (" N
                     "); time 5/1 " R ", 64/5 " R,
                     seen->burst, one_took, few_took, many_took, seen->short_backlog,
                     seen->by_backlog, seen->long_backlog, RATIO(few), RATIO(many));
}

struct judgement judge_accept_reuse(const struct accept_reuse_seen *seen) {
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (seen->outlived) {
        verdict = NOT_TESTABLE;
        because = "after DisconnectEx the connection still carries data, so it only sends the end "
                  "of the stream: needs Windows";
    } else if (seen->disconnected < seen->asked || seen->reused < seen->asked) {
        verdict = DOES_NOT_HOLD;
        because = seen->disconnected > seen->reused ? "AcceptEx rejects a disconnected socket"
                                                    : "DisconnectEx failed";
    } else if (seen->echoed <= seen->asked) {
        verdict = DOES_NOT_HOLD;
        because = "a socket that was used again lost data";
    }
    return judgement(verdict, because,
                     "one socket: " N " of " N " disconnects, " N " accepted again, " N
                     " echoes, error " N "; " N " µs per client, new sockets " N " µs",
                     seen->disconnected, seen->asked, seen->reused, seen->echoed, seen->error,
                     seen->reuse_ns / 1000, seen->new_ns / 1000);
}

/* A clock's tick may shorten a sleep, so a rate may exceed one accept per sleep by a quarter. */
static bool limited(uint64_t rate, uint32_t pause_ms) {
    return rate * pause_ms <= 1250;
}

#define RATES N ", " N ", " N ", " N

struct judgement judge_accept_in_turn(const struct accept_in_turn_seen *seen) {
    const uint64_t *idle = seen->idle, *loaded = seen->loaded;
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (!limited(idle[SLEEPS - 1], 100)) {
        verdict = DOES_NOT_HOLD;
        because = "the sleep does not limit the accepts";
    } else if (idle[0] <= 10 * idle[SLEEPS - 1]) {
        verdict = NOT_TESTABLE;
        because = "accept is as slow here without any sleep";
    } else if (!limited(loaded[SLEEPS - 1], 100)) {
        verdict = HOLDS_ONLY_WHEN;
        because = "little I/O is complete; each completion ends the sleep early";
    }
    return judgement(verdict, because,
                     "accepts/s with a sleep of 0, 1, 10, 100 ms: idle " RATES "; loaded " RATES,
                     idle[0], idle[1], idle[2], idle[3], loaded[0], loaded[1], loaded[2],
                     loaded[3]);
}

static uint64_t lower(uint64_t one, uint64_t other) {
    return one < other ? one : other;
}

struct judgement judge_accept_thread(const struct accept_in_turn_seen *seen) {
    uint64_t in_turn = lower(seen->idle[SLEEPS - 1], seen->loaded[SLEEPS - 1]);
    uint64_t thread = lower(seen->idle[ACCEPT_THREAD], seen->loaded[ACCEPT_THREAD]);
    enum verdict verdict = HOLDS;
    const char *because = "";
    if (!limited(in_turn, 100)) {
        verdict = NOT_TESTABLE;
        because = "the sleep does not limit the accepts, so there is nothing to cure";
    } else if (thread < 10 * in_turn) {
        verdict = DOES_NOT_HOLD;
        because = "an accept thread accepts less than 10 times as many";
    }
    return judgement(verdict, because,
                     "accepts/s by an accept thread: idle " N ", loaded " N
                     "; in turn with a sleep of 100 ms: idle " N ", loaded " N,
                     seen->idle[ACCEPT_THREAD], seen->loaded[ACCEPT_THREAD], seen->idle[SLEEPS - 1],
                     seen->loaded[SLEEPS - 1]);
}

const char *const reply_names[REPLY_WAYS] = {"accept thread", "select and accept",
                                             "1 AcceptEx",    "5 AcceptEx",
                                             "64 AcceptEx",   "64 AcceptEx with data"};

struct judgement judge_first_reply(const struct first_reply_seen *seen, enum reply_way way) {
    struct ratio alone = seen->alone[way], burst = seen->burst[way];
    enum order one = ratio_order(alone), many = ratio_order(burst);
    enum verdict verdict = DOES_NOT_HOLD;
    const char *because = "the first reply comes no sooner";
    if (one == LESS && many == LESS) {
        verdict = HOLDS;
        because = "";
    } else if (one == LESS || many == LESS) {
        verdict = HOLDS_ONLY_WHEN;
        because = one == LESS ? "clients come one at a time" : "clients come in a burst";
    } else if (one == UNCLEAR || many == UNCLEAR) {
        verdict = NOT_TESTABLE;
        because = RATIO_IS_UNCLEAR;
    }
    return judgement(verdict, because,
                     "%s: first reply " N " µs alone, " N " µs in a burst of " N
                     "; accept thread " N ", " N " µs; ratios " R ", " R "; connects/s " N ", " N
                     "; failed " N ", " N " of " N " (backlog " N ")",
                     reply_names[way], seen->alone_us[way], seen->burst_us[way], seen->clients,
                     seen->alone_us[REPLY_THREAD], seen->burst_us[REPLY_THREAD], RATIO(alone),
                     RATIO(burst), seen->connects[way], seen->connects[REPLY_THREAD],
                     seen->failed[way], seen->failed[REPLY_THREAD], seen->asked, seen->backlog);
}
