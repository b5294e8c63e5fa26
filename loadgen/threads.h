/* Threads that start together and are joined together: their arguments need no lock. */
#ifndef IOMODELS_THREADS_H
#define IOMODELS_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct threads;

/* Calls work(arguments + i * size) in its own thread for each i < count. NULL: a thread could not
 * be started; the others have been joined. */
struct threads *threads_start(size_t count, void (*work)(void *), void *arguments, size_t size);

/* Reads the CPU time of thread `i`, which must not have been joined. Returns false if
 * unavailable. */
bool threads_cpu_ns(const struct threads *, size_t i, uint64_t *ns);

/* Returns whether `count` threads can each keep a CPU busy and leave one to another program. */
bool threads_may_spin(size_t count);

/* Whether threads with precedence may also spin. Linux takes a CPU away from a real-time thread
 * that never sleeps, for 50 ms per second (sched(7), "Limiting the CPU usage of real-time
 * processes"). Windows does not. */
extern const bool threads_precede_spinning;

/* Lets this thread, and threads that it starts later, run before all others on their CPU. They
 * must have that CPU to themselves. Returns false if the OS does not permit it. */
bool threads_take_precedence(void);

/* Joins all threads and frees them. */
void threads_join(struct threads *);

#endif
