/* The measurements of one thread on one class of connections. Recorders add up exactly.
 *
 * Response time runs from a request's due time, service time from the send of its first byte. Both
 * end when the last byte of the reply is read. In a closed loop a request is due when it is sent.
 * So both times are equal, and only service time is kept. */
#ifndef IOMODELS_RECORDER_H
#define IOMODELS_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include <hdr/hdr_histogram.h>

#include "loadgen/window.h"

/* Latencies from 1 ns to 60 s, to 3 significant decimal digits. */
#define RECORDER_LOWEST_NS  INT64_C(1)
#define RECORDER_HIGHEST_NS INT64_C(60000000000)
enum { RECORDER_DIGITS = 3 };

struct latencies {
    struct hdr_histogram *histogram; /* in nanoseconds */
    uint64_t saturated; /* latencies above RECORDER_HIGHEST_NS, recorded as that value */
};

/* The times of one request. */
struct moments {
    uint64_t due_ns;      /* closed loop: equals sent_ns */
    uint64_t possible_ns; /* when the server no longer held it back */
    uint64_t sent_ns;     /* when the kernel took the first byte */
};

/* The replies that completed in one of many intervals of equal width. */
struct interval {
    uint64_t replies, sum_ns, max_ns; /* sums of their service times */
};
#define INTERVAL_LEAST_NS UINT64_C(10000000)

/* Intervals from the start of the warm-up to the end of the window. How long the load lasts, and
 * how wide an interval should be, is known only at the end. So these intervals are as narrow as the
 * longest possible load allows, and the report joins them. One interval starts with the window, so
 * the first and the last may be shorter. */
enum { COURSE_INTERVALS = 2000, COURSE_MAX = COURSE_INTERVALS + 2 };
struct course {
    uint64_t begin_ns, width_ns;
    struct interval *intervals; /* COURSE_MAX of them */
};

/* Returns the width of an interval for a load of at most `longest_ns`. */
uint64_t course_width_ns(uint64_t longest_ns);

/* A course in wider intervals: each joins `factor` of the recorded ones. One starts with the window. */
struct coarse {
    uint64_t begin_ns, width_ns;
    uint32_t warmup, count; /* intervals before the window; all intervals */
};
struct coarse course_coarsen(const struct course *, uint32_t factor, uint64_t window_ns,
                             uint64_t end_ns);
struct interval course_sum(const struct course *, const struct coarse *, uint32_t number);

struct recorder {
    struct window *window;     /* NULL: begin_ns and end_ns are fixed */
    uint64_t begin_ns, end_ns; /* the measuring window, [begin, end) */
    uint64_t known_until_ns;   /* see struct window_view */
    uint64_t cold;             /* connections that are not warm yet */
    uint64_t wanted;           /* replies that the window must contain; 0: any number */
    bool open;                 /* open loop, else closed */
    uint64_t slack_ns;         /* maximum delay of a timely send */

    /* of requests due in the window; a closed loop's requests are due when they are sent */
    struct latencies response, service;
    struct latencies delay;              /* of sends in the window, through the load generator */
    struct latencies connect;            /* see recorder_connected() */
    uint64_t requests;                   /* replies complete in the window */
    uint64_t bytes_sent, bytes_received; /* inside the window */
    uint64_t connects;                   /* inside the window, by reconnects */
    uint64_t replies_checked, bytes_checked; /* over the whole run, with set-up and warm-up */

    /* These are for open loops only. */
    /* in the window; late through the load generator; held back by the server and late */
    uint64_t sends, late, held;
    uint64_t due, due_sent; /* due in the window; of these, sent inside it */
    /* sum over requests of the outstanding time inside the window */
    uint64_t outstanding_ns;

    struct course course;
};

bool recorder_open(struct recorder *); /* false if out of memory */
void recorder_close(struct recorder *);

/* Call it before the load starts. The window then waits for `cold` connections to become warm, and
 * for `wanted` replies. */
void recorder_begin(struct recorder *, struct window *, uint64_t cold, uint64_t wanted);

/* Updates the times of the window, as they are known at `now_ns`. */
void recorder_look(struct recorder *, uint64_t now_ns);

/* Reports that one more connection is warm or has failed. */
void recorder_warm(struct recorder *);

/* Records a sent request. Returns whether it was sent later than slack after its due time. */
bool recorder_send(struct recorder *, const struct moments *);

/* Records a reply whose last byte was read at `now_ns`. Returns whether that was inside the
 * window. */
bool recorder_reply(struct recorder *, uint64_t now_ns, const struct moments *);

/* Records a request that was outstanding at the end of the window and got no reply. */
void recorder_unanswered(struct recorder *, const struct moments *);

/* Records a connection established at `now_ns`, `latency_ns` after its connect began. During set-up
 * all count, later those in the window. */
void recorder_connected(struct recorder *, uint64_t now_ns, uint64_t latency_ns, bool set_up);

void recorder_bytes_sent(struct recorder *, uint64_t now_ns, uint64_t count);
void recorder_bytes_received(struct recorder *, uint64_t now_ns, uint64_t count);

void recorder_add(struct recorder *sum, const struct recorder *);

#endif
