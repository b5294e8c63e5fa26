#include "laws/shared/file_grid.h"

#include <stdio.h>

enum { BLOCKS_MIN = 32, BLOCKS_MAX = 256, PASS_US = 20000 };

#define BUDGET_NS 30000000000ull

/* Returns a power of two, with which a pass of the first cell by one thread takes about PASS_US; and
 * how long that pass takes. */
static uint32_t blocks_of_a_pass(const struct file *file, const struct file_cell *first,
                                 uint64_t *pass_ns) {
    struct file_plan plan = first->plan;
    plan.blocks = BLOCKS_MIN;
    *pass_ns = file_run(file, &plan, WAY_THREADS).took_ns;
    while (plan.blocks < BLOCKS_MAX && *pass_ns * 2 < PASS_US * 1000) {
        plan.blocks *= 2;
        *pass_ns *= 2;
    }
    return plan.blocks;
}

static uint64_t last_seed;

static void measure(const struct file *file, struct file_cell *cell, enum file_way way, int round) {
    struct file_plan *plan = &cell->plan;
    if (!file_way_exists(way, plan->write))
        return;
    if (plan->write)
        plan->seed = ++last_seed; /* so the read afterwards cannot find an older pass */
    struct file_pass pass = file_run(file, plan, way);
    if (plan->write)
        pass.wrong +=
            file_wrong_blocks(file, (uint64_t)plan->blocks * plan->block, plan->block, plan->seed);
    cell->ns[way][round] = pass.took_ns;
    cell->blocks[way] += plan->blocks;
    cell->wrong[way] += pass.wrong;
    cell->pended[way] += pass.pended;
    cell->call_ns[way] += pass.call_ns;
    cell->completion_ns[way] += pass.completion_ns;
    if (pass.workers > cell->workers[way])
        cell->workers[way] = pass.workers;
}

void grid_measure(const struct file *file, struct file_cell *cells, uint32_t count) {
    uint64_t pass_ns;
    uint32_t blocks = blocks_of_a_pass(file, &cells[0], &pass_ns);
    uint64_t fit = BUDGET_NS / (pass_ns * FILE_WAYS * RATIO_ROUNDS) + 1;
    count = fit < count ? (uint32_t)fit : count;
    for (int round = 0; round < RATIO_ROUNDS; round++)
        for (uint32_t i = 0; i < count; i++)
            for (int way = 0; way < FILE_WAYS; way++) {
                cells[i].plan.blocks = blocks;
                measure(file, &cells[i], (enum file_way)way, round);
            }
}

static const char *cache_word(DWORD flags) {
    return flags & FILE_FLAG_NO_BUFFERING    ? "unbuffered"
           : flags & FILE_FLAG_WRITE_THROUGH ? "through"
                                             : "cached";
}

static uint64_t median_ns(const uint64_t ns[RATIO_ROUNDS], uint32_t blocks) {
    uint64_t sorted[RATIO_ROUNDS];
    for (int i = 0; i < RATIO_ROUNDS; i++)
        sorted[i] = ns[i];
    return law_median(sorted, RATIO_ROUNDS) / blocks;
}

/* How asynchronous each way was: of its blocks, and per block. */
static void add_asynchronous(struct json *line, const struct file_cell *cell) {
    json_object(line, "asynchronous");
    for (int way = WAY_EVENT; way < FILE_WAYS; way++) {
        uint64_t blocks = cell->blocks[way];
        if (!blocks)
            continue;
        json_object(line, file_way_names[way]);
        json_u64(line, "blocks", blocks);
        json_u64(line, "pended", cell->pended[way]);
        json_u64(line, "call_ns", cell->call_ns[way] / blocks);
        json_u64(line, "completion_ns", cell->completion_ns[way] / blocks);
        json_close(line);
    }
    json_close(line);
}

void grid_add(struct json *line, struct file_cell *cells, uint32_t count) {
    json_array(line, "cells");
    for (uint32_t i = 0; i < count; i++) {
        const struct file_plan *plan = &cells[i].plan;
        uint64_t wrong = 0;
        json_object(line, NULL);
        json_string(line, "operation", plan->write ? "write" : "read");
        json_string(line, "order", plan->random ? "random" : "sequential");
        json_string(line, "cache", cache_word(plan->flags));
        json_u64(line, "block_bytes", plan->block);
        json_u64(line, "outstanding", plan->depth);
        json_u64(line, "blocks", plan->blocks);
        json_object(line, "ns_per_block");
        for (int way = 0; way < FILE_WAYS; way++) {
            wrong += cells[i].wrong[way];
            if (cells[i].ns[way][0])
                json_u64(line, file_way_names[way], median_ns(cells[i].ns[way], plan->blocks));
            else
                json_null(line, file_way_names[way]);
        }
        json_close(line);
        add_asynchronous(line, &cells[i]);
        json_u64(line, "wrong", wrong);
        json_close(line);
    }
    json_close(line);
}

struct judgement grid_judge(const struct file_cell *cell) {
    const struct file_plan *plan = &cell->plan;
    char what[64];
    struct file_cell_seen seen = {.what = what};
    snprintf(what, sizeof what, "%s %s %u KiB x %u", plan->random ? "random" : "sequential",
             cache_word(plan->flags), (unsigned)(plan->block / 1024), (unsigned)plan->depth);
    for (int way = 0; way < FILE_WAYS; way++) {
        uint64_t blocks = cell->blocks[way];
        seen.blocks[way] = blocks;
        seen.wrong[way] = cell->wrong[way];
        seen.pended[way] = cell->pended[way];
        seen.block_ns[way] = blocks ? median_ns(cell->ns[way], plan->blocks) : 0;
    }
    if (cell->blocks[WAY_PORT]) {
        seen.port_to_threads = ratio_of(cell->ns[WAY_PORT], cell->ns[WAY_THREADS]);
        seen.call_ns = cell->call_ns[WAY_PORT] / cell->blocks[WAY_PORT];
        seen.completion_ns = cell->completion_ns[WAY_PORT] / cell->blocks[WAY_PORT];
    }
    return judge_file_cell(&seen);
}
