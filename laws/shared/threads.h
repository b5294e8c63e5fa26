/* The threads of this process. */
#ifndef IOMODELS_SHARED_THREADS_H
#define IOMODELS_SHARED_THREADS_H

#include <stdbool.h>
#include <stdint.h>

uint32_t threads_count(void);

/* Gives this thread its CPU: the client has the first one to itself, and servers have the others. So
 * no chance of the scheduler decides whether a message must wake another CPU. */
void threads_pin(bool client);

#endif
