/* Time: one monotonic clock in nanoseconds, waits on that clock, and the CPU time of the calling
 * thread. */
#ifndef IOMODELS_CLOCK_H
#define IOMODELS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Returns monotonic time. Windows: QueryPerformanceCounter. Linux: CLOCK_MONOTONIC_RAW, which
 * Wine's counter reads too. So times of a native load generator and of a server under Wine compare
 * directly. */
uint64_t clock_now_ns(void);

/* The clock's resolution (the smallest step between two readings) and the cost of a reading.
 * Examining it takes about 1 ms. */
struct clock_quality {
    double resolution_ns, read_ns;
};
struct clock_quality clock_examine(void);

/* Uses the CPU for `us` microseconds of wall time. */
void clock_spin_us(uint32_t us);

/* Blocks for at least `us` microseconds. Windows: uses a high-resolution timer if available,
 * because Sleep() rounds up to the 15.6 ms timer tick. */
void clock_sleep_us(uint32_t us);

/* Sleeps until clock_now_ns() reaches `deadline_ns`. */
void clock_sleep_until_ns(uint64_t deadline_ns);

/* Reads the CPU time of the calling thread, user and kernel. Returns false if unavailable. */
bool clock_thread_cpu_ns(uint64_t *ns);

#endif
