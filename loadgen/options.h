/* The command line as a plan. */
#ifndef IOMODELS_OPTIONS_H
#define IOMODELS_OPTIONS_H

#include "common/option.h"
#include "common/sockets.h"
#include "loadgen/client.h"

enum { CLASSES_MAX = OPTION_LIST_MAX, CLASS_NAME_MAX = 32, POINTS_MAX = 8 };

/* How an open loop waits for a due time. AUTO polls if that leaves the server a CPU. */
enum pacing { PACING_AUTO, PACING_POLL, PACING_WAIT };

/* Connections with the same load. Without --class there is one class, "all". */
struct class {
    char name[CLASS_NAME_MAX + 1];
    struct load load;
    uint32_t connections;
    uint32_t idle; /* the last `idle` connections stay idle after one reply */
};

struct plan {
    const char *host;
    struct sockaddr_in server;
    struct class classes[CLASSES_MAX];
    size_t class_count;
    uint32_t connections; /* of all classes */
    uint32_t threads, seed, warmup_ms, duration_ms, timeout_ms, ramp_ms;
    uint32_t turns;   /* replies per outstanding request that extend a closed loop's window */
    uint32_t sources; /* source addresses; 0: automatic */
    uint64_t slack_ns;
    uint32_t pacing; /* enum pacing */
    bool start_now, describe, calibrate;
    uint32_t points[POINTS_MAX]; /* --calibrate: numbers of connections */
    size_t point_count;
    uint32_t point_ms;
};

/* Reads argv; see option_parse(). The caller sets the pattern and the seeds of the loads. */
enum option_outcome options_read(int argc, char **argv, struct plan *);

/* Returns the tables, NULL-terminated, with their current values. */
const struct option *const *options_tables(void);

#endif
