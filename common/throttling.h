/* Windows 11 slows down processes without a window, and ignores their timer requests. */
#ifndef IOMODELS_THROTTLING_H
#define IOMODELS_THROTTLING_H

#include <stdint.h>

/* Errors of Windows; 0: it no longer throttles this process. */
struct throttling {
    uint32_t execution_error, timer_error;
};

/* Turns off both for this process. Other systems do not throttle, so all is 0. Not thread-safe. */
struct throttling throttling_off(void);

#endif
