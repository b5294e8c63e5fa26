/* The system's counters of this process: CPU time, context switches, memory, handles, threads.
 *
 * Some systems return "success" and a meaningless zero (Wine does for half of these). So the server
 * checks each counter once, before it listens, with an action that must change the counter. A
 * counter that does not change is null from then on, with the reason, and is not read again. */
#ifndef IOMODELS_PROCESS_COUNTERS_H
#define IOMODELS_PROCESS_COUNTERS_H

#include "common/json.h"

/* Checks the counters in about 3 ms: touches 1 MB, which it frees, and sleeps for a timer tick.
 * Call it once, first of all. */
void process_counters_start(void);

/* Adds to the ready line: "process_sources" names the call behind each available counter,
 * "process_missing" why the others are null. */
void process_counters_describe(struct json *);

/* Adds "process": the values since the start of the process, or the current ones. One thread at a
 * time may call it. The cost of a sample is included (sample_cost_ns). Most calls read this process
 * alone; if context switches are available, one lists every process of the machine. */
void process_counters_report(struct json *);

#endif
