/*
 * One life of the load: connect, load, measure, add up.
 *
 *     run = run_open(&plan);
 *     run_connect(run)  &&  run_measure(run, …, &outcome)
 *     run_close(run);
 *
 * Each phase is run by a set of threads that is joined before the next begins; joining and starting threads
 * is all the synchronisation there is. What fails has said so in a line on stderr.
 */
#ifndef IOMODELS_RUN_H
#define IOMODELS_RUN_H

#include "loadgen/options.h"

/* What became of one class, or of all. */
struct tally {
    struct recorder sum;
    uint64_t connections, active; /* asked for; of them not idle */
    uint64_t alive;               /* without an error at the end */
    uint64_t unanswered;          /* requests begun whose reply did not come */
    uint64_t unsent;              /* requests that were due in the window and were never begun */
    uint64_t errors[CLIENT_ERRORS];
    double counted,
        counted_squares; /* sums over active connections of replies in the window, and of its square */
};

struct outcome {
    uint64_t begin_ns, end_ns; /* the measuring window */
    struct tally all, classes[CLASSES_MAX];
    bool behind; /* at the end of the window, some connection was late with a request */
    uint64_t behind_since_ns; /* when the first of those began to be late without a break */
    bool polled;              /* what became of --pacing */
    bool cpu_known;
    uint64_t cpu_ns[256]; /* of each thread, inside the window */
};

struct run;

/* NULL: out of memory. The plan is kept and changed: its loads get their pattern and times. */
struct run *run_open(struct plan *);
void run_close(struct run *);

/* true: every connection stands and has had an answer. */
bool run_connect(struct run *);

/* Loads, and measures after the warm-up. `announce`: print "measuring" and "measured". */
bool run_measure(struct run *, bool announce, struct outcome *);
void outcome_close(struct outcome *);

#endif
