/* The load generator measured against a target that does nothing but echo. */
#ifndef IOMODELS_CALIBRATE_H
#define IOMODELS_CALIBRATE_H

#include "loadgen/options.h"

/* Measures the plan's points and prints one "calibration"; false: a line on stderr says why not. */
bool calibrate(struct plan *);

#endif
