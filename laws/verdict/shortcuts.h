/* Verdicts on shortcuts: two ways to one end, and whether the shorter one costs less. */
#ifndef IOMODELS_VERDICT_SHORTCUTS_H
#define IOMODELS_VERDICT_SHORTCUTS_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

/* Median times per use. */
struct shortcut_seen {
    const char *name, *detour; /* what each does */
    double name_ns, detour_ns;
    struct ratio ratio; /* shortcut over detour */
};

/* Computes the medians and the ratio from RATIO_ROUNDS times of `uses` uses each. */
struct shortcut_seen shortcut_of(const char *name, const uint64_t name_ns[RATIO_ROUNDS],
                                 const char *detour, const uint64_t detour_ns[RATIO_ROUNDS],
                                 uint32_t uses);

/* Holds if the shortcut costs less. */
struct judgement judge_shortcut(const struct shortcut_seen *);

#endif
