/* Verdicts on the number of worker threads. */
#ifndef IOMODELS_VERDICT_WORKERS_H
#define IOMODELS_VERDICT_WORKERS_H

#include "laws/verdict/rates.h"
#include "laws/verdict/verdict.h"

/* worker_grid: packets per second by workers and cap. */
/* caps 1, P, 2P; workers P, 2P, 3P, 4P; P is the number of CPUs */
enum { GRID_CAPS = 3, GRID_WORKERS = 4 };

struct worker_grid_seen {
    uint64_t processors;
    /* handlers that only compute */
    struct rate cpu[GRID_CAPS][GRID_WORKERS];
    /* handlers that block for half of their time */
    struct rate blocking[GRID_CAPS][GRID_WORKERS];
};
struct judgement judge_cap_is_processors(const struct worker_grid_seen *);
struct judgement judge_two_or_three(const struct worker_grid_seen *);
struct judgement judge_twice_when_blocking(const struct worker_grid_seen *);
struct judgement judge_as_many_as_processors(const struct worker_grid_seen *);

/* one_core: the process may use one CPU only; handlers only compute. */
enum { CORE_WORKERS = 4 }; /* 1, 2, 4, 8 */
struct one_core_seen {
    struct rate workers[CORE_WORKERS];
};
struct judgement judge_one_core(const struct one_core_seen *);

#endif
