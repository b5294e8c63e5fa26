/* The platform's name; only results with equal names compare: "windows-11-26100", "wine-8.0",
 * "linux-6.1". */
#ifndef IOMODELS_PLATFORM_H
#define IOMODELS_PLATFORM_H

const char *platform_name(void); /* static storage */

#endif
