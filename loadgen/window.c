#include "loadgen/window.h"

#include <stdlib.h>

#ifdef _WIN32
#include <windows.h>
typedef SRWLOCK lock_type;
static void lock_open(lock_type *lock) {
    InitializeSRWLock(lock);
}
static void lock_close(lock_type *lock) {
    (void)lock; /* an SRWLOCK needs no clean-up */
}
static void lock_take(lock_type *lock) {
    AcquireSRWLockExclusive(lock);
}
static void lock_give(lock_type *lock) {
    ReleaseSRWLockExclusive(lock);
}
#else
#include <pthread.h>
typedef pthread_mutex_t lock_type;
static void lock_open(lock_type *lock) {
    pthread_mutex_init(lock, NULL);
}
static void lock_close(lock_type *lock) {
    pthread_mutex_destroy(lock);
}
static void lock_take(lock_type *lock) {
    pthread_mutex_lock(lock);
}
static void lock_give(lock_type *lock) {
    pthread_mutex_unlock(lock);
}
#endif

/* A window is at most a twentieth longer than necessary. */
enum { STEPS_PER_WINDOW = 20 };

struct appointment {
    uint64_t at_ns, latest_ns;
    uint32_t missing; /* reports */
    bool fixed, complete;
};

struct window {
    struct window_plan plan;
    uint64_t step_ns;
    struct appointment moments[WINDOW_MOMENTS];
    lock_type lock;
};

uint64_t window_moment_ns(const struct window_view *view, enum window_moment moment) {
    return moment == WINDOW_BEGIN ? view->begin_ns : view->end_ns;
}

/* The end moves with the start. */
static void set_end(struct window *window) {
    struct appointment *end = &window->moments[WINDOW_END];
    uint64_t begin_ns = window->moments[WINDOW_BEGIN].at_ns;
    end->at_ns = begin_ns + window->plan.duration_ns;
    end->latest_ns = begin_ns + window->plan.most_ns;
}

struct window *window_open(const struct window_plan *plan) {
    struct window *window = calloc(1, sizeof *window);
    if (!window)
        return NULL;
    window->plan = *plan;
    uint64_t grid_ns = plan->grid_ns, step_ns = plan->duration_ns / STEPS_PER_WINDOW;
    window->step_ns = (step_ns + grid_ns - 1) / grid_ns * grid_ns;
    if (window->step_ns == 0)
        window->step_ns = grid_ns;
    struct appointment *begin = &window->moments[WINDOW_BEGIN];
    begin->at_ns = plan->start_ns + plan->warmup_ns;
    begin->latest_ns = begin->at_ns + (plan->warmup_most_ns - plan->warmup_ns) / grid_ns * grid_ns;
    set_end(window);
    lock_open(&window->lock);
    return window;
}

void window_close(struct window *window) {
    lock_close(&window->lock);
    free(window);
}

const struct window_plan *window_plan(const struct window *window) {
    return &window->plan;
}

void window_expect(struct window *window, enum window_moment moment) {
    window->moments[moment].missing++;
}

void window_report(struct window *window, enum window_moment moment) {
    lock_take(&window->lock);
    window->moments[moment].missing--;
    lock_give(&window->lock);
}

static void decide(struct appointment *appointment, uint64_t step_ns, uint64_t now_ns) {
    while (!appointment->fixed && now_ns >= appointment->at_ns) {
        uint64_t left_ns = appointment->latest_ns - appointment->at_ns;
        appointment->complete = appointment->missing == 0;
        if (appointment->complete || left_ns == 0)
            appointment->fixed = true;
        else
            appointment->at_ns += left_ns < step_ns ? left_ns : step_ns;
    }
}

struct window_view window_look(struct window *window, uint64_t now_ns) {
    struct appointment *begin = &window->moments[WINDOW_BEGIN];
    struct appointment *end = &window->moments[WINDOW_END];
    lock_take(&window->lock);
    if (!begin->fixed) {
        decide(begin, window->step_ns, now_ns);
        set_end(window);
    }
    if (begin->fixed)
        decide(end, window->step_ns, now_ns);
    struct window_view view = {.begin_ns = begin->at_ns,
                               .end_ns = end->at_ns,
                               .until_ns = !begin->fixed ? begin->at_ns
                                           : !end->fixed ? end->at_ns
                                                         : UINT64_MAX};
    lock_give(&window->lock);
    return view;
}

bool window_complete(const struct window *window, enum window_moment moment) {
    return window->moments[moment].complete;
}
