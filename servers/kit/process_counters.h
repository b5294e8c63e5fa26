/*
 * What the system counts of this process: CPU time, context switches, memory, handles, threads.
 *
 * A system may answer "success" and a zero that means nothing (Wine does, for half of these). So each counter
 * is put to the proof once, before the server listens: something is done that must move it, and one that does
 * not move is reported as null, with the reason, for the rest of the process' life, and not asked for again.
 */
#ifndef IOMODELS_PROCESS_COUNTERS_H
#define IOMODELS_PROCESS_COUNTERS_H

#include "common/json.h"

/* The proof. Takes some 3 ms: touches 1 MB, which it frees again, and sleeps for a tick. Once, first of all.
 */
void process_counters_start(void);

/* For the ready line: "process_sources" names the call behind each living counter, "process_missing" says of
 * every other one why it is null. */
void process_counters_describe(struct json *);

/* "process": the values since the start of the process, or as they are now. One thread at a time. What asking
   took is among them (sample_cost_ns): calls that look at this process alone and, only where the system tells
   context switches, one that lists every process of the machine. */
void process_counters_report(struct json *);

#endif
