/* Verdicts on accepting connections. */
#ifndef IOMODELS_VERDICT_ACCEPTS_H
#define IOMODELS_VERDICT_ACCEPTS_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

/* accept_ways: time per connection of a server that accepts, receives and replies. posted: AcceptEx
 * operations; pended: those that returned before a client came. */
enum accept_way { WAY_ACCEPT, WAY_SELECT, WAY_ACCEPT_EX, WAY_ACCEPT_EX_DATA, ACCEPT_WAYS };
struct accept_ways_seen {
    uint64_t posted, pended;
    uint64_t ns[ACCEPT_WAYS][RATIO_ROUNDS];
};
struct judgement judge_accept_ex_is_faster(const struct accept_ways_seen *);

/* accept_depth: time per connection by the number of outstanding AcceptEx operations, and clients of
 * one burst that have a connection while the server is busy. */
enum { DEPTHS = 7, DEPTH_ONE = 0, DEPTH_FEW = 2, DEPTH_MANY = 4 };
extern const uint32_t accept_depths[DEPTHS]; /* 1, 2, 5, 16, 64, 200, 1000 */
struct accept_depth_seen {
    uint64_t burst, short_backlog, long_backlog;
    uint64_t established[DEPTHS]; /* with the short backlog */
    uint64_t by_backlog;          /* depth 1 and the long backlog */
    uint64_t ns[DEPTHS][RATIO_ROUNDS];
};
struct judgement judge_accept_depth(const struct accept_depth_seen *);

/* accept_reuse: cycles of accept, echo and DisconnectEx with one socket. outlived: 1 if data arrived
 * after a completed DisconnectEx. error: the one that ended the cycles. */
#define ACCEPT_REUSE_SEEN(X)                                                                       \
    X(asked) X(outlived) X(disconnected) X(reused) X(echoed) X(error) X(reuse_ns) X(new_ns)
struct accept_reuse_seen {
    ACCEPT_REUSE_SEEN(VERDICT_FIELD)
};
struct judgement judge_accept_reuse(const struct accept_reuse_seen *);

/* accept_in_turn: accepts per second of a loop that alternates accept and SleepEx, by the time of
 * the sleep; without and with I/O that ends the sleep early. The last entry is an accept thread. */
enum { SLEEPS = 4, ACCEPT_THREAD = SLEEPS };
extern const uint32_t accept_sleeps_ms[SLEEPS]; /* 0, 1, 10, 100 */
struct accept_in_turn_seen {
    uint64_t idle[SLEEPS + 1], loaded[SLEEPS + 1];
};
struct judgement judge_accept_in_turn(const struct accept_in_turn_seen *);
struct judgement judge_accept_thread(const struct accept_in_turn_seen *);

/* first_reply: the time from a client's connect to its first reply, alone and in a burst, and to that
 * of an accept thread. The median of a burst counts. connects: clients of a burst per second.
 * failed: clients without a reply, of `asked` in bursts that meet a short backlog. */
enum reply_way {
    REPLY_THREAD, /* an accept thread; a worker thread receives and replies */
    REPLY_SELECT, /* the accept thread calls select first */
    REPLY_EX_1,   /* the worker thread has 1, 5 or 64 AcceptEx outstanding */
    REPLY_EX_5,
    REPLY_EX_64,
    REPLY_EX_DATA, /* 64, and each waits for the first data */
    REPLY_WAYS
};
extern const char *const reply_names[REPLY_WAYS];
struct first_reply_seen {
    uint64_t clients, backlog, asked;
    uint64_t alone_us[REPLY_WAYS], burst_us[REPLY_WAYS], connects[REPLY_WAYS], failed[REPLY_WAYS];
    struct ratio alone[REPLY_WAYS], burst[REPLY_WAYS];
};
/* Holds if a client gets its first reply sooner this way. */
struct judgement judge_first_reply(const struct first_reply_seen *, enum reply_way);

#endif
