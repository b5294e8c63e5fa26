/* Verdicts on hand-overs: one thread wakes another and waits, in turn. */
#ifndef IOMODELS_VERDICT_WAKEUPS_H
#define IOMODELS_VERDICT_WAKEUPS_H

#include "laws/verdict/ratios.h"
#include "laws/verdict/verdict.h"

enum wakeup { WAKE_EVENT, WAKE_PACKET, WAKE_APC, WAKE_CONDITION, WAKE_SRW, WAKE_SECTION, WAKEUPS };
enum place { SAME_CORE, OTHER_CORE, PLACES };

extern const char *const wakeup_names[WAKEUPS];

struct wakeups_seen {
    uint64_t cores;             /* that the process may use */
    double us[PLACES][WAKEUPS]; /* median per hand-over */
    struct ratio over_event[PLACES][WAKEUPS];
};

/* Holds if this way costs less than an event. */
struct judgement judge_wakeup(const struct wakeups_seen *, enum place, enum wakeup);

#endif
