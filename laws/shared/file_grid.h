/* A table of costs: each cell is one plan, measured in every way that the platform has, in turn and
 * in RATIO_ROUNDS rounds. */
#ifndef IOMODELS_LAW_FILE_GRID_H
#define IOMODELS_LAW_FILE_GRID_H

#include "laws/shared/file_ways.h"
#include "laws/verdict/ratios.h"

struct file_cell {
    struct file_plan plan;
    uint64_t ns[FILE_WAYS][RATIO_ROUNDS]; /* of a pass; 0: the platform lacks the way */
    uint64_t blocks[FILE_WAYS], wrong[FILE_WAYS], workers[FILE_WAYS];
    uint64_t pended[FILE_WAYS], call_ns[FILE_WAYS], completion_ns[FILE_WAYS];
};

/* Chooses the number of blocks by the first cell, which must be a slow one with one request
 * outstanding, and measures. If the disk is so slow that not all cells fit into half a minute, the last
 * ones stay unmeasured. Cells that write need a file of their own, because they change it. */
void grid_measure(const struct file *, struct file_cell *cells, uint32_t count);

/* Adds the array "cells" with the median time of a block in each way. */
void grid_add(struct json *, struct file_cell *cells, uint32_t count);

/* Judges one cell: is a completion port faster than as many threads that block? */
struct judgement grid_judge(const struct file_cell *);

#endif
