/* Yes or no from a ratio: does a cost differ by more than what counts as equal? */
#ifndef IOMODELS_VERDICT_ANSWERS_H
#define IOMODELS_VERDICT_ANSWERS_H

#include "laws/verdict/ratios.h"

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

/* Return whether a cost is lower, or higher, by more than the factor RATIO_EQUAL. YES and NO need
 * the whole interval on one side of that factor. So a wide interval still answers if it leaves no
 * room for such a difference. */
enum answer ratio_saves(struct ratio);
enum answer ratio_adds(struct ratio);

#endif
