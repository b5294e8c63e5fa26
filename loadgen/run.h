/* One run of the load: connect, load, measure, sum up.
 *
 *     run = run_open(&plan);
 *     run_connect(run)  &&  run_measure(run, …, &outcome)
 *     run_close(run);
 *
 * A set of threads runs each phase and is joined before the next. Starting and joining threads is
 * the only synchronisation. A function that fails has printed a line on stderr. */
#ifndef IOMODELS_RUN_H
#define IOMODELS_RUN_H

#include "loadgen/options.h"

/* The outcome of one class or of all. */
struct tally {
    struct recorder sum;
    uint64_t connections, active; /* requested; not idle */
    uint64_t alive;               /* without an error at the end */
    uint64_t unanswered;          /* requests begun without a reply */
    uint64_t unsent;              /* requests due in the window and never begun */
    uint64_t errors[CLIENT_ERRORS];
    /* sums over active connections: replies in the window, and their squares */
    double counted, counted_squares;
};

struct outcome {
    uint64_t begin_ns, end_ns; /* the measuring window */
    bool warm;                 /* every connection was warm before the window, or had failed */
    struct tally all, classes[CLASSES_MAX];
    bool behind;               /* at the end of the window some connection had a late request */
    uint64_t behind_since_ns;  /* start of the earliest unbroken series of late requests */
    bool preceded;             /* its threads ran before others on their CPU */
    bool polled;               /* the effective --pacing */
    uint32_t throttling_error; /* of Windows; 0: it does not slow this process down */
    bool cpu_known;
    uint64_t cpu_ns[256]; /* per thread, inside the window */
};

struct run;

/* Returns NULL if out of memory. The run keeps and changes the plan: its loads get their pattern
 * and times. */
struct run *run_open(struct plan *);
void run_close(struct run *);

/* Returns true if every connection is established and has had a reply. */
bool run_connect(struct run *);

/* The longest window, in units of --duration-ms. */
enum { RUN_WINDOW_MOST = 4 };

/* Generates the load, and measures after the warm-up. `announce`: print "measuring" and
 * "measured". */
bool run_measure(struct run *, bool announce, struct outcome *);
void outcome_close(struct outcome *);

#endif
