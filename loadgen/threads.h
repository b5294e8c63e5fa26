/* Threads that start together and are joined together: what they were given before needs no lock. */
#ifndef IOMODELS_THREADS_H
#define IOMODELS_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct threads;

/* Calls work(arguments + i * size) in a thread of its own for each i < count. NULL: the system refused a
   thread; those that were started have been joined. */
struct threads *threads_start(size_t count, void (*work)(void *), void *arguments, size_t size);

/* CPU time of thread `i` so far, which must not have been joined; false where the system does not tell. */
bool threads_cpu_ns(const struct threads *, size_t i, uint64_t *ns);

/* Whether `count` threads can keep a processor busy each and leave one to another program. */
bool threads_may_spin(size_t count);

/* Waits for all of them to return, and frees. */
void threads_join(struct threads *);

#endif
