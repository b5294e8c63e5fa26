/* Verdicts on explanations: each is one step from one server to the next. */
#ifndef IOMODELS_VERDICT_ABLATION_H
#define IOMODELS_VERDICT_ABLATION_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

/* port_or_select: time per message of five servers; each differs from the one before in one thing. */
enum { STEP_REBUILDS, STEP_SEARCHES, STEP_SELECTS, STEP_ONE_WORKER, STEP_WORKERS, STEPS };
struct port_or_select_seen {
    uint64_t sockets, workers;
    uint64_t ns[STEPS][RATIO_ROUNDS];
};
struct judgement judge_port_or_select(const struct port_or_select_seen *);

/* sample_waste: time per message of a server with one worker, and with one waste of the sample each;
 * and storms of connects with both backlogs. */
enum {
    WASTE_NONE,
    WASTE_PRINT_NUL,
    WASTE_PRINT_PIPE,
    WASTE_ALLOCATE,
    WASTE_BUFFER,
    WASTE_ALL,
    WASTES
};
enum { STORM_LONG, STORM_SHORT, STORMS };
struct sample_waste_seen {
    uint64_t clients, short_backlog;
    uint64_t
        incomplete[STORMS];  /* of RATIO_ROUNDS storms, those with a client without connection */
    uint64_t fewest[STORMS]; /* connections of a storm */
    uint64_t ns[WASTES][RATIO_ROUNDS];
};
struct judgement judge_sample_waste(const struct sample_waste_seen *);

#endif
