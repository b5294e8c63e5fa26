/*
 * The measuring window, which all threads share.
 *
 * Nobody knows beforehand when it begins and ends: it begins when every connection is warm, and ends when there
 * were enough replies. Yet a thread must say of each reply at once whether it lies inside, and may not wait for
 * the others. So each of the two moments is an appointment that can be put off:
 *
 *   - It is set for a time. What lies before that time lies before the appointment, for it never moves forward.
 *   - The first thread that comes to the time looks whether anything is still missing. If so, and if the latest
 *     time has not come, the thread puts the appointment off by a step. Otherwise it is kept, and never moves
 *     again.
 *
 * A thread needs the lock only at such times. In between, it works with a copy (struct window_view).
 */
#ifndef IOMODELS_WINDOW_H
#define IOMODELS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct window_plan {
    uint64_t start_ns;                   /* of the load */
    uint64_t warmup_ns, warmup_most_ns;  /* the warm-up lasts at least so long, and at most */
    uint64_t duration_ns, most_ns;       /* the same for the window */
    uint64_t grid_ns; /* the begin is put off by multiples of this, so that intervals keep to a grid */
};

/* What a thread knows of the window: right for all times before `until_ns`. */
struct window_view {
    uint64_t begin_ns, end_ns; /* [begin, end) */
    uint64_t until_ns;         /* UINT64_MAX: both moments are kept */
};

/* What must be there before a moment is kept: every recorder's connections are warm; every recorder of a closed
 * loop has had its replies. */
enum window_moment { WINDOW_BEGIN, WINDOW_END, WINDOW_MOMENTS };

struct window;

uint64_t window_moment_ns(const struct window_view *, enum window_moment);

struct window *window_open(const struct window_plan *); /* NULL: out of memory */
void window_close(struct window *);
const struct window_plan *window_plan(const struct window *);

/* The moment waits for one more report. Only before the load starts. */
void window_expect(struct window *, enum window_moment);
void window_report(struct window *, enum window_moment);

/* Settles all appointments for times up to `now_ns`. */
struct window_view window_look(struct window *, uint64_t now_ns);

/* Whether the moment, which has been kept, had all reports; else the latest time had come. */
bool window_complete(const struct window *, enum window_moment);

#endif
