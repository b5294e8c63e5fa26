/* Time: one monotonic clock in nanoseconds, waiting by it, and the CPU time of the calling thread. */
#ifndef IOMODELS_CLOCK_H
#define IOMODELS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Monotonic. Windows: QueryPerformanceCounter. Linux: CLOCK_MONOTONIC_RAW, which is what Wine's counter
   reads, so times of a native load generator and of a server under Wine compare directly. */
uint64_t clock_now_ns(void);

/* How fine the clock is, the smallest step that two readings have shown, and what a reading costs. Takes
   about a millisecond. */
struct clock_quality {
    double resolution_ns, read_ns;
};
struct clock_quality clock_examine(void);

/* Uses the processor for `us` microseconds of wall time. */
void clock_spin_us(uint32_t us);

/* Gives the processor away for at least `us` microseconds; Windows: by a high-resolution timer where there is
   one, because Sleep() rounds up to the 15.6 ms tick. */
void clock_sleep_us(uint32_t us);

/* Sleeps until clock_now_ns() has reached `deadline_ns`. */
void clock_sleep_until_ns(uint64_t deadline_ns);

/* CPU time of the calling thread, user and kernel; false where the system does not tell. */
bool clock_thread_cpu_ns(uint64_t *ns);

#endif
