/* The threads of this process. */
#ifndef IOMODELS_SHARED_THREADS_H
#define IOMODELS_SHARED_THREADS_H

#include <stdint.h>

uint32_t threads_count(void);

#endif
