/*
 * What one thread of the load generator measures on one class of connections. Recorders add up exactly.
 *
 * Response time runs from the moment a request was due, service time from the moment its first byte was
 * handed to the system; both end when the last byte of the reply has been read. In a closed loop a request is
 * due when it is sent, so the two are one, and only service time is kept.
 */
#ifndef IOMODELS_RECORDER_H
#define IOMODELS_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include <hdr/hdr_histogram.h>

/* Latencies from 1 ns to 60 s, kept to 3 significant decimal digits. */
#define RECORDER_LOWEST_NS  INT64_C(1)
#define RECORDER_HIGHEST_NS INT64_C(60000000000)
enum { RECORDER_DIGITS = 3 };

struct latencies {
    struct hdr_histogram *histogram; /* of nanoseconds */
    uint64_t saturated;              /* those beyond RECORDER_HIGHEST_NS, recorded as that */
};

/* The moments of one request. */
struct moments {
    uint64_t due_ns; /* closed loop: = sent_ns */
    uint64_t
        possible_ns;  /* when nothing but the load generator itself could hold it back any more */
    uint64_t sent_ns; /* first byte handed to the system */
};

/* The course of the load: replies complete in one of many intervals of equal width. */
struct interval {
    uint64_t replies, sum_ns, max_ns; /* their service times */
};
enum { INTERVALS = 100, INTERVALS_MAX = INTERVALS + 2 };
#define INTERVAL_LEAST_NS UINT64_C(10000000)

/* Intervals from the begin of the warm-up to the end of the window; one begins with the window, so the first
   and the last may be cut. */
struct course {
    uint64_t begin_ns, width_ns;
    uint32_t warmup, count; /* intervals of the warm-up, and of all */
    struct interval intervals[INTERVALS_MAX];
};

struct recorder {
    uint64_t begin_ns, end_ns; /* the measuring window, [begin, end) */
    bool open;                 /* the loop */
    uint64_t slack_ns;         /* how late a send may be and still be timely */

    struct latencies response,
        service; /* open: of requests due in the window; closed: of replies complete in it */
    struct latencies connect;            /* see recorder_connected() */
    uint64_t requests;                   /* replies complete inside the window */
    uint64_t bytes_sent, bytes_received; /* inside the window */
    uint64_t connects;                   /* inside the window, by connections that come and go */
    uint64_t replies_checked,
        bytes_checked; /* of the whole life, first answers and warm-up included */

    /* Open loop only. */
    uint64_t sends, late,
        held; /* in the window; of them late by own fault; held back by the server, and late */
    uint64_t due, due_sent; /* due in the window and sent at any time; of them sent inside it */
    uint64_t
        outstanding_ns; /* sum over requests: the part of the window for which they were under way */

    struct course course;
};

bool recorder_open(struct recorder *); /* false: out of memory */
void recorder_close(struct recorder *);

/* Sets the window and the intervals. */
void recorder_begin(struct recorder *, uint64_t warmup_ns, uint64_t begin_ns, uint64_t end_ns);

/* The first byte of a request was handed over. Returns whether that was later than slack after it was due. */
bool recorder_send(struct recorder *, const struct moments *);

/* The last byte of its reply was read at `now_ns`. Returns whether that was inside the window. */
bool recorder_reply(struct recorder *, uint64_t now_ns, const struct moments *);

/* A reply that never came, of a request that was still under way when the window ended. */
void recorder_unanswered(struct recorder *, const struct moments *);

/* A connection stood at `now_ns`, `latency_ns` after its connect was begun. Those of set-up all count; of
   those that follow, the ones in the window. */
void recorder_connected(struct recorder *, uint64_t now_ns, uint64_t latency_ns, bool set_up);

void recorder_bytes_sent(struct recorder *, uint64_t now_ns, uint64_t count);
void recorder_bytes_received(struct recorder *, uint64_t now_ns, uint64_t count);

void recorder_add(struct recorder *sum, const struct recorder *);

#endif
