#include "loadgen/schedule.h"

#include "loadgen/random.h"

/* Computes from the request's number, not from the previous due time, so rounding errors do not add
 * up. */
static double constant_ns(const struct schedule *schedule, const struct arrivals *arrivals) {
    return (double)(schedule->number * arrivals->count + schedule->index) * (1e9 / arrivals->rate);
}

static double gap_ns(const struct schedule *schedule, const struct arrivals *arrivals) {
    double mean_ns = arrivals->count * (1e9 / arrivals->rate);
    return mean_ns *
           random_exponential(random_bits(arrivals->seed, schedule->index, schedule->number));
}

static void set_due(struct schedule *schedule, const struct arrivals *arrivals) {
    if (arrivals->kind == ARRIVALS_POISSON)
        schedule->due_ns += gap_ns(schedule, arrivals);
    else
        schedule->due_ns = constant_ns(schedule, arrivals);
}

void schedule_start(struct schedule *schedule, const struct arrivals *arrivals, uint32_t index) {
    *schedule = (struct schedule){.index = index};
    set_due(schedule, arrivals);
}

void schedule_advance(struct schedule *schedule, const struct arrivals *arrivals) {
    schedule->number++;
    set_due(schedule, arrivals);
}

uint64_t schedule_due_ns(const struct schedule *schedule) {
    return (uint64_t)schedule->due_ns;
}
