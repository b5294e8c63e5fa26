/* The load generator's JSON lines (docs/interface.md §3). */
#ifndef IOMODELS_REPORT_H
#define IOMODELS_REPORT_H

#include "loadgen/limits.h"
#include "loadgen/run.h"

bool report_describe(void);
bool report_ready(const struct plan *, const struct limits *, uint64_t connect_ns);
bool report_moment(const char *event); /* "measuring" or "measured" */
bool report_result(const struct plan *, const struct outcome *);

/* One point of a calibration. */
struct point {
    uint32_t connections, threads; /* at most as many threads as connections */
    bool cpu_known;
    uint64_t requests, window_ns;
    double cpu_share_max, target_cpu_share; /* of the busiest thread; of the target's thread */
    struct hdr_histogram *latency;
};
bool report_calibration(const struct plan *, const struct point *, size_t count, double record_ns);

#endif
