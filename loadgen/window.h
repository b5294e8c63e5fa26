/*
 * The measuring window, which all threads share.
 *
 * It starts when every connection is warm, and it ends when enough replies have arrived: both times
 * are unknown at first. But a thread must count each reply immediately, inside or outside, and it
 * must not wait for other threads. So both times are appointments that can be postponed:
 *
 *   - An appointment has a time, which only ever moves later. What happens before that time happens
 *     before the appointment, whatever comes next.
 *   - The first thread that reaches the time decides. If a report is missing, and the latest time
 *     has not come, it postpones the appointment by a step. Otherwise it fixes the appointment.
 *
 * A thread takes the lock only to decide. In between it uses a copy, struct window_view.
 */
#ifndef IOMODELS_WINDOW_H
#define IOMODELS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct window_plan {
    uint64_t start_ns;                  /* of the load */
    uint64_t warmup_ns, warmup_most_ns; /* shortest and longest warm-up */
    uint64_t duration_ns, most_ns;      /* shortest and longest window */
    uint64_t grid_ns;                   /* postponements of the start are multiples of this */
};

/* The window as one thread knows it. It is right for all times before `until_ns`. */
struct window_view {
    uint64_t begin_ns, end_ns; /* [begin, end) */
    uint64_t until_ns;         /* UINT64_MAX: both times are fixed */
};

enum window_moment { WINDOW_BEGIN, WINDOW_END, WINDOW_MOMENTS };
uint64_t window_moment_ns(const struct window_view *, enum window_moment);

struct window;

struct window *window_open(const struct window_plan *); /* NULL: out of memory */
void window_close(struct window *);
const struct window_plan *window_plan(const struct window *);

/* Makes a moment wait for one more report. Call it only before the load starts. */
void window_expect(struct window *, enum window_moment);
void window_report(struct window *, enum window_moment);

/* Decides all appointments up to `now_ns`, and returns the window. */
struct window_view window_look(struct window *, uint64_t now_ns);

/* Returns whether all reports had arrived when the moment was fixed. */
bool window_complete(const struct window *, enum window_moment);

#endif
