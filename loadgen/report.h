/* The load generator's JSON lines (docs/interface.md §3). */
#ifndef IOMODELS_REPORT_H
#define IOMODELS_REPORT_H

#include "common/option.h"
#include "loadgen/client.h"

struct outcome {
    struct recorder sum; /* of all threads */
    uint64_t window_ns;
    uint64_t connections; /* asked for and established: a run with fewer does not begin */
    uint64_t alive;       /* of them, without an error at the end */
    uint64_t unanswered;  /* requests begun whose reply did not come */
    uint64_t errors[CLIENT_ERRORS];
    bool cpu_known;
    uint64_t cpu_ns; /* of the load generator's threads inside the window */
};

bool report_ready(const struct option *options, uint64_t connections, uint64_t connect_ns);
bool report_moment(const char *event); /* "measuring", "measured" */
bool report_result(const struct option *options, const struct outcome *);

#endif
