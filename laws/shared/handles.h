/* The number of this process's handles. */
#ifndef IOMODELS_LAW_HANDLES_H
#define IOMODELS_LAW_HANDLES_H

#include <stdint.h>

/* Returns 0 if the system does not report it. */
uint64_t law_handles(void);

#endif
