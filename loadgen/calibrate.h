/* Measures the load generator against a target that only echoes. */
#ifndef IOMODELS_CALIBRATE_H
#define IOMODELS_CALIBRATE_H

#include "loadgen/options.h"

/* Measures the plan's points and prints one "calibration". Returns false after a line on stderr. */
bool calibrate(struct plan *);

#endif
