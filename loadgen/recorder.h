/* What one thread of the load generator measures. Recorders of several threads add up exactly. */
#ifndef IOMODELS_RECORDER_H
#define IOMODELS_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include <hdr/hdr_histogram.h>

/* Latencies from 1 ns to 60 s, kept to 3 significant decimal digits. */
#define RECORDER_LOWEST_NS  INT64_C(1)
#define RECORDER_HIGHEST_NS INT64_C(60000000000)
enum { RECORDER_DIGITS = 3 };

struct recorder {
    uint64_t begin_ns, end_ns; /* the measuring window: a reply counts if it was complete in [begin, end) */
    struct hdr_histogram *latency_ns;
    uint64_t requests;                       /* replies complete inside the window */
    uint64_t saturated;                      /* latencies beyond RECORDER_HIGHEST_NS, recorded as that */
    uint64_t replies_checked, bytes_checked; /* of the whole life, handshake and warm-up included */
};

bool recorder_open(struct recorder *); /* false: out of memory */
void recorder_close(struct recorder *);

/* A reply was complete at `now_ns`, `latency_ns` after its request was handed to the system. */
void recorder_reply(struct recorder *, uint64_t now_ns, uint64_t latency_ns);

void recorder_add(struct recorder *sum, const struct recorder *);

#endif
